"""A cell, repeated: the op of a loop, whose rules are loops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property, lru_cache, partial
from math import prod
from typing import Any, final
from weakref import WeakSet

import numpy as np

from tinygrad_bp.backends.buffers import BufferPool
from tinygrad_bp.backends.thresholds import POOLED_ARRAYS
from tinygrad_bp.domains import Reals
from tinygrad_bp.engine import Node, Op, apply
from tinygrad_bp.loops.bundle import Bundle, part
from tinygrad_bp.loops.cell import Cell, is_floating
from tinygrad_bp.loops.linear import KEPT, Linear, Source, linearized
from tinygrad_bp.loops.tangent import tangent_cell, tangent_operands
from tinygrad_bp.modes import current_mode, ignoring, recording_a_step
from tinygrad_bp.ops.linear_algebra import matmul
from tinygrad_bp.ops.shaping import reshape
from tinygrad_bp.program import optimized, traced
from tinygrad_bp.program.loop import Loop, without_arrays
from tinygrad_bp.program.step import GUARD, uniform
from tinygrad_bp.source import Writer
from tinygrad_bp.source.loops import loop_function


def repeated(cell: Cell, length: int, operands: Sequence[Any]) -> tuple[Any, Scan]:
    """The loop over captured values, first carries and xs: its bundle, and the loop itself.

    If a derivative may be asked for, it keeps what the backward loop will read.
    """
    wanted = tuple([isinstance(x, Node) and x.requires_grad for x in operands])
    if not any(wanted) or not current_mode().recording:
        loop = scan_of(cell, length)
    else:
        linear = linearized(cell, wanted)
        loop = scan_of(linear.forward, length, linear=linear)
    return loop.call(*operands), loop


POOLED_BYTES = 1 << 26
"""Up to so many bytes of memory are kept for the next runs of loops, of all together."""

_pools: WeakSet[BufferPool] = WeakSet()


def _memory(shape: tuple[int, ...], dtype: Any) -> Any:
    """What gives memory for ys."""
    pool = BufferPool(shape, dtype)
    kept = [prod(p.shape) * p.dtype.itemsize * POOLED_ARRAYS for p in (pool, *_pools)]
    if sum(kept) > POOLED_BYTES:
        return partial(np.empty, shape, dtype)
    _pools.add(pool)
    return pool


@lru_cache(4 * KEPT)
def scan_of(
    cell: Cell, length: int, reverse: bool = False, linear: Linear | None = None, is_pullback: bool = False
) -> Scan:
    """The loop of a cell, the same for equal cells."""
    return Scan(cell, length, reverse, linear, is_pullback)


@final
class Scan:
    """A loop as an op, from captured values, first carries and xs to the bundle of last carries and ys.

    linear: what the cell was made of, if some of its ys are kept for a backward loop. is_pullback: whether it is such.
    """

    def __init__(self, cell: Cell, length: int, reverse: bool, linear: Linear | None, is_pullback: bool):
        self.cell, self.length, self.reverse, self.linear = cell, length, reverse, linear
        self.is_pullback = is_pullback
        self.name = f"scan ×{length}"
        indices = range(len(cell.examples))
        self.latex = rf"\operatorname{{{cell.name}}}({', '.join([f'{{{i}}}' for i in indices])})"
        vjps, jvps = [[partial(rule, i) for i in indices] for rule in (self.vjp, self.jvp)]
        self.op = Op(self.name, self.forward, vjps, jvps, self.latex, Reals(), call=self.call)

    def call(self, *operands: Any) -> Any:
        """The bundle; as the value of a tensor if an operand is one."""
        return apply(self.op, operands) if any(isinstance(x, Node) for x in operands) else self.forward(*operands)

    def part(self, bundle: Any, i: int) -> Any:
        """One of the results: first come the carries, then the ys."""
        return part(bundle, i, self.name, self.latex)

    def forward(self, *operands: Any) -> Bundle:
        """Run it, or write it down as one step of a program."""
        n = self.cell.counts.captured
        loop, arrays = self.loop
        args = *operands[:n], *arrays, *operands[n:]
        for x in operands:
            if hasattr(x, "__record_whole__"):
                return Bundle(x.__record_whole__(loop, args, {}))
        return Bundle(loop(*args))

    @cached_property
    def loop(self) -> tuple[Loop, list[Any]]:
        """The loop as programs have it, and arrays that it is given after the captured values."""
        with recording_a_step():
            program, _ = traced(self.cell, self.cell.name, list(zip(self.cell.names, self.cell.examples, strict=True)))
        body = optimized(replace(program, sweeps=0, backward_from=len(program.steps)))
        counts = self.cell.counts
        loop = Loop(body, counts.captured, counts.carries, self.length, self.reverse, self.is_pullback)
        loop, arrays = without_arrays(loop, lambda step: uniform(step) is not None)
        if any(step.opcode == GUARD for step in body.steps):
            n, m = self.cell.counts.captured, loop.captured
            return replace(loop, run=lambda *operands: self._op_by_op(*operands[:n], *operands[m:])), arrays
        return replace(loop, run=ignoring(all="ignore")(loop_function(loop, "numpy", Writer, _memory))), arrays

    def _op_by_op(self, *operands: Any) -> tuple[Any, ...]:
        """The loop of a cell that looks at numbers, in which steps may differ."""
        first, stop = self.cell.carries.start, self.cell.carries.stop
        captured, carries, xs = operands[:first], operands[first:stop], operands[stop:]
        like = self.cell.results[len(carries) :]
        ys = [np.empty((self.length, *np.shape(y)), y.dtype) for y in like]
        for t in reversed(range(self.length)) if self.reverse else range(self.length):
            outputs = self.cell(*captured, *carries, *[x[t] for x in xs])
            carries = tuple(outputs[: len(carries)])
            for y, new in zip(ys, outputs[len(carries) :], strict=True):
                y[t] = new
        return (*[np.array(x)[()] for x in carries], *ys)

    # --- rules ---

    def vjp(self, i: int, g: Bundle, y: Any, *operands: Any) -> Any:
        """The cotangent of operand i. A sweep asks for one after the other; all come from one backward loop."""
        if g.pulled is None:
            g.pulled = self._pulled(g, y, operands)
        found = g.pulled[i]
        return np.zeros(operands[i].shape, operands[i].dtype) if found is None else found

    def jvp(self, i: int, t: Any, y: Any, *operands: Any) -> Bundle:
        """What the tangent of operand i adds to those of the results."""
        cell = tangent_cell(self.cell, i)
        loop = scan_of(cell, self.length, self.reverse)
        made = loop.call(*tangent_operands(self.cell, i, t, operands))
        n, results = self.cell.counts.carries, self.cell.results
        places = iter(range(n, len(cell.outputs)))
        moved = [loop.part(made, next(places)) if is_floating(y) else None for y in results]
        return Bundle(moved)

    def _pulled(self, g: Bundle, y: Any, operands: Sequence[Any]) -> list[Any]:
        """The cotangents of all operands, None for 0."""
        own = len(self.cell.outputs) if self.linear is None else self.linear.own
        if self.linear is not None and all(part is None for part in g.parts[own:]):
            return self._pulled_by(self.linear, self, g, y, operands)
        wanted = tuple([is_floating(x) for x in self.cell.examples])
        linear = linearized(self.cell, wanted)
        again = scan_of(linear.forward, self.length, self.reverse, linear)
        return self._pulled_by(linear, again, g, again.call(*operands), operands)

    def _pulled_by(self, linear: Linear, forward: Scan, g: Bundle, y: Any, operands: Sequence[Any]) -> list[Any]:
        """The same from what the forward loop has kept."""
        first, stop = self.cell.carries.start, self.cell.carries.stop
        captured, xs = operands[:first], operands[stop:]
        before = linear.before(*captured)
        loop = scan_of(linear.backward, self.length, not self.reverse, is_pullback=True)
        results: list[Any] = []

        def at(source: Source) -> Any:
            if source.kind == "seed":
                given, like = g.parts[source.i], self.cell.results[source.i]
                return np.zeros((self.length, *np.shape(like)), like.dtype) if given is None else given
            if source.kind in ("own", "kept"):
                return forward.part(y, source.i + (linear.own if source.kind == "kept" else 0))
            if source.kind == "y":
                return loop.part(results[0], linear.backward.counts.carries + source.i)
            return {"captured": captured, "before": before, "x": xs}[source.kind][source.i]

        carries = [
            np.zeros(x.shape, x.dtype) if g.parts[k] is None else g.parts[k]
            for k, x in ((k, self.cell.results[k]) for k in linear.carries)
        ]  # fmt: skip
        sums = [np.zeros(captured[k].shape, captured[k].dtype)[()] for k in linear.sums]
        results.append(loop.call(*map(at, linear.captured), *carries, *sums, *map(at, linear.xs)))
        found: list[Any] = [None] * len(operands)
        for i, k in enumerate([*[first + k for k in linear.carries], *linear.sums]):
            found[k] = loop.part(results[0], i)
        for i, place in enumerate(linear.dxs):
            found[stop + i] = None if place is None else at(Source("y", place))
        for k, left, right in linear.products:
            a, b = [reshape(x, shape=(x.shape[0] * x.shape[1], x.shape[2])) for x in (at(left), at(right))]
            total = matmul(a.T, b)
            found[k] = total if found[k] is None else found[k] + total
        return found
