"""The chain rule path by path: every way from one value to another, and what it adds to the derivative."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np

from tinygrad_bp.broadcasting import unbroadcast
from tinygrad_bp.errors import ArgumentError
from tinygrad_bp.graph.model import GraphEdge, GraphNode
from tinygrad_bp.modes import quietly
from tinygrad_bp.registry import OPS

Into = Mapping[str, Sequence[GraphEdge]]


@final
@dataclass(frozen=True, slots=True)
class Path:
    """One way from a value to another: nodes from source to target, and the edges between them.

    product: what this way alone adds to ∂target/∂source, read-only. Of a target that is a single number it has the
    source's shape, else target.shape + source.shape. None where the saved values are not in the graph, and in views
    that are contracted.
    """

    nodes: tuple[GraphNode, ...]
    edges: tuple[GraphEdge, ...]
    product: Any = field(default=None, compare=False)

    @property
    def formula(self) -> str:
        """The chain rule as text: `∂C/∂a2·∂a2/∂z2`."""
        return "·".join([edge.symbol for edge in reversed(self.edges)]) or "1"

    @property
    def latex(self) -> str:
        """The chain rule as LaTeX."""
        factors = [e.symbols.latex(e.symbols.derivative(e.target, e.source)) for e in reversed(self.edges)]
        return r" \cdot ".join(factors) or "1"


def paths(
    nodes: Sequence[GraphNode], edges: Sequence[GraphEdge], source: GraphNode, target: GraphNode, limit: int,
    products: bool,
) -> tuple[Path, ...]:  # fmt: skip
    """Every path along which a gradient flows from `target` to `source`, with products if the nodes are single ops."""
    into: dict[str, list[GraphEdge]] = defaultdict(list)
    for edge in edges:
        if edge.template is not None:
            into[edge.target].append(edge)
    ways = {source.id: 1}
    for node in nodes:
        if node.id != source.id and (total := sum([ways.get(edge.source, 0) for edge in into[node.id]])):
            ways[node.id] = min(total, limit + 1)  # in a deep graph the true number has thousands of digits
    if ways.get(target.id, 0) > limit:
        raise ArgumentError(
            f"path: there are more than {limit} from {source.name} to {target.name}. Name a value between them and "
            "take the paths in two parts, take g.view('named'), or give a larger limit."
        )
    kept = {end: [edge for edge in arriving if edge.source in ways] for end, arriving in into.items()}
    by_id = {node.id: node for node in nodes}
    return quietly(tuple, _walked(by_id, kept, source, target, products)) if target.id in ways else ()


def _walked(
    by_id: Mapping[str, GraphNode], into: Into, source: GraphNode, target: GraphNode, products: bool
) -> Iterator[Path]:
    """Depth first from the target, each step back one vector–Jacobian product, shared by the paths that begin alike."""
    way: list[GraphEdge] = []
    pending: list[tuple[int, GraphEdge | None, Any]] = [(0, None, _seeds(target) if products else None)]
    while pending:
        depth, edge, arrived = pending.pop()
        at = target
        if edge is not None:
            way[depth - 1 :] = [edge]
            arrived = _pulled_back(by_id, edge, arrived)
            at = by_id[edge.source]
        if at.id == source.id:
            ends = tuple([by_id[e.source] for e in reversed(way[:depth])])
            yield Path((*ends, target), tuple(reversed(way[:depth])), _product(arrived, source, target))
            continue
        pending += [(depth + 1, edge, arrived) for edge in reversed(into.get(at.id, ()))]


def _seeds(target: GraphNode) -> list[Any] | None:
    """The cotangents to start with: for each element of the target one that is 1 there."""
    if target.data is None:
        return None
    units = np.eye(target.data.size, dtype=target.data.dtype).reshape(-1, *target.shape)
    return [unit[()] for unit in units]


def _pulled_back(by_id: Mapping[str, GraphNode], edge: GraphEdge, arrived: list[Any] | None) -> list[Any] | None:
    """The cotangents of an edge's source, from those of its target."""
    node = by_id[edge.target]
    operands = [by_id.get(p) for p in node.parents]
    inputs = [_raw(p) for p in operands if p is not None and p.data is not None]
    op = node.op or ""
    if arrived is None or op not in OPS or len(inputs) != len(operands) or node.data is None:
        return None
    source, y = np.asarray(by_id[edge.source].data), node.data[()]
    rule: Any = OPS[op].vjps[edge.position]
    return [_fitted(rule(g, y, *inputs, **node.params), source) for g in arrived]


def _raw(node: GraphNode) -> Any:
    """A value as the op was given it: constants without shape are Python's own numbers, or no numbers at all."""
    return node.data.item() if node.kind == "constant" and not node.shape else node.data[()]


def _fitted(share: Any, source: Any) -> Any:
    share = unbroadcast(share, source.shape) if np.shape(share) != source.shape else share
    if np.iscomplexobj(share) and source.dtype.kind != "c":
        share = share.real
    return np.asarray(share, source.dtype)[()]


def _product(arrived: list[Any] | None, source: GraphNode, target: GraphNode) -> Any:
    if arrived is None:
        return None
    shape = source.shape if len(arrived) == 1 else target.shape + source.shape
    product = np.array(arrived).reshape(shape)
    product.flags.writeable = False
    return product
