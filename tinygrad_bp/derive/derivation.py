"""One derivation: the steps on the way from C to x, and the sections that they are printed in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import final

from tinygrad_bp.derive import rows
from tinygrad_bp.derive.equations import Equation, Factor, agree, difference, largest, rounding
from tinygrad_bp.derive.layers import folded
from tinygrad_bp.derive.show import Notation, Row, Section
from tinygrad_bp.derive.simplify import missing
from tinygrad_bp.errors import ArgumentError
from tinygrad_bp.graph import Graph, GraphNode

_STYLE = """
.derivation .equation { display: flex; flex-wrap: wrap; gap: 0 1.5rem; align-items: baseline; }
.derivation .equation > math { margin: 0; max-width: 100%; overflow-x: auto; }
.derivation .equation > .remark { margin: 0 0 0 auto; opacity: .75; }
.derivation .lines > mtr > mtd { padding: .2rem; text-align: left; }
.derivation .lines > mtr > mtd:first-child { text-align: right; text-align: -webkit-right; }
"""
"""For notebooks, which have no style for it: the equations below each other, their shapes at the right."""


@final
@dataclass(frozen=True, repr=False)
class Derivation:
    """How ∂C/∂x comes about: the chain rule, its factors, the factors put together, and the rule of every layer.

    `text`, `latex` and `html` print it; notebooks show it by themselves. `steps` is the same as data: from C back to x
    an equation for every value on the way, each formula with what it gives. `everything` has those of all values.
    """

    graph: Graph
    node: GraphNode
    everything: tuple[Equation, ...]

    @cached_property
    def steps(self) -> tuple[Equation, ...]:
        """The gradients of the values on the way from C to x, x last."""
        way = {self.node.id}
        found = []
        for step in reversed(self.everything):
            if step.node.id in way:
                way.update([factor.target.id for factor in step.factors])
                found.append(step)
        return tuple(reversed(found))

    @cached_property
    def factors(self) -> tuple[Factor, ...]:
        """The links of the chain, from C back."""
        return tuple([factor for step in self.steps for factor in step.factors])

    def check(self) -> float:
        """The largest relative difference between what a formula gives, evaluated as printed, and the reverse sweep.

        Raises ArgumentError if one differs by more than rounding.
        """
        return require_true(self.steps, self._notation)

    @cached_property
    def sections(self) -> tuple[Section, ...]:
        """The parts of the derivation, in the order in which they are printed."""
        direct = {factor.target.id for factor in self.factors}
        view = self.graph.view("named")
        several = rows.shared(self.everything)
        parts = {
            "Forward": [
                *rows.given(self.graph),
                *[rows.forward(node) for node in view.nodes if node.id in direct],
            ],
            "Chain rule": [rows.chain(self.graph, self.everything, self.steps[-1])],
            "Factors": [rows.local(factor, self.graph.root, several) for factor in self.factors],
            "Put together": [rows.equation(step) for step in self.steps if not _is_factor(step)],
            "Result": [rows.result(self.steps[-1])],
            "Every layer": rows.every_layer(self.graph, self.everything, self._notation),
            "Note": [Row(remark=note) for note in missing()],
        }
        return tuple(
            [Section(title, tuple(folded(found, self.graph).values())) for title, found in parts.items() if found]
        )

    @property
    def text(self) -> str:
        """The derivation as plain text."""
        return self._notation.text(self.sections)

    @property
    def latex(self) -> str:
        """The derivation as LaTeX, for math mode."""
        return self._notation.aligned(self.sections)

    @property
    def html(self) -> str:
        """The derivation as a fragment of HTML, its formulas in MathML."""
        return self._notation.html(self.sections)

    def __repr__(self) -> str:
        return f"<Derivation of {self._notation.plain(self.steps[-1].left)}: {len(self.steps)} equations>"

    def __str__(self) -> str:
        return self.text

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex}$"

    def _repr_html_(self) -> str:
        return f'<style>{_STYLE}</style><div class="derivation">{self.html}</div>'

    @cached_property
    def _notation(self) -> Notation:
        return Notation(self.graph)


def _is_factor(step: Equation) -> bool:
    """Whether a step says no more than the one factor it consists of."""
    return len(step.rights) == 1 and step.rights[0].template == step.factors[0].formula.template


def require_true(steps: Sequence[Equation], notation: Notation) -> float:
    """The largest error of all formulas. Raises ArgumentError if one does not give the sweep's numbers."""
    worst, size = 0.0, max([largest(step.rights[0].swept) for step in steps], default=0.0)
    for step in steps:
        least = size * rounding(step.rights[0].swept) ** (1 / 3)  # smaller ones may be what rounding leaves of others
        closed = () if step.closed is None else (step.closed,)
        for formula in (*step.rights, *closed, *[factor.formula for factor in step.factors]):
            if not agree(formula.value, formula.swept, least):
                raise ArgumentError(
                    f"derive: {notation.plain(formula.template)} does not give the gradient of {step.node.name} that "
                    "backward() computes. Remove the hooks that change gradients on the way."
                )
            worst = max(worst, difference(formula.value, formula.swept, least))
    return worst
