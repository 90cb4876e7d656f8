"""The table of ops: name, formula, local derivatives, conventions and dtypes, each read from the record."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any, final

from tinygrad_bp.calls import guarded
from tinygrad_bp.engine import Op
from tinygrad_bp.formula import plain, with_names
from tinygrad_bp.formula.notation import template
from tinygrad_bp.op_table.example import example, input_names, kind
from tinygrad_bp.registry import OPS

_DTYPES = {"f": "float", "c": "complex", "b": "bool", "i": "int"}


@final
@dataclass(frozen=True, slots=True)
class OpRow:
    """What the table says of one op."""

    module: str
    name: str
    formula: str
    derivatives: tuple[str, ...]
    convention: str
    accuracy: str
    dtypes: str


@final
@dataclass(frozen=True)
class OpTable:
    """The table of ops by family; prints as text, `.markdown` is a page, notebooks show it as a table."""

    rows: tuple[OpRow, ...]

    def __str__(self) -> str:
        lines = []
        for module, rows in self._families():
            lines += ["", module.rpartition(".")[2].upper()]
            for row in rows:
                lines.append(f"{row.name:<18} {row.formula}")
                lines += [
                    f"{'':<18}   {text}"
                    for text in (*row.derivatives, row.convention, row.accuracy and f"{row.accuracy} ulps", row.dtypes)
                    if text
                ]
        return "\n".join(lines).strip()

    @property
    def markdown(self) -> str:
        """The table as a Markdown page."""
        parts = [_INTRODUCTION.format(count=len(self.rows))]
        for module, rows in self._families():
            about = " ".join((sys.modules[module].__doc__ or "").partition("\n\n")[0].split())
            parts.append(f"\n## {module.rpartition('.')[2]}\n\n{about}\n\n{_HEADER}")
            parts += [_line(row) for row in rows]
        return "".join(parts)

    def _repr_markdown_(self) -> str:
        return self.markdown

    def _families(self) -> Iterable[tuple[str, Iterable[OpRow]]]:
        return groupby(self.rows, key=lambda row: row.module)


_INTRODUCTION = """\
# The ops

Every registered op, {count} in all, printed from its record by `python -m tinygrad_bp.op_table`.

The local derivative is read from the rule that computes it, applied to a small example. `∂y/∂x = …` is the derivative
element by element, or the whole gradient of a result that is one number; y is the result, ⊙ multiplies element by
element. `x ← …` is the vector–Jacobian product, what the cotangent δ of y becomes on its way to x. A division by 5 is
one by the number of elements of the example. Where an op takes complex numbers its rule is the same one.

"Where there is none" says what stands for a derivative that does not exist. It holds op by op, at every order: of a
function that is smooth only as a whole, as |x|² and ‖x‖² are at 0, the first derivative is right there, and the second
one, 0, is what the conventions make of it. Write x² where you mean it.

"Ulps" says how many units in the last place the first and the second derivative are off at most, in float16, float32
and float64, from tiny to huge arguments, of those in their ops that are element by element: 8 are promised, or what
keeps them from it is said. `python -m tests.stress.accuracy --write` measures them, against mpmath.
"""
_HEADER = """\
| op | formula | local derivative | where there is none | ulps | dtypes |
|---|---|---|---|---|---|
"""
_LONGEST = 100
"""Characters of a formula that still helps."""


def _line(row: OpRow) -> str:
    derivatives = "<br>".join([_code(text) for text in row.derivatives]) or "carries no gradient"
    convention = row.convention.replace("|", r"\|")
    return f"| `{row.name}` | {_code(row.formula)} | {derivatives} | {convention} | {row.accuracy} | {row.dtypes} |\n"


def _code(text: str) -> str:
    return "`" + text.replace("|", r"\|") + "`"


@guarded
def op_table() -> OpTable:
    """The table of every registered op: formula, local derivatives, conventions and dtypes.

    >>> [row.derivatives for row in op_table().rows if row.name == "sigmoid"]
    [('∂y/∂x = y(1 − y)',)]
    """
    records = sorted(OPS.values(), key=lambda op: op.forward.__module__)
    return OpTable(tuple([_row(op) for op in records]))


def _row(op: Op) -> OpRow:
    names = input_names(op)
    formula = with_names(plain(template(op.latex)), {str(i): name for i, name in enumerate(names)})
    derivatives, dtypes = _derivatives(op, names), _dtypes(op, names)
    return OpRow(op.forward.__module__, op.name, formula, derivatives, op.convention, _accuracy(op), dtypes)


@cache
def _figures() -> Any:
    return json.loads((Path(__file__).parent / "accuracy.json").read_text("utf-8"))


def _accuracy(op: Op) -> str:
    """Worst errors of first and second derivatives in ulps, as they were measured, and why they are no smaller."""
    figures = _figures().get(op.name)
    if figures is None:
        return ""
    errors = ", ".join(["∞" if error is None else f"{error:.2g}" for error in figures])
    return "; ".join([errors, *[limit.value for limit in op.traits.limits]])


def _derivatives(op: Op, names: list[str]) -> tuple[str, ...]:
    if not op.differentiable:
        return ()
    derivatives = enumerate(example(op).local_derivatives)
    return tuple([_derivative(names[i], d.formula) for i, d in derivatives if op.vjps[i] is not None])


def _derivative(name: str, formula: str) -> str:
    symbol = f"∂y/∂{name}"
    if formula == symbol or len(formula) > _LONGEST:
        return f"{symbol}: no short formula"
    return f"{name} ← {formula}" if "δ" in formula else f"{symbol} = {formula}"


def _dtypes(op: Op, names: list[str]) -> str:
    kinds = [kind(op.domain, i) for i in range(len(names))]
    dtypes = [_DTYPES[k] + (", complex" if k == "f" and op.domain.analytic else "") for k in kinds]
    return dtypes[0] if len(set(dtypes)) == 1 else "; ".join([f"{n}: {d}" for n, d in zip(names, dtypes, strict=True)])
