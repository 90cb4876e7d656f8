"""Elementwise work done block by block, on all cores: NumPy lets go of the interpreter while it computes."""

from __future__ import annotations

import os
from collections.abc import Callable, Container, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from math import prod
from typing import Any, final

import numpy as np

from tinygrad_bp.codegen.elementwise import is_total
from tinygrad_bp.codegen.expressions import number
from tinygrad_bp.codegen.simplify import SCALE, uniform
from tinygrad_bp.codegen.symbolic import CONSTANT, FUNCTION, WHOLE, Step
from tinygrad_bp.compile.memory import Memory


def threads() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def _pool(count: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(count, thread_name_prefix="tinygrad_bp")


@final
class Blockwise:
    """A stretch of steps as a function from its inputs to the tuple of its results, arrays before sums.

    native: whether it may become machine code; afterwards, whether it is. spent: the inputs that nobody needs later.
    """

    __name__ = "stretch"

    def __init__(
        self,
        shape: tuple[int, ...],
        inputs: Sequence[Step],
        steps: Sequence[Step],
        results: Sequence[Step],
        native: bool,
        spent: Container[Step],
    ):
        self.shape, self.size = shape, prod(shape)
        self.large = [step.shape == shape for step in inputs]
        self.memories = [Memory(shape, step.dtype) for step in results if not is_total(step)]
        self.sums = [step.dtype for step in results if is_total(step)]
        self.places = _places(inputs, steps, [step for step in results if not is_total(step)], spent)
        kernel = _kernel(inputs, steps, results, self.places) if native else None
        self.native = kernel is not None
        self.way: Any = kernel or Calls(inputs, steps, results)

    def __call__(self, *inputs: Any) -> tuple[Any, ...]:
        """The results for arrays of the stretch's shape, and numbers."""
        pairs = zip(inputs, self.large, strict=True)
        whole = [np.ascontiguousarray(x) if large else x for x, large in pairs]
        places = zip(self.memories, self.places, strict=True)
        arrays = [memory() if place is None else whole[place] for memory, place in places]
        flat = [x.reshape(-1) if large else x for x, large in zip(whole, self.large, strict=True)]
        starts = range(0, self.size, self.way.block)
        totals = np.empty((len(self.sums), len(starts)))
        left = iter(starts)  # a block goes to whoever is free
        count = min(threads(), len(starts))
        work = partial(self._work, flat, [array.reshape(-1) for array in arrays], totals, left)
        others = [_pool(count).submit(work) for _ in range(count - 1)]
        work()
        for future in others:
            if not future.cancel():  # it has begun
                future.result()
        sums = [dtype.type(total) for dtype, total in zip(self.sums, totals.sum(axis=1), strict=True)]
        return *arrays, *sums

    def _work(self, inputs: Sequence[Any], arrays: Sequence[Any], totals: Any, left: Iterator[int]) -> None:
        """Compute one block after the other, as long as any are left."""
        compute, block = self.way.begun(inputs, arrays), self.way.block
        with np.errstate(all="ignore"):  # each thread has its own
            for start in left:
                totals[:, start // block] = compute(start, min(start + block, self.size))


def _kernel(*stretch: Any) -> Any:
    from tinygrad_bp.compile.kernels import kernel  # large, and seldom needed

    return kernel(*stretch)


def _places(
    inputs: Sequence[Step], steps: Sequence[Step], results: Sequence[Step], spent: Container[Step]
) -> list[int | None]:
    """For each result that is an array, the number of an input that nobody reads later, whose memory it can have."""
    order = {step: i for i, step in enumerate(steps)}
    last = {operand: order[step] for step in steps for operand in step.operands()}
    free = [(i, step) for i, step in enumerate(inputs) if step in spent]
    places: list[int | None] = []
    for result in results:
        fitting = [i for i, step in free if step.dtype == result.dtype and last[step] <= order[result]]
        places.append(fitting[0] if fitting else None)
        free = [(i, step) for i, step in free if i != places[-1]]
    return places


@final
class Calls:
    """A stretch as NumPy calls."""

    block = 1 << 15
    """Elements of a block: a few such arrays fit into a core's own cache."""

    def __init__(self, inputs: Sequence[Step], steps: Sequence[Step], results: Sequence[Step]):
        self.large = [bool(step.shape) for step in inputs]
        writer = _BlockWriter(inputs, results)
        self.source = writer.function(steps)
        self.memory = writer.memory
        space = {"np": np, "scale": SCALE}
        exec(self.source, space)
        self.run: Any = space["block"]

    def begun(self, inputs: Sequence[Any], arrays: Sequence[Any]) -> Callable[[int, int], Any]:
        """What computes the elements from one place to another, and returns the sums over them."""
        memory = [np.empty(self.block, dtype) for dtype in self.memory]

        def compute(start: int, stop: int) -> Any:
            given = [x[start:stop] if large else x for x, large in zip(inputs, self.large, strict=True)]
            free = [m[: stop - start] for m in memory]
            return self.run(*given, *[array[start:stop] for array in arrays], *free)

        return compute


class _BlockWriter:
    """The function for one block: a line for every step, each writing to memory that is there.

    Inputs are x0, x1, …; arrays among the results y0, y1, …; the memory b0, b1, … is used again and again.
    """

    def __init__(self, inputs: Sequence[Step], results: Sequence[Step]):
        self.results = results
        self.names = {step: f"x{i}" for i, step in enumerate(inputs)}
        self.arrays = {step: f"y{i}" for i, step in enumerate(s for s in results if not is_total(s))}
        self.memory: list[Any] = []
        self.free: list[int] = []

    def function(self, steps: Sequence[Step]) -> str:
        """Its source."""
        inputs = list(self.names.values())
        last = {operand: step for step in steps for operand in step.operands()}
        lines = [self._line(step, [s for s in dict.fromkeys(step.operands()) if last[s] is step]) for step in steps]
        sums = ", ".join([self.names[step] for step in self.results if is_total(step)])
        arguments = ", ".join([*inputs, *self.arrays.values(), *[f"b{i}" for i in range(len(self.memory))]])
        return "\n    ".join([f"def block({arguments}):", *lines, f"return [{sums}]"]) + "\n"

    def _line(self, step: Step, finished: Sequence[Step]) -> str:
        """A step; nobody reads its finished operands afterwards."""
        operands = ", ".join([self._operand(x) for x in step.args])
        given_back = [int(self.names[s][1:]) for s in finished if self.names.get(s, "")[:1] == "b"]
        self.free += given_back
        if is_total(step):
            self.names[step] = f"s{len(self.names)}"
            return f"{self.names[step]} = np.add.reduce({operands})"
        self.names[step] = self._place(step)
        if step.kind == WHOLE:
            return f"{self.names[step]}[...] = scale({operands})"
        if step.kind == FUNCTION:
            return f"{self.names[step]}[...] = np.where({operands})"
        return f"np.{step.function.__name__}({operands}, out={self.names[step]})"

    def _operand(self, x: Any) -> str:
        if not isinstance(x, Step):
            return number(x)
        return number(x.dtype.type(uniform(x))) if x.kind == CONSTANT else self.names[x]

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
