"""What the graphs have in common that one program can sweep, and the check of a graph for it, written out."""

from __future__ import annotations

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

_CODED = frozenset("?bhilqBHILQefdFD")
"""The dtypes that a program can name, by their characters."""

_NUMBERS = bool | int | float | complex | np.generic


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
    replaced after their use, with dtypes that code has no name for; and for a large one.
    """
    try:
        return _places(root, known)
    except _Unlike:
        return None


def by_age(graph: Sequence[Place]) -> list[int]:
    """The places that cotangents reach, newest first: a sweep comes to them in this order, and adds up in it."""
    reached = [i for i, place in enumerate(graph) if place.node.requires_grad]
    return sorted(reached, key=lambda i: -graph[i].node.number)


def _places(root: Node, known: Container[Op | None]) -> list[Place]:
    found: list[Place] = []
    numbers, nodes, values = {root.number: 0}, [root], [root.value]
    for node, value in zip(nodes, values, strict=True):  # which grow
        if node.hooks or node.retains_grad or len(nodes) > MOST or (node.requires_grad and node.value is not value):
            raise _Unlike
        kind = _kind(value)
        if node.op is None or not node.requires_grad:
            found.append(Place(node, value, (), (kind, node.requires_grad)))
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
        seen = tuple([(_kind(x) if is_given(x) else _setting(x)) if i is None else i for i, x in operands])
        found.append(Place(node, value, operands, (node.op, _setting(dict(node.params)), seen)))
    return found


def _kind(x: Any) -> Any:
    """What a program depends on of an array: how it lies in memory too, as sums are not the same in another order."""
    if not is_given(x) or x.dtype.char not in _CODED or not x.dtype.isnative:
        raise _Unlike
    return type(x), x.shape, x.dtype, x.strides if x.ndim > 1 else ()


def is_given(x: Any) -> bool:
    """Whether a constant is an input of a program, not a part of it: Python's numbers have no dtype of their own."""
    return isinstance(x, np.ndarray | np.generic)


def _setting(x: Any) -> Any:
    """A setting as a value that can be compared and hashed."""
    if isinstance(x, dict):
        return tuple([(key, _setting(part)) for key, part in x.items()])
    if isinstance(x, list | tuple):
        return type(x), tuple(map(_setting, x))
    if isinstance(x, slice):
        return slice, _setting((x.start, x.stop, x.step))
    if isinstance(x, _NUMBERS):
        return type(x), repr(x)  # 0.0 and -0.0 are equal and not the same
    if isinstance(x, NoneType | EllipsisType | str | type | np.dtype):
        return type(x), x
    raise _Unlike


# --- the check --------------------------------------------------------------------------------------------------------


