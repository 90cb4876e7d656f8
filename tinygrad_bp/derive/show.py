"""Equations as text, LaTeX and MathML."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import final

from tinygrad_bp.draw.labels import clean, shortened
from tinygrad_bp.formula import SLOT, latex_name, plain, terms, with_names
from tinygrad_bp.formula.mathml import mathml, name_mathml
from tinygrad_bp.graph import Graph

WIDEST_NAME = 24

WIDEST_FORMULA = 72
"""Characters; in print what is wider would leave the page."""

_LAYER = re.compile(r"(.*)\[([lL])(?:([+-])(\d+))?\]")


@final
@dataclass(frozen=True, slots=True)
class Row:
    """An equation, `left = right = right`, of templates, and a remark on it; without a left side only the remark."""

    left: str = ""
    rights: tuple[str, ...] = ()
    remark: str = ""


@final
@dataclass(frozen=True, slots=True)
class Section:
    """Equations under a title."""

    title: str
    rows: tuple[Row, ...]


class Notation:
    """How the equations of one graph are written: by the names of its values."""

    def __init__(self, graph: Graph):
        self.names = {node.id: shortened(clean(node.name), WIDEST_NAME) for node in graph.nodes} | {"g": "δ"}
        self._latex = {key: latex_name(name) for key, name in self.names.items()} | {"g": r"\delta"}
        self._mathml = {key: name_mathml(name) for key, name in self.names.items()}

    # --- one formula ---

    def plain(self, template: str) -> str:
        """A formula as text."""
        return with_names(plain(template), self.names).replace("[l-", "[l−").replace("[L-", "[L−")

    def latex(self, template: str) -> str:
        """A formula as LaTeX."""
        if r"\frac" in template:  # parentheses as tall as what they enclose
            template = template.replace("(", r"\left(").replace(")", r"\right)")
        return SLOT.sub(lambda match: self._latex.get(match[1]) or _layer_latex(match[1]), template)

    def mathml(self, template: str) -> str:
        """A formula as MathML."""
        layers = {key: _layer_mathml(key) for key in SLOT.findall(template) if key not in self._mathml}
        return mathml(template, self._mathml | layers)

    # --- all of them ---

    def text(self, sections: Sequence[Section]) -> str:
        """Sections as text, equal signs below each other."""
        return "\n\n".join(["\n".join([section.title, *self._text_rows(section)]) for section in sections])

    def _text_rows(self, section: Section) -> list[str]:
        lines = []
        for row in section.rows:
            if not row.left:
                lines.append(f"  {row.remark}")
                continue
            left = self.plain(row.left)
            for i, right in enumerate(row.rights):
                lines.append(f"  {left if i == 0 else ' ' * len(left)} = {self.plain(right)}")
            lines[-1] += f"   {row.remark}" if row.remark else ""
        return lines

    def aligned(self, sections: Sequence[Section]) -> str:
        """Sections as one `aligned` block of LaTeX."""
        lines = []
        for section in sections:
            lines.append(rf"&\textbf{{{_latex_text(section.title)}}}")
            for row in section.rows:
                lines += [
                    rf"{self.latex(row.left) if i == 0 else ''} &= {self.latex(right)}"
                    for i, right in enumerate(row.rights)
                ]
                if row.remark:
                    lines += [] if row.left else ["&"]
                    lines[-1] += rf" \quad \text{{{_latex_text(row.remark)}}}"
        return "\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}"

    def html(self, sections: Sequence[Section], heading: str = "h3") -> str:
        """Sections as HTML, the equations as MathML."""
        return "\n".join(
            [
                f"<section><{heading}>{escape(section.title)}</{heading}>{''.join(map(self.equation, section.rows))}"
                "</section>"
                for section in sections
            ]
        )

    def equation(self, row: Row) -> str:
        """One equation as a block of HTML."""
        remark = f'<p class="remark">{escape(row.remark)}</p>' if row.remark else ""
        if not row.left:
            return remark
        lines: list[str] = []
        for right in row.rights:
            for i, term in enumerate(self._lines(right)):
                left, sign = "" if lines else self.mathml(row.left), "" if i else "<mo>=</mo>"
                lines.append(f"<mtr><mtd>{left}</mtd><mtd>{sign}</mtd><mtd>{self.mathml(term)}</mtd></mtr>")
        table = f'<math display="block"><mtable class="lines" displaystyle="true">{"".join(lines)}</mtable></math>'
        return f'<div class="equation">{table}{remark}</div>'

    def _lines(self, template: str) -> list[str]:
        """A formula, or where it is too wide for a page the terms of the sum that it is."""
        return terms(template) if len(self.plain(template)) > WIDEST_FORMULA else [template]


def _layer_latex(key: str) -> str:
    base, layer, sign, apart = _parts(key)
    return rf"{latex_name(base)}_{{{layer}{sign}{apart}}}"


def _layer_mathml(key: str) -> str:
    base, layer, sign, apart = _parts(key)
    more = f"<mo>{'−' if sign == '-' else sign}</mo><mn>{apart}</mn>" if sign else ""
    return f"<msub>{name_mathml(base)}<mrow><mi>{layer}</mi>{more}</mrow></msub>"


def _parts(key: str) -> tuple[str, str, str, str]:
    found = _LAYER.fullmatch(key)
    assert found is not None
    return found[1], found[2], found[3] or "", found[4] or ""


_LATEX_SPECIAL = {"\\": r"\backslash{}", "^": r"\^{}", "~": r"\~{}", **{c: f"\\{c}" for c in "{}$&#%_"}}


def _latex_text(text: str) -> str:
    return "".join([_LATEX_SPECIAL.get(c, c) for c in text])
