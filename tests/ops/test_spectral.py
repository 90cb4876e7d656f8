"""Equal eigenvalues and singular values: right for whole eigenspaces, however LAPACK rounds the values."""

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp import linalg
from tinygrad_bp.testing import check_gradients

random = np.random.default_rng(0)

BASES = 500
"""Random bases for each dtype, 2,000 in all."""

DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64, np.complex128])


def draw(dtype, *shape):
    x = random.normal(size=shape)
    return x + 1j * random.normal(size=shape) if np.dtype(dtype).kind == "c" else x


def basis(dtype, n):
    return np.linalg.qr(draw(dtype, n, n))[0]


def adjoint(x):
    return np.conj(x.T)


def few_values(n, smallest):
    """n whole numbers, ascending, some of them equal, not all of them 0."""
    w = np.sort(random.integers(smallest, 3, size=n)) * 1.0
    return w if w.any() else w + 1


def derivative_of_a_function_of_a_matrix(w, v, f, t):
    """v·(Δf/Δw ⊙ vᴴ·t·v)·vᴴ for f that is constant near every eigenvalue (Daleckii and Krein)."""
    gaps = w[:, None] - w
    slopes = np.where(gaps, f[:, None] - f, 0) / np.where(gaps, gaps, 1)
    return v @ (slopes * (adjoint(v) @ t @ v)) @ adjoint(v)


def check(f, a, t, expected, dtype):
    """The JVP along t is as expected, and the VJP has the same product with it."""
    a, t = a.astype(dtype), t.astype(dtype)
    tolerance = 1000 * np.finfo(dtype).eps
    np.testing.assert_allclose(tg.jvp(f, (a,), (t,))[1], expected, atol=tolerance)
    g = draw(dtype, *a.shape).astype(dtype)
    share = tg.vjp(f, a)[1](g)[0]
    np.testing.assert_allclose(np.sum(share * t).real, np.sum(g * expected).real, atol=tolerance * a.size)


@DTYPES
def test_projectors_on_the_spaces_of_equal_eigenvalues(dtype):
    for _ in range(BASES):
        n = random.integers(2, 9)
        w, v, t = few_values(n, -1), basis(dtype, n), draw(dtype, n, n)
        chosen = w == random.choice(w)
        t = (t + adjoint(t)) / 2

        def projector(a, chosen=chosen):
            v = linalg.eigh(a).eigenvectors[:, chosen]
            return v @ tg.conjugate(v.T)

        check(projector, (v * w) @ adjoint(v), t, derivative_of_a_function_of_a_matrix(w, v, chosen * 1.0, t), dtype)


@DTYPES
def test_isometries_between_the_spaces_of_equal_singular_values(dtype):
    """The eigenvalues of [[0, a], [aᴴ, 0]] are ±s; what is +1 on those of a space and −1 on their negatives is U·Vᴴ."""
    for _ in range(BASES):
        n = random.integers(2, 9)
        s, u, v, t = few_values(n, 0)[::-1], basis(dtype, n), basis(dtype, n), draw(dtype, n, n)
        chosen = s == random.choice(s[s > 0])

        def isometry(a, chosen=chosen):
            u, _, vh = linalg.svd(a)
            return u[:, chosen] @ vh[chosen]

        zero, both = np.zeros((n, n)), np.concatenate([s, -s])
        vectors = np.block([[u, u], [v, -v]]) / np.sqrt(2)
        moved = np.block([[zero, t], [adjoint(t), zero]])
        signs = np.concatenate([chosen * 1.0, chosen * -1.0])
        expected = derivative_of_a_function_of_a_matrix(both, vectors, signs, moved)[:n, n:]
        check(isometry, (u * s) @ adjoint(v), t, expected, dtype)


def test_the_orthogonal_factor_at_the_identity():
    """Its derivative is the antisymmetric part of the step."""

    def factor(a):
        u, _, vh = linalg.svd(a)
        return u @ vh

    t = draw(float, 3, 3)
    np.testing.assert_allclose(tg.jvp(factor, (np.eye(3),), (t,))[1], (t - t.T) / 2, atol=1e-15)
    check_gradients(factor, np.eye(3), order=1)


def test_values_that_differ_by_little_are_not_equal():
    a = np.diag([1.0, 1.0 + 1e-12])
    moved = tg.jvp(lambda a: linalg.eigh(a).eigenvectors, (a,), (np.array([[0.0, 1.0], [1.0, 0.0]]),))[1]
    np.testing.assert_allclose(np.abs(moved), [[0, 1e12], [1e12, 0]], rtol=1e-3)
