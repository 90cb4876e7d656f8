"""Mistakes in the factors of an answer: another symbol, another derivative, a link that is missing, one too many."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import product

from tinygrad_bp.tutor.corrections import PART, Correction, Setting, corrected
from tinygrad_bp.tutor.links import Link
from tinygrad_bp.tutor.terms import (
    HADAMARD,
    IMPLIED,
    MATRIX,
    PRODUCTS,
    Term,
    from_the_right,
    made,
    mapped,
    replaced,
    symbols,
    walk,
)

# --- symbols ----------------------------------------------------------------------------------------------------------

_NUMBER = re.compile(r"\d+")


def neighbours(term: Term, setting: Setting) -> Iterator[Correction]:
    """Another layer's symbol, or this layer's other one."""
    yield from _symbols(term, setting, near=True)


def others(term: Term, setting: Setting) -> Iterator[Correction]:
    """Any other symbol."""
    yield from _symbols(term, setting, near=False)


def _symbols(term: Term, setting: Setting, near: bool) -> Iterator[Correction]:
    candidates = [("value", name) for name in setting.known.values if name != setting.known.root]
    candidates += [("gradient", name) for name in setting.gradients]
    for place, part in walk(term):
        if part.kind not in ("value", "gradient"):
            continue
        for kind, name in candidates:
            mistake = _relation(part, kind, name)
            if (kind, name) != (part.kind, part.label) and (mistake is not None) is near:
                new = replace(part, kind=kind, label=name)
                told = mistake or "wrong symbol", _said(mistake, part, new)
                yield corrected(*told, term, place, part, new)
                if near and (everywhere := mapped(term, partial(_renamed, part, new))) != replaced(term, place, new):
                    yield Correction(*told, part, everywhere, None, symbols(new))


def _renamed(old: Term, new: Term, part: Term) -> Term:
    return replace(part, kind=new.kind, label=new.label) if part == old else part


def _relation(part: Term, kind: str, name: str) -> str | None:
    """How a symbol and another one are near each other; None if they are not."""
    if part.label == name:
        return "value for gradient" if kind == "gradient" else "gradient for value"
    if part.kind != kind:
        return None
    old, new = part.label, name
    if _NUMBER.sub("", old) == _NUMBER.sub("", new):
        return "wrong layer"
    numbers = _NUMBER.findall(old), _NUMBER.findall(new)
    if numbers[0] == numbers[1] != []:
        return "wrong symbol of the layer"
    if [] in numbers:  # the inputs are a[0]
        return "wrong layer" if re.fullmatch(r"a\d+", new if numbers[1] else old) else None
    return None


def _said(mistake: str | None, part: Term, new: Term) -> str:
    if mistake == "wrong layer":
        return f"{PART} belongs to another layer; here it is {new}."
    if mistake == "value for gradient":
        return f"{PART} is the value; here its gradient {new} is needed."
    if mistake == "gradient for value":
        return f"{PART} is the gradient; here the value {new} is needed."
    return f"{PART} is wrong here; it is {new}."


# --- factors ----------------------------------------------------------------------------------------------------------


def local_derivatives(term: Term, setting: Setting) -> Iterator[Correction]:
    """Something else where g′ stands: z for a, the derivative of another function, half of it."""
    for link in setting.links:
        if link.local is not None:
            yield from _derivatives("wrong g′", term, link, link.local)


def costs(term: Term, setting: Setting) -> Iterator[Correction]:
    """Something else where the derivative of the cost stands, as a factor of the answer."""
    for link in setting.links:
        if (derivative := link.of_cost(setting.known.root)) is not None and term.parts:
            for correction in _derivatives("wrong derivative of the cost", term, link, derivative):
                if correction.part is not term:
                    yield correction


def _derivatives(mistake: str, term: Term, link: Link, derivative: Term) -> Iterator[Correction]:
    own = {("value", link.source), ("value", link.target)} | symbols(derivative)
    for place, part in walk(term):
        for new, chosen in _groups(part, own, derivative):
            message = f"{PART} is not the derivative of {link.how} for {link.source}."
            yield Correction(mistake, message, chosen, replaced(term, place, new), link.edge)


def _groups(part: Term, own: set[tuple[str, str]], local: Term) -> Iterator[tuple[Term, Term]]:
    """A part in terms of a layer's own values replaced by its derivative; of a product also any run of its factors."""
    if (found := symbols(part)) and found <= own:
        yield replace(local, start=part.start, end=part.end), part
    if part.kind in (HADAMARD, IMPLIED):
        count = len(part.parts)
        for i in range(count):
            for j in range(count, i, -1):
                run = part.parts[i:j]
                names = frozenset().union(*map(symbols, run))
                if j - i < count and names and names <= own and j - i > 1:
                    chosen = replace(part, parts=run, start=run[0].start, end=run[-1].end)
                    new = replace(local, start=chosen.start, end=chosen.end)
                    yield replace(part, parts=(*part.parts[:i], new, *part.parts[j:])), chosen


