"""The derivation of every gradient in a graph as one closed page, with the picture beside it."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Any, final

from tinygrad_bp.derive import rows, whole
from tinygrad_bp.derive.derivation import require_true
from tinygrad_bp.derive.equations import Equation
from tinygrad_bp.derive.layers import folded
from tinygrad_bp.derive.show import Notation, Row
from tinygrad_bp.derive.simplify import missing
from tinygrad_bp.draw import draw
from tinygrad_bp.draw.document import page, suited
from tinygrad_bp.draw.previews import inline, preview
from tinygrad_bp.files import write_whole
from tinygrad_bp.formula import slot
from tinygrad_bp.graph import Graph

_WIDEST = 48
"""What is wider would run into the picture."""


@final
@dataclass(frozen=True)
class DerivationPage:
    """What C is computed from, and how each of its gradients comes about; printed or read in a browser."""

    graph: Graph
    steps: tuple[Equation, ...]

    @cached_property
    def html(self) -> str:
        """The page. Raises what `Drawing.svg` raises."""
        svg = draw(self.graph, values="none").svg
        css = Path(__file__).with_name("page.css").read_text(encoding="utf-8")
        return page(
            Path(__file__).with_name("page.html").read_text(encoding="utf-8"),
            escape(f"The derivatives of {self._notation.names[self.graph.root.id]}"),
            css, pictures=[svg], svg=svg, forward=self._forward(), links=self._links(), backward=self._backward(),
            layers=self._layers(), checked=self._checked(),
        )  # fmt: skip

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the page to a file, `.html`. The file appears whole or not at all."""
        return write_whole(suited(path, "a page", ".html", ".htm"), self.html.encode())

    @cached_property
    def _notation(self) -> Notation:
        return Notation(self.graph)

    def _forward(self) -> str:
        """What is given, and every equation up to the cost."""
        nodes = self.graph.view("named").nodes
        given = [
            f"<li>{inline(self._notation.mathml(slot(node.id)))} <span>{node.shape}</span></li>"
            for node in nodes
            if node.kind != "op"
        ]
        return f'<ul class="given">{"".join(given)}</ul>' + self._equations(
            [*rows.given(self.graph), *[rows.forward(node) for node in nodes if node.kind == "op"]]
        )

    def _links(self) -> str:
        several = rows.shared(self.steps)
        factors = [factor for step in self.steps for factor in step.factors]
        return self._equations([rows.local(factor, self.graph.root, several) for factor in factors])

    def _backward(self) -> str:
        """How every gradient comes about, the parameters of a layer right after the value that they act on."""
        steps = in_layers(self.steps)
        found = folded([Row() if step.node.kind == "parameter" else rows.equation(step) for step in steps], self.graph)
        return "\n".join(
            [self._notation.equation(row) if row.left else self._parameter(steps[i]) for i, row in found.items()]
        )

    def _parameter(self, step: Equation) -> str:
        """The chain rule, what it comes to, and the numbers."""
        general, shown, closed = rows.chain(self.graph, self.steps, step), rows.equation(step), rows.result(step)
        remark = "; ".join(filter(None, [shown.remark, general.remark]))
        rights = general.rights + shown.rights
        rights += tuple([right for right in closed.rights if len(self._notation.plain(right)) <= _WIDEST])
        row = Row(step.left, tuple(dict.fromkeys(rights)), remark)
        numbers = inline(f"<mo>=</mo>{preview(step.node.gradient_data, 'gradient')}")
        return f'<article>{self._notation.equation(row)}<p class="numbers">here {numbers}</p></article>'

    def _layers(self) -> str:
        found = rows.every_layer(self.graph, self.steps, self._notation)
        return f'<section id="layers"><h2>Every layer</h2>{self._equations(found)}</section>' if found else ""

    def _checked(self) -> str:
        worst = require_true(self.steps, self._notation)
        how = f"they differ by {worst:.0e} at most" if worst else "they do not differ at all"
        notes = "".join([f"<p>{escape(note)}</p>" for note in missing()])
        return (
            "<p>Each formula was evaluated as it is printed, with the numbers of this graph, and compared with what "
            f"backward() computes. Relative to the largest element {how}.</p>{notes}"
        )

    def _equations(self, found: Sequence[Row]) -> str:
        return "\n".join([self._notation.equation(row) for row in folded(found, self.graph).values()])


def in_layers(steps: Sequence[Equation]) -> list[Equation]:
    """The steps from C back, those of leaves right after the value that they act on first."""
    leaves: dict[str, list[Equation]] = defaultdict(list)
    for step in steps:
        if step.node.kind != "op":
            leaves[step.factors[0].target.id].append(step)
    ordered = leaves.pop(steps[0].factors[0].target.id, [])
    for step in steps:
        if step.node.kind == "op":
            ordered += [step, *reversed(leaves[step.node.id])]
    return ordered


def derivation_page(C: Any) -> DerivationPage:
    """The page for C, a tensor with one number. Raises what `derive` raises.

    >>> import tinygrad_bp as tg
    >>> x = tg.tensor(3.0, requires_grad=True, name="x")
    >>> page = derivation_page((x * x).named("h"))
    >>> [page.graph.root.name, len(page.steps), page.html.count("<article>")]
    ['h', 1, 1]
    """
    return DerivationPage(*whole(C))
