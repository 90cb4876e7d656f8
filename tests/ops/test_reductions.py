"""Reductions, statistics and counts: NumPy's values for NumPy's arguments, and the gradients that go wrong."""

import numpy as np
import pytest
from scipy import special

import tinygrad_bp as tg
from tinygrad_bp.errors import ShapeError
from tinygrad_bp.ops import counting, reductions, statistics
from tinygrad_bp.testing import check_gradients

PAGES = (reductions, statistics, counting)
A = np.random.default_rng(1).normal(size=(2, 3, 4)).round(1)
AXES = [None, 0, -1, (0, 2), (-1, 0, 1), ()]
REDUCTIONS = ["sum", "mean", "prod", "max", "min", "amax", "amin", "ptp", "var", "std", "median", "nansum", "nanmean"]
COUNTS = ["any", "all", "count_nonzero"]


def ours(name):
    return next(getattr(page, name) for page in PAGES if hasattr(page, name))


def same(got, expected, rtol=1e-13):
    assert np.shape(got) == np.shape(expected)
    assert np.asarray(got).dtype == np.asarray(expected).dtype
    np.testing.assert_allclose(got, expected, rtol=rtol)


def grad(f, x):
    t = tg.tensor(x, requires_grad=True)
    f(t).backward()
    return t.grad


@pytest.mark.parametrize("name", [*REDUCTIONS, *COUNTS])
@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("kind", ["float64", "float32", "float16", "int64", "uint8", "bool"])
def test_values_are_numpys(name, axis, keepdims, kind):
    if (name, axis) == ("median", ()):
        pytest.skip("NumPy itself fails")
    x = np.abs(A * 3).astype(kind)
    if (name, kind) == ("ptp", "bool"):
        pytest.skip("NumPy does not subtract truths")
    expected = getattr(np, name)(x, axis=axis, keepdims=keepdims)
    rtol = {"float32": 1e-6, "float16": 3e-3}.get(kind, 1e-13)
    same(ours(name)(x, axis=axis, keepdims=keepdims), expected, rtol)
    same(ours(name)(tg.tensor(x), axis=axis, keepdims=keepdims).data, expected, rtol)


@pytest.mark.parametrize("name", [*REDUCTIONS, *COUNTS])
def test_lists_and_numbers(name):
    same(ours(name)([[1.0, 2.0], [4.0, 8.0]], 0), getattr(np, name)([[1.0, 2.0], [4.0, 8.0]], 0))
    same(ours(name)(2.0), getattr(np, name)(2.0))


@pytest.mark.parametrize("name", ["argmax", "argmin"])
@pytest.mark.parametrize("axis", [None, 0, -1])
@pytest.mark.parametrize("keepdims", [False, True])
def test_places_are_numpys(name, axis, keepdims):
    expected = getattr(np, name)(A, axis=axis, keepdims=keepdims)
    t = tg.tensor(A, requires_grad=True)
    found = ours(name)(t, axis=axis, keepdims=keepdims)
    same(found.data, expected)
    assert not found.requires_grad
    assert found.parents[0] is t


METHODS = [
    "linear", "lower", "higher", "nearest", "midpoint", "weibull", "median_unbiased", "inverted_cdf",
    "averaged_inverted_cdf", "closest_observation", "hazen",
]  # fmt: skip


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("q", [0.0, 0.31, 1.0, (0.25, 0.5), [[0.1], [0.9]]])
@pytest.mark.parametrize("axis", [None, 1, (0, 2)])
def test_quantiles(method, q, axis):
    x = np.random.default_rng(2).permutation(24).reshape(2, 3, 4) * 1.0
    same(statistics.quantile(x, q, axis, method), np.quantile(x, q, axis=axis, method=method))
    same(statistics.percentile(x, np.multiply(q, 100), axis, method), np.quantile(x, q, axis=axis, method=method))
    check_gradients(lambda x: statistics.quantile(x, q, axis=axis, method=method, keepdims=True), x, order=1)


def test_weighted_averages():
    w = np.arange(1.0, 5.0)
    cases = [
        {}, {"axis": 1}, {"weights": np.abs(A)}, {"axis": (0, 2), "weights": np.abs(A)}, {"axis": 2, "weights": w},
        {"axis": 2, "weights": w, "keepdims": True}, {"axis": (2, 0), "weights": np.arange(1.0, 9.0).reshape(4, 2)},
    ]  # fmt: skip
    for case in cases:
        same(statistics.average(A, **case), np.average(A, **case))
        for got, expected in zip(
            statistics.average(A, returned=True, **case), np.average(A, returned=True, **case), strict=True
        ):
            same(got, expected)
    check_gradients(lambda x, w: statistics.average(x, 2, w), A, w)
    check_gradients(lambda x, w: statistics.average(x, weights=w, returned=True)[0], A, np.abs(A) + 0.1)
    with pytest.raises(ShapeError, match="Name the axes"):
        statistics.average(A, weights=w)


