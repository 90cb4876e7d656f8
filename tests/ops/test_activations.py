"""Activations: values against SciPy and the definitions, slopes at kinks, and saturated inputs."""

import math

import numpy as np
import pytest
from scipy import special, stats

import tinygrad_bp as tg
from tinygrad_bp.errors import ArgumentError, ShapeError
from tinygrad_bp.ops.activations import (
    elu,
    leaky_relu,
    log_sigmoid,
    log_softmax,
    relu,
    sigmoid,
    softmax,
    softplus,
)
from tinygrad_bp.ops.erf import erf_values, erfc_values
from tinygrad_bp.ops.gated_activations import gelu, glu, mish, silu, swish
from tinygrad_bp.ops.piecewise_activations import (
    celu,
    hard_shrink,
    hard_sigmoid,
    hard_swish,
    hard_tanh,
    relu6,
    selu,
    soft_shrink,
    softsign,
    threshold,
)

X = np.concatenate([np.linspace(-8, 8, 161), [1e-9, -1e-9, 30.0, -30.0]])


def slope(f, x, **params):
    """∂f/∂x at one number."""
    return float(tg.grad(lambda t: f(t, **params))(x))


DEFINITIONS = {
    silu: lambda x: x * special.expit(x),
    gelu: lambda x: x * stats.norm.cdf(x),
    mish: lambda x: x * np.tanh(np.logaddexp(0, x)),
    log_sigmoid: special.log_expit,
    softplus: lambda x: np.logaddexp(0, x),
    softsign: lambda x: x / (1 + abs(x)),
    relu6: lambda x: np.clip(x, 0, 6),
    hard_tanh: lambda x: np.clip(x, -1, 1),
    hard_sigmoid: lambda x: np.clip((x + 3) / 6, 0, 1),
    hard_swish: lambda x: x * np.clip((x + 3) / 6, 0, 1),
    selu: lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(np.minimum(x, 0))),
    celu: lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
    hard_shrink: lambda x: np.where(abs(x) > 0.5, x, 0),
    soft_shrink: lambda x: np.sign(x) * np.maximum(abs(x) - 0.5, 0),
    threshold: lambda x: np.where(x > 0, x, 0),
}


@pytest.mark.parametrize(("f", "definition"), DEFINITIONS.items(), ids=lambda f: getattr(f, "__name__", ""))
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
def test_values_and_dtypes(f, definition, dtype):
    x = X.astype(dtype)
    y = f(x)
    assert y.dtype == dtype
    tolerance = 20 * np.finfo(dtype).eps
    np.testing.assert_allclose(y.astype(float), definition(x.astype(float)), rtol=tolerance, atol=tolerance)
    gradient = tg.grad(lambda t: f(t).sum())(x)
    assert gradient.dtype == dtype
    assert np.all(np.isfinite(gradient))


def test_parameters_change_the_shape():
    np.testing.assert_allclose(celu(X, alpha=0.5), np.where(X > 0, X, 0.5 * np.expm1(np.minimum(X, 0) / 0.5)))
    np.testing.assert_allclose(hard_shrink(X, width=2), np.where(abs(X) > 2, X, 0))
    np.testing.assert_allclose(soft_shrink(X, width=2), np.sign(X) * np.maximum(abs(X) - 2, 0), atol=1e-15)
    np.testing.assert_allclose(threshold(X, limit=1, value=-3), np.where(X > 1, X, -3))
    np.testing.assert_allclose(swish(X, 2.0), X * special.expit(2 * X))
    inner = np.sqrt(2 / np.pi) * (X + 0.044715 * X**3)
    np.testing.assert_allclose(gelu(X, approximate="tanh"), X / 2 * (1 + np.tanh(inner)), atol=1e-15)


def test_swish_learns_its_slope():
    x, beta = 1.5, 0.7
    gate = special.expit(beta * x)
    assert tg.grad(swish, argnums=1)(x, beta) == pytest.approx(x * x * gate * (1 - gate))


def test_glu_splits_an_axis():
    x = np.arange(24.0).reshape(2, 4, 3) / 10
    expected = x[:, :2] * special.expit(x[:, 2:])
    np.testing.assert_allclose(glu(x, axis=1), expected)
    np.testing.assert_allclose(glu(tg.tensor(x), axis=-2).data, expected)
    np.testing.assert_allclose(glu(x[:, :, :2]), x[..., :1] * special.expit(x[..., 1:2]))
    with pytest.raises(ShapeError, match=r"axis -1 of array \(2, 4, 3\) has length 3"):
        glu(x)


@pytest.mark.parametrize(
    ("f", "x", "expected"),
    [
        (relu, 0.0, 0),
        (relu6, 0.0, 0),
        (relu6, 6.0, 0),
        (hard_tanh, -1.0, 0),
        (hard_tanh, 1.0, 0),
        (hard_sigmoid, -3.0, 0),
        (hard_sigmoid, 3.0, 0),
        (hard_swish, -3.0, 0),
        (hard_swish, 3.0, 1),
        (leaky_relu, 0.0, 0.01),
        (elu, 0.0, 1),
        (selu, 0.0, 1.0507009873554805),
        (celu, 0.0, 1),
        (softsign, 0.0, 1),
        (hard_shrink, 0.5, 0),
        (soft_shrink, -0.5, 0),
        (threshold, 0.0, 0),
    ],
    ids=lambda v: getattr(v, "__name__", str(v)),
)
def test_slope_at_a_kink(f, x, expected):
    assert slope(f, x) == pytest.approx(expected)


