"""An answer as a value: the tree of what was typed, with the place of every part, and its way back to text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, final

from tinygrad_bp.tutor.vocabulary import functions

HADAMARD, MATRIX, DOT, IMPLIED = "*", "@", "·", ""
"""Products: element by element; of matrices; a dot, which is that of matrices unless one side is a number; and factors
beside each other, as in a(1 − a), which are multiplied element by element where the shapes allow it."""

MINUS = "−"
"""Before one operand; the sign between two is '-'."""

PRODUCTS = frozenset({HADAMARD, MATRIX, DOT, IMPLIED})
COMPARISONS = frozenset({">", "<", "≥", "≤"})

Place = tuple[int, ...]
"""The way from a tree's top to one of its parts: the number of the operand at every level."""


@final
@dataclass(frozen=True, slots=True)
class Term:
    """One part of an answer: `kind` is an operator, or what the leaves are: number, value, gradient; or T, call, if.

    parts: the operands. label: the number, the name of the value, the function's name. axis, keepdims: of a reduction;
    free: nothing was said about its axes, so it is over those that have to go. start, end: where it stands in the text.
    """

    kind: str
    parts: tuple[Term, ...] = ()
    label: Any = ""
    axis: int | None = None
    keepdims: bool = False
    free: bool = False
    start: int = field(default=0, compare=False)
    end: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return written(self)


def number(value: float, like: Term | None = None) -> Term:
    """A number, at the place of another term."""
    return Term("number", label=value, **_position(like))


def made(kind: str, *parts: Term) -> Term:
    """An operator on its operands, at the place of the first."""
    return Term(kind, parts, **_position(parts[0]))


def _position(term: Term | None) -> dict[str, Any]:
    return {} if term is None else {"start": term.start, "end": term.end}


def walk(term: Term, place: Place = ()) -> Iterator[tuple[Place, Term]]:
    """A tree's parts with their places, the whole first."""
    yield place, term
    for i, part in enumerate(term.parts):
        yield from walk(part, (*place, i))


def at(term: Term, place: Place) -> Term:
    """The part at a place."""
    for i in place:
        term = term.parts[i]
    return term


def replaced(term: Term, place: Place, new: Term) -> Term:
    """The tree with another part at a place."""
    if not place:
        return new
    parts = list(term.parts)
    parts[place[0]] = replaced(parts[place[0]], place[1:], new)
    return replace(term, parts=tuple(parts))


def mapped(term: Term, change: Callable[[Term], Term]) -> Term:
    """The tree with every part changed, the innermost first."""
    parts = tuple([mapped(part, change) for part in term.parts])
    return change(replace(term, parts=parts) if parts else term)


def from_the_right(term: Term) -> Term:
    """The tree with products of several matrices taken from the right: A·(B·C) for A·B·C."""
    return mapped(term, _turned)


def _turned(part: Term) -> Term:
    if part.kind not in (MATRIX, DOT) or part.parts[0].kind not in (MATRIX, DOT):
        return part
    first, second = part.parts[0].parts
    rest = _turned(replace(part, parts=(second, part.parts[1]), start=second.start))
    return replace(part, kind=part.parts[0].kind, parts=(first, rest))


def transposed(term: Term) -> Term:
    """The transpose; of a transpose, what it is of."""
    return term.parts[0] if term.kind == "T" else made("T", term)


def symbols(term: Term) -> frozenset[tuple[str, str]]:
    """The values and gradients that a tree names: their kind and name."""
    return frozenset([(part.kind, part.label) for _, part in walk(term) if part.kind in ("value", "gradient")])


# --- text -------------------------------------------------------------------------------------------------------------

_LEVELS = {
    "if": -1,
    **dict.fromkeys(COMPARISONS, 0), "+": 1, "-": 1, MINUS: 1, HADAMARD: 2, MATRIX: 3, DOT: 3, "/": 3, IMPLIED: 4,
    "**": 6,
}  # fmt: skip
_TIGHTEST = 7
_SIGNS = {"+": " + ", "-": " − ", HADAMARD: " ⊙ ", MATRIX: "·", DOT: "·", "/": "/", IMPLIED: "", "**": "^"}


def written(term: Term) -> str:
    """A tree as text that reads as the same tree: `W2ᵀ·∂C/∂z2 ⊙ a1(1 − a1)`."""
    parts, kind = term.parts, term.kind
    if kind == "number":
        return f"{term.label:.12g}"
    if kind in ("value", "gradient"):
        return str(term.label) if kind == "value" else f"∂C/∂{term.label}"
    if kind == "call":
        options = "" if term.free or not term.keepdims else ", keepdims=True"
        options = options if term.axis is None else f", axis={term.axis}{options}"
        over_all = functions()[term.label].reduces and not term.free and term.axis is None
        word = f"np.{term.label}" if over_all else term.label
        return f"{word}({written(parts[0])}{options})"
    if kind == "T":
        return f"{_operand(parts[0], _TIGHTEST)}ᵀ"
    level = _LEVELS[kind]
    if kind == "if":
        return " ".join([_operand(parts[0], 0), "if", _operand(parts[1], 0), "else", written(parts[2])])
    if kind == MINUS:
        return f"−{_operand(parts[0], 2)}"
    if kind == IMPLIED:
        return "".join([_operand(parts[0], level), *[f"({written(part)})" for part in parts[1:]]])
    loose = [level if i == 0 and kind != "**" else level + 1 for i in range(len(parts))]
    sign = _SIGNS.get(kind, f" {kind} ")
    return sign.join([_operand(part, least) for part, least in zip(parts, loose, strict=True)])


def _operand(term: Term, least: int) -> str:
    """A part in parentheses if it holds together less than its place demands."""
    negative = term.kind == "number" and term.label < 0
    level = 1 if negative else _LEVELS.get(term.kind, _TIGHTEST)
    derivative = term.kind == "gradient" and least == _TIGHTEST
    return f"({written(term)})" if level < least or derivative else written(term)
