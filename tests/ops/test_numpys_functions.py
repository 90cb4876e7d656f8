"""NumPy's functions that are made of other ops: NumPy's numbers and dtypes, derivatives of two orders, compiled too."""

import warnings

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

import tinygrad_bp as tg
from tinygrad_bp.errors import ArgumentError, ArrayConversionError, DTypeError, LinearAlgebraError, ShapeError
from tinygrad_bp.testing import check_gradients

random = np.random.default_rng(0)
A = random.normal(size=(3, 4))
V = random.normal(size=6)
MASK = A > 0.2
HOLES = np.array([[1.0, np.nan, 1, 1], [1, 1, np.nan, 1], [np.nan, 1, 1, np.nan]])
WEIGHTS = random.uniform(0.5, 2, 4)
TIMES = np.array([1, 2, 1, 3])
SQUARE = A[:, :3] + 4 * np.eye(3)
EYE = np.eye(6)
POINTS = np.array([-2.0, -0.5, 0.25, 3.0])


def edited(function, *names):
    """NumPy's function that writes, on a copy, and ours, which returns the new array."""

    def call(x, *args, **kwargs):
        if isinstance(x, tg.Tensor):
            return getattr(tg, function)(x, *args, **kwargs)
        x = x.copy()
        getattr(np, function)(x, *args, **kwargs)
        return x

    return call


putmask, place, copyto, fill_diagonal = map(edited, ("putmask", "place", "copyto", "fill_diagonal"))

