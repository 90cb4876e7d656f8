"""What signatures say of arrays: types for a type checker, and for those who read.

In `ops/` the annotation `Any` of an input stands for an operand: an array, a number, a tensor, or an array that writes
down calls. `python -m tinygrad_bp.stubs` makes of it what users see.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from tinygrad_bp.tensor import Tensor

Array: TypeAlias = np.ndarray[Any, Any]

Number: TypeAlias = complex | np.generic
"""A number of Python's or NumPy's: bool, int and float count as complex."""

DType: TypeAlias = np.dtype[np.generic] | type[object] | str
"""What says a dtype: np.float32, float, "float32", x.dtype."""

_One: TypeAlias = Array | Number
Constant: TypeAlias = (
    _One | Sequence[_One] | Sequence[Sequence[_One]] | Sequence[Sequence[Sequence[_One]]]
    | Sequence[Sequence[Sequence[Sequence[_One]]]]
)  # fmt: skip
"""An array, a number, or rows of numbers, nested as deep as images in a batch are."""

Operand: TypeAlias = "Tensor | Constant"
"""What an op takes as an input."""