def test_logsumexp():
    for axis in (None, 1, (0, 2)):
        same(reductions.logsumexp(A, axis), special.logsumexp(A, axis))
        same(reductions.logsumexp(1e4 * A, axis, True), special.logsumexp(1e4 * A, axis, keepdims=True))
    assert reductions.logsumexp([-np.inf, -np.inf]) == -np.inf
    assert reductions.logsumexp([np.inf, 0.0]) == np.inf
    assert grad(reductions.logsumexp, [-np.inf, -np.inf]).tolist() == [0, 0]
    np.testing.assert_allclose(grad(reductions.logsumexp, [1000.0, -np.inf, 1000.0]), [0.5, 0, 0.5])


def test_product_with_zeros():
    assert grad(reductions.prod, [2.0, 0.0, 3.0]).tolist() == [0, 6, 0]
    assert grad(reductions.prod, [2.0, 0.0, 0.0]).tolist() == [0, 0, 0]
    assert grad(lambda x: reductions.prod(x, axis=(0, 1)), [[2.0, 0.0], [5.0, 3.0]]).tolist() == [[0, 30], [0, 0]]


@pytest.mark.parametrize("x", [[2.0, 0.0, 3.0], [0.0, 0.0, 3.0], [0.0, 0.0, 0.0], [0.0]])
def test_product_with_zeros_to_second_order(x):
    check_gradients(reductions.prod, np.array(x), analytic=True)
    expected = [
        [0.0 if i == j else np.prod([a for k, a in enumerate(x) if k not in (i, j)]) for j in range(len(x))]
        for i in range(len(x))
    ]
    np.testing.assert_array_equal(tg.hessian(reductions.prod)(np.array(x)), expected)


SECOND = {
    "var of constants": (tg.var, [2.0, 2.0, 2.0], (2 / 3) * (np.eye(3) - 1 / 3)),
    "cumprod with zeros": (lambda x: tg.cumprod(x)[-1] ** 2, [2.0, 0.0, 0.0], np.zeros((3, 3))),
    "cumprod with one zero": (lambda x: tg.cumprod(x)[-1] ** 2, [2.0, 0.0, 3.0], np.diag([0.0, 72.0, 0.0])),
    "sort of ties": (
        lambda x: (tg.sort(x) ** 2 * np.array([1.0, 1.0, 5.0])).sum(),
        [1.0, 2.0, 1.0],
        np.diag([2.0, 10, 2]),
    ),
    "median of an even number": (
        lambda x: tg.median(x) ** 2,
        [3.0, 1.0, 2.0, 0.0],
        np.diag([0, 0.5, 0.5, 0]) + np.diag([0, 0.5, 0], 1) + np.diag([0, 0.5, 0], -1),
    ),
    "norm⁴ at 0": (lambda x: tg.linalg.norm(x) ** 4, [0.0, 0.0], np.zeros((2, 2))),
    "logsumexp of ties": (tg.logsumexp, [1.0, 1.0], [[0.25, -0.25], [-0.25, 0.25]]),
}


@pytest.mark.parametrize(("f", "x", "expected"), SECOND.values(), ids=SECOND)
def test_second_derivatives_at_special_points(f, x, expected):
    forward = tg.jacobian(tg.jacobian(f, mode="forward"), mode="forward")
    for derivative in (tg.hessian(f), tg.jacobian(tg.grad(f), mode="reverse"), forward):
        np.testing.assert_allclose(derivative(np.array(x)), expected, atol=1e-15)


@pytest.mark.parametrize("name", ["max", "min"])
def test_ties_share(name):
    f = ours(name)
    sign = 1.0 if name == "max" else -1.0
    assert grad(f, [sign, 3 * sign, 3 * sign]).tolist() == [0, 0.5, 0.5]
    x = sign * np.array([[1.0, 1.0, 0.0], [2.0, 5.0, 3.0]])
    assert grad(lambda x: f(x, axis=1).sum(), x).tolist() == [[0.5, 0.5, 0], [0, 1, 0]]
    np.testing.assert_allclose(grad(f, np.full((2, 2), sign)), 0.25)


def test_many_ties_of_half_precision():
    g = grad(reductions.max, np.ones(70_000, np.float16))
    assert g.dtype == np.float16
    np.testing.assert_allclose(g.astype(float), 1.43e-5, rtol=5e-3)


