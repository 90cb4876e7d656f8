"""SciPy's functions: its values, derivatives of two orders, and the same from compiled programs."""

from functools import partial

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp.errors import ArgumentError, MissingRuleError, ShapeError, SignatureError
from tinygrad_bp.testing import check_gradients

stats = pytest.importorskip("scipy.stats")
random = np.random.default_rng(0)


def assert_right(f, theirs, *xs, order=2):
    """f equals what SciPy gives for arrays, is differentiated right, and compiles to the same."""
    expected = theirs(*xs)
    got = f(*[tg.tensor(x, requires_grad=True) for x in xs])
    np.testing.assert_allclose(got.data, expected, rtol=1e-11, atol=1e-14)
    np.testing.assert_allclose(tg.compile(f, backend="numpy")(*xs), got.data, rtol=1e-13, atol=1e-14)
    check_gradients(f, *xs, order=order)


Z = np.array([-2.3, -0.4, 0.0, 0.9, 3.1])
POSITIVE = np.array([0.2, 0.9, 2.5])
DISTRIBUTIONS = {
    "norm": (Z, []), "t": (Z, [2.5]), "gamma": (POSITIVE, [2.5]), "chi2": (POSITIVE, [3.0]),
    "beta": (POSITIVE / 3, [2.5, 1.5]),
}  # fmt: skip


def shifted(method, shapes, x, loc):
    return method(x, *shapes, loc=loc)


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_distributions_of_numbers(name):
    x, shapes = DISTRIBUTIONS[name]
    ours, theirs = getattr(tg.stats, name), getattr(stats, name)
    shapes = [np.array(s) for s in shapes]
    assert_right(lambda *p: ours.logpdf(*p), theirs.logpdf, x, *shapes, np.array(0.1), np.array(1.2))
    for method in ("cdf", "sf", "logcdf", "pdf"):
        f, g = getattr(ours, method), getattr(theirs, method)
        assert_right(partial(shifted, f, shapes), partial(shifted, g, shapes), x, np.array(0.1))
        far = np.array([-50.0, 50.0, np.nan])
        np.testing.assert_allclose(f(far, *shapes), g(far, *shapes), rtol=1e-11)
        assert np.all(np.isnan(f(x, *shapes, scale=-1.0)))
    assert ours.logpdf(tg.tensor(x, dtype=np.float32), *[float(s) for s in shapes]).dtype == np.float32


def test_poisson():
    k, mu = np.array([0, 1, 4, 2.5, -1]), np.array(1.7)
    for method in ("pmf", "logpmf", "cdf", "sf", "logcdf"):
        f, g = getattr(tg.stats.poisson, method), getattr(stats.poisson, method)
        with np.errstate(divide="ignore"):
            np.testing.assert_allclose(f(k, mu, 1), g(k, mu, 1), rtol=1e-12)
            assert_right(lambda mu, f=f: f(k[:3], mu), lambda mu, g=g: g(k[:3], mu), mu)


COVARIANCE = np.array([[2.0, 0.3, 0.1], [0.3, 1.0, -0.2], [0.1, -0.2, 0.5]])


def test_normal_vectors():
    x, mean = random.normal(size=(4, 3)), random.normal(size=3)
    assert_right(tg.stats.multivariate_normal.logpdf, stats.multivariate_normal.logpdf, x, mean, COVARIANCE)
    assert_right(tg.stats.multivariate_normal.pdf, stats.multivariate_normal.pdf, x[0], mean, np.eye(3))
    for arguments in ((x[0], mean, [1.0, 2, 3]), (x[:, 0], 0.3, 2.0), (0.4,), (x, mean, 0.7)):
        expected = stats.multivariate_normal.logpdf(*arguments)
        np.testing.assert_allclose(tg.stats.multivariate_normal.logpdf(*arguments), expected, rtol=1e-13)


def test_normal_vectors_of_a_singular_covariance():
    b = random.normal(size=(3, 2))
    x = random.normal(size=(4, 2)) @ b.T
    ours = lambda x, b: tg.stats.multivariate_normal.logpdf(x, None, b @ b.T, allow_singular=True)  # noqa: E731 - as SciPy's
    theirs = lambda x, b: stats.multivariate_normal.logpdf(x, None, b @ b.T, allow_singular=True)  # noqa: E731 - beside it
    np.testing.assert_allclose(ours(x, b), theirs(x, b), rtol=1e-11)
    check_gradients(lambda c, b: ours(c @ b.T, b), x @ np.linalg.pinv(b).T, b)
    assert ours(x[0] + np.cross(b[:, 0], b[:, 1]), b) == -np.inf
    with pytest.raises(np.linalg.LinAlgError):
        tg.stats.multivariate_normal.logpdf(x, None, b @ b.T)


def test_dirichlet():
    x, alpha = np.array([[0.2, 0.5], [0.3, 0.1], [0.5, 0.4]]), np.array([0.7, 2.0, 3.5])
    np.testing.assert_allclose(tg.stats.dirichlet.pdf(x, alpha), stats.dirichlet.pdf(x, alpha), rtol=1e-13)
    assert_right(tg.stats.dirichlet.logpdf, stats.dirichlet.logpdf, x[:2], alpha)


