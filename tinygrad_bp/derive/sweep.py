"""The reverse sweep in symbols: one equation for the gradient of every named value, by the records' own rules."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, final

import numpy as np

from tinygrad_bp.broadcasting import unbroadcast
from tinygrad_bp.derive.equations import Equation, Factor, Formula, agree
from tinygrad_bp.derive.simplify import simplified
from tinygrad_bp.derive.terms import LONGEST, Terms
from tinygrad_bp.engine import Node, history
from tinygrad_bp.formula import COTANGENT, constant, fill, length
from tinygrad_bp.graph import Graph, GraphEdge, GraphNode
from tinygrad_bp.modes import quietly, tracing
from tinygrad_bp.registry import OPS, scale


@final
@dataclass(frozen=True, slots=True)
class _Share:
    """What one edge adds to the gradient of its source, in the forms that the step prints."""

    factor: Factor
    symbolic: Any
    linked: Any
    written: Any
    closed: Any


@final
@dataclass(frozen=True, slots=True)
class _Cotangent:
    """The gradient of one value: as a symbol, as its own step writes it, and in terms of values alone."""

    symbol: Any
    written: Any
    closed: Any


def sweep(graph: Graph) -> tuple[Equation, ...]:
    """A step for every named value that the root's gradient reaches, from the root back."""
    with tracing():
        return quietly(lambda: tuple(_Sweep(graph.without_copies()).steps()))


_FORMS = ("symbolic", "linked", "written", "closed")


