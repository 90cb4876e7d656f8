"""A cell and its pullback: what the backward loop reads is found, kept by the forward loop, and nothing else.

Both are one recorded function first, (inputs, cotangents of outputs) ↦ (outputs, cotangents of inputs). What depends on
a cotangent is the backward cell; the other values that it reads are kept. What depends on captured values only is
computed once, before the loop; products that only add up over time, dW = Σ Aᵀ·B, are one product after it.
"""

from __future__ import annotations

import operator
from collections.abc import Container, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple, final

import numpy as np

from tinygrad_bp.engine import sweep
from tinygrad_bp.loops.building import Building, Symbol
from tinygrad_bp.loops.bundle import Bundle, gathered
from tinygrad_bp.loops.cell import Cell, OpStep, Recorder, is_floating, number
from tinygrad_bp.modes import quietly, transforming
from tinygrad_bp.ops.arithmetic import add
from tinygrad_bp.ops.linear_algebra import matmul
from tinygrad_bp.ops.shaping import transpose
from tinygrad_bp.transforms.inputs import as_tensor

KEPT = 64
"""So many kinds of cells are remembered with their derivatives."""


REPEATED = 4
"""Up to so many sums and products are done again in the backward loop."""

_ARITHMETIC = {operator.add, operator.sub, operator.mul, operator.neg}


class Source(NamedTuple):
    """Where an operand of the backward loop is from.

    kind: "captured" or "before" (computed of captured values before the loop); among arrays over time "x" (of the
    forward loop), "own" (its output), "kept" (by it), "seed" (an output's cotangent) or "y" (of the backward loop).
    """

    kind: str
    i: int


class Product(NamedTuple):
    """A term Σ Aᵀ·B over time of the cotangent of captured value number `of`."""

    of: int
    left: Source
    right: Source


@final
@dataclass(frozen=True, eq=False)
class Linear:
    """A cell for the forward loop, and one for the backward loop.

    own: how many outputs the cell has. forward: the cell, with what is to be kept as further ys after these. before:
    from captured values to what the backward loop uses of them. backward: from captured values, cotangents of carries,
    which come before sums, and xs. captured, xs: where its operands are from. carries, seeds: the numbers of carries,
    and of all outputs, that have cotangents. sums: of which captured values the sums are. dxs: which backward ys is the
    cotangent of each of xs, None for 0.
    """

    own: int
    forward: Cell
    before: Cell
    backward: Cell
    captured: tuple[Source, ...]
    xs: tuple[Source, ...]
    carries: tuple[int, ...]
    seeds: tuple[int, ...]
    sums: tuple[int, ...]
    products: tuple[Product, ...]
    dxs: tuple[int | None, ...]


@lru_cache(KEPT)
def linearized(cell: Cell, wanted: tuple[bool, ...]) -> Linear:
    """The two cells for cotangents of the inputs wanted, and of all carries."""
    floating = [is_floating(x) for x in cell.examples]
    wanted = tuple([(w or k in cell.carries) and floating[k] for k, w in enumerate(wanted)])
    seeds = [j for j, y in enumerate(cell.results) if is_floating(y)]
    names = [f"d{cell.names[cell.carries[j]]}" if j < len(cell.carries) else "dy" for j in seeds]
    examples = [np.ones_like(cell.results[j])[()] for j in seeds]
    recorder = Recorder(
        [*cell.examples, *examples], [*cell.names, *names], [*wanted, *[False] * len(seeds)], closed=True
    )
    outputs, cotangents = recorder.call(_both, cell, seeds, recorder.inputs)
    targets = [k for k, w in enumerate(wanted) if w and cotangents[k] is not None]
    results = [*outputs, *[cotangents[k] for k in targets]]
    joint = recorder.cell(cell.name, cell.counts, recorder.found(results), list(map(number, results)))
    return _Split(cell, joint, seeds, dict(zip(targets, joint.outputs[len(outputs) :], strict=True))).linear()


