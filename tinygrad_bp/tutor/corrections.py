"""Mistakes by name: every way to correct one place of an answer. Which of them makes it right tells what was wrong.

They come in the order in which they are looked at: the more a correction says about the mistake, the earlier.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import final

from tinygrad_bp.tutor.links import Link
from tinygrad_bp.tutor.terms import (
    DOT,
    HADAMARD,
    IMPLIED,
    MATRIX,
    MINUS,
    PRODUCTS,
    Place,
    Term,
    at,
    made,
    number,
    replaced,
    symbols,
    transposed,
    walk,
)
from tinygrad_bp.tutor.vocabulary import Vocabulary, functions

Edge = tuple[str, str]

PART = "‹part›"
"""Where a message quotes the place of the mistake, as it was typed."""


@final
@dataclass(frozen=True)
class Correction:
    """One change: the name of the `mistake`, the `message` to tell, the `part` where it is, the answer after it.

    edge: the edge of the picture, where the correction knows it; names, beside: else the values there and around it.
    """

    mistake: str
    message: str
    part: Term
    term: Term
    edge: Edge | None = None
    names: frozenset[tuple[str, str]] = frozenset()
    beside: frozenset[tuple[str, str]] = frozenset()


@final
@dataclass(frozen=True)
class Setting:
    """What corrections are made from: the words, the links on the way, the gradients that may be used, m.

    terms: those of the sum that the gradient is, where it is one.
    """

    known: Vocabulary
    links: tuple[Link, ...]
    gradients: tuple[str, ...]
    m: int | None
    terms: tuple[Term, ...] = ()


Maker = Callable[[Term, Setting], Iterator[Correction]]
"""All corrections of one kind."""


def corrected(
    mistake: str, message: str, whole: Term, place: Place, part: Term, new: Term, edge: Edge | None = None
) -> Correction:
    """A correction that puts another part at a place; the values beside it tell which edge it belongs to."""
    after = replaced(whole, place, new)
    return Correction(mistake, message, part, after, edge, symbols(new), symbols(at(after, place[:-1])))


# --- signs ------------------------------------------------------------------------------------------------------------


def differences(term: Term, setting: Setting) -> Iterator[Correction]:
    """A minus too many, a difference the wrong way round."""
    parts = list(walk(term))
    for place, part in parts:
        if part.kind == MINUS:
            yield corrected("sign", f"{PART}: the minus is wrong.", term, place, part, part.parts[0])
    for place, part in parts:
        if part.kind == "-" and part.parts[0].kind != "number":
            new = replace(part, parts=part.parts[::-1])
            yield corrected("order of a difference", f"{PART} is the wrong way round.", term, place, part, new)


def signs(term: Term, setting: Setting) -> Iterator[Correction]:
    """+ for −, a missing minus."""
    for place, part in walk(term):
        if part.kind in ("+", "-"):
            new = replace(part, kind="-" if part.kind == "+" else "+")
            yield corrected("sign", f"{PART}: the sign between the two is wrong.", term, place, part, new)
    yield corrected("sign", "The sign is wrong.", term, (), term, made(MINUS, term))


# --- matrices ---------------------------------------------------------------------------------------------------------


def matrices(term: Term, setting: Setting) -> Iterator[Correction]:
    """A transposition missing or too many, operands in the wrong order, the wrong product."""
    yield from transpositions(term, setting)
    yield from orders(term, setting)
    yield from kinds(term, setting)


def transpositions(term: Term, setting: Setting) -> Iterator[Correction]:
    """ᵀ forgotten or too many, at values first."""
    for place, part in sorted(walk(term), key=lambda found: bool(found[1].parts) and found[1].kind != "T"):
        if part.kind == "T":
            message = f"{PART}: {part.parts[0]} is not to be transposed here."
            yield corrected("superfluous transposition", message, term, place, part, part.parts[0])
        elif part.kind != "number" and not (place and at(term, place[:-1]).kind == "T"):
            message = f"{PART} has to be transposed here."
            yield corrected("missing transposition", message, term, place, part, transposed(part))


def orders(term: Term, setting: Setting) -> Iterator[Correction]:
    """The operands of a product of matrices in the other order."""
    for place, part in walk(term):
        if part.kind in (MATRIX, DOT):
            new = replace(part, parts=part.parts[::-1])
            message = f"{PART}: the operands of this product of matrices are in the wrong order."
            whole, names = replaced(term, place, new), _operands(part)
            yield Correction("order of a product", message, part, whole, None, names, symbols(part))


def _operands(product: Term) -> frozenset[tuple[str, str]]:
    """The values that a product multiplies as they are, or transposed; they tell the link that it belongs to."""
    bare = [part.parts[0] if part.kind == "T" else part for part in product.parts]
    return frozenset().union(*[symbols(part) for part in bare if not part.parts]) or symbols(product)


def kinds(term: Term, setting: Setting) -> Iterator[Correction]:
    """A product of matrices for one element by element, and the other way round."""
    for place, part in walk(term):
        if part.kind in (MATRIX, DOT):
            message = f"{PART}: these are multiplied element by element, ⊙ or *, not as matrices."
            yield corrected("product for Hadamard", message, term, place, part, replace(part, kind=HADAMARD))
        elif part.kind in (HADAMARD, IMPLIED):
            for i in range(len(part.parts) - 1):
                a, b = part.parts[i : i + 2]
                pair = replace(made(MATRIX, a, b), end=b.end)
                rest = (*part.parts[:i], pair, *part.parts[i + 2 :])
                new = replace(part, parts=rest) if len(rest) > 1 else pair
                message = f"{PART}: {a} and {b} are multiplied as matrices, @, not element by element."
                whole = replaced(term, place, new)
                yield Correction("Hadamard for product", message, pair, whole, None, symbols(pair))


# --- sums -------------------------------------------------------------------------------------------------------------


def sums(term: Term, setting: Setting) -> Iterator[Correction]:
    """The axes of a sum, keepdims, a mean where a sum is needed."""
    for place, part in walk(term):
        if part.kind != "call" or not functions()[part.label].reduces:
            continue
        if not part.free:
            options = [
                (part.axis, not part.keepdims),
                *[(axis, k) for axis in (1, 0) for k in (part.keepdims, not part.keepdims)],
            ]
            for axis, keepdims in dict.fromkeys(options):
                if axis == part.axis:
                    message = f"{PART} " + (
                        "loses an axis: say keepdims=True." if keepdims else "keeps an axis that has to go."
                    )
                    mistake = "keepdims"
                else:
                    mistake, message = "axis", f"{PART} goes over the wrong axis."
                yield corrected(mistake, message, term, place, part, replace(part, axis=axis, keepdims=keepdims))
        other = {"mean": "sum", "sum": "mean"}.get(part.label)
        if other is not None:
            message = f"{PART}: here it is the {other}, not the {part.label}, over the examples."
            yield corrected(f"{part.label} for {other}", message, term, place, part, replace(part, label=other))


# --- what was typed ---------------------------------------------------------------------------------------------------


def parentheses(term: Term, setting: Setting) -> Iterator[Correction]:
    """Parentheses forgotten around a difference or a sum: a − y·b for (a − y)·b."""
    for place, part in walk(term):
        if part.kind not in ("+", "-"):
            continue
        left, right = part.parts
        message = f"{PART}: parentheses are missing around a {'sum' if part.kind == '+' else 'difference'}."
        if right.kind in PRODUCTS or right.kind == "/":
            first = made(part.kind, left, right.parts[0])
            new = replace(right, parts=(first, *right.parts[1:]))
            yield corrected("missing parentheses", message, term, place, part, new)
        if left.kind in PRODUCTS:
            last = made(part.kind, left.parts[-1], right)
            yield corrected(
                "missing parentheses", message, term, place, part, replace(left, parts=(*left.parts[:-1], last))
            )


def numbers(term: Term, setting: Setting) -> Iterator[Correction]:
    """A number that is off: an exponent, a constant."""
    for place, part in walk(term):
        if part.kind == "number":
            for value in dict.fromkeys(
                (part.label + 1, part.label - 1, 1.0, 2.0, 0.5, 3.0, *([float(setting.m)] if setting.m else []))
            ):
                if value != part.label:
                    yield corrected(
                        "wrong number", f"The number {PART} is wrong.", term, place, part, number(value, part)
                    )
        elif part.kind in ("value", "call"):
            squared = made("**", part, number(2.0, part))
            yield corrected("forgotten square", f"{PART} has to be squared.", term, place, part, squared)