CASES = {
    "linspace": (lambda a, b: np.linspace(a, b, 5), A[0], A[1]),
    "linspace, one end": (lambda a: np.linspace(a, 2.0, 4, endpoint=False), V[0]),
    "linspace, axis": (lambda a: np.linspace(a, A[1], 3, axis=-1), A[0]),
    "linspace, one": (lambda a: np.linspace(a, 2.0, 1), V[0]),
    "linspace, step": (lambda a: np.linspace(a, 3, 4, retstep=True)[1], A[0]),
    "logspace": (lambda a, b: np.logspace(a, b, 4, base=2.0), V[0], V[1]),
    "logspace, base": (lambda b: np.logspace(0.5, 2, 3, base=np.exp(b)), V[0]),
    "geomspace": (lambda a: np.geomspace(np.exp(a), 7.0, 5), A[0]),
    "geomspace, negative": (lambda a: np.geomspace(-np.exp(a), -2, 3, endpoint=False, axis=1), A[0]),
    "interp": (lambda x, fp: np.interp(x, POINTS, fp), A, V[:4]),
    "interp, points": (lambda xp: np.interp(V, xp, [1.0, 3.0, -2.0, 0.5], left=-1, right=9.0), POINTS),
    "interp, period": (lambda x, fp: np.interp(x, [1.9, 0.3, 1.1, 0.2], fp, period=2.0), A, V[:4]),
    "trapezoid": (lambda y, x: np.trapezoid(y, x), A, V[:4]),
    "trapezoid, axis": (lambda y: np.trapezoid(y, dx=0.3, axis=0), A),
    "trapezoid, places": (lambda y, x: np.trapezoid(y, x, axis=0), A, A**2),
    "polyval": (lambda p, x: np.polyval(p, x), V[:3], A),
    "vander": (lambda x: np.vander(x), V[:4]),
    "vander, increasing": (lambda x: np.vander(x, 3, increasing=True), V),
    "unwrap": (lambda x: np.unwrap(5 * x), A),
    "unwrap, period": (lambda x: np.unwrap(x, discont=0.7, axis=0, period=1.0), A),
    "nanmax": (lambda x: np.nanmax(x * HOLES, axis=1), A),
    "nancumsum": (lambda x: np.nancumsum(x * HOLES, axis=1), A),
    "nancumprod": (lambda x: np.nancumprod(x * HOLES, axis=0), A),
    "nanmedian": (lambda x: np.nanmedian(x * HOLES, axis=1), A),
    "nanmedian of all": (lambda x: np.nanmedian(x * HOLES, keepdims=True), A),
    "nanquantile": (lambda x: np.nanquantile(x * HOLES, [[0.3, 0.9]], axis=0), A),
    "nanmin": (lambda x: np.nanmin(x * HOLES, keepdims=True), A),
    "nanprod": (lambda x: np.nanprod(x * HOLES, axis=0), A),
    "nanvar": (lambda x: np.nanvar(x * HOLES, axis=1, ddof=1), A),
    "nanstd": (lambda x: np.nanstd(x * HOLES), A),
    "nanstd, axis": (lambda x: np.nanstd(x * HOLES, axis=(0, 1), ddof=1, keepdims=True), A),
    "pad, maximum": (lambda x: np.pad(x, ((1, 2), (0, 1)), "maximum"), A),
    "pad, minimum": (lambda x: np.pad(x, 1, "minimum", stat_length=2), A),
    "pad, median": (lambda x: np.pad(x, 2, "median", stat_length=((2, 3), (3, 1))), A),
    "pad, mean": (lambda x: np.pad(x, 2, "mean", stat_length=3), A),
    "select": (lambda a, b: np.select([MASK, A > 0], [a, a * b], b), A, A[::-1]),
    "select, default": (lambda a: np.select([MASK], [a**2], 3.0), A),
    "insert": (lambda a, v: np.insert(a, 1, v, axis=1), A, V[:3]),
    "insert, many": (lambda a, v: np.insert(a, [0, 2, 2], v, axis=0), A, A**2),
    "insert, flattened": (lambda a, v: np.insert(a, [3, -1], v), A, V[:2]),
    "insert, slice": (lambda a: np.insert(a, slice(1, 3), 5.0, axis=1), A),
    "insert, one in a list": (lambda a, v: np.insert(a, [1], v, axis=1), A, A[:, :2]),
    "delete": (lambda a: np.delete(a, [0, -1], axis=1), A),
    "delete, slice": (lambda a: np.delete(a, slice(None, None, 2)), A),
    "resize": (lambda a: np.resize(a, (3, 7)), A),
    "resize, shorter": (lambda a: np.resize(a, 5), A),
    "putmask": (lambda a, v: putmask(a, MASK, v), A, V[:5]),
    "place": (lambda a, v: place(a, MASK, v), A, V[:2]),
    "copyto": (lambda a, v: copyto(a, v, where=MASK), A, A[0]),
    "fill_diagonal": (lambda a, v: fill_diagonal(a, v), A, V[:2]),
    "fill_diagonal, wrap": (lambda a, v: fill_diagonal(a.reshape(6, 2), v, wrap=True), A, V[:4]),
    "cov": (lambda x: np.cov(x), A),
    "cov, two": (lambda x, y: np.cov(x, y, rowvar=False, bias=True), A, A**2),
    "cov, weights": (lambda x, w: np.cov(x, fweights=TIMES, aweights=w), A, WEIGHTS),
    "cov, ddof": (lambda x: np.cov(x, ddof=0, fweights=TIMES), A),
    "cov, one": (lambda x, y: np.cov(x, y)[0, 1], V, V**2),
    "corrcoef": (lambda x: np.corrcoef(x), A),
    "block": (lambda a, b: np.block([[a, 2 * b], [np.ones((1, 4)), b[:1]]]), A, A[:, :2]),
    "block, vectors": (lambda a, b: np.block([a, b, 1.0]), V, V[:2]),
    "real_if_close": (lambda x: np.real_if_close(x + 0j), A),
    "real_if_close, far": (lambda x: np.imag(np.real_if_close(x * (1 + 1j))), A),
    "apply_along_axis": (lambda a: np.apply_along_axis(lambda v, k: np.outer(v, v[:2]) * k, 0, a, 3.0), A),
    "apply_along_axis, numbers": (lambda a: np.apply_along_axis(np.prod, 1, a), A),
    "cumulative_sum": (lambda x: np.cumulative_sum(x, axis=1, include_initial=True), A),
    "cumulative_prod": (lambda x: np.cumulative_prod(x, include_initial=True), V),
    "hfft": (lambda x: np.fft.hfft(x + 1j * x**2, norm="ortho"), A),
    "hfft, n": (lambda x: np.fft.hfft(x + 1j * x**2, n=5, axis=0), A),
    "ihfft": (lambda x: np.real(np.fft.ihfft(x, n=3, norm="forward")), A),
    "sliding_window_view": (lambda x: sliding_window_view(x, 2, axis=1), A),
    "sliding_window_view, few places": (lambda x: sliding_window_view(x, 5), V),
    "sliding_window_view, axes": (lambda x: sliding_window_view(x, (2, 3)), A),
    "sliding_window_view, twice": (lambda x: sliding_window_view(x, (2, 3), axis=(0, 0)), V),
    "lstsq": (lambda b: np.linalg.lstsq(A.T, b)[0], A.T**2),
    "lstsq, vector": (lambda b: np.linalg.lstsq(A.T, b)[1], A[0] + A[1] ** 2),
    "lstsq, low rank": (lambda b: np.linalg.lstsq(np.outer(V, V), b)[0], V**2),
    "tensorsolve": (lambda a, b: np.linalg.tensorsolve((a + EYE).reshape(2, 3, 6), b), V[:, None] * V, A[:2, :3]),
    "tensorsolve, axes": (lambda b: np.linalg.tensorsolve(EYE.reshape(2, 6, 3), b, axes=(0,)), V),
    "tensorinv": (lambda a: np.linalg.tensorinv((a + 3 * EYE).reshape(2, 3, 6)), np.outer(V, V)),
    "eigvalsh, upper": (lambda a: np.linalg.eigvalsh(a, "U"), SQUARE + np.diag([0.0, 3, 9])),
    "eigvalsh, lower": (lambda a: np.linalg.eigvalsh(a, UPLO="L"), SQUARE + np.diag([0.0, 3, 9])),
    "eigh, upper": (lambda a: np.abs(np.linalg.eigh(a, "U")[1]), SQUARE + np.diag([0.0, 3, 9])),
    "eigvals": (lambda a: np.real(np.linalg.eigvals(a + 0j)), SQUARE),
    "eig": (lambda a: np.abs(np.linalg.eig(a + 0j)[1]), SQUARE),
}  # fmt: skip


