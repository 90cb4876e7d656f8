"""`odeint`: solutions that are known, derivatives of two orders in both modes, and what is refused."""

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp.errors import ArgumentError, DTypeError, MissingExtraError, ShapeError, TracingError
from tinygrad_bp.testing import check_gradients

pytest.importorskip("scipy.integrate")

EXACT = {"rtol": 1e-11, "atol": 1e-12}
T = np.array([0.0, 0.4, 1.0])


def pendulum(y, s, damping, drive):
    return tg.stack([y[1], -tg.sin(y[0]) - damping * y[1] + drive["strength"] * tg.cos(s)])


def solved(y0, t, damping, strength):
    return tg.odeint(pendulum, y0, t, damping, {"strength": strength}, **EXACT)


def decayed(y0, t, rate):
    return tg.odeint(lambda y, s, rate: -rate * y, y0, t, rate, **EXACT)


def test_the_solution_is_scipys_and_the_formulas():
    integrate = pytest.importorskip("scipy.integrate")
    y0 = np.array([0.3, -1.0])
    theirs = integrate.odeint(lambda y, s: [y[1], -np.sin(y[0]) - 0.2 * y[1] + 0.5 * np.cos(s)], y0, T, **EXACT)
    np.testing.assert_allclose(solved(y0, T, 0.2, 0.5), theirs, rtol=1e-9)
    np.testing.assert_allclose(decayed(2.0, T, 0.7), 2 * np.exp(-0.7 * T), rtol=1e-10)
    np.testing.assert_allclose(decayed(2.0, -T, 0.7), 2 * np.exp(0.7 * T), rtol=1e-10)
    assert decayed(np.ones((2, 3)), T, 0.7).shape == (3, 2, 3)
    assert decayed(np.float32(1.0), T[:1], 0.7).dtype == np.float32
    for method in ("Radau", "LSODA"):
        y = tg.odeint(lambda y, s: -50 * (y - tg.cos(s)), 0.0, T, method=method, rtol=1e-8)
        np.testing.assert_allclose(y[2], (50**2 * np.cos(1) + 50 * np.sin(1)) / (50**2 + 1), rtol=1e-6)


def test_derivatives_for_the_start_the_times_and_the_parameters():
    check_gradients(solved, np.array([0.3, -1.0]), T, np.array(0.2), np.array(0.5), order=1)


def test_second_derivatives_are_those_of_the_formula():
    def last(rate, t):
        return decayed(2.0, tg.stack([0.0, t]), rate)[1]

    rate, t = 0.7, 1.3
    y = 2 * np.exp(-rate * t)
    by_rate, by_both = t**2 * y, (rate * t - 1) * y
    np.testing.assert_allclose(tg.grad(tg.grad(last))(rate, t), by_rate, rtol=1e-8)
    np.testing.assert_allclose(tg.grad(tg.grad(last), argnums=1)(rate, t), by_both, rtol=1e-8)
    np.testing.assert_allclose(tg.hvp(lambda r: last(r, t), (rate,), (1.0,)), by_rate, rtol=1e-8)
    forward = tg.jvp(lambda r: tg.jvp(lambda r: last(r, t), (r,), (1.0,))[1], (rate,), (1.0,))[1]
    np.testing.assert_allclose(forward, by_rate, rtol=1e-8)


def test_backward_and_pictures():
    rate = tg.tensor(0.7, requires_grad=True, name="rate")
    y = tg.odeint(lambda y, s, rate: -rate * y, 2.0, T, rate, **EXACT)[2]
    assert "odeint" in tg.draw(y).dot
    y.backward()
    np.testing.assert_allclose(rate.grad, -2 * np.exp(-0.7), rtol=1e-9)


@pytest.mark.parametrize(
    ("f", "error", "message"),
    [
        (lambda: tg.grad(lambda w: tg.odeint(lambda y, s: w * y, 1.0, T)[1])(1.0), ArgumentError, "Pass it to odeint"),
        (lambda: decayed(1.0, [0.0, 1.0, 0.5], 1.0), ArgumentError, "Sort t"),
        (lambda: decayed(1.0, 1.0, 1.0), ShapeError, "t is a vector"),
        (lambda: tg.odeint(lambda y, s: y[:1], np.ones(2), T), ShapeError, "the slope of y"),
        (lambda: decayed(1j, T, 1.0), DTypeError, "real numbers"),
        (lambda: tg.compile(decayed)(1.0, T, 1.0), TracingError, "Compile f instead"),
        (lambda: tg.odeint(lambda y, s: y**2, 1.0, [0.0, 2.0]), ArgumentError, "gave up"),
    ],
)
def test_what_is_refused(f, error, message):
    with pytest.raises(error, match=message), np.errstate(all="ignore"):
        f()


def test_without_scipy_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "scipy", None)
    with pytest.raises(MissingExtraError, match=r"tinygrad_bp\[scipy\]"):
        decayed(1.0, T, 1.0)
