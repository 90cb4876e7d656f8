"""A graph as a program: its ops run once more on traced leaves, and the sweep back, so that all numbers can follow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np

from tinygrad_bp.engine import Node, apply, history, sweep
from tinygrad_bp.errors import TracingError
from tinygrad_bp.graph import Graph, GraphEdge, GraphNode, is_number
from tinygrad_bp.modes import current_mode
from tinygrad_bp.program import Step, optimized, traced
from tinygrad_bp.source.javascript import NotWritten, javascript
from tinygrad_bp.tensor import asarray

Use = tuple[str, int]
"""A use of a value: the id of what uses it, and the operand's position there."""


@final
@dataclass(frozen=True)
class Replay:
    """The program of a graph as JavaScript, and the part of it that computes the cost alone.

    inputs: of both, the graph's leaves. values, gradients: by the id of a node, where its numbers stand among inputs
    and outputs, the inputs first. shares: the same of what each use of a value adds to its gradient. results: the
    outputs for the graph's own numbers.
    """

    script: str
    forward: str
    inputs: tuple[GraphNode, ...]
    values: Mapping[str, int]
    gradients: Mapping[str, int]
    shares: Mapping[Use, int]
    results: tuple[Any, ...]


def replay(C: Any, graph: Graph, shown: Graph) -> Replay:
    """The program that computes, from the leaves of C's graph, all that a picture shows of it.

    Raises TracingError for an op that asks for numbers, and for one that has no form in JavaScript.
    """
    return _Replay(C, graph, shown).whole()


KINDS = ("value", "gradient", "share")


class _Replay:
    """The replay while it runs."""

    def __init__(self, C: Any, graph: Graph, shown: Graph):
        self.C = C
        self.nodes = history([C])
        known = [node for node in graph.nodes if node.kind != "constant"]
        named = [node for node in self.nodes if not is_number(node)]
        self.of = dict(zip([node.number for node in named], known, strict=True))
        self.leaves = [node for node in named if node.op is None]
        self.shown: set[Any] = {*[node.id for node in shown.nodes], *uses(graph, shown)}
        self.made: dict[int, Any] = {}
        self.outputs: list[tuple[str, Any]] = []
        self.marks: list[tuple[Any, Node]] = []  # what was computed last, and for which op

    def whole(self) -> Replay:
        """Trace the ops and the sweep, and write the program."""
        inputs = tuple([self.of[leaf.number] for leaf in self.leaves])
        try:
            program, results = traced(self._run, "graph", [(leaf.name, leaf.data[()]) for leaf in inputs])
        except TracingError as error:
            raise TracingError(f"play: {self._named(len(self.marks))}: {error}") from error
        root = self.outputs.index(("value", self.of[self.C.number].id))
        cost = replace(program, name="cost", outputs=[program.outputs[root]], gradients=[None])
        try:
            script, forward = javascript(optimized(program)), javascript(optimized(cost))
        except NotWritten as error:
            raise self._not_written(error) from error
        places = [("value", leaf.id) for leaf in inputs] + self.outputs
        found = {kind: {key: i for i, (k, key) in enumerate(places) if k == kind} for kind in KINDS}
        return Replay(script, forward, inputs, found["value"], found["gradient"], found["share"], tuple(results))

    def _run(self, *leaves: Any) -> list[Any]:
        """The forward pass, and the sweep: all results of theirs that are shown."""
        self.made |= {node.number: node.value for node in self.nodes if is_number(node)}
        for leaf, new in zip(self.leaves, leaves, strict=True):
            new.requires_grad = leaf.requires_grad
            self.made[leaf.number] = new
        for node in self.nodes:
            if node.op is not None:
                operands = [self.made[p.number] if isinstance(p, Node) else p for p in node.parents]
                self.marks.append((None, node))
                self.made[node.number] = new = apply(node.op, tuple(operands), node.params)
                self.marks[-1] = new, node
                known = self.of[node.number]
                new.name, new.retains_grad = known.name if known.named else None, True
        found = {("value", self.of[n.number].id): self.made[n.number] for n in self.nodes if n.op is not None}
        found |= self._swept()
        wanted = {key: y for key, y in found.items() if key[1] in self.shown}
        self.outputs = [*wanted]
        return [*wanted.values()]

    def _swept(self) -> dict[tuple[str, Any], Any]:
        """Gradients, and what every use adds to one."""
        old = {self.made[node.number].number: node for node in self.nodes if node.number in self.of}
        root, trail = self.made[self.C.number], current_mode().trail
        one = asarray(np.ones(root.shape, root.dtype)[()])
        arrived = sweep(root, one, as_graph=True, trail=trail)
        self.marks += [(share, old[node.number]) for node, _, share in trail or ()]
        found = {("gradient", self.of[old[node.number].number].id): g for node, g in arrived}
        return found | {("share", (self.of[old[n.number].number].id, i)): share for n, i, share in trail or ()}

    # --- what cannot be written ---

    def _named(self, mark: int) -> str:
        """The op of a mark, and the value that it computes."""
        node = self.marks[min(mark, len(self.marks)) - 1][1] if self.marks else self.C
        known = self.of[node.number]
        return f"{known.op}, which computes {known.name} {known.shape}"

    def _not_written(self, error: NotWritten) -> TracingError:
        """The error that names the op a step belongs to: what was computed right after it tells."""
        places = [(_place(made), i) for i, (made, _) in enumerate(self.marks, 1)]
        after = [mark for mark in places if mark[0] is not None and mark[0] >= error.step.place]
        named = self._named(min(after)[1] if after else len(self.marks))
        return TracingError(
            f"play: {named}, or its gradient, has no form in JavaScript: {error.reason}. A page cannot compute it; "
            "draw it with tg.draw, or go through it with tg.step_through."
        )


def _place(made: Any) -> int | None:
    step = getattr(getattr(made, "value", made), "step", None)
    return step.place if isinstance(step, Step) else None


def uses(graph: Graph, shown: Graph) -> dict[Use, GraphEdge]:
    """The uses of values of which there are several, each with the edge of the picture that shows it."""
    count = Counter([edge.source for edge in shown.edges if edge.contribution is not None])
    waiting = list(graph.edges)
    found: dict[Use, GraphEdge] = {}
    for edge in shown.edges:
        if count[edge.source] > 1 and edge.contribution is not None:
            is_same = [e.source == edge.source and e.contribution_data is edge.contribution_data for e in waiting]
            use = waiting.pop(is_same.index(True))
            found[use.target, use.position] = edge
    return found