def test_bad_arguments_are_refused():
    with pytest.raises(ArgumentError, match=r"alpha .* must be positive; got 0"):
        celu(X, alpha=0)
    with pytest.raises(ArgumentError, match="approximate is 'none' or 'tanh'; got 'erf'"):
        gelu(X, approximate="erf")


# --- saturation -------------------------------------------------------------------------------------------------------


def test_sigmoid_by_hand_and_built_in_saturate_with_gradient_zero():
    with np.errstate(over="ignore"):
        by_hand = tg.value_and_grad(lambda x: 1 / (1 + tg.exp(-x)))(-1000.0)
    assert by_hand == (0, 0)
    for x, y in ((-1000.0, 0), (1000.0, 1)):
        assert tg.value_and_grad(sigmoid)(x) == (y, 0)


@pytest.mark.parametrize(
    ("f", "low", "high"),
    [
        (silu, (0, 0), (1000, 1)),
        (gelu, (0, 0), (1000, 1)),
        (mish, (0, 0), (1000, 1)),
        (softplus, (0, 0), (1000, 1)),
        (log_sigmoid, (-1000, 1), (0, 0)),
        (elu, (-1, 0), (1000, 1)),
        (celu, (-1, 0), (1000, 1)),
        (hard_swish, (0, 0), (1000, 1)),
    ],
    ids=lambda f: getattr(f, "__name__", ""),
)
def test_saturated_inputs_give_the_limits(f, low, high):
    assert tg.value_and_grad(f)(-1000.0) == low
    assert tg.value_and_grad(f)(1000.0) == high


def test_softmax_and_its_logarithm_take_any_logits():
    z = np.array([[1000.0, 0.0, -1000.0], [3.0, 3.0, 3.0]])
    np.testing.assert_allclose(softmax(z), special.softmax(z, axis=-1))
    np.testing.assert_allclose(log_softmax(z), special.log_softmax(z, axis=-1))
    np.testing.assert_allclose(tg.grad(lambda t: log_softmax(t)[0, 2])(z), [[-1, 0, 1], [0, 0, 0]])


@pytest.mark.parametrize("shape", [(5,), (4, 3), (4, 50), (2, 3, 4)])
@pytest.mark.parametrize("axis", [-1, 0, None])
def test_softmax_along_an_axis(shape, axis):
    z = np.random.default_rng(0).normal(size=shape)
    np.testing.assert_allclose(softmax(z, axis=axis), special.softmax(z, axis=axis))
    np.testing.assert_allclose(log_softmax(z, axis=axis), special.log_softmax(z, axis=axis))


# --- the error function -----------------------------------------------------------------------------------------------


def test_erf_is_right_to_the_last_digits():
    x = np.concatenate([np.linspace(-6, 26, 20001), [0.46875, -0.46875, 4.0, -4.0, 1e-300, 0.0]])
    np.testing.assert_allclose(erf_values(x), [math.erf(v) for v in x], rtol=1e-15)
    np.testing.assert_allclose(erfc_values(x), [math.erfc(v) for v in x], rtol=1e-15)
    single = x[x < 9].astype(np.float32)
    np.testing.assert_allclose(erfc_values(single), [math.erfc(v) for v in single], rtol=1e-6)


def test_erf_keeps_dtype_shape_and_special_values():
    for dtype in (np.float16, np.float32, np.float64):
        assert erf_values(np.ones((2, 0), dtype)).dtype == dtype
        assert erfc_values(dtype(1)).dtype == dtype
    assert erf_values(1) == pytest.approx(special.erf(1))
    assert np.shape(erf_values(0.3)) == ()
    np.testing.assert_array_equal(erf_values([np.nan, np.inf, -np.inf, 1e300]), [np.nan, 1, -1, 1])
    np.testing.assert_array_equal(erfc_values([np.nan, np.inf, -np.inf, -1e300]), [np.nan, 0, 2, 2])
    assert np.signbit(erf_values(-0.0))


@pytest.mark.parametrize("f", [tg.softmax, tg.log_softmax])
@pytest.mark.parametrize(("shape", "axis"), [((0,), -1), ((3, 0), -1), ((3, 0), 0), ((3, 0), None), ((2, 0, 3), 1)])
@pytest.mark.parametrize("compiled", [False, True])
def test_of_nothing_they_are_empty(f, shape, axis, compiled):
    def both(x):
        return f(x, axis=axis), tg.grad(lambda x: tg.sum(f(x, axis=axis)))(x)

    y, slope = (tg.compile(both, backend="numpy") if compiled else both)(np.zeros(shape))
    assert y.shape == slope.shape == shape