def forgotten(term: Term, setting: Setting) -> Iterator[Correction]:
    """A link of the chain that is missing: g′, Wᵀ, the inputs of W, the sum for b; also between two matrices."""
    whole = from_the_right(term)
    for tree, link in product((term,) if whole == term else (term, whole), setting.links):
        if link.target == setting.known.root:
            continue
        for place, part in walk(tree):
            if part.kind == "number":
                continue
            if link.adds_up:
                mistake, why = "forgotten sum", f"{link.source} acts on all examples, so what {PART} gives is added up."
            elif link.local is not None:
                mistake = "forgotten g′"
                why = f"A factor is forgotten: the derivative of {link.how} for {link.source}."
            else:
                mistake = "forgotten factor"
                why = f"A factor is forgotten: that of {link.source} in {link.how}."
            yield Correction(mistake, why, part, replaced(tree, place, link.after(part)), link.edge)


def arriving(term: Term, setting: Setting) -> Iterator[Correction]:
    """The derivative of one link alone, without the gradient that arrives at it."""
    for link in setting.links:
        if link.target in setting.gradients:
            arrives = Term("gradient", label=link.target, start=term.start, end=term.end)
            why = f"∂C/∂{link.target} is forgotten: {PART} is only how {link.target} changes with {link.source}."
            for new in (made(HADAMARD, arrives, term), made(MATRIX, arrives, term), made(MATRIX, term, arrives)):
                yield Correction("forgotten factor", why, term, new, link.edge)


def missing_terms(term: Term, setting: Setting) -> Iterator[Correction]:
    """A term of a sum that is missing: one of several ways to the cost."""
    for missing in setting.terms:
        new = made("+", term, replace(missing, start=term.start, end=term.end))
        message = f"{PART}: a term is forgotten. Follow every way to the cost."
        yield Correction("forgotten term", message, term, new, None, symbols(missing))


def functions(term: Term, setting: Setting) -> Iterator[Correction]:
    """Another function of the same operand: sin where its derivative stands."""
    used = [part.label for link in setting.links for _, part in walk(link.formula) if part.kind == "call"]
    for place, part in walk(term):
        if part.kind == "call" and not part.free:
            for label in dict.fromkeys(used):
                if label != part.label:
                    new = replace(part, label=label)
                    yield corrected("wrong function", f"{PART}: another function is needed.", term, place, part, new)


def superfluous(term: Term, setting: Setting) -> Iterator[Correction]:
    """A factor, or a function, that does not belong there."""
    for place, part in walk(term):
        if part.kind in ("call", "**"):
            message = f"{PART}: {part.label or 'the power'} does not belong here."
            yield corrected("superfluous function", message, term, place, part, part.parts[0])
        elif part.kind in PRODUCTS or part.kind == "/":
            for run, rest in _without(part):
                new = rest[0] if len(rest) == 1 else replace(part, parts=rest)
                message = f"The {'divisor' if part.kind == '/' else 'factor'} {PART} does not belong here."
                whole = replaced(term, place, new)
                yield Correction("superfluous factor", message, run, whole, None, symbols(run) or symbols(part))


def _without(part: Term) -> Iterator[tuple[Term, tuple[Term, ...]]]:
    """Any run of a product's factors, the shortest first, and what is left without it; of a quotient its divisor."""
    count = len(part.parts)
    for length in range(1, count):
        for i in range(count - length + 1):
            run = part.parts[i : i + length]
            if part.kind != "/" or i == 1:
                whole = run[0] if length == 1 else replace(part, parts=run, start=run[0].start, end=run[-1].end)
                yield whole, part.parts[:i] + part.parts[i + length :]
