"""From the engine's nodes to the immutable graph: the one place that reads both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import numpy as np

from tinygrad_bp.engine import Node, Trail, history, pull, sweep
from tinygrad_bp.formula import apply_latex, constant, derivatives, fill, plain, slot
from tinygrad_bp.graph.model import GraphEdge, GraphNode, Summary, Symbols
from tinygrad_bp.graph.naming import free_names, is_number, name_nodes

_NO_PARAMS: Mapping[str, Any] = MappingProxyType({})


def snapshot(root: Node, gradients: bool) -> tuple[tuple[GraphNode, ...], tuple[GraphEdge, ...]]:
    """Nodes and edges of everything `root` was computed from, oldest first."""
    return _Snapshot(root, gradients).taken()


def place(root: Node, node: Node) -> int | None:
    """The place of a tensor among the nodes of `root`'s graph that are no constants; None if it is not in it."""
    shown = [found for found in _shown(root) if not is_number(found)]
    return next((i for i, found in enumerate(shown) if found is node), None)


def _shown(root: Node) -> list[Any]:
    """The nodes that a graph shows, oldest first: parts of what is several arrays stand for the whole."""
    nodes = history([root])
    wholes = {_source(node).number for node in nodes if _source(node) is not node}
    return [node for node in nodes if node.number not in wholes]


def _source(node: Any) -> Any:
    """The node whose operands a node has in a picture: its own, or those of the whole that it is a part of."""
    return node.parents[0] if node.op is not None and node.op.traits.part else node


def _gradients(root: Node, shown: Sequence[Any]) -> tuple[dict[int, Any], dict[tuple[int, int], Any]]:
    """∂C/∂v by node number, and what each edge adds to it, from one sweep that changes nothing."""
    one = np.ones_like(root.value)[()]
    trail: Trail = []
    arrived = sweep(root, one, trail=trail)
    totals: dict[int, Any] = {root.number: one}
    for node, i, share in trail:
        number = node.parents[i].number
        totals[number] = totals[number] + share if number in totals else share
    totals.update({node.number: g for node, g in arrived})
    shares = {(node.number, i): share for node, i, share in trail}
    for node in shown:
        whole = _source(node)
        if whole is not node and node.number in totals:
            for _, _, only in pull(node, totals[node.number], 0, as_graph=False):
                shares |= {(node.number, i): share for i, _, share in pull(whole, only, 0, as_graph=False)}
    return totals, shares


class _Snapshot:
    """The graph while it is written down."""

    def __init__(self, root: Node, gradients: bool):
        self.history = _shown(root)
        self.operands = {node.number: _source(node).parents for node in self.history}
        known = gradients and root.requires_grad and root.value.size == 1
        self.gradients, self.contributions = _gradients(root, self.history) if known else ({}, {})
        self.summaries: dict[int, tuple[Summary | None, Any]] = {}
        self.symbols = Symbols()
        self.nodes: list[GraphNode] = []
        self.edges: list[GraphEdge] = []
        self.ids: dict[int, str] = {}
        self.wholes: dict[int, tuple[str, ...]] = {}  # the operands of what is several arrays
        self.seeds: set[int] = set()  # numbers that a transform put in
        self.free: Iterator[str] = iter(())
        self.used = {
            p.number: x
            for node in self.history
            for p, x in zip(self.operands[node.number], _source(node).inputs, strict=True)
            if isinstance(p, Node)
        }

    def taken(self) -> tuple[tuple[GraphNode, ...], tuple[GraphEdge, ...]]:
        """Everything, written down once."""
        named = name_nodes(self.history)
        self.free = free_names("k", {name for name, _ in named.values()})
        for node in self.history:
            number = node.number
            if number not in named:
                self.ids[number] = self._constant(node.value)
                self.seeds.add(number)
                continue
            shown = self.used.get(number, node.value), *named[number]
            if node.op is None:
                kind = "parameter" if node.requires_grad else "input"
                self.ids[number] = self._add(*shown, kind, "", self.gradients.get(number))
            else:
                self._op(node, *shown)
        return tuple(self.nodes), tuple(self.edges)

    def _add(
        self, value: Any, name: str, named: bool, kind: str, template: str = "", gradient: Any = None,
        op: str | None = None, scope: str = "", params: Mapping[str, Any] = _NO_PARAMS, parents: tuple[str, ...] = (),
    ) -> str:  # fmt: skip
        identity = f"n{len(self.nodes)}"
        array = _read_only(value)
        template = template or slot(identity)
        self.symbols.add(identity, name, None if named else template)
        slope, gradient_data = self._summarised(gradient)
        self.nodes.append(
            GraphNode(
                identity, name, named, op, kind, array.shape, _dtype_name(array.dtype), scope, params, parents,
                template, Summary.of(array), slope, None, array, gradient_data, self.symbols,
            )
        )  # fmt: skip
        return identity

    def _constant(self, value: Any) -> str:
        array = np.asarray(value)
        if array.ndim:
            return self._add(value, next(self.free), True, "constant")
        if array.dtype.kind in "biufc":
            return self._add(value, plain(constant(value)), False, "constant", constant(value))
        return self._add(value, str(value), False, "constant")

    def _op(self, node: Node, value: Any, name: str, named: bool) -> None:
        """What an op computed, and the edges that lead to it."""
        op: Any = node.op
        number, symbols, source = node.number, self.symbols, _source(node)
        given = self.operands[number]
        parents = self.wholes.get(source.number) or tuple([
            self.ids[p.number] if isinstance(p, Node) else self._constant(x)
            for p, x in zip(given, source.inputs, strict=True)
        ])  # fmt: skip
        if source is not node:
            self.wholes[source.number] = parents
        operands = [symbols.operand(p) for p in parents]
        params = MappingProxyType(dict(node.params)) if node.params else _NO_PARAMS
        of_rule = any(isinstance(p, Node) and p.number in self.seeds for p in given)
        target = self.ids[number] = self._add(
            value, name, named, "op", apply_latex(node, operands, of_rule), self.gradients.get(number), op.name,
            node.scope, params, parents,
        )  # fmt: skip
        written = {"y": symbols.operand(target), **{str(i): operand for i, operand in enumerate(operands)}}
        moving = [
            i for i, p in enumerate(given)
            if node.requires_grad and isinstance(p, Node) and p.requires_grad and source.op.vjps[i] is not None
        ]  # fmt: skip
        traced = derivatives(node, moving) if source is node else dict.fromkeys(moving)
        for i, parent in enumerate(parents):
            template = None
            if i in traced:
                rule = traced[i]
                template = symbols.derivative(target, parent) if rule is None else fill(rule, written)
            summary, data = self._summarised(self.contributions.get((number, i)))
            self.edges.append(GraphEdge(parent, target, i, template, summary, 1, data, symbols))

    def _summarised(self, value: Any) -> tuple[Summary | None, Any]:
        """Summary and read-only view of a gradient, made once also where it is the only contribution to itself."""
        if value is None:
            return None, None
        key = id(value)  # all of them are held as long as this object is
        if key not in self.summaries:
            self.summaries[key] = Summary.of(value), _read_only(value)
        return self.summaries[key]


_dtype_name = lru_cache(64)(str)


def _read_only(value: Any) -> Any:
    array = np.asarray(value)
    view = array.view() if array is value else array
    view.setflags(write=False)
    return view
