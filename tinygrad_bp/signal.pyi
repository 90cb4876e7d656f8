# Written by `python -m tinygrad_bp.stubs`.
# mypy: disable-error-code="overload-overlap"

from collections.abc import Sequence
from typing import Literal, overload
from tinygrad_bp.annotations import Array, Constant, Operand
from tinygrad_bp.tensor import Tensor

@overload
def convolve(in1: Tensor, in2: Operand, mode: Literal['full', 'valid', 'same'] = 'full', method: Literal['auto', 'direct', 'fft'] = 'auto', axes: int | Sequence[int] | None = None) -> Tensor: ...
@overload
def convolve(in1: Operand, in2: Tensor, mode: Literal['full', 'valid', 'same'] = 'full', method: Literal['auto', 'direct', 'fft'] = 'auto', axes: int | Sequence[int] | None = None) -> Tensor: ...
@overload
def convolve(in1: Constant, in2: Constant, mode: Literal['full', 'valid', 'same'] = 'full', method: Literal['auto', 'direct', 'fft'] = 'auto', axes: int | Sequence[int] | None = None) -> Array: ...
