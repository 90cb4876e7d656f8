"""Graphs with more nodes than a picture can show: scopes rolled up, or else runs of ops drawn as one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from tinygrad_bp.formula import slot, symbol
from tinygrad_bp.graph import Graph, GraphEdge, GraphNode
from tinygrad_bp.graph.model import Group, Symbols

MOST_GROUPS = 12
"""Groups of consecutive ops that are still read at a glance."""


def collapsed(graph: Graph, max_nodes: int) -> tuple[Graph, tuple[str, ...]]:
    """The graph with at most `max_nodes` nodes, and what a reader has to know about it."""
    total = len(graph.nodes)
    if total <= max_nodes:
        return graph, ()
    more = "Draw it with a larger max_nodes to see all of it."
    rolled = _by_scope(graph)
    if rolled is not None and 1 < len(rolled.nodes) <= max_nodes:
        return rolled, (f"{total} nodes, more than {max_nodes}: scopes are rolled up. {more}",)
    grouped = _by_run(graph, max(1, min(MOST_GROUPS, max_nodes - 1)))
    return grouped, (f"{total} nodes, more than {max_nodes}: runs of consecutive ops are drawn as one. {more}",)


def _by_scope(graph: Graph) -> Graph | None:
    """The view in which a scope is one node, if the graph has scopes and can still be contracted."""
    if graph.detail != "ops" or not any(node.scope for node in graph.nodes):
        return None
    return graph.view("scopes", graph.passes)


def _by_run(graph: Graph, groups: int) -> Graph:
    """Ops contracted in the order they were made, so that no group depends on a later one; the last stays alone.

    A leaf belongs to the first group that uses it.
    """
    ops = [node for node in graph.nodes[:-1] if node.kind == "op"]
    size = max(1, -(-len(ops) // max(1, groups - 1)))
    owner = {node.id: f"r{i // size}" for i, node in enumerate(ops)}
    end = graph.nodes[-1]
    owner[end.id] = end.id
    for edge in graph.edges:
        owner.setdefault(edge.source, owner[edge.target])
    members: dict[str, list[GraphNode]] = {}
    for node in graph.nodes[:-1]:
        members.setdefault(owner.get(node.id, end.id), []).append(node)
    members.pop(end.id, None)
    inside = sorted(members.items(), key=lambda item: int(item[0][1:]))
    edges = _edges(graph, owner)
    parents: dict[str, list[str]] = {}
    for edge in edges:
        parents.setdefault(edge.target, []).append(edge.source)
    symbols = Symbols()
    symbols.names.update(end.symbols.names)
    symbols.written_out.update(end.symbols.written_out)
    edges = [replace(edge, symbols=symbols) for edge in edges]
    nodes = [_group(name, nodes, tuple(parents.get(name, ())), symbols) for name, nodes in inside]
    nodes.append(replace(end, parents=tuple(parents.get(end.id, ()))))
    return Graph(tuple(nodes), tuple(edges), graph.detail, graph.passes, graph.whole)


def _group(identity: str, nodes: Sequence[GraphNode], parents: tuple[str, ...], symbols: Symbols) -> GraphNode:
    """One node for many: it shows the value and the gradient of the last of them."""
    last = nodes[-1]
    kinds = Counter([node.op or node.kind for node in nodes if node.op] or [node.kind for node in nodes])
    counts = ", ".join([f"{n} {op}" for op, n in kinds.most_common(3)]) + ", …" * (len(kinds) > 3)
    first = next((node for node in nodes if node.op), nodes[0])
    name = last.name if len(nodes) == 1 else f"{first.name} … {last.name}"
    symbols.add(identity, last.name, None)
    ops = sum([node.op is not None for node in nodes])
    return replace(
        last, id=identity, name=name, named=True, kind="op", op=counts, parents=parents, template=slot(identity),
        symbols=symbols, group=Group(ops, 1, 0, (), ()),
    )  # fmt: skip


def _edges(graph: Graph, owner: dict[str, str]) -> list[GraphEdge]:
    """One edge between two groups, whatever number of values goes from one to the other."""
    found: dict[tuple[str, str], GraphEdge] = {}
    for edge in graph.edges:
        key = source, target = owner[edge.source], owner[edge.target]
        if source == target:
            continue
        carries = edge.template is not None or (key in found and found[key].template is not None)
        template = symbol(slot(target), slot(source)) if carries else None
        count = edge.count + (found[key].count if key in found else 0)
        alone = replace(edge, contribution=None, contribution_data=None)
        found[key] = replace(alone, source=source, target=target, template=template, count=count)
    return list(found.values())