@pytest.mark.parametrize("f", CASES.values(), ids=CASES)
def test_numpys_numbers_derivatives_and_programs(f):
    f, *xs = f
    expected = f(*xs)
    got = f(*[tg.tensor(x, requires_grad=True) for x in xs])
    assert type(got) is tg.Tensor
    assert got.dtype == expected.dtype
    np.testing.assert_allclose(got.data, expected, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(tg.compile(f, backend="numpy")(*xs), got.data, rtol=1e-13, atol=1e-14)
    check_gradients(f, *xs)


@pytest.mark.parametrize("name", ["putmask", "place", "copyto", "fill_diagonal"])
def test_what_numpy_writes_names_the_function_that_returns_it(name):
    t = tg.tensor(A, requires_grad=True)
    args = (MASK, A) if name in ("putmask", "place") else (1.0,)
    with pytest.raises(ArrayConversionError, match=rf"tg\.{name} returns a new array"):
        getattr(np, name)(t, *args)
    before = A.copy()
    getattr(tg, name)(A, *args)
    np.testing.assert_array_equal(A, before)


@pytest.mark.parametrize(
    ("f", "error", "message"),
    [
        (lambda: tg.linspace(0, 1, -1), ArgumentError, "num.*0 or more; got -1"),
        (lambda: tg.geomspace(tg.tensor(0.0), 1), ArgumentError, "no factor leads to 0"),
        (lambda: tg.interp(1.0, [1.0, 2.0], [1.0]), ShapeError, "two vectors of one length"),
        (lambda: tg.interp(1.0, [1.0], [1.0], period=0), ArgumentError, "any number but 0"),
        (lambda: tg.vander(A), ShapeError, "a vector"),
        (lambda: tg.vander(V, -1), ArgumentError, "0 or more"),
        (lambda: tg.resize(V, 2**62), ArgumentError, "more than an array can have"),
        (lambda: tg.linspace(0.0, V[0], 2**62), ArgumentError, "more than an array can have"),
        (lambda: tg.select([MASK], [A, A]), ArgumentError, "1 conditions and 2 choices"),
        (lambda: tg.select([A], [A]), DTypeError, "truth values"),
        (lambda: tg.insert(np.arange(3), 0, tg.tensor(1.5, requires_grad=True)), DTypeError, "cut off"),
        (lambda: tg.putmask(A, MASK[0], 1.0), ShapeError, "an element for each"),
        (lambda: tg.place(A, MASK[0], 1.0), ShapeError, "an element for each"),
        (lambda: tg.place(A, MASK, []), ArgumentError, "nothing to put"),
        (lambda: tg.copyto(np.arange(3), V[:3]), DTypeError, "same_kind"),
        (lambda: tg.fill_diagonal(V, 1.0), ShapeError, "has a diagonal"),
        (lambda: tg.cov(A, ddof=0.5), ArgumentError, "whole number"),
        (lambda: tg.block([[A], A]), ShapeError, "depths"),
        (lambda: tg.apply_along_axis(tg.sum, 0, np.zeros((2, 0))), ShapeError, "no line"),
        (lambda: tg.cumulative_sum(A), ArgumentError, "cumulative_sum: .* Name one"),
        (lambda: tg.pad(V, 1, "maximum", stat_length=0), ArgumentError, "1 or more"),
        (lambda: tg.pad(V, 1, "other"), ArgumentError, "'median'"),
        (lambda: sliding_window_view(tg.tensor(V), 7), ArgumentError, "1 to 6 elements; got 7"),
        (lambda: sliding_window_view(tg.tensor(A), 2), ArgumentError, "2 axes need as many windows; got 2"),
        (lambda: tg.linalg.lstsq(A, V), ShapeError, r"a array \(3, 4\) and b array \(6,\)"),
        (lambda: tg.linalg.tensorsolve(A, V), ShapeError, "Name the axes"),
        (lambda: tg.linalg.tensorinv(A, 1), ShapeError, "both need as many"),
        (lambda: tg.linalg.tensorinv(A, 0), ArgumentError, "1 or more"),
        (lambda: tg.linalg.eigh(SQUARE, "X"), ArgumentError, "'L' for the lower"),
        (
            lambda: tg.jacobian(lambda a: tg.real(tg.linalg.eigvals(a)))(np.eye(2)),
            LinearAlgebraError,
            "two eigenvalues",
        ),
    ],
)
def test_what_is_refused(f, error, message):
    with pytest.raises(error, match=message):
        f()


@pytest.mark.parametrize(
    ("values", "slope"), [([0.0, 1, 3], 1), ([0.0, -3, -4], -1), ([0.0, 1, 0], 0), ([3.0, 3, 4], 0)]
)
def test_interp_at_a_point_has_the_flatter_slope(values, slope):
    assert tg.grad(lambda x: tg.interp(x, [0.0, 1, 2], values))(1.0) == slope
    assert tg.grad(lambda x: tg.interp(x, [0.0, 1, 2], values))(2.0) == 0


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (4, 4), (5, 3, 2)])
def test_least_squares_for_the_matrix_too(shape):
    a, b = random.normal(size=shape[:2]), random.normal(size=(shape[0], *shape[2:]))
    x, sums, rank, s = np.linalg.lstsq(tg.tensor(a, requires_grad=True), tg.tensor(b))
    for got, expected in zip((x.data, sums, rank, s.data), np.linalg.lstsq(a, b), strict=True):
        np.testing.assert_allclose(getattr(got, "data", got), expected, rtol=1e-12, atol=1e-14)
    check_gradients(lambda a, b: tg.linalg.lstsq(a, b)[0], a, b)
    if rank < shape[0]:
        check_gradients(lambda a, b: tg.linalg.lstsq(a, b)[1], a, b)


