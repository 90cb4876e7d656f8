"""Arrays and equations as MathML: numbers in full where they are few, the corners of a matrix where they are many."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from tinygrad_bp.draw.frames import numbers, symbols
from tinygrad_bp.draw.labels import clean, shortened, summary
from tinygrad_bp.formula import SLOT, fill, plain, slot, with_names
from tinygrad_bp.formula.mathml import mathml, name_mathml
from tinygrad_bp.formula.notation import number
from tinygrad_bp.graph import Graph, Summary

WIDEST_NAME = 24
MOST_SHOWN = 4
"""Rows and columns of a matrix; of more, the first two and the last."""
MOST_BYTES = 12_000
"""An equation with more MathML than this is shown without its numbers."""

NOTHING = "<mtext>–</mtext>"


def preview(value: Any, kind: str) -> str:
    """An array as MathML; kind, "value" or "gradient", tells its colour."""
    if value is None:
        return NOTHING
    array = np.asarray(value)
    if array.dtype.kind not in "biufc" or not array.size:
        return f"<mtext>{'×'.join(map(str, array.shape)) or 'other'}</mtext>"
    if array.size == 1:
        template, digits = _scalar(array, "x", kind)
        return f'<mrow class="{kind}">{mathml(template, {"x": digits})}</mrow>'
    size = "×".join(map(str, array.shape))
    if array.ndim > 2:
        return f'<mtext class="{kind}">[{size}: {summary(Summary.of(array))}]</mtext>'
    matrix = np.atleast_2d(array)
    rows, columns = (_shown(n) for n in matrix.shape)
    cells = [[_cell(matrix, i, j) for j in columns] for i in rows]
    table = "".join([f"<mtr>{''.join([f'<mtd>{cell}</mtd>' for cell in row])}</mtr>" for row in cells])
    table = f'<mtable class="matrix {kind}">{table}</mtable>'
    cut = None in rows or None in columns
    return f'<munder>{table}<mtext class="size">{size}</mtext></munder>' if cut else table


def _shown(n: int) -> list[int | None]:
    return list(range(n)) if n <= MOST_SHOWN else [0, 1, None, n - 1]


def _cell(matrix: Any, i: int | None, j: int | None) -> str:
    if i is None or j is None:
        return "<mo>⋱</mo>" if i is j else "<mo>⋯</mo>" if j is None else "<mo>⋮</mo>"
    template, digits = _scalar(matrix[i, j], "x", "")
    return mathml(template, {"x": digits})


def _scalar(value: Any, key: str, kind: str) -> tuple[str, str]:
    """A number as a template, whose sign and power of ten ask for parentheses, and the digits for its slot."""
    latex = number(np.asarray(value).reshape(()))
    if np.asarray(value).dtype.kind == "c":
        return slot(key), f'<mrow class="{kind}"><mo>(</mo><mn>{latex}</mn><mo>)</mo></mrow>'
    digits = re.match(r"-?([\d.]+|inf|nan)", latex)
    assert digits is not None
    written = {"inf": "∞", "nan": "NaN"}.get(digits[1], digits[1])
    shown = f'<mn class="{kind}">{written}</mn>' if kind else f"<mn>{written}</mn>"
    return latex.replace(digits[1], slot(key), 1), shown


class Notation:
    """How the templates of one graph's steps are written: in symbols, in numbers, as text."""

    def __init__(self, graph: Graph):
        names = {node.id: shortened(clean(node.name), WIDEST_NAME) for node in graph.nodes}
        derived = symbols(graph)
        self.numbers = numbers(graph)
        self._texts: dict[str, str] = dict(names)
        self._symbols: dict[str, str] = {key: name_mathml(name) for key, name in names.items()}
        for key, template in derived.items():
            self._texts[key] = self.text(template)
            written = mathml(template, self._symbols)
            self._symbols[key] = f'<mrow class="gradient">{written}</mrow>' if key[0] == "∂" else written

    def text(self, template: str) -> str:
        """A template as plain text."""
        return with_names(plain(template), self._texts)

    def symbolic(self, template: str) -> str:
        """A template in symbols, as MathML."""
        return mathml(template, self._symbols)

    def numeric(self, template: str) -> str | None:
        """A template with its numbers, as MathML; None where some are not known, or there are none or too many."""
        keys = set(SLOT.findall(template))
        if not keys or not keys <= self.numbers.keys():
            return None
        scalars: dict[str, str] = {}
        operands: dict[str, str] = {}
        for key in keys:
            array, kind = np.asarray(self.numbers[key]), "gradient" if key[0] in "∂+" else "value"
            if array.size == 1 and array.dtype.kind in "biufc":
                scalars[key], operands[key] = _scalar(array, key, kind)
            else:
                operands[key] = preview(array, kind)
        written = mathml(fill(template, scalars), operands)
        return written if len(written) <= MOST_BYTES else None


def equation(left: str, rights: list[str]) -> str:
    """`left = right = right`, one below the other."""
    lines = [(left if i == 0 else "", right) for i, right in enumerate(rights)]
    rows = [f"<mtr><mtd>{a}</mtd><mtd>{'<mo>=</mo>' if left else ''}</mtd><mtd>{b}</mtd></mtr>" for a, b in lines]
    return f'<math display="block"><mtable class="lines">{"".join(rows)}</mtable></math>'


def inline(content: str) -> str:
    """A formula in a line of text."""
    return f"<math>{content}</math>"
