"""The view in which a scope is one node. A scope that was entered again later, with ops in between, is another one."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np

from tinygrad_bp.formula import SLOT, fill, slot
from tinygrad_bp.formula.notation import template as operands_of
from tinygrad_bp.graph.model import GraphEdge, GraphNode, Group, Summary, Symbols
from tinygrad_bp.registry import OPS

Nodes = Sequence[GraphNode]
Incoming = Mapping[str, Sequence[GraphEdge]]


@dataclass(slots=True)
class _Visit:
    """Consecutive ops of one scope, or of several in a row that are built alike."""

    scopes: list[str]
    ops: list[GraphNode]
    structure: tuple[Any, ...] = ()

    @property
    def id(self) -> str:
        return self.ops[-1].id  # the last op always has a use outside, or is the root

    @property
    def name(self) -> str:
        first, last = [scope.rpartition("/")[2] for scope in (self.scopes[0], self.scopes[-1])]
        number = re.search(r"\d*$", last)
        return f"{first} … {number[0] if number else ''} ×{len(self.scopes)}" if len(self.scopes) > 1 else first


def scopes(nodes: Nodes, edges: Sequence[GraphEdge], depth: int) -> tuple[tuple[GraphNode, ...], tuple[GraphEdge, ...]]:
    """The graph with every scope at this depth as one node; outermost scopes have depth 1.

    Ops in no scope that deep stay. Parameters and constants that only one scope uses are drawn into it. Scopes that
    follow each other, are named alike but for a number, and have the same ops, shapes and wiring, become one node ×N.
    A scope's ops are consecutive in the order they were made, so what is left has no cycles.
    """
    into: dict[str, list[GraphEdge]] = defaultdict(list)
    for edge in edges:
        into[edge.target].append(edge)
    visits = _visits(nodes, into, depth)
    return _Contraction(nodes, edges, into, visits).done() if visits else (tuple(nodes), tuple(edges))


# --- which ops belong together ----------------------------------------------------------------------------------------


def _visits(nodes: Nodes, into: Incoming, depth: int) -> list[_Visit]:
    """The scopes in the order they were entered, equal neighbours rolled up."""
    by_id = {node.id: node for node in nodes}
    found: list[_Visit] = []
    entered: _Visit | None = None
    for scope, ops in _runs(nodes, depth):
        if not scope:
            entered = None
            continue
        visit = _Visit([scope], ops, (_pattern(scope), *_structure(ops, into, by_id)))
        if entered is not None and entered.structure == visit.structure:
            entered.scopes.append(scope)
            entered.ops += ops
            continue
        entered = visit
        found.append(visit)
    return found


def _runs(nodes: Nodes, depth: int) -> list[tuple[str, list[GraphNode]]]:
    """Consecutive ops with the same scope at this depth; "" is for those in none."""
    runs: list[tuple[str, list[GraphNode]]] = []
    for node in nodes:
        if node.kind != "op":
            continue
        parts = node.scope.split("/", depth)
        scope = "/".join(parts[:depth]) if node.scope and len(parts) >= depth else ""
        if not runs or runs[-1][0] != scope:
            runs.append((scope, []))
        runs[-1][1].append(node)
    return runs


def _pattern(scope: str) -> str:
    """A scope's name without the numbers of its last part: `net/layers.#`."""
    outer, slash, last = scope.rpartition("/")
    return outer + slash + re.sub(r"\d+", "#", last)


def _structure(ops: Nodes, into: Incoming, by_id: Mapping[str, GraphNode]) -> tuple[Any, ...]:
    """Equal for scopes that compute the same: ops, their settings, shapes, and which operand is which value."""
    place: dict[str, int] = {}
    rows: list[Any] = []
    for op in ops:
        operands = []
        for edge in into.get(op.id, ()):
            source = by_id[edge.source]
            number = "" if source.named or source.kind != "constant" else source.name
            operands.append((place.setdefault(source.id, len(place)), source.shape, number))
        place[op.id] = len(place)
        rows.append((op.op, op.shape, op.dtype, repr(dict(op.params)) if op.params else "", tuple(operands)))
    return tuple(rows)


# --- the contracted graph ---------------------------------------------------------------------------------------------


