"""The steps of a program for Numba, while they are put together from those of another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, final

from tinygrad_bp.backends.numba import kernels
from tinygrad_bp.program import Step
from tinygrad_bp.program.step import CONSTANT, INDEX, NOTHING, UFUNC, WHOLE


@final
class Lowering:
    """The steps of the new program while they are found."""

    def __init__(self) -> None:
        self.steps: list[Step] = []

    def add(self, step: Step) -> Step:
        """The step as one of the program."""
        self.steps.append(step)
        return step

    def call(self, like: Step, function: Any, *args: Any, opcode: str = WHOLE, **traits: Any) -> Step:
        """A step where another stood, with its shape and dtype where they are not among the traits."""
        own = {"kwargs": NOTHING, "value": None, "view": False, "contiguous": True, **traits}
        return self.add(replace(like, opcode=opcode, function=function, args=args, **own))

    def kernel(self, like: Step, kernel: Any, *args: Any, shape: Any = None, dtype: Any = None) -> Step:
        """The call of a kernel that gives an array, or where there are no axes, of one that gives its only element."""
        shape, dtype = like.shape if shape is None else shape, dtype or like.dtype
        y = self.call(like, kernel, *args, shape or (1,), shape=shape or (1,), dtype=dtype)
        return y if shape else self.call(like, None, y, 0, opcode=INDEX, shape=(), dtype=dtype)

    def ufunc(self, ufunc: Any, like: Step, *args: Any, **traits: Any) -> Step:
        """An elementwise step."""
        return self.call(like, ufunc, *args, opcode=UFUNC, **traits)

    def constant(self, like: Step, value: Any) -> Step:
        """An array that is part of the program."""
        return replace(like, opcode=CONSTANT, function=None, args=(), kwargs=NOTHING, value=value, shape=value.shape,
                       dtype=value.dtype, view=False, contiguous=True)  # fmt: skip

    def array(self, x: Step) -> Step:
        """An operand with axes."""
        return x if x.shape else self.kernel(x, kernels.filled, x, shape=(1,))


Rule = Callable[[Lowering, Step], Step | None]
"""What stands for a step whose operands are those of the new program; None if the rule is not about such steps."""
