"""Zero cotangent wins: where a branch is not taken, nothing of it is in a derivative, of any order, in any mode."""

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp.registry import OPS

POINTS = np.array([0.0, -0.0, 1, -1, 0.5, -0.5, 2, -2, -5, 800, -800, 1e-300, 1e300, -1e300])
"""Zeros, poles, ends of domains, and where exponentials overflow and underflow."""

NEVER = np.zeros(POINTS.shape, bool)

ELEMENTWISE = [op for op in OPS.values() if op.derivatives and op.differentiable and not op.internal]


def _functions():
    for op in ELEMENTWISE:
        if len(op.derivatives) == 1:
            yield op.name, op.call
        elif len(op.derivatives) == 2 and all(op.derivatives):
            yield f"{op.name}(x, x)", lambda x, f=op.call: f(x, x)
            yield f"{op.name}(x, 0.5)", lambda x, f=op.call: f(x, 0.5)
            yield f"{op.name}(0.5, x)", lambda x, f=op.call: f(0.5, x)


FUNCTIONS = dict(_functions())

COMPOSITIONS = {
    "f": lambda f, x: f(x),
    "f·x": lambda f, x: f(x) * x,
    "x/f": lambda f, x: x / f(x),
    "f²": lambda f, x: f(x) ** 2,
    "exp f": lambda f, x: tg.exp(f(x)),
    "log f": lambda f, x: tg.log(f(x)),
    "f∘f": lambda f, x: f(f(x)),
}


def _once(f):
    return lambda x: tg.grad(lambda x: tg.sum(f(x)))(x)


def _modes(f):
    """Derivatives of Σ f by name, each with its order."""
    first = _once(f)
    second = _once(first)
    ones = np.ones(POINTS.shape)
    return {
        "grad": (1, first),
        "jvp": (1, lambda x: tg.jvp(f, (x,), (ones,))[1]),
        "grad of grad": (2, second),
        "jvp of grad": (2, lambda x: tg.jvp(first, (x,), (ones,))[1]),
        "grad of jvp": (2, _once(lambda x: tg.jvp(f, (x,), (ones,))[1])),
        "hvp": (2, lambda x: tg.hvp(lambda x: tg.sum(f(x)), (x,), (ones,))[0]),
        "grad of grad of grad": (3, _once(second)),
    }


def _with_all(f):
    """x, beside every composition in a branch that is not taken."""
    return lambda x: sum(tg.where(NEVER, h(f, x), x) for h in COMPOSITIONS.values())


@pytest.fixture(autouse=True)
def _quiet():
    with np.errstate(all="ignore"):
        yield


def test_what_is_not_taken_overflows_and_divides_by_0():
    with np.errstate(all="ignore"):
        slopes = [_once(lambda x, f=f: tg.exp(f(x)))(POINTS) for f in FUNCTIONS.values()]
    assert sum(not np.isfinite(s).all() for s in slopes) > len(FUNCTIONS) / 2


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_branch_that_is_not_taken_adds_nothing(name):
    wrong = []
    for composed, h in COMPOSITIONS.items():
        for mode, (order, derivative) in _modes(lambda x, h=h: tg.where(NEVER, h(FUNCTIONS[name], x), x)).items():
            points = POINTS[np.asarray(derivative(POINTS)) != float(order == 1)]
            wrong += [(composed, mode, points)] if points.size else []
    assert not wrong


@pytest.mark.parametrize("name", FUNCTIONS)
def test_nor_does_it_in_a_compiled_program(name):
    modes = _modes(_with_all(FUNCTIONS[name]))
    compiled = tg.compile(lambda x: [modes[m][1](x) for m in ("grad", "grad of grad")], backend="numpy")
    first, second = compiled(POINTS)
    np.testing.assert_array_equal(first, np.full(POINTS.shape, float(len(COMPOSITIONS))))
    np.testing.assert_array_equal(second, np.zeros(POINTS.shape))


def test_nor_in_one_compiled_by_numba():
    pytest.importorskip("numba")
    functions = [FUNCTIONS[name] for name in ("log", "power(x, 0.5)")]
    second = tg.compile(_once(_once(lambda x: sum(_with_all(f)(x) for f in functions))), backend="numba")
    np.testing.assert_array_equal(second(POINTS), np.zeros(POINTS.shape))


@pytest.mark.parametrize("softmax", [tg.softmax, tg.log_softmax])
def test_rows_that_are_not_looked_at_add_nothing(softmax):
    x = np.array([[1.0, 2.0], [np.inf, 0.0], [np.nan, 1.0]])
    f = _once(lambda x: softmax(x, axis=1)[0] ** 2)
    np.testing.assert_array_equal(f(x)[1:], np.zeros((2, 2)))
    np.testing.assert_array_equal(_once(f)(x)[1:], np.zeros((2, 2)))
