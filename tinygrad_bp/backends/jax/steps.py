"""The steps of a program for JAX, while they are put together from those of another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, final

import numpy as np

from tinygrad_bp.program import Step
from tinygrad_bp.program.step import CONSTANT, METHOD, NOTHING, WHOLE


@final
class Lowering:
    """The steps of the new program while they are found. conditions: those under which the program holds; draws: how
    many there are so far."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.conditions: list[Step] = []
        self.draws = 0

    def add(self, step: Step) -> Step:
        """The step as one of the program."""
        self.steps.append(step)
        return step

    def call(self, like: Step, function: Any, *args: Any, **traits: Any) -> Step:
        """A step that calls a function, where another stood."""
        own = {"opcode": WHOLE, "kwargs": NOTHING, "view": False, "contiguous": True, "pure": True, **traits}
        return self.add(replace(like, function=function, args=args, **own))

    def cast(self, x: Step, dtype: Any) -> Step:
        """An operand in another dtype."""
        if x.dtype == dtype:
            return x
        if x.opcode == CONSTANT:
            return self.add(replace(x, value=x.value.astype(dtype), dtype=dtype))
        return self.call(x, "astype", x, dtype, opcode=METHOD, dtype=dtype, value=None)

    def require(self, like: Step, condition: Any, *args: Any) -> None:
        """A condition of the program, as a function of steps."""
        self.conditions.append(self.call(like, condition, *args, shape=(), dtype=np.dtype(bool)))


Rule = Callable[[Lowering, Step], Step | None]
"""What stands for a step whose operands are those of the new program; None if it stays as it is."""