class _Sweep:
    """The sweep while it runs."""

    def __init__(self, graph: Graph):
        self.root = graph.root
        view = graph.view("named")
        self.kept = {node.id: node for node in view.nodes}
        self.terms = Terms(graph, self.kept)
        self.nodes = {node.id: node for node in graph.nodes}
        self.into: dict[str, list[GraphEdge]] = defaultdict(list)
        for edge in graph.edges:
            if edge.template is not None:
                self.into[edge.target].append(edge)
        self.inside = self._inside(graph)

    def _inside(self, graph: Graph) -> dict[str, list[GraphNode]]:
        """For every kept value the ops that it is computed by, the newest first."""
        owner: dict[str, str] = {}
        inside: dict[str, list[GraphNode]] = defaultdict(list)
        for node in reversed(graph.nodes):
            kept = node.id if node.id in self.kept else owner.get(node.id)
            if kept is None:
                continue  # a number, or nothing that a gradient flows through
            inside[kept].append(node)
            owner |= {edge.source: kept for edge in self.into[node.id] if edge.source not in self.kept}
        return inside

    def steps(self) -> Iterator[Equation]:
        one = self.terms.number(Fraction(1), self.root.dtype)
        arrived: dict[str, list[_Share]] = defaultdict(list)
        cotangents = {self.root.id: _Cotangent(one, one, one)}
        for node in reversed(self.kept.values()):
            if shares := arrived.pop(node.id, None):
                step, cotangents[node.id] = self._step(node, shares)
                yield step
            if node.id in cotangents:
                for share in self._shares(node, cotangents.pop(node.id), one):
                    arrived[share.factor.source.id].append(share)

    def _shares(self, at: GraphNode, cotangent: _Cotangent, one: Any) -> Iterator[_Share]:
        """What a value's cotangent adds to those of the values it is computed from."""
        swept = self._swept(at)
        locals_, *pulled = [self._pulled(at, g) for g in (one, cotangent.symbol, cotangent.closed)]
        for identity, (local, elementwise) in locals_.items():
            source, (carried, closed) = self.kept[identity], (form[identity][0] for form in pulled)
            if elementwise or at.id == self.root.id:
                yield self._elementwise(source, at, cotangent, local, swept[identity])
            else:
                yield self._product(source, at, cotangent, carried, closed, swept[identity])

    def _elementwise(self, source: GraphNode, at: GraphNode, cotangent: _Cotangent, local: Any, swept: Any) -> _Share:
        """The share of a link that multiplies element by element, or that starts at the root."""
        direct, link = at.id == self.root.id, at.symbols.derivative(at.id, source.id)
        local = self._tidied(local, direct) if self.terms.fits(local) else self.terms.leaf(local.value, link)
        carried = scale(cotangent.symbol, local)
        factor = Factor(source, at, True, Formula(self.terms.printed(local), carried.value, swept))
        if direct:
            return _Share(factor, local, local, local, local)
        if self.terms.fractions.get(local.number) == 1:
            return _Share(factor, cotangent.symbol, cotangent.symbol, cotangent.symbol, cotangent.closed)
        named = self.terms.leaf(np.broadcast_to(local.value, source.shape), link)
        symbolic = scale(cotangent.symbol, named)
        return _Share(factor, symbolic, carried, scale(cotangent.written, local), scale(cotangent.closed, local))

    def _product(
        self, source: GraphNode, at: GraphNode, cotangent: _Cotangent, carried: Any, closed: Any, swept: Any
    ) -> _Share:
        """The share of a link that mixes elements: a vector–Jacobian product."""
        if not self.terms.fits(carried):
            link = {"d": self.terms.printed(cotangent.symbol), "x": at.symbols.derivative(at.id, source.id)}
            carried = self.terms.leaf(carried.value, fill(r"‹d› \cdot ‹x›", link))
            shown = fill(r"‹d› \cdot ‹x›", {**link, "d": COTANGENT})
        else:
            shown = self.terms.printed(carried, {cotangent.symbol.number: COTANGENT})
        return _Share(
            Factor(source, at, False, Formula(shown, carried.value, swept)), carried, carried, carried, closed
        )

    def _tidied(self, term: Any, keep: bool) -> Any:
        """A local derivative as simple as it gets, or with `keep` in the form it has, its numbers put together."""
        simple = simplified(term, self.terms, keep)
        return simple if simple is not None and agree(simple.value, term.value) else term

    def _swept(self, at: GraphNode) -> dict[str, Any]:
        """What the engine's sweep brought from one kept value to each of those before it."""
        edges = [e for node in self.inside[at.id] for e in self.into[node.id] if e.source in self.kept]
        brought: dict[str, Any] = {}
        for edge in edges:
            share = edge.contribution_data
            brought[edge.source] = brought[edge.source] + share if edge.source in brought else share
        return brought

    def _pulled(self, at: GraphNode, g: Any) -> dict[str, tuple[Any, bool]]:
        """The chain rule from one kept value to those before it: for each what arrives, and whether it was carried
        element by element all the way."""
        arrived = {at.id: (g, True)}
        for node in self.inside[at.id]:
            g, elementwise = arrived.pop(node.id)
            for edge in self.into[node.id]:
                share, local = self._share(node, edge, g)
                if edge.source in arrived:
                    before, was = arrived[edge.source]
                    share, local = before + share, local and was
                arrived[edge.source] = share, local and elementwise
        return arrived

    def _share(self, node: GraphNode, edge: GraphEdge, g: Any) -> tuple[Any, bool]:
        """What one op adds to the cotangent of one operand, and whether it multiplies element by element."""
        share, elementwise = self._ruled(node, edge, g)
        if share.dtype.kind == "c" and np.dtype(self.nodes[edge.source].dtype).kind != "c":
            return share.real, False  # as in the engine; the real part of a product is no product of real parts
        return share, elementwise

    def _ruled(self, node: GraphNode, edge: GraphEdge, g: Any) -> tuple[Any, bool]:
        """The rule of one op for one operand."""
        record: Any = OPS[node.op or ""]
        y, inputs = self.terms.values[node.id], [self.terms.values[p] for p in node.parents]
        shape = self.nodes[edge.source].shape
        if record.derivatives is not None and shape == node.shape:
            return scale(g, record.derivatives[edge.position](y, *inputs, **node.params)), True
        if g.op is not None and g.op.traits.arranges(**g.params) and g.inputs[0].size == 1 < g.size:
            g = g.parents[0]
        if g.shape != node.shape:  # in a product of arrays a number stands for an array of it
            g = g * self.terms.ones(node)
        share = record.vjps[edge.position](g, y, *inputs, **node.params)
        if not isinstance(share, Node):  # a rule that does not look at the cotangent
            share = self.terms.leaf(share, constant(share) if np.any(share) else "0")
        if share.shape != shape:
            return unbroadcast(share, shape), False
        return share, shape == node.shape and _is_factor_of(g, share)

    def _step(self, node: GraphNode, shares: Sequence[_Share]) -> tuple[Equation, _Cotangent]:
        left = node.symbols.derivative(self.root.id, node.id)
        symbol = self.terms.leaf(node.gradient_data, left)
        symbolic, linked, given, closed = (_total([getattr(share, form) for share in shares]) for form in _FORMS)
        keep = len(shares) == 1 and shares[0].factor.target.id == self.root.id  # one rule: as its op states it
        written, closed = (self._settled(node, term, keep) for term in (given, closed))
        if written is None:
            given, written = linked, self._settled(node, linked, keep)
        rights = [self._formula(node, term) for term in (given, written) if written is not None]
        shown = {formula.template: formula for formula in rights if length(formula.template) <= LONGEST}
        first = self._formula(node, symbolic)
        shown = {first.template: first, **shown}
        factors = tuple([share.factor for share in shares])
        cotangent = _Cotangent(symbol, symbol if written is None else written, symbol if closed is None else closed)
        ended = None if closed is None else self._formula(node, closed)
        return Equation(node, left, tuple(shown.values()), ended, factors), cotangent

    def _settled(self, node: GraphNode, term: Any, keep: bool) -> Any:
        """A term as simple as it gets, or with `keep` in the form it has; None if it is too long to write even so."""
        if not self.terms.fits(term):
            return None
        simple = simplified(term, self.terms, keep)
        if simple is not None and self._formula(node, simple).holds:
            return simple
        return term

    def _formula(self, node: GraphNode, term: Any) -> Formula:
        return Formula(self.terms.printed(term), term.value, node.gradient_data)


def _is_factor_of(g: Any, share: Any) -> bool:
    """Whether a rule only multiplies the cotangent g, element by element."""
    carrying = {g.number}
    for at in history([share], since=g.number + 1):
        if any(isinstance(p, Node) and p.number in carrying for p in at.parents):
            carrying.add(at.number)
            if at.op is None or at.op.traits.algebra is None:
                return False
    return share.number in carrying


def _total(terms: Sequence[Any]) -> Any:
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total
