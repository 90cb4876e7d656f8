"""Formulas that are computations: the values of a graph as stand-ins, and the op records' own rules run on them.

What a rule does to its stand-ins is recorded like any other computation. Printed, the record is the formula; its value
is what exactly that formula gives. So no formula here is written by hand, and each of them can be checked.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from fractions import Fraction
from typing import Any, final

import numpy as np

from tinygrad_bp.engine import Node
from tinygrad_bp.formula import expression, slot
from tinygrad_bp.graph import Graph, GraphNode
from tinygrad_bp.registry import OPS
from tinygrad_bp.tensor import Tensor

LONGEST = 160
"""Width beyond which a formula helps nobody and the symbol of what it stands for is written."""

ONES = r"\mathbf{1}"


@final
class Terms:
    """The values of one graph as tensors that are printed by name; those without a name, as they were computed."""

    def __init__(self, graph: Graph, kept: Collection[str]):
        self.names: dict[int, str] = {}
        self.fractions: dict[int, Fraction] = {}
        self._widths: dict[int, int] = {}
        self.values: dict[str, Any] = {}
        symbols = graph.root.symbols
        for node in graph.nodes:
            if node.kind == "constant" and not node.shape:
                self.values[node.id] = self._constant(node.data.item())
            elif node.id in kept:
                self.values[node.id] = self.leaf(node.data, symbols.operand(node.id))
            else:
                operands = [self.values[parent] for parent in node.parents]
                made = OPS[node.op or ""].call(*operands, **node.params)
                fits = self.width(made) <= LONGEST
                self.values[node.id] = made if fits else self.leaf(node.data, slot(node.id))

    def leaf(self, value: Any, template: str) -> Tensor:
        """A stand-in with this value, printed as this template."""
        made = Tensor(np.asarray(value)[()])
        self.names[made.number] = template
        return made

    def number(self, value: Fraction, dtype: str = "float64") -> Tensor:
        """A number, printed as a fraction."""
        above, below = value.numerator, value.denominator
        sign = "-" if above < 0 else ""
        made = self.leaf(
            np.asarray(float(value), dtype), str(above) if below == 1 else rf"{sign}\frac{{{abs(above)}}}{{{below}}}"
        )
        self.fractions[made.number] = value
        return made

    def _constant(self, value: Any) -> Any:
        """A plain number as rules expect it; one with many digits as a stand-in that is printed with all of them."""
        short = not isinstance(value, float) or not np.isfinite(value) or float(f"{value:.4g}") == value
        return value if short else self.leaf(value, _digits(value))

    def ones(self, like: GraphNode) -> Tensor:
        """As many ones as a value has elements."""
        return self.leaf(np.ones_like(like.data), ONES)

    def printed(self, term: Any, names: Mapping[int, str] | None = None) -> str:
        """The template of a term; `names` are written in place of some stand-ins' own."""
        return expression(term, {**self.names, **(names or {})}, of_rule=True)

    def width(self, term: Any) -> int:
        """About how wide a term is in print, without printing it: shared parts count as often as they are written."""
        pending = [term]
        while pending:
            at = pending[-1]
            inside = [] if at.number in self.names else [p for p in at.parents if isinstance(p, Node)]
            if unknown := [p for p in inside if p.number not in self._widths]:
                pending += unknown
                continue
            pending.pop()
            own = len(self.names.get(at.number, "")) // 4 + 3
            self._widths[at.number] = min(own + sum([self._widths[p.number] for p in inside]), 10 * LONGEST)
        return self._widths[term.number]


def _digits(value: float) -> str:
    digits, _, exponent = repr(value).partition("e")
    return rf"{digits} \cdot 10^{{{int(exponent)}}}" if exponent else digits
