"""Views: the same graph with less in it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import replace

from tinygrad_bp.formula import COTANGENT, SLOT, fill, length, slot, symbol
from tinygrad_bp.graph.model import GraphEdge, GraphNode

LONGEST = 160
"""Width beyond which a composed formula helps nobody and only its symbol is written."""

TIMES, ONES = r"\cdot", r"\mathbf{1}"

_FEW = 4

Nodes = Sequence[GraphNode]
Edges = Sequence[GraphEdge]


def named(nodes: Nodes, edges: Edges) -> tuple[tuple[GraphNode, ...], tuple[GraphEdge, ...]]:
    """The graph contracted to its named values and leaves; every edge carries the derivative composed along its way.

    A value without a name is drawn into the one named value it leads to. If it leads to several it stays, so that each
    edge belongs to one target. Without any named value between leaves and result there is nothing to contract to.
    """
    if not any(node.named and node.kind == "op" for node in nodes[:-1]):
        return tuple(nodes), tuple(edges)
    nodes, edges = without_copies(nodes, edges)
    owner = _owners(nodes, edges)
    number = {n.id for n in nodes if n.kind == "constant" and (not n.named or _is_uniform(n))}
    values = _expressions(nodes, owner)
    derivatives = _composed(nodes, edges, owner, values)
    kept_edges = [
        replace(edge, target=owner[edge.target], position=i, template=derivatives[id(edge)])
        for edges_in in _by_owner(edges, owner, number).values()
        for i, edge in enumerate(edges_in)
    ]
    parents = defaultdict(list)
    for edge in kept_edges:
        parents[edge.target].append(edge.source)
    kept = [
        replace(node, template=values[node.id] or _function_of(parents[node.id]), parents=tuple(parents[node.id]))
        for node in nodes
        if owner[node.id] == node.id and node.id not in number
    ]
    return tuple(kept), tuple(kept_edges)


def without_copies(nodes: Nodes, edges: Edges) -> tuple[Nodes, Edges]:
    """The graph without the identities by which transforms begin: those of leaves, and of values named alike."""
    by_id = {node.id: node for node in nodes}
    copied: dict[str, str] = {}
    for node in nodes[:-1]:
        source = node.parents[0] if len(node.parents) == 1 else ""
        source = copied.get(source, source)
        if source in by_id and node.template == slot(node.parents[0]):
            given = by_id[source]
            if given.shape == node.shape and (given.kind != "op" or given.name == node.name):
                copied[node.id] = source
    if not copied:
        return nodes, edges
    written = {copy: slot(source) for copy, source in copied.items()}

    def rewritten(template: str | None) -> str | None:
        used = {key: written[key] for key in SLOT.findall(template or "") if key in written}
        return fill(template, used) if template and used else template

    kept_edges = [
        replace(edge, source=copied.get(edge.source, edge.source), template=rewritten(edge.template))
        for edge in edges
        if edge.target not in copied
    ]
    kept = [
        replace(
            node,
            template=rewritten(node.template) or node.template,
            parents=tuple([copied.get(parent, parent) for parent in node.parents]),
        )
        for node in nodes
        if node.id not in copied
    ]
    return kept, kept_edges


def _is_uniform(node: GraphNode) -> bool:
    """Whether all elements of a constant are equal, as in the masks and ones that rules make."""
    return node.value is not None and node.value.minimum == node.value.maximum


def _owners(nodes: Nodes, edges: Edges) -> dict[str, str]:
    """For every node the kept one it is drawn into: itself, or the only one that all its uses lead to."""
    uses: dict[str, set[str]] = defaultdict(set)
    owner: dict[str, str] = {}
    into = _incoming(edges)
    for node in reversed(nodes):
        led_to = uses.pop(node.id, set())
        kept = node.named or node.kind != "op" or len(led_to) != 1
        owner[node.id] = node.id if kept else led_to.pop()
        for edge in into[node.id]:
            uses[edge.source].add(owner[node.id])
    return owner


def _incoming(edges: Iterable[GraphEdge]) -> dict[str, list[GraphEdge]]:
    into: dict[str, list[GraphEdge]] = defaultdict(list)
    for edge in edges:
        into[edge.target].append(edge)
    return into


def _by_owner(edges: Edges, owner: Mapping[str, str], number: set[str]) -> dict[str, list[GraphEdge]]:
    """The edges that leave a kept node, collected by the kept node they lead to."""
    found: dict[str, list[GraphEdge]] = defaultdict(list)
    for edge in edges:
        if owner[edge.source] == edge.source and edge.source not in number:
            found[owner[edge.target]].append(edge)
    return found


def _expressions(nodes: Nodes, owner: Mapping[str, str]) -> dict[str, str | None]:
    """Every value in terms of kept ones; None where that is too long to write."""
    inside: dict[str, str | None] = {}
    values: dict[str, str | None] = {}
    for node in nodes:
        values[node.id] = _written(node.template, inside)
        if owner[node.id] != node.id:
            inside[node.id] = values[node.id]
    return values


def _written(template: str, inside: Mapping[str, str | None]) -> str | None:
    """A template with the values inside written out."""
    known = {key: value for key in SLOT.findall(template) if (value := inside.get(key)) is not None}
    if any(inside.get(key, "") is None for key in SLOT.findall(template)):
        return None
    written = fill(template, known) if known else template
    return written if length(written) <= LONGEST else None


def _function_of(sources: Sequence[str]) -> str:
    """What stands for a formula that is too long: f(a, b, …)."""
    shown = [slot(source) for source in dict.fromkeys(sources)]
    return f"f({', '.join(shown[:_FEW] + [r'…'] * (len(shown) > _FEW))})"


def _composed(
    nodes: Nodes, edges: Edges, owner: Mapping[str, str], values: Mapping[str, str | None]
) -> dict[int, str | None]:
    """For every edge the derivative of its target's owner for its source: the chain rule, in symbols.

    `carried` is what arrives at a value, either a factor of the cotangent δ ("1" stands for δ itself) or, with ‹g› in
    it, the whole cotangent; of a target that is a single number always a factor. None is what is too long to write.
    """
    into = _incoming(edges)
    inside = {node: value for node, value in values.items() if owner[node] != node}
    arrays = {node.id for node in nodes if node.shape}
    carried: dict[str, str | None] = {}
    result: dict[int, str | None] = {}
    for node in reversed(nodes):
        target = owner[node.id]
        arrived = "1" if target == node.id else carried.pop(node.id, None)
        dot = r"\odot" if node.id in arrays else r"\cdot"
        whole = target not in arrays
        for edge in into[node.id]:
            if edge.template is None:
                result[id(edge)] = None
                continue
            local = _written(edge.template, inside)
            step = None if arrived is None or local is None else _step(arrived, local, whole, dot, arrays)
            result[id(edge)] = step or symbol(slot(target), slot(edge.source))
            carried[edge.source] = _sum(carried[edge.source], step, whole, dot) if edge.source in carried else step
    return result


def _step(arrived: str, local: str, whole: bool, dot: str, arrays: Container[str]) -> str | None:
    """What leaves an edge, from what arrives at it and the edge's own derivative."""
    if COTANGENT in local:
        step = fill(local, {"g": _spread(arrived, arrays) if whole else _cotangent(arrived, dot)})
    elif local == "1" or arrived == "1":
        step = arrived if local == "1" else local
    elif "-1" in (local, arrived):
        step = fill("-‹a›", {"a": arrived if local == "-1" else local})
    else:
        if "‹" not in local:  # a number goes first
            arrived, local = local, arrived
        step = fill(f"‹a› {dot if '‹' in arrived else TIMES} ‹d›", {"a": arrived, "d": local})
    return step if length(step) <= LONGEST else None


def _cotangent(factor: str, dot: str) -> str:
    """The cotangent that a factor of it stands for."""
    if factor == "1" or COTANGENT in factor:
        return COTANGENT if factor == "1" else factor
    return fill(f"{COTANGENT} {dot} ‹d›", {"d": factor})


def _spread(factor: str, arrays: Container[str]) -> str:
    """A number that stands for every element of an array, where a product of arrays needs the array."""
    if any(key in arrays for key in SLOT.findall(factor)):
        return factor
    return ONES if factor == "1" else fill(f"‹a› {TIMES} {ONES}", {"a": factor})


def _sum(before: str | None, step: str | None, whole: bool, dot: str) -> str | None:
    if before is None or step is None:
        return None
    if not whole and (COTANGENT in before) != (COTANGENT in step):
        before, step = _cotangent(before, dot), _cotangent(step, dot)
    total = fill("‹a› + ‹b›", {"a": before, "b": step})
    return total if length(total) <= LONGEST else None
