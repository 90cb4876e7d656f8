"""From SymPy's expressions back to terms, in the order in which one writes them by hand."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from tinygrad_bp.derive.terms import Terms
from tinygrad_bp.engine import Node

LARGEST_INTEGER = 2**31
"""Larger ones are no factor that anybody writes as such, and fit no array of truths or small integers."""


class Maker:
    """Makes terms of expressions, whose symbols stand for the terms in `parts`."""

    def __init__(self, sp: Any, terms: Terms, parts: Mapping[Any, Any]):
        self.sp = sp
        self.terms = terms
        self.parts = parts

    def made(self, expression: Any) -> Any:
        """The term of an expression."""
        return self._term(self._made(expression))

    def _term(self, made: Any) -> Any:
        return made if isinstance(made, Node) else self.terms.number(made)

    def _made(self, e: Any) -> Any:
        """A term, or a Fraction."""
        if e.is_Rational:
            return Fraction(int(e.p), int(e.q))
        if e.is_Symbol:
            return self.parts[e]
        if e.is_Add:
            return self._sum(e)
        above, below = self.sp.fraction(e, exact=True)  # e^(−x) stays where it is
        if below != 1:
            number, rest = above.primitive()
            if rest.is_Add and all(map(is_negative, rest.args)):
                number, rest = -number, -rest
            above, below = self._times(number.p, rest), self._times(number.q, below)
            return self._term(self._made(above)) / self._plain(self._made(below))
        if e.is_Mul:
            return self._product(e)
        if e.is_Pow:
            if e.exp == self.sp.Rational(1, 2):
                return np.sqrt(self._term(self._made(e.base)))
            return self._plain(self._made(e.base)) ** self._plain(self._made(e.exp))
        return getattr(np, e.func.__name__)(self._term(self._made(*e.args)))

    def _plain(self, made: Any) -> Any:
        """A term, or a number that Python computes with."""
        if isinstance(made, Node):
            return made
        return int(made) if made.denominator == 1 and abs(made) <= LARGEST_INTEGER else float(made)

    def _sum(self, e: Any) -> Any:
        """A sum: terms with the same number before them in parentheses after it, what is subtracted last."""
        groups: dict[Any, list[Any]] = {}
        for part in e.args:
            number, rest = self._turned(*part.as_coeff_Mul())
            groups.setdefault(abs(number), []).append(rest if number > 0 else -rest)
        parts: list[Any] = []
        for number, rests in groups.items():
            if number == 1 or len(rests) == 1:
                parts += [self._times(number, rest) for rest in rests]
            elif all(map(is_negative, rests)):
                parts.append(self._times(-number, self.sp.Add(*[-rest for rest in rests])))
            else:
                parts.append(self._times(number, self.sp.Add(*rests)))
        first, *others = sorted(parts, key=lambda part: (is_negative(part), part.is_Rational, *_order(part)))
        total = self._made(first)
        for part in others:
            number, rest = part.as_coeff_Mul()
            made = self._plain(self._made(self._times(abs(number), rest)))
            total = self._plain(total) + made if number > 0 else self._plain(total) - made
        return total

    def _turned(self, number: Any, e: Any) -> tuple[Any, Any]:
        """A product −(y − 1)·e as (1 − y)·e."""
        factors = list(self.sp.Mul.make_args(e))
        turning = [i for i, factor in enumerate(factors) if factor.is_Add and factor.as_coeff_Add()[0] < 0]
        if number > 0 or not turning:
            return number, e
        factors[turning[0]] = -factors[turning[0]]
        return -number, self.sp.Mul(*factors)

    def _times(self, number: Any, e: Any) -> Any:
        """A product that SymPy does not multiply out."""
        return e if number == 1 else self.sp.Mul(self.sp.sympify(number), e, evaluate=not e.is_Add)

    def _product(self, e: Any) -> Any:
        number, factors = Fraction(1), []
        for factor in self.sp.Mul.make_args(e):
            if factor.is_Rational:
                number *= self._made(factor)
            else:
                factors.append(factor)
        number, product = self._turned(number, self.sp.Mul(*factors))
        factors = self.sp.Mul.make_args(product)
        total: Any = None if abs(number) == 1 else self._plain(abs(number))
        for factor in sorted(factors, key=_order):
            made = self._made(factor)
            total = made if total is None else total * made
        if number > 0:
            return total
        return total * -1.0 if total.dtype.kind == "b" else -total  # NumPy negates no comparison


def is_negative(e: Any) -> bool:
    """Whether the number before an expression is."""
    return bool(e.as_coeff_Mul()[0] < 0)


def _order(e: Any) -> tuple[str, int]:
    """In print the parts come in the order in which they were first read."""
    return min([s.name for s in e.free_symbols], default=""), e.count_ops()
