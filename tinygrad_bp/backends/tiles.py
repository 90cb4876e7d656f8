"""A fusion group done tile by tile, on all cores: NumPy lets go of the interpreter while it computes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from math import prod
from typing import Any, final

import numpy as np

from tinygrad_bp.backends.buffers import BufferPool
from tinygrad_bp.backends.thresholds import CALL_TILE_ELEMENTS
from tinygrad_bp.blocks import share_out
from tinygrad_bp.modes import ignoring
from tinygrad_bp.program.fusion import FusionGroup
from tinygrad_bp.program.step import CONSTANT, FUNCTION, SCALE, WHOLE, Step, is_total, uniform
from tinygrad_bp.source import pytext
from tinygrad_bp.source.expressions import number


@final
class Tiled:
    """A fusion group as a function from its inputs to the tuple of its results, arrays before sums.

    native: whether it may become machine code; afterwards, whether it is.
    """

    __name__ = "fused"

    def __init__(self, group: FusionGroup, native: bool):
        self.size = prod(group.shape)
        self.large = [step.shape == group.shape for step in group.inputs]
        arrays = [step for step in group.results if not is_total(step)]
        self.pools = [BufferPool(group.shape, step.dtype) for step in arrays]
        self.sums = [step.dtype for step in group.results if is_total(step)]
        self.overwritten = _overwritten(group, arrays)
        kernel = _kernel(group, self.overwritten) if native else None
        self.native = kernel is not None
        self.loop: Any = kernel or Calls(group)

    def __call__(self, *inputs: Any) -> tuple[Any, ...]:
        """The results for arrays of the group's shape, and numbers."""
        pairs = zip(inputs, self.large, strict=True)
        whole = [np.ascontiguousarray(x) if large else x for x, large in pairs]
        places = zip(self.pools, self.overwritten, strict=True)
        arrays = [pool() if place is None else whole[place] for pool, place in places]
        flat = [x.reshape(-1) if large else x for x, large in zip(whole, self.large, strict=True)]
        starts = range(0, self.size, self.loop.tile)
        totals = np.empty((len(self.sums), len(starts)))
        share_out(partial(self._work, flat, [array.reshape(-1) for array in arrays], totals), starts)
        sums = [dtype.type(total) for dtype, total in zip(self.sums, totals.sum(axis=1), strict=True)]
        return *arrays, *sums

    @ignoring(all="ignore")
    def _work(self, inputs: Sequence[Any], arrays: Sequence[Any], totals: Any, left: Iterator[int]) -> None:
        """Compute one tile after the other, as long as any are left."""
        compute, tile = self.loop.begun(inputs, arrays), self.loop.tile
        for start in left:
            totals[:, start // tile] = compute(start, min(start + tile, self.size))


def _kernel(group: FusionGroup, overwritten: Sequence[int | None]) -> Any:
    from tinygrad_bp.backends.llvm.kernels import kernel  # large, and seldom needed

    return kernel(group, overwritten)


def _overwritten(group: FusionGroup, arrays: Sequence[Step]) -> list[int | None]:
    """For each result that is an array, the number of an input that nobody reads later, whose memory it can have."""
    order = {step: i for i, step in enumerate(group.steps)}
    last = {operand: order[step] for step in group.steps for operand in step.operands}
    free = [(i, step) for i, step in enumerate(group.inputs) if step in group.dead]
    places: list[int | None] = []
    for result in arrays:
        fitting = [i for i, step in free if step.dtype == result.dtype and last[step] <= order[result]]
        places.append(fitting[0] if fitting else None)
        free = [(i, step) for i, step in free if i != places[-1]]
    return places


@final
class Calls:
    """A fusion group as NumPy calls."""

    tile = CALL_TILE_ELEMENTS

    def __init__(self, group: FusionGroup):
        self.large = [bool(step.shape) for step in group.inputs]
        text = _TileText(group)
        self.source, self.memory = text.function(), text.memory
        self.run = pytext.function(self.source, "tile", {"np": np, "scale": SCALE})

    def begun(self, inputs: Sequence[Any], arrays: Sequence[Any]) -> Callable[[int, int], Any]:
        """What computes the elements from one place to another, and returns the sums over them."""
        memory = [np.empty(self.tile, dtype) for dtype in self.memory]

        def compute(start: int, stop: int) -> Any:
            given = [x[start:stop] if large else x for x, large in zip(inputs, self.large, strict=True)]
            free = [m[: stop - start] for m in memory]
            return self.run(*given, *[array[start:stop] for array in arrays], *free)

        return compute


@final
class _TileText:
    """The function for one tile: a line for every step, each writing to memory that is there.

    Inputs are x0, x1, …; arrays among the results y0, y1, …; the memory b0, b1, … is used again and again.
    """

    def __init__(self, group: FusionGroup):
        self.group = group
        self.names = {step: f"x{i}" for i, step in enumerate(group.inputs)}
        self.arrays = {step: f"y{i}" for i, step in enumerate(s for s in group.results if not is_total(s))}
        self.memory: list[Any] = []
        self.free: list[int] = []

    def function(self) -> str:
        """Its source."""
        inputs, steps = list(self.names.values()), self.group.steps
        last = {operand: step for step in steps for operand in step.operands}
        lines = [self._line(step, [s for s in dict.fromkeys(step.operands) if last[s] is step]) for step in steps]
        sums = ", ".join([self.names[step] for step in self.group.results if is_total(step)])
        arguments = ", ".join([*inputs, *self.arrays.values(), *[f"b{i}" for i in range(len(self.memory))]])
        return "\n    ".join([f"def tile({arguments}):", *lines, f"return [{sums}]"]) + "\n"

    def _line(self, step: Step, finished: Sequence[Step]) -> str:
        """A step; nobody reads its finished operands afterwards."""
        operands = ", ".join([self._operand(x) for x in step.args])
        self.free += [int(self.names[s][1:]) for s in finished if self.names.get(s, "")[:1] == "b"]
        if is_total(step):
            self.names[step] = f"s{len(self.names)}"
            return f"{self.names[step]} = np.add.reduce({operands})"
        self.names[step] = self._place(step)
        if step.opcode == WHOLE:
            return f"{self.names[step]}[...] = scale({operands})"
        if step.opcode == FUNCTION:
            return f"{self.names[step]}[...] = np.where({operands})"
        return f"np.{step.function.__name__}({operands}, out={self.names[step]})"

    def _operand(self, x: Any) -> str:
        if not isinstance(x, Step):
            return number(x)
        return number(x.dtype.type(uniform(x))) if x.opcode == CONSTANT else self.names[x]

    def _place(self, step: Step) -> str:
        """Where a step writes to."""
        if step in self.arrays:
            return self.arrays[step]
        for i in reversed(self.free):  # the one used last is still in the cache
            if self.memory[i] == step.dtype:
                self.free.remove(i)
                return f"b{i}"
        self.memory.append(step.dtype)
        return f"b{len(self.memory) - 1}"
