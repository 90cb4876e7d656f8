"""The spine of a picture: the longest way from the data to the result, which is drawn on one row."""

from __future__ import annotations

from collections.abc import Sequence

from tinygrad_bp.graph import Graph, GraphNode


def spine(graph: Graph) -> tuple[str, ...]:
    """The ids on the spine, from its leaf to the root; of equally long ways one that begins at an input."""
    best: dict[str, tuple[int, bool, str]] = {}
    kinds = {node.id: node.kind for node in graph.nodes}
    length: dict[str, int] = {}
    arriving: dict[str, list[str]] = {}
    for edge in graph.edges:
        arriving.setdefault(edge.target, []).append(edge.source)
    for node in graph.nodes:
        ways = [(length[source], kinds[source] == "input", source) for source in arriving.get(node.id, ())]
        if ways:
            best[node.id] = max(ways, key=lambda way: way[:2])
        length[node.id] = best[node.id][0] + 1 if ways else 0
    way = [graph.root.id] if graph.root.id in kinds else []
    while way and way[-1] in best:
        way.append(best[way[-1]][2])
    return tuple(reversed(way))


def from_above(graph: Graph, way: Sequence[str]) -> dict[str, int]:
    """By id the order in which a layout begins to put nodes below each other: above the spine, on it, the others.

    Of the leaves that only a node on the spine uses, every other one is above it.
    """
    uses: dict[str, list[str]] = {}
    for edge in graph.edges:
        uses.setdefault(edge.source, []).append(edge.target)
    leaves: dict[str, list[GraphNode]] = {}
    for node in graph.nodes:
        if node.kind != "op" and node.id not in way and len(users := {*uses.get(node.id, ())}) == 1:
            leaves.setdefault(users.pop(), []).append(node)
    above = [node for at in reversed(way) for node in leaves.get(at, ())[::2]]
    first = [*[node.id for node in above], *way]
    ordered = dict.fromkeys([*first, *[node.id for node in graph.nodes]])
    return {identity: i for i, identity in enumerate(ordered)}
