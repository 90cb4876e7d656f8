"""Lengths and deviations of numbers whose squares are too large or too small for their dtype."""

import numpy as np
import pytest

import tinygrad_bp as tg

norm = tg.linalg.norm
VECTOR = [3.0, -4.0, 12.0]
MATRIX = [[3.0, -1.0, 2.0], [0.5, 4.0, -2.5]]

LENGTHS = {f"norm of order {p}": (lambda x, p=p: norm(x, p), VECTOR) for p in (1, 2, 3, 2.5, 0.5, -1, -2.5, np.inf)}
LENGTHS |= {f"{p} norm of a matrix": (lambda x, p=p: norm(x, p), MATRIX) for p in ("fro", 1, -1, np.inf)}
SPECTRAL = {f"{p} norm of a matrix": (lambda x, p=p: norm(x, p), MATRIX) for p in ("nuc", 2, -2)}
LENGTHS |= {
    "norm of all elements": (norm, MATRIX),
    "norms of rows": (lambda x: tg.sum(norm(x, axis=1, keepdims=True)), MATRIX),
    "cubic norms of columns": (lambda x: tg.sum(norm(x, 3, axis=0)), MATRIX),
    "hypot": (lambda x: tg.hypot(x[0], x[1]), VECTOR),
    "std": (tg.std, VECTOR),
    "std of rows": (lambda x: tg.sum(tg.std(x, axis=1, ddof=1, keepdims=True)), MATRIX),
}

SIZES = {
    np.float16: (128.0, 2.0**-13),  # powers of two: what is scaled is not rounded
    np.float32: (2.0**100, 2.0**-100),
    np.float64: (2.0**660, 2.0**-660, 2.0**-1010),
}


def cases(lengths, sizes=SIZES):
    return [
        pytest.param(f, np.array(x, dtype), c, id=f"{name} {dtype.__name__} {c:.0e}")
        for name, (f, x) in lengths.items()
        for dtype in sizes
        for c in sizes[dtype]
    ]


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize(("f", "x", "c"), [*cases(LENGTHS), *cases(SPECTRAL, {np.float64: SIZES[np.float64]})])
def test_a_length_scales_with_its_numbers_and_its_gradient_stays(f, x, c, compiled):
    run = tg.value_and_grad(f)
    large = x * x.dtype.type(c)
    y, slope = tg.value_and_grad(f)(x.astype(np.float64))
    got, gradient = (tg.compile(run, backend="numpy") if compiled else run)(large)
    eps = 8 * np.finfo(x.dtype).eps
    assert got.dtype == gradient.dtype == x.dtype
    np.testing.assert_allclose(np.float64(got) / c, y, rtol=eps)
    np.testing.assert_allclose(gradient, slope, rtol=eps, atol=eps)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("ord", [2, 3, -1])
def test_each_row_has_a_size_of_its_own(ord, compiled):
    x = np.array([[3.0, 4.0], [3e200, 4e200], [3e-200, 4e-200], [0.0, 0.0], [1.0, 1e200]])

    def run(x):
        return tg.grad(lambda x: tg.sum(norm(x, ord, axis=1)))(x)

    expected = [*[run(x[:1])[0]] * 3, [0, 0], [1, 0] if ord < 0 else [0, 1]]
    np.testing.assert_allclose((tg.compile(run, backend="numpy") if compiled else run)(x), expected, atol=1e-15)


@pytest.mark.parametrize("f", [norm, tg.std])
def test_second_derivatives_of_large_numbers(f):
    x, c = np.array([3.0, 4.0, 7.0]), 2.0**600
    np.testing.assert_allclose(tg.hessian(f)(c * x) * c, tg.hessian(f)(x), rtol=1e-13, atol=1e-16)


def test_complex_numbers():
    z = np.array([3e200 + 4e200j, -12e200j])
    y, slope = tg.value_and_grad(norm)(z)
    np.testing.assert_allclose(y, 13e200)
    np.testing.assert_allclose(slope, np.conj(z) / 13e200)


def test_what_is_infinite_or_no_number_stays_so():
    assert norm(np.array([np.inf, 1.0])) == np.inf
    assert np.isnan(norm(np.array([np.nan, 1.0])))
    assert norm(np.zeros(0)) == 0
    assert norm(np.zeros((0, 3)), axis=0).tolist() == [0, 0, 0]


@pytest.mark.parametrize("normalised", [tg.layer_norm, lambda x: tg.batch_norm(x.T, axis=1).T])
def test_normalised_half_precision(normalised):
    x = np.array([[900.0, 1200.0, 300.0, -5000.0], [1.0, 2.0, 3.0, 5.0]], np.float16)
    weights = np.arange(8.0).reshape(2, 4)
    y, slope = tg.value_and_grad(lambda x: tg.sum(normalised(x) * weights.astype(x.dtype)))(x)
    right, right_slope = tg.value_and_grad(lambda x: tg.sum(normalised(x) * weights))(x.astype(np.float64))
    assert slope.dtype == np.float16
    np.testing.assert_allclose(y, right, rtol=5e-3)
    np.testing.assert_allclose(slope, right_slope, rtol=5e-3, atol=1e-5)


INFINITE = np.array(
    [[-np.inf, -np.inf], [np.inf, np.inf], [np.inf, 0], [0, np.inf], [-np.inf, 0], [0, -np.inf], [np.inf, -np.inf]]
)
SHARES = [[0, 0], [0.5, 0.5], [1, 0], [0, 1], [0, 1], [1, 0], [1, 0]]


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize(
    "f",
    [
        lambda x: tg.logaddexp(x[:, 0], x[:, 1]),
        lambda x: tg.logaddexp2(x[:, 0], x[:, 1]),
        lambda x: tg.logsumexp(x, axis=1),
    ],
    ids=["logaddexp", "logaddexp2", "logsumexp"],
)
def test_sums_of_exponentials_of_infinities(f, compiled):
    def first(x):
        return tg.vjp(f, x)[1](np.ones(len(SHARES)))[0]

    def second(x):
        return tg.grad(lambda x: tg.sum(first(x)[:, 0]))(x)

    first, second = [tg.compile(d, backend="numpy") if compiled else d for d in (first, second)]
    np.testing.assert_array_equal(first(INFINITE), SHARES)
    np.testing.assert_array_equal(second(INFINITE), np.zeros(INFINITE.shape))


def test_lengths_of_integers():
    assert norm(np.array([3_000_000_000, 4_000_000_000])) == 5e9
    assert norm(np.array([200, 0], np.uint8)) == 200