# --- matrices ---------------------------------------------------------------------------------------------------------

M = random.normal(size=(3, 3))
REGULAR = M + 4 * np.eye(3)
SYMMETRIC = M @ M.T + np.eye(3)
BANDS = np.arange(12.0).reshape(3, 4) / 7 + 1
B = random.normal(size=(3, 2))
MATRICES = {
    "expm": (lambda m, a: m.expm(a), M),
    "sqrtm": (lambda m, a: m.sqrtm(a), REGULAR),
    "logm": (lambda m, a: m.logm(a), REGULAR),
    "logm, complex": (lambda m, a: np.imag(m.logm(a)), np.diag([-1.0, 2.0, 3.0]) + M / 20),
    "solve_sylvester": (lambda m, a, b, q: m.solve_sylvester(a, b, q), REGULAR, REGULAR[:2, :2], B),
    "solve_triangular": (lambda m, a, b: m.solve_triangular(a, b), REGULAR, B),
    "solve_triangular, lower": (lambda m, a, b: m.solve_triangular(a, b, "T", True, True), M, B[:, 0]),
    "solve_triangular, adjoint": (lambda m, a: m.solve_triangular(a, B, trans=2), REGULAR),
    "cho_solve": (lambda m, c, b: m.cho_solve((c, True), b), np.linalg.cholesky(SYMMETRIC), B),
    "cho_solve, upper": (lambda m, c, b: m.cho_solve((c, False), b), REGULAR, B[:, 0]),
    "solve_banded": (lambda m, ab, b: m.solve_banded((1, 1), ab, b), BANDS, np.arange(4.0)),
    "solve_banded, lower": (lambda m, ab, b: m.solve_banded((2, 0), ab, b), BANDS, BANDS.T),
    "block_diag": (lambda m, a, b: m.block_diag(a, b, 2.0), M, B),
}  # fmt: skip


@pytest.mark.parametrize("name", MATRICES)
def test_functions_of_matrices(name):
    linalg = pytest.importorskip("scipy.linalg")
    f, *xs = MATRICES[name]
    assert_right(partial(f, tg.linalg), partial(f, linalg), *xs)


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize("method", ["direct", "fft"])
def test_convolution_along_any_axes(mode, method):
    signal = pytest.importorskip("scipy.signal")
    a, b = random.normal(size=(4, 3, 5)), random.normal(size=(2, 2, 4))

    def ours(a, b):
        return tg.signal.convolve(a, b, mode, method)

    assert_right(ours, lambda a, b: signal.convolve(a, b, mode), a, b, order=1)
    assert_right(lambda a: ours(a[0, 0], np.arange(3.0)), lambda a: signal.convolve(a[0, 0], np.arange(3.0), mode), a)
    for axes, other in ((1, b[:1, :, :1]), ((0, -1), b[:, :1]), ([2], b[:1, :1])):
        expected = signal.oaconvolve(a, other, mode, axes=axes)
        np.testing.assert_allclose(tg.signal.convolve(a, other, mode, method, axes), expected, atol=1e-14)
    z = a + 1j * a[::-1]
    np.testing.assert_allclose(ours(z, b), signal.convolve(z, b, mode), atol=1e-14)


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("f", "error", "message"),
    [
        (lambda: tg.stats.t.logpdf(1.0), SignatureError, "t: after x come df, loc, scale"),
        (lambda: tg.stats.norm.pdf(1.0, 0.0, loc=0.0), SignatureError, "each once"),
        (lambda: tg.grad(lambda a: tg.stats.gamma.cdf(1.0, a))(2.0), MissingRuleError, "no derivative for a"),
        (lambda: tg.stats.dirichlet.pdf([0.3, 0.3, 0.3], [1.0, 2, 3]), ArgumentError, "add up to 1"),
        (lambda: tg.stats.dirichlet.pdf([0.3, 0.7], [1.0, 0.0]), ArgumentError, "greater than 0"),
        (lambda: tg.stats.dirichlet.pdf([0.3, 0.7], 1.0), ShapeError, "a share for each"),
        (lambda: tg.linalg.solve_triangular(M, B, trans=3), ArgumentError, "trans is 0, 1, 2"),
        (lambda: tg.linalg.solve_banded((1, 0), BANDS, B), ShapeError, r"1 \+ 0 \+ 1 diagonals"),
        (lambda: tg.linalg.block_diag(np.zeros((2, 2, 2))), ShapeError, "blocks are matrices"),
        (lambda: tg.signal.convolve(M, B[0]), ShapeError, "as many axes"),
        (lambda: tg.signal.convolve(M, B[:0]), ShapeError, "length 0"),
        (lambda: tg.signal.convolve(M, B, "other"), ArgumentError, "mode is"),
        (lambda: tg.signal.convolve(np.ones((2, 3)), np.ones((3, 2)), "valid"), ArgumentError, "within the other"),
        (lambda: tg.stats.multivariate_normal.pdf([0.3, 0.7], None, np.eye(3)), ShapeError, "does not fit"),
    ],
)  # fmt: skip
def test_what_is_refused(f, error, message):
    with pytest.raises(error, match=message):
        f()
