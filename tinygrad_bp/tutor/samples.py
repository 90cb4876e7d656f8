"""The same computation with other numbers, so that no answer is right by accident."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from tinygrad_bp.derive.terms import complements
from tinygrad_bp.engine import Node, apply, history
from tinygrad_bp.errors import TinygradError
from tinygrad_bp.graph import Graph, GraphNode, graph as snapshot, is_number
from tinygrad_bp.modes import quietly
from tinygrad_bp.tensor import Tensor

COUNT = 3
_TRIES = 4 * COUNT


@final
@dataclass(frozen=True)
class Sample:
    """The numbers of one run: values and gradients by name."""

    values: Mapping[str, Any]
    gradients: Mapping[str, Any]

    @classmethod
    def of(cls, graph: Graph, names: Mapping[str, str]) -> Sample:
        """The numbers of a graph whose nodes are those of the one that `names` was read from, by id."""
        shown = [node for node in graph.nodes if node.id in names]
        return cls(
            {names[node.id]: node.data for node in shown},
            {names[node.id]: node.gradient_data for node in shown if node.gradient_data is not None},
        )

    @property
    def is_finite(self) -> bool:
        """Whether all of it are numbers."""
        arrays = [*self.values.values(), *self.gradients.values()]
        return all(np.isfinite(x).all() for x in arrays if x.dtype.kind in "fc")


def samples(C: Any, graph: Graph, names: Mapping[str, str]) -> tuple[Sample, ...]:
    """The graph's own numbers, then others: parameters and inputs are changed, targets dealt out anew.

    A run that leaves the functions' domain is left out.
    """
    rng = np.random.default_rng(0)
    found = [Sample.of(graph, names)]
    for _ in range(_TRIES):
        if len(found) == COUNT:
            break
        try:
            sample = quietly(_sampled, C, graph, names, rng)
        except TinygradError:
            continue
        if sample.is_finite:
            found.append(sample)
    return tuple(found)


def _sampled(C: Any, graph: Graph, names: Mapping[str, str], rng: np.random.Generator) -> Sample:
    return Sample.of(snapshot(_again(C, graph, rng)), names)


def _again(C: Any, graph: Graph, rng: np.random.Generator) -> Any:
    """C, computed once more from other leaves; its nodes are made in the same order."""
    known = iter([node for node in graph.nodes if node.kind != "constant"])
    rest_of, related = complements(graph), _related(C, graph)
    changed: dict[str, Any] = {}
    made: dict[int, Any] = {}
    for node in history([C]):
        if is_number(node):
            made[node.number] = Tensor(node.value)
            continue
        here = next(known)
        if node.op is None:
            of = changed.get(rest_of.get(here.id, ""))
            stays = related and not node.requires_grad
            changed[here.id] = (here.data if stays else _changed(here, rng)) if of is None else 1 - of
            made[node.number] = Tensor(changed[here.id], node.requires_grad, node.name)
            continue
        operands = []
        for operand, identity in zip(node.parents, here.parents, strict=True):
            of = changed.get(rest_of.get(identity, ""))
            given = operand if of is None else 1 - of
            operands.append(made[operand.number] if isinstance(operand, Node) else given)
        made[node.number] = new = apply(node.op, tuple(operands), node.params)
        new.name = node.name
    return made[C.number]


def _related(C: Any, graph: Graph) -> bool:
    """Whether inputs may have been computed from each other before the graph begins: then all of them stay."""
    rest_of = complements(graph)
    arrays = [node for node in graph.nodes if node.kind == "constant" and node.shape and node.id not in rest_of]
    given = [node for node in history([C]) if node.op is None and not node.requires_grad and not node.name]
    rests = [node for node in graph.nodes if node.kind == "input" and node.id in rest_of]
    return bool(arrays) or len(given) > len(rests)


def _changed(leaf: GraphNode, rng: np.random.Generator) -> Any:
    """Other numbers of the same kind: signs stay, zeros do not.

    Inputs that are all 0 or 1 stay between them, and those that add up to 1 are dealt out anew: they are targets.
    """
    x = leaf.data
    if x.dtype.kind != "f":
        return x
    if leaf.kind == "input" and any(_summing_to_one(x)):
        for axis in range(x.ndim):
            x = np.take(x, rng.permutation(x.shape[axis]), axis)
        return x
    if leaf.kind == "input" and np.isin(x, (0, 1)).all():
        changed = rng.uniform(0.05, 0.95, x.shape)
    else:
        changed = x * rng.uniform(0.6, 1.4, x.shape) + (x == 0) * rng.normal(0, 0.3, x.shape)
    return np.asarray(changed, x.dtype)[()]


def _summing_to_one(x: Any) -> Iterator[bool]:
    """For every axis, whether the elements along it are shares of 1: targets in one-hot form, probabilities."""
    for axis in range(x.ndim):
        yield x.shape[axis] > 1 and bool((x >= 0).all()) and np.allclose(x.sum(axis=axis), 1)


def examples(graph: Graph) -> int | None:
    """How many examples a graph computes with: the length of the axis that biases are repeated along, else the one
    that all its arrays have in common."""
    nodes = {node.id: node for node in graph.nodes}
    for edge in graph.edges:
        source, target = nodes[edge.source], nodes[edge.target]
        if source.kind == "parameter" and 1 < len(target.shape) == len(source.shape) != 0 != source.data.size:
            repeated = [n for n, own in zip(target.shape, source.shape, strict=True) if own == 1 != n]
            if len(repeated) == 1:
                return repeated[0]
        elif source.kind == "parameter" and target.shape[1:] == source.shape and source.shape:
            return target.shape[0]
    shapes = [n.shape for n in graph.view("named").nodes if n.shape and n.kind in ("op", "input")]
    for axis in (-1, 0):
        lengths = {shape[axis] for shape in shapes}
        if len(lengths) == 1:
            return lengths.pop()
    return None