@pytest.mark.parametrize("rcond", [None, -1, 0.3, 0.99])
def test_least_squares_without_small_singular_values(rcond):
    a, b = random.normal(size=(5, 3)) + 1j * random.normal(size=(5, 3)), random.normal(size=(5, 2))
    for got, expected in zip(tg.linalg.lstsq(a, b, rcond), np.linalg.lstsq(a, b, rcond), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-14)
    check_gradients(lambda a, b: tg.linalg.lstsq(a, b, rcond)[0], a, b + 0j)


def test_the_triangle_that_counts_has_the_gradient():
    a = SQUARE + np.diag([0.0, 3, 9])
    gradient = tg.grad(lambda a: tg.linalg.eigvalsh(a, "U")[0])(a)
    assert np.all((gradient != 0) == np.tri(3).T)
    np.testing.assert_allclose(tg.linalg.eigvalsh(a, "L"), np.linalg.eigvalsh(a), rtol=1e-14)


def test_eigenvectors_of_a_real_matrix():
    """a·v = v·w, columns of length 1 whose first large element is positive, and real losses have real gradients."""
    w, v = tg.linalg.eig(np.array([[0.0, -1, 0.3], [2, 0, 0], [0, 0.5, 3]]))
    np.testing.assert_allclose(np.linalg.norm(v, axis=0), 1, rtol=1e-15)
    a = np.array([[0.0, -1, 0.3], [2, 0, 0], [0, 0.5, 3]])
    np.testing.assert_allclose(a @ v, v * w, atol=1e-14)
    check_gradients(lambda a: tg.real(tg.linalg.eig(a).eigenvectors), a)
    check_gradients(lambda a: tg.imag(tg.linalg.eigvals(a)), a)


def test_ranks_without_nan_are_numpys_at_infinity_and_where_nothing_is_left():
    x = np.array([[np.inf, np.nan, np.inf], [np.nan, -np.inf, 1.0], [np.nan] * 3, [2.0, 3.0, np.inf]])
    t = tg.tensor(x, requires_grad=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # NumPy's, of rows of NaN
        np.testing.assert_array_equal(tg.nanmedian(t, axis=1).data, np.nanmedian(x, axis=1))
    with pytest.raises(ArgumentError, match="method is \"linear\"; got 'hazen'"):
        tg.nanquantile(t, 0.5, method="hazen")
