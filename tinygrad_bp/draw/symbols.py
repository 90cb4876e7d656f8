"""Pictures in symbols only, as the article has them: z[1] = W[1]·X + b[1], a product of derivatives at each edge."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tinygrad_bp.draw.labels import NodeWords, clean, shortened, wrapped
from tinygrad_bp.formula import terms
from tinygrad_bp.graph import Graph, GraphEdge, GraphNode

LINE = 22
"""Characters on one line of a node that has no numbers."""

SHORT_LINE = 12
"""Characters of a sum that stays on one line."""

_LAYERED = re.compile(r"(?<![^\W\d_])([Wbza])(\d+)(?!\w)")


@dataclass(frozen=True, slots=True)
class Notation:
    """How the values of a graph are written where only symbols are.

    In the article's notation, which has a name for every step of a layer, l is in brackets that an SVG raises, and the
    last activation is y′ too. Other graphs keep their names.
    """

    layered: bool
    prediction: str | None

    @classmethod
    def of(cls, graph: Graph) -> Notation:
        """The notation that the names in the graph ask for."""
        names = {node.name for node in graph.nodes}
        layered = {"z1", "a1", "W1"} <= names
        last = max([int(name[1:]) for name in names if re.fullmatch(r"a\d+", name)], default=0)
        ends = layered and {f"z{last}", f"a{last}"} <= names and f"z{last + 1}" not in names
        return cls(layered, f"a{last}" if ends else None)

    def text(self, given: str) -> str:
        """A formula in this notation."""
        return _LAYERED.sub(r"\1[\2]", given) if self.layered else given

    def node(self, node: GraphNode, words: NodeWords) -> NodeWords:
        """The words of a node without numbers, operation and shape."""
        is_constant = node.kind == "constant" and not node.named
        if is_constant or node.group is not None:
            return NodeWords((), words.title, (), (), words.tooltip)
        name = self.text(shortened(clean(node.name), LINE))
        formula = self.text(clean(node.formula))
        lines = [name]
        if node.kind == "op" and formula != name and len(formula) <= 3 * LINE:
            if self.prediction is not None and node.name != self.prediction:
                formula = formula.replace(self.text(self.prediction), "y′")
            parts = terms(formula) if len(formula) > SHORT_LINE else [formula]
            lines = [f"{name} =", *[line for part in parts for line in wrapped(part, LINE)]]
        if node.name == self.prediction:
            lines[0] = f"y′ = {lines[0]}"
        return NodeWords((), tuple(lines), (), (), words.tooltip)

    def edge(self, graph: Graph, edge: GraphEdge, symbols: Mapping[str, Any]) -> tuple[str, ...]:
        """The chain rule at an edge, ∂C/∂target·∂target/∂source, said once."""
        root = graph.root
        own = shortened(self.text(clean(edge.symbol)))
        if edge.target == root.id:
            return (own,)
        before = shortened(self.text(clean(f"∂{root.symbol}/∂{symbols[edge.target]}")))
        return f"{before}·", own