class _Contraction:
    """The graph while its scopes are drawn together."""

    def __init__(self, nodes: Nodes, edges: Sequence[GraphEdge], into: Incoming, visits: Sequence[_Visit]):
        self.nodes, self.edges, self.into = nodes, edges, into
        self.by_id = {node.id: node for node in nodes}
        self.visits = {visit.id: visit for visit in visits}
        self.owner = {op.id: visit.id for visit in visits for op in visit.ops}
        self.outputs: dict[str, dict[str, None]] = {key: {} for key in self.visits}
        self.owner |= self._drawn_in()
        for edge in edges:
            group = self.owner.get(edge.source)
            if group is not None and self.owner.get(edge.target) != group:
                self.outputs[group][edge.source] = None
        for key, outputs in self.outputs.items():
            outputs.setdefault(key)
        self.hidden = self.owner.keys() - {key for key, outputs in self.outputs.items() if len(outputs) == 1}
        self.written_out = nodes[-1].symbols.written_out
        self.rewritten: set[str] = set()
        self.symbols = Symbols()
        self.symbols.names |= nodes[-1].symbols.names

    def _drawn_in(self) -> dict[str, str]:
        """The parameters and constants that only one scope uses; if nothing else goes in, not those it starts from.

        It starts with the first op of several operands: a weight may be transposed before.
        """
        users: dict[str, set[str]] = defaultdict(set)
        for edge in self.edges:
            if self.by_id[edge.source].kind in ("parameter", "constant"):
                users[edge.source].add(self.owner.get(edge.target, ""))
        inside = {source: only for source, (only, *others) in users.items() if only and not others}
        for visit in self.visits.values():
            arriving = [edge.source for op in visit.ops for edge in self.into.get(op.id, ())]
            if all(visit.id in (self.owner.get(source), inside.get(source)) for source in arriving):
                first = next((op for op in visit.ops if len(self.into.get(op.id, ())) > 1), visit.ops[0])
                for edge in self.into.get(first.id, ()):
                    if self.by_id[edge.source].kind == "parameter":
                        inside.pop(edge.source, None)  # used twice by x·x
        return inside

    def done(self) -> tuple[tuple[GraphNode, ...], tuple[GraphEdge, ...]]:
        """Nodes and edges of the contracted graph."""
        bundles: dict[tuple[str, str, int], list[GraphEdge]] = defaultdict(list)
        sources: dict[str, dict[str, GraphEdge]] = defaultdict(dict)
        for edge in self.edges:
            source, target = (self.owner.get(key, key) for key in (edge.source, edge.target))
            if source != target:
                whole = source in self.visits or target in self.visits
                bundles[source, target, -1 if whole else edge.position].append(edge)
                sources[target].setdefault(source, edge)
        kept = []
        for node in self.nodes:
            if node.id in self.visits:
                kept.append(self._group(self.visits[node.id], list(sources[node.id].values())))
            elif node.id not in self.owner:
                kept.append(self._kept(node))
            else:
                continue
            shown = kept[-1]
            self.symbols.add(shown.id, shown.name, None if shown.named else shown.template)
        places = {target: {source: i for i, source in enumerate(found)} for target, found in sources.items()}
        made = [self._edge(source, target, bundle, places) for (source, target, _), bundle in bundles.items()]
        return tuple(kept), tuple(made)

    def _group(self, visit: _Visit, arriving: Sequence[GraphEdge]) -> GraphNode:
        last, outputs = visit.ops[-1], [self.by_id[key] for key in self.outputs[visit.id]]
        inside = {e.source for op in visit.ops for e in self.into.get(op.id, ()) if e.source in self.owner}
        sizes = [math.prod(n.shape) for key in inside if (n := self.by_id[key]).kind == "parameter"
                 and self.owner[key] == visit.id]  # fmt: skip
        group = Group(
            ops=len(visit.ops), repeats=len(visit.scopes), parameters=sum(sizes),
            inputs=tuple([self.by_id[e.source].shape for e in arriving]), outputs=tuple([n.shape for n in outputs]),
        )  # fmt: skip
        single = len(outputs) == 1
        return replace(
            last, name=visit.name, named=True, op=_counted(group), group=group,
            scope=visit.scopes[0].rpartition("/")[0], params=MappingProxyType({}), template=slot(last.id),
            parents=tuple([self.owner.get(e.source, e.source) for e in arriving]), symbols=self.symbols,
            value=last.value if single else None, gradient=last.gradient if single else None,
            data=last.data if single else None, gradient_data=last.gradient_data if single else None,
        )  # fmt: skip

    def _kept(self, node: GraphNode) -> GraphNode:
        """An op or a leaf outside; its formula names the scopes instead of what is inside them."""
        parents = tuple([self.owner.get(p, p) for p in node.parents])
        template = node.template
        spelled_out = [p for p in node.parents if p in self.written_out and (p in self.owner or p in self.rewritten)]
        if spelled_out or self._sees_inside(template):
            self.rewritten.add(node.id)
            template = self._applied(node, parents)
        return replace(node, parents=parents, template=template, symbols=self.symbols)

    def _applied(self, node: GraphNode, parents: Sequence[str]) -> str:
        operands = {str(i): self.symbols.operand(p) for i, p in enumerate(parents)}
        formula = operands_of(OPS[op].latex) if (op := node.op or "") in OPS else ""
        if not set(SLOT.findall(formula)) ^ set(operands):
            return fill(formula, operands)
        return rf"\operatorname{{{op}}}({', '.join(operands.values())})"

    def _sees_inside(self, template: str) -> bool:
        return not self.hidden.isdisjoint(SLOT.findall(template))

    def _edge(
        self, source: str, target: str, bundle: Sequence[GraphEdge], places: Mapping[str, Mapping[str, int]]
    ) -> GraphEdge:
        """One edge for all the uses of a value, or of a scope's values, by another."""
        first, group = bundle[0], target in self.visits
        carrying = [edge for edge in bundle if edge.template is not None]
        template = carrying[0].template if carrying else None
        if template is not None:
            named = {*SLOT.findall(template)} - {"g"}
            stale = (named and target in self.rewritten) or not self.hidden.isdisjoint({*named, first.source})
            if group or len(bundle) > 1 or stale:
                template = self.symbols.derivative(target, source)
        contribution, data = (first.contribution, first.contribution_data) if len(bundle) == 1 else _total(carrying)
        return replace(
            first, source=source, target=target, position=places[target][source] if group else first.position,
            template=template, contribution=contribution, contribution_data=data, count=sum(e.count for e in bundle),
            symbols=self.symbols,
        )  # fmt: skip


def _counted(group: Group) -> str:
    each = group.ops // group.repeats
    return f"{group.repeats} × " * (group.repeats > 1) + f"{each} op{'s' * (each > 1)}"


def _total(uses: Sequence[GraphEdge]) -> tuple[Summary | None, Any]:
    """What several uses of one value add to its gradient together."""
    shares = [edge.contribution_data for edge in uses]
    if not shares or len({edge.source for edge in uses}) > 1 or any(share is None for share in shares):
        return None, None
    total = np.asarray(sum(shares[1:], start=shares[0] + 0))
    total.flags.writeable = False
    return Summary.of(total), total
