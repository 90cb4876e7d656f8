"""Sweeps as programs. A training loop builds the same graph at every step and sweeps it the same way: it runs the same
NumPy calls in the same order. Once the walk that finds them has often been made for graphs that are alike, they are
written down, by a sweep over arrays that note their calls, and run from then on without the walk.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from typing import Any, final

import numpy as np

from tinygrad_bp.codegen import Program, traced
from tinygrad_bp.compile.backends import on_numpy
from tinygrad_bp.compile.blocks import Manner
from tinygrad_bp.compile.likeness import Place, Sweeper, Swept, by_age, is_given, places, sweeper
from tinygrad_bp.engine import SWEEPERS, Node, Op, Trail, sweep
from tinygrad_bp.modes import MODE
from tinygrad_bp.registry import OPS
from tinygrad_bp.tensor import Tensor

WORTH = 5e-3
"""Seconds that walks of a kind have to have taken, about, before it is written down, which takes that long."""

PER_NODE, PER_NUMBER = 3e-6, 1e-9
"""Seconds that a walk takes, about: counted and not measured, so that a program of yours runs the same each time."""

PATIENCE = 5e8
"""Steps on numbers that take NumPy about as long as it takes to have them done in machine code."""

OFTEN, EVERY = 8, 32
"""After so many looks at the graphs that end in an op only one in so many is looked at, as looking takes time too."""

KINDS, PROGRAMS = 64, 4
"""For each op how many kinds of graphs are remembered, and how many are written down."""

BYTES = 1 << 28
"""Graphs whose values take more memory are walked: to write a sweep down takes that much again, and more."""

MISSES = 100
"""If so many more graphs are walked than swept by programs, these are those of another time, and are forgotten."""


@final
class Habit:
    """The graphs that end in one op: which kinds have been walked, and for how long."""

    def __init__(self, op: Op):
        self.op = op
        self.walks = 0
        self.misses = 0
        self.hits = [0]
        self.programs = 0
        self.reluctance = 1
        self.spent: OrderedDict[Any, float] = OrderedDict()

    def look(self, root: Node, release: bool) -> Swept:
        """Remember a graph that is going to be walked; write down how, for the next one, if that is worth it."""
        self.walks += 1
        if self.programs == PROGRAMS:
            self._miss()
            return None
        seldom = self.walks > OFTEN
        now = MODE.get()
        if (seldom and self.walks % EVERY) or now.tracing or now.anomaly:
            return None
        graph = places(root, SWEEPERS) if root.requires_grad and root.value.size == 1 else None
        if graph is None or sum([place.value.nbytes for place in graph if not place.is_leaf]) > BYTES:
            return None
        key = tuple([place.key for place in graph]), tuple(by_age(graph))
        before = self.spent.pop(key, None)
        self.spent[key] = spent = (before or 0.0) + _seconds(graph) * (EVERY if seldom else 1)
        if len(self.spent) > KINDS:
            self.spent.popitem(last=False)
        if before is not None and spent >= WORTH * self.reluctance:
            self.spent[key] = -np.inf  # once
            written = _written(graph, SWEEPERS[self.op], self.hits)
            if written is not None:
                self.programs += 1
                SWEEPERS[self.op] = written
        return None

    def _miss(self) -> None:
        """Begin anew if the programs seldom fit, more slowly each time: there may be no end of kinds."""
        self.misses = max(0, self.misses + 1 - self.hits[0])
        self.hits[0] = 0
        if self.misses > MISSES:
            self.misses = self.programs = 0
            self.reluctance *= 4
            self.spent.clear()
            SWEEPERS[self.op] = self.look


def _seconds(graph: list[Place]) -> float:
    return float(sum([PER_NODE + PER_NUMBER * place.value.size for place in graph if not place.is_leaf]))


def _written(graph: list[Place], otherwise: Sweeper, hits: list[int]) -> Sweeper | None:
    """What sweeps graphs like this one, and counts them; None if there is no program that gives what a walk gives."""
    try:
        run, names, results, visited, found = _program(graph)
    except Exception:  # a rule that wants to know numbers first, too little memory: walks go on as before
        return None
    wanted = [g for _, g in sweep(graph[0].node, _seed(graph[0]).value)]
    if not wanted or not all(map(_is_equal, found, wanted)):
        return None
    moved = [i for i, a, b in zip(results, found, wanted, strict=True) if _layout(a) != _layout(b)]
    if any(_layout(b) != _layout(b.copy()) for i, b in zip(results, wanted, strict=True) if i in moved):
        return None
    return sweeper(graph, names, run, results, moved, visited, otherwise, hits)


def _program(graph: list[Place]) -> tuple[Callable[..., Any], list[str], list[int], list[int], tuple[Any, ...]]:
    """The sweep as a program: what runs it, the names of what that is given, the places it gives cotangents of and the
    places it comes to, and the cotangents of this graph.
    """
    given = {f"v{i}": place.value for i, place in enumerate(graph)}
    for i, place in enumerate(graph):
        given |= {f"c{i}_{k}": x for k, (j, x) in enumerate(place.operands) if j is None and is_given(x)}
    results: list[int] = []
    visited: list[int] = []

    def swept(*tensors: Tensor) -> list[Any]:
        nodes = _copied(graph, dict(zip(given, tensors, strict=True)))
        trail: Trail = []
        pairs = sweep(nodes[0], _seed(graph[0]), as_graph=True, trail=trail)
        reached = {nodes[0], *[node.operands[k] for node, k, _ in trail]}
        visited[:] = [i for i in by_age(graph) if nodes[i] in reached and not graph[i].is_leaf]
        results[:] = [[n is node for n in nodes].index(True) for node, _ in pairs]
        return [g for _, g in pairs]

    with np.errstate(over="warn"):  # unless an op says otherwise
        program, _ = traced(swept, "sweep", list(given.items()))
    program, names = _without_unread(program, list(given))
    run, _ = on_numpy(program, Manner(PATIENCE, exact=True))
    found = run(*[given[name] for name in names])
    return run, names, results, visited, found if isinstance(found, tuple) else (found,)


def _seed(root: Place) -> Tensor:
    return Tensor(np.full(root.value.shape, root.value.dtype.type(1))[()])


def _is_equal(a: Any, b: Any) -> bool:
    return is_given(a) and a.dtype == b.dtype and a.shape == b.shape and np.array_equal(a, b, equal_nan=True)


def _layout(x: Any) -> Any:
    """How a result lies in memory, and whose that is."""
    array = np.asarray(x)
    strides = [stride for n, stride in zip(array.shape, array.strides, strict=True) if n > 1]
    return strides, array.flags.owndata, array.flags.writeable


def _copied(graph: list[Place], tensors: dict[str, Tensor]) -> list[Node]:
    """The graph with other values."""
    nodes: list[Any] = [None] * len(graph)
    for i, place in sorted(enumerate(graph), key=lambda pair: pair[1].node.number):
        nodes[i] = node = Tensor(tensors[f"v{i}"].value, place.node.requires_grad)
        if not place.is_leaf:
            node.op, node.params = place.node.op, place.node.params
            pairs = enumerate(place.operands)
            node.operands = [tensors.get(f"c{i}_{k}", x) if j is None else nodes[j] for k, (j, x) in pairs]
            node.inputs = [p.value if isinstance(p, Node) else p for p in node.operands]
    return nodes


def _without_unread(program: Program, names: list[str]) -> tuple[Program, list[str]]:
    """A program that is given only what it reads, and the names of that."""
    read = {operand for step in program.steps for operand in step.operands()} | set(program.outputs)
    kept = [(step, name) for step, name in zip(program.inputs, names, strict=True) if step in read]
    unread = set(program.inputs) - {step for step, _ in kept}
    steps = [step for step in program.steps if step not in unread]
    return replace(program, inputs=[step for step, _ in kept], steps=steps), [name for _, name in kept]


SWEEPERS.update({op: Habit(op).look for op in OPS.values()})
