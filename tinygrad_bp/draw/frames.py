"""A computation and its chain rule, one step at a time, as data; how a step looks is the page's business.

Formulas are templates: ‹id› stands for a node, ‹∂id› for its gradient, ‹+i› for what edge number i adds to one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, final

import numpy as np

from tinygrad_bp.formula import COTANGENT, SLOT, fill, slot
from tinygrad_bp.graph import Graph, GraphEdge

Kind = Literal["given", "forward", "seed", "backward", "sum", "result"]


@final
@dataclass(frozen=True, slots=True)
class Frame:
    """One thing to understand.

    nodes: the ids of what it works out; of "given" and "result" several. reads: the ids of what it needs for that.
    edges: the numbers of the edges it goes along.
    left, rules: the equation, `left = rule = rule`, from the general to the particular.
    value: what comes out, an array; None where the graph has no arrays.
    before, after: the gradient that has been accumulated, None of a forward step or if nothing has arrived yet.
    complete: whether this is the last that is added to the gradient.
    """

    kind: Kind
    nodes: tuple[str, ...]
    reads: tuple[str, ...] = ()
    edges: tuple[int, ...] = ()
    left: str = ""
    rules: tuple[str, ...] = ()
    value: Any = None
    before: Any = None
    after: Any = None
    complete: bool = True


def gradient_slot(identity: str) -> str:
    """The place in a template where a node's gradient stands."""
    return slot(f"∂{identity}")


def steps(graph: Graph) -> tuple[Frame, ...]:
    """What is given, the forward pass, the seed, one step for each vector–Jacobian product and each sum, the result.

    Without gradients, only the forward pass.
    """
    way_back = _backward(graph) if graph.root.gradient is not None else ()
    return *_forward(graph), *way_back


def numbers(graph: Graph) -> dict[str, Any]:
    """The array that each slot of the steps' templates stands for, as far as the graph has them."""
    known = {node.id: node.data for node in graph.nodes}
    known |= {f"∂{node.id}": node.gradient_data for node in graph.nodes}
    known |= {f"+{i}": edge.contribution_data for i, edge in enumerate(graph.edges)}
    return {key: array for key, array in known.items() if array is not None}


def symbols(graph: Graph) -> dict[str, str]:
    """The symbol of each slot that is not a node, as a template of nodes: ∂C/∂a2, and ∂C/∂a2 · ∂a2/∂z2."""
    derivative, root = graph.root.symbols.derivative, graph.root.id
    found = {f"∂{node.id}": derivative(root, node.id) for node in graph.nodes}
    return found | {f"+{i}": fill(_chained(graph, edge), found) for i, edge in enumerate(graph.edges)}


def _forward(graph: Graph) -> Iterator[Frame]:
    yield Frame("given", tuple([node.id for node in graph.nodes if node.kind != "op"]))
    edges: dict[str, list[int]] = defaultdict(list)
    for i, edge in enumerate(graph.edges):
        edges[edge.target].append(i)
    for node in graph.nodes:
        if node.kind == "op":
            yield Frame(
                kind="forward", nodes=(node.id,), reads=_distinct(node.parents), edges=tuple(edges[node.id]),
                left=slot(node.id) if node.named else "", rules=(node.template,), value=node.data,
            )  # fmt: skip


def _backward(graph: Graph) -> Iterator[Frame]:
    """Nodes from the last to the first: a sum where several paths have met, then a product for each edge back."""
    root = graph.root
    yield Frame("seed", (root.id,), left=gradient_slot(root.id), rules=("1",), value=root.gradient_data,
               after=root.gradient_data)  # fmt: skip
    into, paths = _links(graph)
    accumulated: dict[str, Any] = {}
    arrived: dict[str, int] = defaultdict(int)
    for node in reversed(graph.nodes):
        if len(paths[node.id]) > 1:
            yield _sum(graph, node.id, paths[node.id])
        for i in into[node.id]:
            source = graph.edges[i].source
            arrived[source] += 1
            complete = arrived[source] == len(paths[source])
            step = _product(graph, i, accumulated.get(source), complete)
            accumulated[source] = step.after
            yield step
    yield Frame("result", tuple([n.id for n in graph.nodes if n.kind == "parameter" and n.gradient is not None]))


def _links(graph: Graph) -> tuple[Mapping[str, list[int]], Mapping[str, list[int]]]:
    """The edges along which a gradient flows, by target and by source."""
    into: dict[str, list[int]] = defaultdict(list)
    paths: dict[str, list[int]] = defaultdict(list)
    for i, edge in enumerate(graph.edges):
        if edge.template is not None and edge.contribution is not None:
            into[edge.target].append(i)
            paths[edge.source].append(i)
    return into, paths


def _product(graph: Graph, i: int, before: Any, complete: bool) -> Frame:
    edge = graph.edges[i]
    share = edge.contribution_data
    if share is None:
        after = None
    elif complete:
        after = next(node.gradient_data for node in graph.nodes if node.id == edge.source)
    else:
        after = share if before is None else np.add(before, share)
    rules = tuple(dict.fromkeys((_chained(graph, edge), _particular(graph, edge))))
    return Frame(
        kind="backward", nodes=(edge.source,), reads=_distinct((edge.target, *_nodes_in(edge))), edges=(i,),
        left=gradient_slot(edge.source), rules=rules, value=share, before=before, after=after, complete=complete,
    )  # fmt: skip


def _sum(graph: Graph, identity: str, paths: list[int]) -> Frame:
    gradient = next(node.gradient_data for node in graph.nodes if node.id == identity)
    return Frame(
        kind="sum", nodes=(identity,), reads=_distinct([graph.edges[i].target for i in paths]), edges=tuple(paths),
        left=gradient_slot(identity), rules=(" + ".join([slot(f"+{i}") for i in paths]),), value=gradient,
        after=gradient,
    )  # fmt: skip


def _chained(graph: Graph, edge: GraphEdge) -> str:
    """The chain rule for one edge: ∂C/∂y · ∂y/∂x."""
    return f"{gradient_slot(edge.target)} {_times(graph, edge)} {edge.symbols.derivative(edge.target, edge.source)}"


def _particular(graph: Graph, edge: GraphEdge) -> str:
    """The same with the derivative written out: ∂C/∂y ⊙ a(1 − a), or the product in use, ∂C/∂y · Xᵀ."""
    arriving, rule = gradient_slot(edge.target), edge.template or ""
    if edge.is_product:
        return fill(rule, {"g": arriving})
    if rule in ("1", "-1"):
        return rule.replace("1", arriving)
    return fill(f"{COTANGENT} {_times(graph, edge)} ‹d›", {"g": arriving, "d": rule})


def _times(graph: Graph, edge: GraphEdge) -> str:
    elementwise = not edge.is_product and next(n.shape for n in graph.nodes if n.id == edge.target)
    return r"\odot" if elementwise else r"\cdot"


def _nodes_in(edge: GraphEdge) -> list[str]:
    return [key for key in SLOT.findall(edge.template or "") if key != "g"]


def _distinct(ids: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(ids))
