"""Formulas that are computations: the values of a graph as stand-ins, and the op records' own rules run on them.

What a rule does to its stand-ins is recorded like any other computation. Printed, the record is the formula; its value
is what exactly that formula gives. So no formula here is written by hand, and each of them can be checked.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from fractions import Fraction
from typing import Any, final

import numpy as np

from tinygrad_bp.engine import Node
from tinygrad_bp.formula import binding, constant, expression, slot
from tinygrad_bp.formula.notation import COMPARISON
from tinygrad_bp.graph import Graph, GraphNode
from tinygrad_bp.registry import OPS
from tinygrad_bp.tensor import Tensor

LONGEST = 160
"""Width beyond which a formula helps nobody and the symbol of what it stands for is written."""

_GIVEN_NAME = re.compile(r"[kx]\d+")
ONES = r"\mathbf{1}"


@final
class Terms:
    """The values of one graph as tensors that are printed by name; those without a name, as they were computed."""

    def __init__(self, graph: Graph, kept: Collection[str]):
        self.names: dict[int, str] = {}
        self.fractions: dict[int, Fraction] = {}
        self._widths: dict[int, int] = {}
        self.values: dict[str, Any] = {}
        self.definitions: dict[int, Any] = {}
        symbols, rest_of = graph.root.symbols, complements(graph)
        for node in graph.nodes:
            if node.kind == "constant" and not node.shape:
                self.values[node.id] = self._constant(node.data.item())
            elif node.id in rest_of:
                self.values[node.id] = 1 - self.values[rest_of[node.id]]
            elif node.op is None:
                self.values[node.id] = self.leaf(node.data, slot(node.id))
            else:
                made = OPS[node.op].call(*[self.values[parent] for parent in node.parents], **node.params)
                is_written_out = node.id not in kept or symbols.operand(node.id) != slot(node.id)
                if not (is_written_out and self.fits(made)):
                    name = self.leaf(node.data, slot(node.id))
                    self.definitions[name.number], made = made, name
                self.values[node.id] = made

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
        made = self.leaf(np.ones_like(like.data), ONES)
        self.fractions[made.number] = Fraction(1)
        return made

    def printed(self, term: Any, names: Mapping[int, str] | None = None) -> str:
        """The template of a term; `names` are written in place of some stand-ins' own."""
        latex = expression(term, {**self.names, **(names or {})}, of_rule=True)
        return f"[{latex}]" if binding(latex) == COMPARISON else latex

    def printed_operands(self, term: Any) -> list[str]:
        """The templates of what a term was computed from."""
        return [expression(p, self.names, of_rule=True) if isinstance(p, Node) else constant(p) for p in term.parents]

    def fits(self, term: Any) -> bool:
        """Whether a term is short enough to be printed."""
        return self.width(term) <= LONGEST

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


def complements(graph: Graph) -> dict[str, str]:
    """Arrays without a name that are 1 minus another array, by id: the 1 − y of a cost, which nothing recorded."""
    arrays = [node for node in graph.nodes if node.kind in ("input", "constant") and node.shape]
    found: dict[str, str] = {}
    for i, node in enumerate(arrays):
        if _GIVEN_NAME.fullmatch(node.name):
            for of in arrays[:i]:
                if of.shape == node.shape and of.id not in found and np.array_equal(node.data, 1 - of.data):
                    found.setdefault(node.id, of.id)
    return found


def _digits(value: float) -> str:
    digits, _, exponent = repr(value).partition("e")
    return rf"{digits} \cdot 10^{{{int(exponent)}}}" if exponent else digits