def _both(cell: Cell, seeds: Sequence[int], tensors: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    """The outputs of a cell, and the cotangent of each input, None for 0."""
    inputs, given = tensors[: len(cell.examples)], tensors[len(cell.examples) :]
    outputs = cell(*inputs)
    pairs = [(as_tensor(outputs[j]), g) for j, g in zip(seeds, given, strict=True)]
    pairs = [(y, g) for y, g in pairs if y.requires_grad]
    if not pairs:
        return outputs, [None] * len(inputs)
    with transforming():
        root = gathered([y for y, _ in pairs])
        found = {x.number: g for x, g in sweep(root, Bundle([g for _, g in pairs]), as_graph=True)}
    return outputs, [found.get(x.number) for x in inputs]


@final
class _Split:
    """The joint cell while it is taken apart. targets: from the keys of inputs to those of their cotangents.

    moving: the keys of what depends on a cotangent; settled: of what depends on captured values only.
    """

    def __init__(self, cell: Cell, joint: Cell, seeds: Sequence[int], targets: dict[int, int]):
        self.cell, self.joint, self.seeds, self.targets = cell, joint, seeds, targets
        self.first = len(joint.examples)
        self.values = quietly(joint.values, joint.examples)
        self.given = dict(zip(seeds, range(len(cell.examples), self.first), strict=True))
        self.moving, self.settled = set(self.given.values()), set(range(cell.counts.captured))
        for k, step in enumerate(joint.steps, self.first):
            operands = {o for o in step.operands if o >= 0}
            if operands & self.moving:
                self.moving.add(k)
            elif operands <= self.settled:
                self.settled.add(k)
        self.cheap = self._cheap()
        self.backward = Building(joint, self.values)
        self.captured: dict[int, Source] = {}
        self.xs: dict[int, Source] = {}
        self.before: dict[int, Source] = {}
        self.kept: dict[int, Source] = {}
        self.ys: dict[int, Source] = {}
        ys = range(cell.counts.carries, len(cell.outputs))
        self.own = {joint.outputs[j]: j for j in ys if joint.outputs[j] >= self.first}

    def linear(self) -> Linear:
        """Both cells, and what connects them."""
        cell, backward, targets = self.cell, self.backward, self.targets
        outside, xs = range(cell.counts.captured), range(cell.carries.stop, len(cell.examples))
        carries = [k for k in cell.carries if is_floating(cell.examples[k])]
        for k in carries:
            backward.input("carries", self.given[k - cell.carries.start])
        dxs = [self._y(targets[k]).i if k in targets else None for k in xs]
        terms = [(k, term) for k in outside if k in targets for term in self._terms(targets[k])]
        products = [(k, *factors) for k, term in terms if (factors := self._factors(term))]
        sums = [(k, term) for k, term in terms if not self._factors(term)]
        made = tuple([Product(k, self._over_time(a), self._over_time(b)) for k, a, b in products])
        roots = [*[targets[k] for k in carries if k in targets], *self.ys, *[term for _, term in sums]]
        for key in _live(self.joint, roots, self.moving):
            for operand in self.joint.steps[key - self.first].operands:
                self._provide(operand)
            backward.copied(key)
        outputs = [self._at(targets[k]) if k in targets else self._zeros(k) for k in carries]
        summed = self._summed(sums)
        outputs += [*summed.values(), *map(self._at, self.ys)]
        results = [self._value(k) for k in (*carries, *summed, *self.ys)]
        kept = [*self.joint.outputs[: len(cell.outputs)], *self.kept]
        return Linear(
            len(cell.outputs), self._extracted(cell.name, (outside, cell.carries, xs), kept),
            self._extracted(f"{cell.name}_before", (outside, (), ()), [*self.before]),
            backward.cell(f"{cell.name}_backward", outputs, results),
            tuple(self.captured.values()), tuple(self.xs.values()), tuple([k - cell.carries.start for k in carries]),
            tuple(self.seeds), tuple(summed), made, tuple(dxs),
        )  # fmt: skip

    # --- what the backward cell reads ---

    def _at(self, key: int) -> Symbol:
        self._provide(key)
        return self.backward.at(key)

    def _provide(self, key: int) -> None:
        """See to it that the backward cell has a value: given to it, or computed again where that costs nothing."""
        if key < 0 or key in self.backward.known:
            return
        if key in self.settled:
            self.captured[key] = self._settled(key)
            self.backward.input("captured", key)
        elif key < self.first or not (self._is_glance(key) or key in self.cheap):
            self.xs[key] = self._over_time(key)
            self.backward.input("xs", key)
        else:
            for operand in self.joint.steps[key - self.first].operands:
                self._provide(operand)
            self.backward.copied(key)

    def _settled(self, key: int) -> Source:
        if key < self.cell.counts.captured:
            return Source("captured", key)
        return self.before.setdefault(key, Source("before", len(self.before)))

    def _over_time(self, key: int) -> Source:
        """Where all the parts are of what has another value at every step."""
        xs = self.cell.carries.stop
        if key in self.moving:
            seed = next((j for j, given in self.given.items() if given == key and j >= self.cell.counts.carries), None)
            return self._y(key) if seed is None else Source("seed", seed)
        if xs <= key < self.first:
            return Source("x", key - xs)
        if key in self.own:
            return Source("own", self.own[key])
        return self.kept.setdefault(key, Source("kept", len(self.kept)))

    def _y(self, key: int) -> Source:
        return self.ys.setdefault(key, Source("y", len(self.ys)))

    def _is_glance(self, key: int) -> bool:
        """Whether a value is another look at one that is there, or as large as itself."""
        step = self.joint.steps[key - self.first]
        if not step.view:
            return False
        source = step.operands[0]
        return source < self.first or bool(np.size(self.values[source]) <= np.size(self.values[key]))

    def _cheap(self) -> set[int]:
        """What a few sums and products make of values that are there: to keep it costs more than to repeat it."""
        keys = range(self.first, self.first + len(self.joint.steps))
        still = [k for k in keys if k not in self.moving and k not in self.settled]
        read = {o for k in self.moving if k >= self.first for o in self.joint.steps[k - self.first].operands}
        there = {*range(self.first), *self.settled, *[k for k in still if k in read and not self._is_arithmetic(k)]}
        cost = dict.fromkeys(there, 0)
        for k in still:
            operands = [o for o in self.joint.steps[k - self.first].operands if o >= 0]
            if k not in cost and self._is_arithmetic(k) and all(o in cost for o in operands):
                total = 1 + sum([cost[o] for o in operands])
                if total <= REPEATED:
                    cost[k] = total
        return {*cost} - there

    def _is_arithmetic(self, key: int) -> bool:
        return self.joint.steps[key - self.first].op.traits.algebra in _ARITHMETIC

    # --- cotangents of captured values ---

    def _terms(self, key: int) -> list[int]:
        """What a cotangent is the sum of."""
        terms, pending = [], [key]
        while pending:
            key = pending.pop()
            step = self._step(key)
            if step is not None and step.op is add.op and self._is_alike(*step.operands):  # type: ignore[attr-defined]
                pending += step.operands
            else:
                terms.append(key)
        return terms

    def _is_alike(self, a: int, b: int) -> bool:
        return a >= 0 and b >= 0 and np.shape(self.values[a]) == np.shape(self.values[b])

    def _step(self, key: int) -> OpStep | None:
        return self.joint.steps[key - self.first] if key >= self.first else None

    def _factors(self, key: int) -> tuple[int, int] | None:
        """The keys of A and B if a cotangent is Aᵀ·B, of matrices that have other values at every step."""
        step = self._step(key)
        if step is None or step.op is not matmul.op:  # type: ignore[attr-defined]
            return None
        turned, b = step.operands
        left = self._step(turned)
        if left is None or left.op is not transpose.op or left.params.get("axes") is not None:  # type: ignore[attr-defined]
            return None
        a = left.operands[0]
        matrices = np.ndim(self.values[a]) == np.ndim(self.values[b]) == 2
        return (a, b) if matrices and not {a, b} & self.settled and min(a, b) >= 0 else None

    def _summed(self, terms: Sequence[tuple[int, int]]) -> dict[int, Symbol]:
        """Further carries of the backward cell: the sums of these terms so far, by the captured value they are for."""
        sums: dict[int, Symbol] = {}
        plus = OpStep(add.op, {}, (), False)  # type: ignore[attr-defined]
        for k, term in terms:
            before = sums[k] if k in sums else self.backward.appended("carries", k)
            sums[k] = self.backward.step(plus, [before, self._at(term)])
        return sums

    # --- cells ---

    def _zeros(self, key: int) -> Symbol:
        return self.backward.constant(np.zeros_like(self.values[key]))

    def _extracted(self, name: str, inputs: Sequence[Sequence[int]], outputs: Sequence[int]) -> Cell:
        """The part of the joint cell between these inputs, by kind, and these outputs."""
        building = Building(self.joint, self.values)
        for kind, keys in zip(("captured", "carries", "xs"), inputs, strict=True):
            for key in keys:
                building.input(kind, key)
        for key in _live(self.joint, outputs):
            building.copied(key)
        return building.cell(name, [building.at(key) for key in outputs], [self._value(key) for key in outputs])

    def _value(self, key: int) -> Any:
        return self.values[key] if key >= 0 else self.joint.constants[-1 - key]


def _live(cell: Cell, roots: Sequence[int], among: Container[int] | None = None) -> list[int]:
    """The keys of the steps that lead to the roots, in order; of those `among` if it is given."""
    first, needed = len(cell.examples), set(roots)
    for k in range(first + len(cell.steps) - 1, first - 1, -1):
        if k in needed and (among is None or k in among):
            needed.update(cell.steps[k - first].operands)
    return sorted([k for k in needed if k >= first and (among is None or k in among)])
