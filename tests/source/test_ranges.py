"""Where programs may multiply without asking whether a cotangent is 0, and where NumPy may warn."""

import itertools

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp.trees import flatten

COSTS = {
    "a product of data": lambda x, y: tg.sum(tg.tanh(x * y) * y),
    "a gate": lambda x, y: tg.sum(tg.sigmoid(x) * tg.tanh(tg.sigmoid(y) * x)),
    "a difference": lambda x, y: tg.sum(tg.tanh(x - y) * tg.arctan(x)),
    "a branch": lambda x, y: tg.sum(tg.where(x > 0, tg.tanh(x) * y, 0.0) * tg.sigmoid(y)),
    "a masked root": lambda x, y: tg.sum(tg.where(x > 0, tg.sqrt(x), y) ** 2.0),
    "a masked product": lambda x, y: tg.sum(tg.where(y > 0, x * x * y, 0.0)),
    "a quotient": lambda x, y: tg.sum((x / (1.0 + y * y)) ** 2.0),
    "a saturated quotient": lambda x, y: tg.sum(tg.tanh(x / (1.0 + y * y)) * y),
    "a matrix": lambda x, y: tg.sum(tg.tanh(x[:, None] * y[None, :]) @ x),
    "a softmax": lambda x, y: tg.sum(tg.softmax(x) * tg.tanh(y)),
    "an elu": lambda x, y: tg.sum(tg.elu(x * y) ** 2.0),
    "a sum of squares": lambda x, y: tg.sum((y - x * x) ** 2.0 * tg.exp(-tg.absolute(y))),
    "two costs": lambda x, y: tg.sum(tg.tanh(x) * y) + tg.sum(tg.where(y > 0, tg.log(x), 0.0)),
}
ODD = (0.0, -0.0, 1.5, -2.0, 800.0, -800.0, np.inf, -np.inf, np.nan)


@pytest.mark.parametrize("name", COSTS)
def test_odd_numbers_give_what_they_give_on_the_engine_while_the_cost_is_finite(name):
    both = tg.value_and_grad(COSTS[name], argnums=(0, 1))
    fast = tg.compile(both, backend="numpy")
    fast(np.ones(2), np.ones(2))
    compared = 0
    with np.errstate(all="ignore"):
        for a, b in itertools.product(ODD, ODD):
            for x, y in ((np.array([a, 0.5]), np.array([b, -0.5])), (np.array([a, -0.5]), np.array([0.5, b]))):
                want, got = flatten(both(x, y))[0], flatten(fast(x, y))[0]
                np.testing.assert_array_equal(np.isfinite(got[0]), np.isfinite(want[0]))
                if np.isfinite(want[0]):
                    compared += 1
                    for g, w in zip(got[1:], want[1:], strict=True):
                        np.testing.assert_allclose(g, w, rtol=1e-12, atol=1e-300, err_msg=f"{x} {y}")
    assert compared > 20


def test_the_gradient_of_one_cost_does_not_lean_on_another():
    def f(x):
        return tg.grad(lambda x: tg.sum(x * x))(x), tg.grad(lambda x: tg.sum(tg.where(x < 9, x * x, 0.0) * 0.5))(x)

    fast = tg.compile(f, backend="numpy")
    fast(np.ones(2))
    x = np.array([1.0, np.inf])
    np.testing.assert_array_equal(fast(x)[1], [1.0, 0.0])


@pytest.mark.parametrize(
    ("f", "silenced"),
    [
        (lambda x: tg.tanh(x) * tg.maximum(x, 0.0), ""),
        (tg.sigmoid, 'over="ignore"'),
        (lambda x: tg.sqrt(1.0 + x * x) + tg.log(tg.exp(-tg.absolute(x)) + 1.0), ""),
        (tg.sqrt, 'invalid="ignore"'),
        (tg.log, 'divide="ignore", invalid="ignore"'),
        (lambda x: 1.0 / x, 'divide="ignore"'),
        (lambda x: x / x, 'divide="ignore", invalid="ignore"'),
        (tg.softmax, ""),
        (lambda x: tg.log_softmax(x), ""),
        (lambda x: x**-1.0, 'divide="ignore"'),
        (lambda x: x**2.0 / 3.0, ""),
    ],
)
def test_only_what_can_warn_is_silenced(f, silenced):
    fast = tg.compile(f, backend="numpy")
    fast(np.ones((2, 3)))
    decorators = [line for line in fast.source.splitlines() if line.startswith("@")]
    assert decorators == ([f"@np.errstate({silenced})"] if silenced else [])
