"""A second oracle: the derivative of each elementwise op is SymPy's derivative of its formula, to nine digits."""

import numpy as np
import pytest

from tinygrad_bp.registry import OPS

sp = pytest.importorskip("sympy")

from tests.ops.expressions import EXPRESSIONS, WITHOUT_EXPRESSION  # noqa: E402 - needs SymPy

POINTS = 6
KINK_DISTANCE = 0.01

ELEMENTWISE = sorted(name for name, record in OPS.items() if record.derivatives and any(record.derivatives))


def test_every_elementwise_op_has_an_expression_or_a_reason():
    assert sorted([*EXPRESSIONS, *WITHOUT_EXPRESSION]) == ELEMENTWISE


def drawn(random, domain, i):
    low, high = domain.intervals[min(i, len(domain.intervals) - 1)]
    if domain.kinds[min(i, len(domain.kinds) - 1)] == "i":
        return random.integers(int(low), int(high))
    return np.float64(random.uniform(low, high))


def points(record, params):
    """Inputs from the op's domain, away from its kinks."""
    random, domain, found = np.random.default_rng(1), record.domain, []
    while len(found) < POINTS:
        xs = [drawn(random, domain, i) for i in range(len(record.derivatives))]
        if domain.prepare is not None:
            xs = [x[()] for x in domain.prepare(*xs, **params)]
        if domain.kink is None or np.all(np.abs(domain.kink(*xs, **params)) > KINK_DISTANCE):
            found.append(xs)
    return found


@pytest.mark.parametrize("name", sorted(EXPRESSIONS))
def test_derivatives_are_sympys(name):
    record = OPS[name]
    for params in record.domain.params(*[()] * len(record.derivatives)):
        filled = {**record.defaults, **params}
        for xs in points(record, params):
            symbols = [sp.Symbol(f"x{i}", real=True) for i in range(len(xs))]
            operands = [s if isinstance(x, np.floating) else int(x) for s, x in zip(symbols, xs, strict=True)]
            values = {s: sp.Float(float(x), 40) for s, x in zip(symbols, xs, strict=True)}
            formula = EXPRESSIONS[name](*operands, **filled)
            y = record.forward(*xs, **filled)
            assert float(y) == pytest.approx(float(formula.evalf(30, subs=values)), rel=1e-9, abs=1e-13)
            for derivative, s in zip(record.derivatives, symbols, strict=True):
                if derivative is not None:
                    expected = float(sp.diff(formula, s).evalf(30, subs=values))
                    got = float(derivative(y, *xs, **filled))
                    assert got == pytest.approx(expected, rel=1e-9, abs=1e-13), (xs, params, s)
