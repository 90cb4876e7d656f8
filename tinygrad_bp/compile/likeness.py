"""What the graphs have in common that one program can sweep, and the check of a graph for it, written out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from types import EllipsisType, NoneType
from typing import Any, final

import numpy as np

from tinygrad_bp.engine import Node, Op
from tinygrad_bp.modes import MODE

Swept = list[tuple[Node, Any]] | None
Sweeper = Callable[[Any, bool], Swept]

MOST = 256
"""Graphs with more nodes are walked: a program of so many calls takes long to write and is little quicker."""


@final
@dataclass(frozen=True, slots=True)
class Place:
    """A node of a graph, as seen from its root.

    value: what it had when it was used first. operands: each as the number of its place, None for a constant, and the
    value; empty where no cotangent passes on. key: equal for places where the same was done to alike values.
    """

    node: Node
    value: Any
    operands: Sequence[tuple[int | None, Any]]
    key: Any

    @property
    def is_leaf(self) -> bool:
        """Whether no cotangent passes on from here."""
        return self.node.op is None or not self.node.requires_grad


class _Unlike(Exception):
    """A graph that only a walk does right."""


def places(root: Node, known: Container[Op | None]) -> list[Place] | None:
    """The graph behind a root, which comes first; every other place after one that was computed from it.

    None for a graph that only a walk does right: one with ops that are not known, with hooks, with values that were
    replaced after their use; and for a large one.
    """
    try:
        return _places(root, known)
    except _Unlike:
        return None


def _places(root: Node, known: Container[Op | None]) -> list[Place]:
    found: list[Place] = []
    numbers, nodes, values = {root.number: 0}, [root], [root.value]
    for node, value in zip(nodes, values, strict=True):  # which grow
        if node.hooks or node.retains_grad or len(nodes) > MOST:
            raise _Unlike
        if node.op is None or not node.requires_grad:
            found.append(Place(node, value, (), (type(value), value.shape, value.dtype, node.requires_grad)))
            continue
        if node.op not in known or node.operands is None:
            raise _Unlike
        operands: list[tuple[int | None, Any]] = []
        for p, x in zip(node.operands, node.inputs, strict=True):
            if not isinstance(p, Node):
                operands.append((None, x))
                continue
            i = numbers.setdefault(p.number, len(nodes))
            if i == len(nodes):
                nodes.append(p)
                values.append(x)
            if p.number >= node.number or values[i] is not x:
                raise _Unlike
            operands.append((i, x))
        seen = tuple([_constant(x) if i is None else i for i, x in operands])
        found.append(Place(node, value, operands, (node.op, _setting(dict(node.params)), seen)))
    return found


def _constant(x: Any) -> Any:
    """What a program depends on of a constant: all, if it is no number that a program is given."""
    if isinstance(x, np.ndarray | np.generic):
        return type(x), x.shape, x.dtype
    return type(x) if is_given(x) else _setting(x)


def is_given(x: Any) -> bool:
    """Whether a constant is an input of a program, not a part of it."""
    return isinstance(x, np.ndarray | np.generic | float | complex)


def _setting(x: Any) -> Any:
    """A setting as a value that can be compared and hashed."""
    if isinstance(x, dict):
        return tuple([(key, _setting(part)) for key, part in x.items()])
    if isinstance(x, list | tuple):
        return type(x), tuple(map(_setting, x))
    if isinstance(x, slice):
        return slice, _setting((x.start, x.stop, x.step))
    if isinstance(x, NoneType | EllipsisType | bool | int | float | complex | str | type | np.dtype | np.generic):
        return type(x), x
    raise _Unlike


# --- the check --------------------------------------------------------------------------------------------------------


def sweeper(
    graph: Sequence[Place],
    given: Sequence[str],
    run: Callable[..., Any],
    results: Sequence[int],
    otherwise: Sweeper,
    hits: list[int],
) -> Sweeper:
    """The function that sweeps graphs like this one by `run`, and leaves others to `otherwise`.

    given: the variables that run is called with; results: the numbers of the places that it returns cotangents of;
    hits: the only number in it counts the graphs that were swept.
    """
    check = _Check(graph)
    arguments = ", ".join(given)
    cotangents = ", ".join([f"g{i}" for i in results])
    inner = [f"n{i}" for i, place in enumerate(graph) if not place.is_leaf]
    lines = [
        "def swept(n0, release):",
        "    try:",
        *[f"        {line}" for line in check.lines],
        f"        {cotangents} = run({arguments})",
        "    except (TypeError, ValueError, AttributeError):  # another graph, or numbers that a guard refuses",
        "        return otherwise(n0, release)",
        "    hits[0] += 1",
        "    if release:",
        *[f"        {n}.operands = {n}.inputs = None" for n in inner],
        f"    return [{', '.join([f'(n{i}, g{i})' for i in results])}]",
    ]
    space = {"run": run, "otherwise": otherwise, "hits": hits, "MODE": MODE, **check.space}
    exec("\n".join(lines), space)
    return space["swept"]  # type: ignore[no-any-return]


@final
class _Check:
    """The lines that take a graph apart and look whether it is like another, while they are written.

    n0, n1, … are the nodes at its places, v0, v1, … their values, c1_0 is operand 0 of n1, a constant.
    """

    def __init__(self, graph: Sequence[Place]):
        self.graph = graph
        self.space: dict[str, Any] = {}
        self.lines = ["mode = MODE.get()", "v0 = n0.value"]
        self.bound = {0}
        self._refuse_if(["mode.anomaly", "mode.tracing"])
        for i, place in enumerate(graph):
            self._refuse_if(self._leaf(i, place) if place.is_leaf else self._computed(i, place))
        self._refuse_if(self._merged())

    def _refuse_if(self, unlike: Sequence[str]) -> None:
        """Leave a graph to others if one of these holds."""
        if unlike:
            self.lines += [f"if {' or '.join(unlike)}:", "    return otherwise(n0, release)"]

    def _known(self, value: Any) -> str:
        """A name for a value."""
        self.space[name := f"k{len(self.space)}"] = value
        return name

    def _computed(self, i: int, place: Place) -> list[str]:
        """What tells a node from one that an op has computed; takes it apart."""
        n, params = f"n{i}", place.node.params
        settings = f"{n}.params != {self._known(dict(params))}" if params else f"{n}.params"
        unlike = [f"not {n}.requires_grad", f"{n}.hooks", f"{n}.retains_grad", settings]
        nodes, values = [], []
        for k, (j, x) in enumerate(place.operands):
            node, value = (f"c{i}_{k}", f"c{i}_{k}") if j is None else (f"n{j}", f"v{j}")
            if j is None:
                unlike += self._other(value, x)
            else:
                if j in self.bound:
                    node, value = f"{node}_{i}_{k}", f"{value}_{i}_{k}"
                    unlike += [f"{node} is not n{j}", f"{value} is not v{j}"]
                self.bound.add(j)
                unlike.append(f"{node}.number >= {n}.number")
            nodes.append(node)
            values.append(value)
        self._refuse_if([f"{n}.op is not {self._known(place.node.op)}"])
        self.lines += [f"{', '.join(nodes)}, = {n}.operands", f"{', '.join(values)}, = {n}.inputs"]
        return unlike

    def _leaf(self, i: int, place: Place) -> list[str]:
        """What tells a node from one where the way back ends."""
        other = self._other(f"v{i}", place.value)
        if place.node.requires_grad:
            return [f"n{i}.op is not None", f"not n{i}.requires_grad", f"n{i}.hooks", *other]
        return [f"n{i}.requires_grad", *other]

    def _merged(self) -> list[str]:
        """What tells that two places hold one node."""
        kinds = defaultdict(list)
        for i, place in enumerate(self.graph):
            if place.node.requires_grad:
                kinds[place.node.op, place.value.shape, place.value.dtype].append(f"n{i}")
        several = [nodes for nodes in kinds.values() if len(nodes) > 1]
        return [f"len({{{', '.join(nodes)}}}) < {len(nodes)}" for nodes in several]

    def _other(self, name: str, x: Any) -> list[str]:
        """What tells that a value is not like x."""
        if isinstance(x, np.ndarray | np.generic):
            kind = [] if x.shape else [f"{name}.__class__ is not {self._known(type(x))}"]
            return [*kind, f"{name}.shape != {x.shape}", f"{name}.dtype is not {self._known(x.dtype)}"]
        kind = [f"{name}.__class__ is not {self._known(type(x))}"]
        return kind if is_given(x) else [*kind, f"{name} != {self._known(x)}"]
