"""The links of the chain from the cost back, in the language of answers: what each makes of the gradient after it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import final

from tinygrad_bp.derive import Derivation
from tinygrad_bp.derive.equations import Factor
from tinygrad_bp.derive.show import Notation
from tinygrad_bp.errors import AnswerError
from tinygrad_bp.tutor.reading import read
from tinygrad_bp.tutor.terms import HADAMARD, IMPLIED, MINUS, Term, made, replaced, symbols, walk
from tinygrad_bp.tutor.vocabulary import Vocabulary

_COTANGENT = "δ"


@final
@dataclass(frozen=True)
class Link:
    """One link, from `target` back to `source`.

    local: ∂target/∂source, where it multiplies element by element. formula: what the link makes of δ.
    """

    source: str
    target: str
    how: str
    local: Term | None
    formula: Term

    @property
    def edge(self) -> tuple[str, str]:
        """The edge of the picture."""
        return self.source, self.target

    @property
    def names(self) -> frozenset[tuple[str, str]]:
        """The values in its formula; where it multiplies element by element, also those that it is between."""
        ends = () if self.local is None else (("value", self.source), ("value", self.target))
        return (symbols(self.formula) - {("value", _COTANGENT)}).union(ends)

    @property
    def adds_up(self) -> bool:
        """Whether it adds up what arrives: the link to a bias."""
        return any(part.free for _, part in walk(self.formula))

    def of_cost(self, root: str) -> Term | None:
        """The derivative of the cost, of a link that begins there and can be said in an answer."""
        return self.formula if self.target == root and self.formula.label != _COTANGENT else None

    def share(self, root: str) -> Term:
        """What comes by it."""
        return self.formula if self.target == root else self.after(Term("gradient", label=self.target))

    def after(self, term: Term) -> Term:
        """What it makes of a gradient."""
        whole = self.formula
        for place, part in walk(self.formula):
            if part.label == _COTANGENT:
                whole = replaced(whole, place, term)
        return replace(whole, start=term.start, end=term.end)


def links(derivation: Derivation, known: Vocabulary) -> Iterator[Link]:
    """Those on the ways from the cost to a value, the nearest to it first; what has no name in between is skipped."""
    notation = Notation(derivation.graph)
    for factor in reversed(derivation.factors):
        if (link := _link(factor, notation, known)) is not None:
            yield link


def summands(term: Term) -> Iterator[Term]:
    """The terms of a sum, multiplied out, with their signs; of what is no sum nothing."""
    if term.kind in ("+", "-"):
        left, right = term.parts
        yield from summands(left) if left.kind in ("+", "-") else [left]
        yield right if term.kind == "+" else made(MINUS, right)
    elif term.kind in (HADAMARD, IMPLIED, "/"):
        for i, part in enumerate(term.parts[:1] if term.kind == "/" else term.parts):
            if found := list(summands(part)):
                yield from [replaced(term, (i,), summand) for summand in found]
                break


def _link(factor: Factor, notation: Notation, known: Vocabulary) -> Link | None:
    source, target = factor.source.name, factor.target.name
    text = notation.plain(factor.formula.template)
    try:
        formula = read(text, replace(known, values=(*known.values, _COTANGENT)))
    except AnswerError:
        formula = Term("value", label=_COTANGENT)  # what no answer can say
    how = f"{target} = {factor.target.formula}"
    if target == known.root:
        return Link(source, target, how, None, formula)
    if formula == Term("number", label=1.0):
        return None
    if factor.elementwise and formula.label != _COTANGENT:
        return Link(source, target, how, formula, made(HADAMARD, Term("value", label=_COTANGENT), formula))
    return Link(source, target, how, None, formula)
