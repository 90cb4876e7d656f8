"""Which part of a graph: what leads to a node, what follows from it, what is near it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from tinygrad_bp.graph.model import GraphEdge


def reached(start: str, edges: Iterable[GraphEdge], *, up: bool, down: bool, steps: int | None = None) -> set[str]:
    """The ids that edges lead to from `start`: up to operands, down to results, in at most so many steps."""
    following: dict[str, list[str]] = defaultdict(list)
    for edge in edges:
        if up:
            following[edge.target].append(edge.source)
        if down:
            following[edge.source].append(edge.target)
    found, front = {start}, [start]
    while front and steps != 0:
        front = list({key: None for at in front for key in following[at] if key not in found})
        found.update(front)
        steps = None if steps is None else steps - 1
    return found


def within(ids: set[str], edges: Sequence[GraphEdge]) -> tuple[GraphEdge, ...]:
    """The edges between these nodes."""
    return tuple([edge for edge in edges if edge.source in ids and edge.target in ids])
