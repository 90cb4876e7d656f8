"""`Graph`: an immutable snapshot of a computation and its gradients. Pictures, derivations and code read only this."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal, Self, final

from tinygrad_bp.calls import guarded
from tinygrad_bp.engine import Node
from tinygrad_bp.errors import ArgumentError
from tinygrad_bp.graph import export, paths, serial
from tinygrad_bp.graph.model import (
    GraphEdge as GraphEdge,
    GraphNode as GraphNode,
    Group as Group,
    Summary as Summary,
)
from tinygrad_bp.graph.naming import is_number as is_number
from tinygrad_bp.graph.paths import Path as Path
from tinygrad_bp.graph.scopes import scopes
from tinygrad_bp.graph.slices import reached, within
from tinygrad_bp.graph.snapshot import place as place, snapshot
from tinygrad_bp.graph.view import named, without_copies

Detail = Literal["ops", "named", "scopes"]
Passes = Literal["forward", "backward", "both"]

_DETAILS = ("ops", "named", "scopes")
_PASSES = ("forward", "backward", "both")


@final
@dataclass(frozen=True, slots=True, repr=False)
class Graph:
    """What a value was computed from: nodes in the order they were made, and edges.

    detail: "ops" (every op), "named" (contracted to named values) or "scopes" (a node for each scope). passes: which
    passes a picture of it shows. whole: for a part of a graph, the value C that the whole graph computes.
    """

    nodes: tuple[GraphNode, ...]
    edges: tuple[GraphEdge, ...]
    detail: Detail = "ops"
    passes: Passes = "both"
    whole: GraphNode | None = None

    @property
    def root(self) -> GraphNode:
        """The value that the graph computes, C in ∂C/∂x: the last node, except in a part that leaves it out."""
        return self.whole or self.nodes[-1]

    def __getitem__(self, name: str) -> GraphNode:
        """The newest node with this name or id."""
        for node in reversed(self.nodes):
            if name in (node.name, node.id):
                return node
        raise KeyError(f"no node is named {name!r}; there are {', '.join([n.name for n in self.nodes][:20])}")

    def __repr__(self) -> str:
        passes = "both passes" if self.passes == "both" else f"{self.passes} pass"
        return f"<Graph of {self.root.name}: {len(self.nodes)} nodes, {len(self.edges)} edges, {passes}>"

    def view(self, detail: Detail = "ops", passes: Passes = "both", depth: int = 1) -> Graph:
        """The same graph with less in it.

        "named": contracted to named values and leaves, the derivatives composed. "scopes": every scope is one node that
        tells how much is inside (`node.group`), scopes built alike one after another are one node ×N, and edges between
        the same two are one; depth: 1 for the outermost scopes, 2 for those inside them.

        >>> import tinygrad_bp as tg
        >>> x = tg.tensor(0.5, requires_grad=True, name="x")
        >>> C = (tg.sigmoid(2 * x + 1) ** 2).named("C")
        >>> for edge in tg.graph(C).view("named").edges:
        ...     print(edge.formula)
        ∂a1/∂x = 2a1(1 − a1)
        ∂C/∂a1 = 2a1
        """
        if detail not in _DETAILS or passes not in _PASSES or depth < 1:
            raise ArgumentError(
                f"view: detail is one of {_DETAILS}, passes one of {_PASSES} and depth at least 1; "
                f"got {detail!r}, {passes!r} and {depth!r}."
            )
        if detail == self.detail:
            return replace(self, passes=passes)
        if self.detail != "ops":
            raise ArgumentError("view: the ops of a contracted graph are gone. Take the view of tg.graph(C).")
        nodes, edges = named(self.nodes, self.edges) if detail == "named" else scopes(self.nodes, self.edges, depth)
        return Graph(nodes, edges, detail, passes, self.whole)

    def without_copies(self) -> Graph:
        """The same graph without the identities by which transforms begin: values that are another one by its name."""
        nodes, edges = without_copies(self.nodes, self.edges)
        return replace(self, nodes=tuple(nodes), edges=tuple(edges))

    def ancestors(self, node: str | GraphNode) -> Graph:
        """The part that a node was computed from, with the node."""
        return self._part(reached(self._known(node).id, self.edges, up=True, down=False))

    def descendants(self, node: str | GraphNode) -> Graph:
        """The part that was computed from a node, with the node; other operands are left out."""
        return self._part(reached(self._known(node).id, self.edges, up=False, down=True))

    def neighbourhood(self, node: str | GraphNode, k: int = 1) -> Graph:
        """The part that is at most k edges away from a node, in either direction."""
        if k < 0:
            raise ArgumentError(f"neighbourhood: k, a number of edges, is {k}. Give 0 or more.")
        return self._part(reached(self._known(node).id, self.edges, up=True, down=True, steps=k))

    def path(
        self, source: str | GraphNode, target: str | GraphNode | None = None, limit: int = 1000
    ) -> tuple[Path, ...]:
        """Every way a gradient takes from target (by default the root) to source; their products add up to it.

        Raises ArgumentError if there are more than `limit`.

        >>> import tinygrad_bp as tg
        >>> x = tg.tensor(3.0, requires_grad=True, name="x")
        >>> for path in tg.graph((x * tg.exp(-x)).named("h")).path("x"):
        ...     print(path.formula, "=", path.product)
        ∂h/∂x = 0.049787068367863944
        ∂h/∂(e^(−x))·∂(e^(−x))/∂(−x)·∂(−x)/∂x = -0.14936120510359183
        """
        ends = self._known(source), self._known(self.root if target is None else target)
        return paths.paths(self.nodes, self.edges, *ends, limit, products=self.detail == "ops")

    def _known(self, node: str | GraphNode) -> GraphNode:
        return self[node if isinstance(node, str) else node.id]

    def _part(self, ids: set[str]) -> Graph:
        nodes = tuple([node for node in self.nodes if node.id in ids])
        whole = None if self.root.id in ids else self.root
        return replace(self, nodes=nodes, edges=within(ids, self.edges), whole=whole)

    def to_networkx(self) -> Any:
        """The graph as a `networkx.MultiDiGraph`: nodes by id, edges by operand position; needs the `graph` extra.

        Nodes and edges have our fields and their formula as attributes: `G.nodes["n0"]["name"]`.
        """
        return export.to_networkx(self.nodes, self.edges, root=self.root.id, detail=self.detail, passes=self.passes)

    def to_json(self) -> str:
        """The graph as JSON, without the arrays: shapes, formulas, summaries. The same graph gives the same text."""
        return serial.to_json(self.nodes, self.edges, self.whole, detail=self.detail, passes=self.passes)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The graph that `to_json` wrote. Raises ArgumentError if the text is something else."""
        return cls(**serial.from_json(text))


@guarded
def graph(C: Any, gradients: bool = True) -> Graph:
    """Snapshot of everything the tensor C was computed from.

    gradients: also work out ∂C/∂v for every value v, in one sweep that touches no `.grad`; only where C is a single
    number that requires a gradient, else they are None. (A hook that a tensor registered runs in this sweep as well.)
    Raises GraphFreedError after a backward() that released the graph, ArgumentError if C is not a tensor.

    >>> import tinygrad_bp as tg
    >>> x = tg.tensor(3.0, requires_grad=True, name="x")
    >>> g = tg.graph((x * x).named("h"))
    >>> g.root.formula, g["x"].gradient.mean, len(g.edges)
    ('x²', 6.0, 2)
    """
    if not isinstance(C, Node):
        raise ArgumentError(f"graph: expected a tensor; got {type(C).__name__}. Pass the result of a computation.")
    return Graph(*snapshot(C, gradients))
