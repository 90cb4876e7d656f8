"""Graphs for other libraries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from tinygrad_bp.errors import missing_extra
from tinygrad_bp.graph.model import GraphEdge, GraphNode

_LEFT_OUT = {"id", "source", "target", "parents", "template", "symbols"}


def to_networkx(nodes: Sequence[GraphNode], edges: Sequence[GraphEdge], **about: Any) -> Any:
    """A `networkx.MultiDiGraph` whose nodes and edges have the fields of ours, and the formula, as attributes."""
    try:
        import networkx
    except ImportError as error:
        raise missing_extra("networkx", "graph") from error
    network = networkx.MultiDiGraph(**about)
    network.add_nodes_from([(node.id, _attributes(node)) for node in nodes])
    network.add_edges_from([(edge.source, edge.target, edge.position, _attributes(edge)) for edge in edges])
    return network


def _attributes(part: GraphNode | GraphEdge) -> dict[str, Any]:
    found = {f.name: getattr(part, f.name) for f in fields(part) if f.name not in _LEFT_OUT}
    return found | {"formula": part.formula}