def sweeper(
    graph: Sequence[Place],
    given: Sequence[str],
    run: Callable[..., Any],
    results: Sequence[int],
    moved: Sequence[int],
    visited: Sequence[int],
    otherwise: Sweeper,
    hits: list[int],
) -> Sweeper:
    """The function that sweeps graphs like this one by `run`, and leaves others to `otherwise`.

    given: the variables that run is called with; results: the numbers of the places that it returns cotangents of.
    moved: those of cotangents that a sweep would leave in memory of their own, in C order, and run does not.
    visited: those of places that a sweep comes to, and releases. hits: its number counts the graphs that were swept.
    """
    check = _Check(graph)
    arguments = ", ".join(given)
    cotangents = ", ".join([f"g{i}" for i in results])
    lines = [
        "def swept(n0, release):",
        "    try:",
        *[f"        {line}" for line in check.lines],
        f"        {cotangents} = run({arguments})",
        *[f"        g{i} = g{i}.copy()" for i in moved],
        *[f"        g{i} = g{i}[()]" for i in results if not graph[i].value.shape],  # a number, and nobody's memory
        "    except Exception:  # another graph, numbers that a guard refuses, or what a walk will find",
        "        return otherwise(n0, release)",
        "    hits[0] += 1",
        "    if release:",
        *[f"        n{i}.operands = n{i}.inputs = None" for i in visited],
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
        ages = " > ".join([f"n{i}.number" for i in by_age(graph)])  # so no two of them are the same either
        self._refuse_if([f"not {ages}"])

    def _refuse_if(self, unlike: Sequence[str]) -> None:
        """Leave the graph to others if any of this is so."""
        self.lines += [f"if {' or '.join(unlike)}:", "    return otherwise(n0, release)"]

    def _known(self, value: Any) -> str:
        """A name for a value."""
        self.space[name := f"k{len(self.space)}"] = value
        return name

    def _computed(self, i: int, place: Place) -> list[str]:
        """What tells that a node has been computed in another way."""
        n = f"n{i}"
        self._refuse_if([f"{n}.op is not {self._known(place.node.op)}"])
        unlike = [f"not {n}.requires_grad", f"{n}.value is not v{i}", f"{n}.hooks", f"{n}.retains_grad"]
        unlike += self._set_otherwise(f"{n}.params", place.node.params)
        nodes, values = [], []
        for k, (j, x) in enumerate(place.operands):
            node, value = (f"c{i}_{k}", "_") if j is None else (f"n{j}", f"v{j}")
            if j is None:
                unlike += self._other(node, x)
            else:
                if j in self.bound:
                    node, value = f"{node}_{i}_{k}", f"{value}_{i}_{k}"
                    unlike += [f"{node} is not n{j}", f"{value} is not v{j}"]
                self.bound.add(j)
            nodes.append(node)
            values.append(value)
        self.lines += [f"{', '.join(nodes)}, = {n}.operands", f"{', '.join(values)}, = {n}.inputs"]
        return unlike

    def _set_otherwise(self, name: str, params: Any) -> list[str]:
        """What tells that settings are others; those that were left out are the same object each time."""
        if not params:
            return [name]
        others = [f"{name} != {self._known(dict(params))}", *self._of_another_type(name, params)]
        return [f"{name} is not {self._known(params)} and ({' or '.join(others)})"]

    def _leaf(self, i: int, place: Place) -> list[str]:
        """What tells that a node where the way back ends is another one."""
        if not place.node.requires_grad:
            return [f"n{i}.requires_grad", *self._other(f"v{i}", place.value)]
        unlike = [f"n{i}.op is not None", f"not n{i}.requires_grad", f"n{i}.hooks", f"n{i}.value is not v{i}"]
        return unlike + self._other(f"v{i}", place.value)

    def _other(self, name: str, x: Any) -> list[str]:
        """What tells that a value is not like x."""
        if not is_given(x):
            return [f"{name} != {self._known(x)}", *self._of_another_type(name, x)]
        kind = [f"{name}.__class__ is not {self._known(type(x))}", f"{name}.shape != {x.shape}"]
        kind += [f"{name}.strides != {x.strides}"] * (x.ndim > 1)
        return [*kind, f"{name}.dtype is not {self._known(x.dtype)}"]

    def _of_another_type(self, name: str, x: Any) -> list[str]:
        """What tells numbers apart that are equal, 1 and True, 0.0 and -0.0, anywhere in a setting."""
        if isinstance(x, dict):
            return [line for key, part in x.items() for line in self._of_another_type(f"{name}[{key!r}]", part)]
        if isinstance(x, list | tuple):
            return [line for i, part in enumerate(x) for line in self._of_another_type(f"{name}[{i}]", part)]
        if isinstance(x, NoneType | bool):
            return [f"{name} is not {x}"]
        if not isinstance(x, _NUMBERS):
            return []
        signed = isinstance(x, complex | np.complexfloating) or (not x and not isinstance(x, int))
        sign = [f"repr({name}) != {repr(x)!r}"] if signed else []
        return [f"{name}.__class__ is not {self._known(type(x))}", *sign]
