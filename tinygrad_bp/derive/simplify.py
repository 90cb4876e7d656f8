"""Elementwise formulas made simple by SymPy: the one place that needs the extra `derive`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np

from tinygrad_bp.derive.making import Maker, is_negative
from tinygrad_bp.derive.terms import Terms
from tinygrad_bp.engine import Node, Op
from tinygrad_bp.errors import MissingExtraError, missing_extra
from tinygrad_bp.formula import SLOT, plain

_WORTH_IT = 0.9
"""A formula is turned into another form if it becomes shorter by this factor."""
_LARGEST_DENOMINATOR = 1_000_000


def sympy() -> Any:
    """SymPy. Raises MissingExtraError without it."""
    try:
        import sympy
    except ImportError as error:
        raise missing_extra("sympy", "derive") from error
    return sympy


def missing() -> list[str]:
    """What to install for simpler formulas, if anything."""
    try:
        sympy()
    except MissingExtraError as error:
        return [f"Not simplified: {error}"]
    return []


def simplified(term: Any, terms: Terms, keep: bool = False) -> Any:
    """A shorter term that equals `term`; None if there is none. What is not elementwise is left as it is.

    keep: leave the form as it is, with only its numbers put together.
    """
    if missing() or (reader := _Reader(terms)).operands(term) is None:
        return None
    expression = reader.read(term)
    shortest, width = None, _width(terms.printed(term))
    collected = _collected(expression)
    for form in collected if keep else (*collected, *_forms(reader.in_named_values(expression))):
        made = reader.maker.made(form)
        found = _width(terms.printed(made))
        if found < width and (form in collected or found <= _WORTH_IT * width):
            shortest, width = made, found
    return shortest


def _width(template: str) -> int:
    """How wide a formula is in print; a fraction is harder to read than it is wide, so is an array of ones."""
    return len(plain(SLOT.sub("xx", template)).replace("𝟏", "111").replace("/", "///"))


@lru_cache(1024)
def _collected(expression: Any) -> tuple[Any, ...]:
    """The form that an expression has, its numbers put together."""
    return expression, sympy().factor_terms(expression, sign=False)


def _exponents(expression: Any) -> list[Any]:
    """The numbers in what something is raised to, as fractions."""
    sp = sympy()
    found = [number for power in expression.atoms(sp.Pow, sp.exp) for number in power.exp.atoms(sp.Number)]
    return [sp.Rational(number) for number in found if number.is_finite]


HIGHEST = 64
"""SymPy takes x^(p/q) for the p-th power of a variable of its own, and writes down all the powers below it."""


@lru_cache(1024)
def _forms(expression: Any) -> tuple[Any, ...]:
    """The expression in other forms; none where powers are too high to be multiplied out, or no simple fractions."""
    sp = sympy()
    if any(max(abs(e.p), e.q) > HIGHEST for e in _exponents(expression)):
        return ()
    return tuple(dict.fromkeys([form(expression) for form in (sp.factor, sp.factor_terms, sp.together)]))


@lru_cache(1024)
def _solved(value: Any, definition: Any, power: Any) -> Any:
    """The power of e that a value is made of, in terms of the value; None if that is not a single fraction."""
    sp = sympy()
    e = sp.Dummy("e", positive=True)
    numerator = sp.numer(sp.together(value - definition.subs(power, e)))
    if not numerator.is_polynomial(e) or sp.degree(numerator, e) != 1:
        return None
    return sp.solve(numerator, e)[0]


class _Reader:
    """One term as a SymPy expression and back. Parts that SymPy cannot look into are symbols in it."""

    def __init__(self, terms: Terms):
        self.terms = terms
        self.sp = sympy()
        self.parts: dict[Any, Any] = {}
        self.maker = Maker(self.sp, terms, self.parts)
        self.symbols: dict[str, Any] = {}

    def read(self, term: Any) -> Any:
        """The expression of a term."""
        inside = {}
        pending = [term]
        while pending:
            at = pending.pop()
            if at.number not in inside:
                inside[at.number] = at
                pending += [p for p in self.operands(at) or () if isinstance(p, Node)]
        read: dict[int, Any] = {}
        for number in sorted(inside):
            read[number] = self._read(inside[number], read)
        return read[term.number]

    def operands(self, at: Any) -> Sequence[Any] | None:
        """What the expression of a term is made of; None if SymPy cannot look into it."""
        if at.op is None or at.number in self.terms.names:
            return None
        traits, parents = at.op.traits, at.parents
        if traits.arranges(**at.params):
            return parents[:1] if np.size(at.inputs[0]) == 1 else None
        if traits.guarded is not None:
            guarded = traits.guarded(at, self.terms.printed_operands(at))
            return None if guarded is None else (parents[guarded],)
        numbers = [p for p in parents if not isinstance(p, Node)]
        return parents if (traits.algebra or traits.mirror) and all(map(_is_real_number, numbers)) else None

    def in_named_values(self, expression: Any) -> Any:
        """The expression without the powers of e that a named value in it is made of: 1 + e^(−z) is 1/a."""
        for symbol in sorted(expression.free_symbols, key=str):
            definition = self.terms.definitions.get(self.parts[symbol].number)
            if definition is None:
                continue
            defined = self.read(definition)
            for power in sorted(defined.atoms(self.sp.exp) & expression.atoms(self.sp.exp), key=str):
                if (solved := _solved(symbol, defined, power)) is not None:
                    expression = expression.subs(power, solved)
        return expression

    def _read(self, at: Any, read: Mapping[int, Any]) -> Any:
        if at.number in self.terms.fractions:
            return self._rational(self.terms.fractions[at.number])
        parents = self.operands(at)
        if parents is None:
            return self._symbol(at)
        operands = [read[p.number] if isinstance(p, Node) else self._rational(p) for p in parents]
        traits = at.op.traits
        if traits.mirror is not None:
            return self._mirrored(at.op, traits.mirror, *operands)
        if traits.algebra is None:
            return operands[0]
        named = isinstance(traits.algebra, np.ufunc)
        return (getattr(self.sp, traits.algebra.__name__) if named else traits.algebra)(*operands)

    def _rational(self, value: Any) -> Any:
        fraction = value if isinstance(value, Fraction) else Fraction(np.asarray(value).item())
        short = fraction.limit_denominator(_LARGEST_DENOMINATOR)
        same = np.asarray(float(short), getattr(value, "dtype", None)) == float(value)
        fraction = short if same else fraction
        return self.sp.Rational(fraction.numerator, fraction.denominator)

    def _symbol(self, at: Any) -> Any:
        definition = self.terms.definitions.get(at.number, at)  # σ(z) computed twice is one symbol
        key = f"{self.terms.printed(definition)} {at.shape}"
        if key not in self.symbols:
            self.symbols[key] = self.sp.Symbol(f"s{len(self.symbols):03}", real=True)
            self.parts[self.symbols[key]] = at
        return self.symbols[key]

    def _mirrored(self, op: Op, mirror: Callable[[Any], Any], x: Any) -> Any:
        """f(x) as a symbol, for a negative x in terms of f(−x)."""
        if not is_negative(x):
            return self._symbol(op.call(self.maker.made(x)))
        return mirror(self._symbol(op.call(self.maker.made(-x))))


def _is_real_number(value: Any) -> bool:
    return np.ndim(value) == 0 and np.asarray(value).dtype.kind in "biuf" and bool(np.isfinite(value))