@pytest.mark.parametrize("name", REDUCTIONS)
@pytest.mark.parametrize("kind", [np.float16, np.float32])
def test_gradients_keep_the_dtype(name, kind):
    x = tg.tensor(A.astype(kind) + 2, requires_grad=True)
    y = ours(name)(x, axis=1)
    y.sum().backward()
    assert (y.dtype, x.grad.dtype) == (kind, kind)


@pytest.mark.parametrize("x", [np.ones(3), np.full(3, 0.1), np.full(7, 1e8 / 3)])
def test_spread_of_constants(x):
    assert not grad(statistics.std, x).any()
    assert not grad(lambda x: statistics.std(x, ddof=1), x).any()
    assert not grad(statistics.var, x).any()


def test_median_of_an_even_number_and_of_ties():
    assert grad(statistics.median, [5.0, 1.0, 2.0, 9.0]).tolist() == [0.5, 0, 0.5, 0]
    assert grad(statistics.median, [1.0, 2.0, 2.0, 3.0]).tolist() == [0, 0.5, 0.5, 0]
    assert grad(statistics.median, [1.0, 1.0, 1.0]).sum() == 1


def test_what_is_not_a_number_gets_no_gradient():
    assert grad(statistics.nansum, [1.0, np.nan, 2.0]).tolist() == [1, 0, 1]
    assert grad(statistics.nanmean, [1.0, np.nan, 2.0]).tolist() == [0.5, 0, 0.5]


def test_a_reduction_of_one_line_costs_no_copy():
    g, x = np.float64(2.0), np.zeros((300, 400))
    sent = reductions.sum.op.vjps[0](g, g, x, axis=None, keepdims=False)
    assert sent.shape == x.shape
    assert sent.strides == (0, 0)


def test_empty_lines():
    assert reductions.sum(tg.tensor(np.zeros((0, 3)), requires_grad=True), axis=0).data.tolist() == [0, 0, 0]
    assert reductions.prod(np.zeros(0)) == 1
    assert grad(lambda x: reductions.prod(x, axis=0).sum(), np.zeros((0, 3))).shape == (0, 3)
    assert reductions.mean(np.zeros((3, 0)), axis=0).shape == (0,)
    with pytest.raises(ValueError, match=r"max: tensor.*zero-size"):
        reductions.max(tg.tensor(np.zeros(0)))
    with pytest.warns(RuntimeWarning):
        assert np.isnan(reductions.mean(np.zeros(0)))


@pytest.mark.parametrize("name", REDUCTIONS)
def test_a_wrong_axis_names_the_operand(name):
    with pytest.raises(np.exceptions.AxisError, match="out of bounds"):
        ours(name)(tg.tensor(A, requires_grad=True), axis=3)


def test_zero_cotangents_win_over_infinite_slopes():
    x = tg.tensor([0.0, 4.0], requires_grad=True)
    statistics.average(x**0.5, weights=[0.0, 1.0]).backward()
    assert x.grad.tolist() == [0, 0.25]


@pytest.mark.parametrize("f", [tg.var, tg.std])
def test_one_element_with_a_degree_of_freedom_has_no_spread(f):
    with pytest.warns(RuntimeWarning):
        y, pullback = tg.vjp(lambda x: f(x, ddof=1), np.array([2.0]))
    assert np.isnan([y, *pullback(1.0)[0]]).all()


def test_the_sum_of_weights_has_the_dtype_of_the_average():
    x, weights = tg.tensor(np.array([1.0, 2.0])), np.array([3, 1])
    for ours, theirs in zip(
        np.average(x, weights=weights, returned=True), np.average(x.data, weights=weights, returned=True), strict=True
    ):
        assert (ours.dtype, ours) == (theirs.dtype, theirs)


@pytest.mark.parametrize("q", [30, 30.0, [30, 60], np.array([30.0, 60.0])])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, int])
def test_percentiles_have_numpys_dtype(q, dtype):
    x = np.array([3, 1, 2], dtype)
    assert np.percentile(tg.tensor(x), q).dtype == np.percentile(x, q).dtype


def test_logsumexp_of_nothing():
    assert tg.logsumexp(np.zeros((3, 0)), axis=1).tolist() == [-np.inf] * 3
    assert tg.logsumexp(np.zeros((0, 3)), axis=1).shape == (0,)
    assert tg.grad(lambda x: tg.sum(tg.logsumexp(x, axis=1)))(np.zeros((3, 0))).shape == (3, 0)
