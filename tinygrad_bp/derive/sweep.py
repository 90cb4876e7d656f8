"""The reverse sweep in symbols: one equation for the gradient of every named value, by the records' own rules."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, final

import numpy as np

from tinygrad_bp.broadcasting import unbroadcast
from tinygrad_bp.derive.simplify import simplified
from tinygrad_bp.derive.terms import LONGEST, Terms
from tinygrad_bp.formula import COTANGENT, length
from tinygrad_bp.graph import Graph, GraphEdge, GraphNode
from tinygrad_bp.modes import tracing
from tinygrad_bp.registry import OPS, scale


@final
@dataclass(frozen=True, slots=True)
class Formula:
    """A formula, what it gives when it is evaluated as it is printed, and what the reverse sweep gave."""

    template: str
    value: Any
    swept: Any

    @property
    def error(self) -> float:
        """How far the two are apart, relative to the largest element; NaN and infinities must agree."""
        swept = np.asarray(self.swept)
        value = np.broadcast_to(self.value, swept.shape)
        same = (value == swept) | (np.isnan(value) & np.isnan(swept))
        with np.errstate(invalid="ignore"):
            apart = np.where(same, 0.0, np.absolute(value - swept))
            size = np.max(np.absolute(swept), where=np.isfinite(swept), initial=0.0)
        worst = float(np.max(apart, initial=0.0))
        return worst / float(size) if size else worst

    @property
    def holds(self) -> bool:
        """Whether they agree as far as rounding lets them."""
        return bool(self.error <= float(np.finfo(np.asarray(self.swept).dtype).eps) ** 0.6)


@final
@dataclass(frozen=True, slots=True)
class Factor:
    """One link of the chain, from `source` to `target`.

    elementwise: whether the formula is ∂target/∂source itself, element by element; else it is what the link makes of
    the cotangent δ, a vector–Jacobian product.
    """

    source: GraphNode
    target: GraphNode
    elementwise: bool
    formula: Formula


@final
@dataclass(frozen=True, slots=True)
class Step:
    """The gradient of one value: `left = right = right`, from the chain rule to what it simplifies to.

    closed: the gradient in terms of values alone, without another gradient in it; None where that is too long.
    """

    node: GraphNode
    left: str
    rights: tuple[Formula, ...]
    closed: Formula | None
    factors: tuple[Factor, ...]


@final
@dataclass(frozen=True, slots=True)
class _Share:
    """What one edge adds to the gradient of its source, in the forms that the step prints."""

    factor: Factor
    symbolic: Any
    written: Any
    closed: Any


@final
@dataclass(frozen=True, slots=True)
class _Cotangent:
    """The gradient of one value: as a symbol, as its own step writes it, and in terms of values alone."""

    symbol: Any
    written: Any
    closed: Any


def sweep(graph: Graph) -> tuple[Step, ...]:
    """A step for every named value that the root's gradient reaches, from the root back."""
    with tracing(), np.errstate(all="ignore"):
        return tuple(_Sweep(graph).steps())


_FORMS = ("symbolic", "written", "closed")


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

    def steps(self) -> Iterator[Step]:
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
        pulled = [self._pulled(at, g) for g in (cotangent.symbol, cotangent.written, cotangent.closed, one)]
        for (edge, carried, elementwise), *others in zip(*pulled, strict=True):
            written, closed, local = (share for _, share, _ in others)
            source = self.kept[edge.source]
            direct, symbolic = at.id == self.root.id, carried
            if direct or elementwise:
                shown = self.terms.printed(local)
            else:
                written, shown = carried, self.terms.printed(carried, {cotangent.symbol.number: COTANGENT})
            if elementwise and not direct:
                link = self.terms.leaf(local.value, at.symbols.derivative(at.id, source.id))
                symbolic = scale(cotangent.symbol, link)
            factor = Factor(source, at, direct or elementwise, Formula(shown, carried.value, edge.contribution_data))
            yield _Share(factor, symbolic, written, closed)

    def _pulled(self, at: GraphNode, g: Any) -> list[tuple[GraphEdge, Any, bool]]:
        """The chain rule from one kept value to those before it: for each edge what it brings, and whether it does so
        element by element."""
        arrived = {at.id: (g, True)}
        found = []
        for node in self.inside[at.id]:
            if node.id not in arrived:
                continue
            g, elementwise = arrived.pop(node.id)
            for edge in self.into[node.id]:
                share, local = self._share(node, edge, g)
                local = local and elementwise
                if edge.source in self.kept:
                    found.append((edge, share, local))
                elif edge.source in arrived:
                    before, was = arrived[edge.source]
                    arrived[edge.source] = before + share, was and local
                else:
                    arrived[edge.source] = share, local
        return found

    def _share(self, node: GraphNode, edge: GraphEdge, g: Any) -> tuple[Any, bool]:
        """The rule of one op for one operand."""
        record: Any = OPS[node.op or ""]
        y, inputs = self.terms.values[node.id], [self.terms.values[p] for p in node.parents]
        shape = self.nodes[edge.source].shape
        if record.derivatives is not None and shape == node.shape:
            return scale(g, record.derivatives[edge.position](y, *inputs, **node.params)), True
        if g.shape != node.shape:
            g = g * self.terms.ones(node)
        share = record.vjps[edge.position](g, y, *inputs, **node.params)
        return (share if share.shape == shape else unbroadcast(share, shape)), False

    def _step(self, node: GraphNode, shares: Sequence[_Share]) -> tuple[Step, _Cotangent]:
        left = node.symbols.derivative(self.root.id, node.id)
        symbol = self.terms.leaf(node.gradient_data, left)
        symbolic, *others = (_total([getattr(share, form) for share in shares]) for form in _FORMS)
        is_one_rule = len(shares) == 1 and shares[0].factor.target.id == self.root.id
        written, closed = (self._settled(node, term, is_one_rule) for term in others)
        rights = [self._formula(node, term) for term in (others[0], written) if written is not None]
        shown = {formula.template: formula for formula in rights if length(formula.template) <= LONGEST}
        first = self._formula(node, symbolic)
        shown = {first.template: first, **shown}
        factors = tuple([share.factor for share in shares])
        cotangent = _Cotangent(symbol, symbol if written is None else written, symbol if closed is None else closed)
        ended = None if closed is None else self._formula(node, closed)
        return Step(node, left, tuple(shown.values()), ended, factors), cotangent

    def _settled(self, node: GraphNode, term: Any, keep: bool) -> Any:
        """A term as simple as it gets, or with `keep` in the form it has; None if it is too long to write even so."""
        if self.terms.width(term) > LONGEST:
            return None
        simple = simplified(term, self.terms, keep)
        if simple is not None and self._formula(node, simple).holds:
            return simple
        return term

    def _formula(self, node: GraphNode, term: Any) -> Formula:
        return Formula(self.terms.printed(term), term.value, node.gradient_data)


def _total(terms: Sequence[Any]) -> Any:
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total
