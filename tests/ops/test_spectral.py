"""Equal eigenvalues and singular values: right for whole eigenspaces, however LAPACK rounds them, and else refused."""

import numpy as np
import pytest
from hypothesis import settings

import tinygrad_bp as tg
from tinygrad_bp import linalg
from tinygrad_bp.errors import LinearAlgebraError
from tinygrad_bp.testing import check_gradients

random = np.random.default_rng(0)

BASES = settings.default.max_examples * 5 // 2
"""Random bases for each dtype: 500, 2,000 in all."""

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


# --- second derivatives -----------------------------------------------------------------------------------------------

MODES = {
    "reverse over reverse": lambda f: tg.jacobian(tg.grad(f), mode="reverse"),
    "forward over reverse": tg.hessian,
    "reverse over forward": lambda f: tg.jacobian(tg.jacobian(f, mode="forward"), mode="reverse"),
    "forward over forward": lambda f: tg.jacobian(tg.jacobian(f, mode="forward"), mode="forward"),
}
OVER_REVERSE = list(MODES)[:2]
BY_MODE = pytest.mark.parametrize("mode", MODES)


def divided(w, first, second):
    """(f'(wᵢ) − f'(wⱼ))/(wᵢ − wⱼ), and f'' for equal ones."""
    gaps = w[:, None] - w
    equal = np.abs(gaps) < 1e-9
    return np.where(equal, second(w)[:, None], (first(w)[:, None] - first(w)) / np.where(equal, 1, gaps))


def second_derivative(w, v, first, second, t):
    """Of Σ f(wᵢ), along t, which counts as its symmetric part: v·(Δf'/Δw ⊙ vᵀ·t·v)·vᵀ."""
    return v @ (divided(w, first, second) * (v.T @ (t + t.T) @ v / 2)) @ v.T


def second_derivative_for_singular_values(s, u, v, first, second, t):
    """Of Σ f(sᵢ), f even, by the eigenvalues of [[0, a], [aᵀ, 0]]: ±s, and 0 for what is orthogonal to a."""
    m, n = u.shape[0], v.shape[0]
    k = len(s)
    root, left, right = np.sqrt(0.5), np.zeros((m, n - k)), np.zeros((n, m - k))
    vectors = np.block(
        [[root * u[:, :k], root * u[:, :k], u[:, k:], left], [root * v[:, :k], -root * v[:, :k], right, v[:, k:]]]
    )
    both = np.concatenate([s, -s, np.zeros(m + n - 2 * k)])
    moved = np.block([[np.zeros((m, m)), t], [t.T, np.zeros((n, n))]])
    return second_derivative(both, vectors, first, second, moved)[:m, m:]


FUNCTIONS = {
    "square": (lambda w: (w * w).sum(), lambda w: 2 * w, lambda w: 2 + 0 * w),
    "square that is 0": (lambda w: ((w * w - 4) ** 2).sum(), lambda w: 4 * w * (w * w - 4), lambda w: 12 * w * w - 16),
    "cosh": (lambda w: tg.cosh(w).sum(), np.sinh, np.cosh),
}
BY_FUNCTION = pytest.mark.parametrize(("f", "first", "second"), FUNCTIONS.values(), ids=FUNCTIONS)


@BY_MODE
@BY_FUNCTION
@pytest.mark.parametrize("w", [[1.0, 2.0, 3.0], [-1.0, 2.0, 2.0 + 1e-4]], ids=str)
def test_second_derivatives_at_different_eigenvalues(w, f, first, second, mode):
    w, v, t = np.array(w), basis(float, 3), draw(float, 3, 3)
    got = np.tensordot(MODES[mode](lambda a: f(linalg.eigvalsh(a)))((v * w) @ v.T), t)
    np.testing.assert_allclose(got, second_derivative(w, v, first, second, t), rtol=1e-7, atol=1e-7)


@BY_MODE
@BY_FUNCTION
@pytest.mark.parametrize("shape", [(3, 3), (4, 3), (3, 4)], ids=str)
def test_second_derivatives_at_different_singular_values(shape, f, first, second, mode):
    u, v, t = basis(float, shape[0]), basis(float, shape[1]), draw(float, *shape)
    s = np.array([3.0, 2.0, 0.5])
    got = np.tensordot(MODES[mode](lambda a: f(linalg.svdvals(a)))((u[:, :3] * s) @ v[:, :3].T), t)
    expected = second_derivative_for_singular_values(s, u, v, first, second, t)
    np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-9)


@BY_MODE
@BY_FUNCTION
@pytest.mark.parametrize("w", [[2.0, 2.0, 2.0], [2.0, 2.0, 5.0], [0.0, 0.0, 2.0]], ids=str)
@pytest.mark.parametrize("v", [np.eye(3), basis(float, 3)], ids=["diagonal", "turned"])
def test_second_derivatives_at_equal_eigenvalues_are_refused(v, w, f, first, second, mode):
    with pytest.raises(LinearAlgebraError, match="second derivative of eigh at equal eigenvalues") as error:
        MODES[mode](lambda a: f(linalg.eigvalsh(a)))((v * w) @ v.T)
    assert "eigvalsh" not in str(error.value)  # which is what was used


@BY_MODE
@BY_FUNCTION
@pytest.mark.parametrize("s", [[2.0, 2.0, 2.0], [5.0, 2.0, 2.0], [3.0, 1.0, 0.0], [2.0, 0.0, 0.0]], ids=str)
@pytest.mark.parametrize("m", [3, 4])
def test_second_derivatives_at_singular_values_that_are_equal_or_0_are_refused(m, s, f, first, second, mode):
    a = (np.eye(m, 3) * s) @ basis(float, 3)
    with pytest.raises(LinearAlgebraError, match="second derivative of svd at equal singular values, or at one of 0"):
        MODES[mode](lambda a: f(linalg.svdvals(a)))(a)


@BY_MODE
def test_second_derivatives_of_eigenspaces_are_refused_at_equal_eigenvalues(mode):
    def projected(a):
        v = linalg.eigh(a).eigenvectors[:, 1:]
        return ((v @ v.T) * np.arange(9.0).reshape(3, 3) ** 2).sum()

    v = basis(float, 3)
    with pytest.raises(LinearAlgebraError, match="second derivative of eigh at equal eigenvalues"):
        MODES[mode](projected)((v * [1.0, 2.0, 2.0]) @ v.T)


def test_one_direction_alone_is_refused_too():
    """The one that keeps every eigenvalue in its place to first order, of a function with slope 0."""
    swap = np.array([[0.0, 1.0], [1.0, 0.0]])
    with pytest.raises(LinearAlgebraError):
        tg.hvp(lambda a: ((linalg.eigvalsh(a) - 1) ** 2).sum(), (np.eye(2),), (swap,))


@pytest.mark.parametrize("mode", OVER_REVERSE)
def test_second_derivatives_of_sums_at_equal_eigenvalues(mode):
    """The trace, half of it, and the sum of singular values."""
    v, t = basis(float, 4), draw(float, 4, 4)
    w = np.array([1.0, 1.0, 3.0, 3.0])
    a, hessian = (v * w) @ v.T, MODES[mode]
    np.testing.assert_allclose(hessian(lambda a: linalg.eigvalsh(a).sum())(a), 0, atol=1e-14)
    upper = np.tensordot(hessian(lambda a: linalg.eigvalsh(a)[2:].sum())(a), t)
    expected = derivative_of_a_function_of_a_matrix(w, v, (w > 2) * 1.0, (t + t.T) / 2)
    np.testing.assert_allclose(upper, expected, atol=1e-13)
    u = basis(float, 4)
    got = np.tensordot(hessian(lambda a: linalg.norm(a, "nuc"))((u * w) @ v.T), t)
    expected = second_derivative_for_singular_values(w, u, v, np.sign, lambda w: 0 * w, t)
    np.testing.assert_allclose(got, expected, atol=1e-13)


@pytest.mark.parametrize("mode", OVER_REVERSE)
def test_the_second_derivative_of_the_largest_singular_value_does_not_need_the_others_to_differ(mode):
    u, v = basis(float, 4), basis(float, 4)

    def largest(a):
        return linalg.norm(a, 2)

    a, t = (u * [5.0, 2.0, 2.0, 0.0]) @ v.T, draw(float, 4, 4)
    got = np.tensordot(MODES[mode](largest)(a), t)
    step = 1e-5 * t
    np.testing.assert_allclose(got, (tg.grad(largest)(a + step) - tg.grad(largest)(a - step)) / 2e-5, atol=1e-8)


def test_equal_eigenvalues_of_another_matrix_do_no_harm():
    def f(a):
        return (linalg.eigvalsh(a)[0] ** 3).sum()

    a = np.array([np.diag([1.0, 2.0]), np.eye(2)])
    t = np.array([draw(float, 2, 2), np.zeros((2, 2))])
    expected = second_derivative(np.array([1.0, 2.0]), np.eye(2), lambda w: 3 * w**2, lambda w: 6 * w, t[0])
    np.testing.assert_allclose(tg.hvp(f, (a,), (t,))[0], [expected, 0 * expected], atol=1e-14)
    np.testing.assert_allclose(tg.grad(lambda a: (tg.grad(f)(a) * t).sum())(a)[0], expected, atol=1e-14)
    with pytest.raises(LinearAlgebraError):
        tg.hvp(f, (a[::-1],), (np.ones((2, 2, 2)),))


def test_programs_refuse_them_too():
    moved = tg.compile(lambda a, t: tg.hvp(lambda a: tg.exp(linalg.eigvalsh(a)).sum(), (a,), (t,))[0], backend="numpy")
    t = np.ones((2, 2))
    expected = second_derivative(np.array([1.0, 2.0]), np.eye(2), np.exp, np.exp, t)
    np.testing.assert_allclose(moved(np.diag([1.0, 2.0]), t), expected)
    with pytest.raises(np.linalg.LinAlgError, match="equal eigenvalues"):
        moved(np.eye(2), t)


# --- first derivatives of what is no function of whole eigenspaces ----------------------------------------------------


def test_equal_values_share():
    v, u = basis(float, 4), basis(float, 4)
    w = np.array([1.0, 1.0, 3.0, 3.0])
    for i in range(4):
        share = v[:, w == w[i]] @ v[:, w == w[i]].T / 2
        check_gradients(lambda a, i=i: linalg.eigvalsh(a)[i : i + 1], (v * [1.0, 2.0, 3.0, 4.0]) @ v.T)
        np.testing.assert_allclose(tg.grad(lambda a, i=i: linalg.eigvalsh(a)[i])((v * w) @ v.T), share, atol=1e-14)
        moved = tg.jvp(lambda a, i=i: linalg.eigvalsh(a)[i], ((v * w) @ v.T,), (v * np.arange(4.0) @ v.T,))[1]
        np.testing.assert_allclose(moved, [0.5, 0.5, 2.5, 2.5][i])
    for ord, chosen in ((2, w == 3), (-2, w == 1)):
        share = u[:, chosen] @ v[:, chosen].T / 2
        np.testing.assert_allclose(tg.grad(lambda a, ord=ord: linalg.norm(a, ord))((u * w) @ v.T), share, atol=1e-14)


FIRST = {
    "reverse": lambda f: tg.jacobian(f, mode="reverse"),
    "forward": lambda f: tg.jacobian(f, mode="forward"),
}
BY_DIRECTION = pytest.mark.parametrize("mode", FIRST)


def of_eigenvalues(f):
    def function(a):
        w, v = linalg.eigh(a)
        return (v * f(w)) @ v.T

    return function


def of_singular_values(f):
    def function(a):
        u, s, vh = linalg.svd(a, full_matrices=False)
        return (u * f(s)) @ vh

    return function


WEIGHTS = {"any": np.arange(9.0).reshape(3, 3), "ones": np.ones((3, 3)), "identity": np.eye(3)}
BY_WEIGHTS = pytest.mark.parametrize("weights", WEIGHTS.values(), ids=WEIGHTS)


@BY_DIRECTION
@BY_WEIGHTS
@pytest.mark.parametrize("w", [[1.0, 2.0, 2.0], [2.0, 2.0, 2.0], [0.0, 0.0, 0.0]], ids=str)
@pytest.mark.parametrize("v", [np.eye(3), basis(float, 3)], ids=["diagonal", "turned"])
def test_functions_of_a_matrix_are_refused_where_eigenvalues_are_equal(v, w, weights, mode):
    for f in (tg.exp, lambda w: w, lambda w: w - 2):
        with pytest.raises(LinearAlgebraError, match=r"v·f\(w\)·vᴴ .* equal eigenvalues.*eigvalsh"):
            FIRST[mode](lambda a, f=f: (of_eigenvalues(f)(a) * weights).sum())((v * w) @ v.T)


@BY_DIRECTION
@BY_WEIGHTS
@pytest.mark.parametrize("s", [[5.0, 2.0, 2.0], [5.0, 2.0, 0.0], [0.0, 0.0, 0.0]], ids=str)
@pytest.mark.parametrize("m", [3, 4])
def test_functions_of_a_matrix_are_refused_where_singular_values_are_equal_or_0(m, s, weights, mode):
    a = (np.eye(m, 3) * s) @ basis(float, 3)
    for f in (tg.sinh, lambda s: s):
        with pytest.raises(LinearAlgebraError, match=r"u·f\(s\)·vᴴ .* equal singular values.*svdvals"):
            FIRST[mode](lambda a, f=f: (of_singular_values(f)(a)[:3] * weights).sum())(a)


def test_a_cotangent_of_0_tells_nothing_about_equal_eigenvalues():
    """At 0, those of an element beside the diagonal of w·vᵀ·v are 0 for w and v, and its derivative is not."""
    element = of_eigenvalues(lambda w: w)
    with pytest.raises(LinearAlgebraError):
        tg.grad(lambda a: element(a)[0, 1])(np.zeros((2, 2)))
    np.testing.assert_array_equal(tg.jvp(element, (np.eye(2),), (np.zeros((2, 2)),))[1], np.zeros((2, 2)))


def test_functions_of_eigenvalues_alone_need_no_vectors():
    v = basis(float, 3)
    w = np.array([1.0, 2.0, 2.0])
    for decompose in (linalg.eigvalsh, linalg.svdvals, lambda a: linalg.svd(a, compute_uv=False)):
        got = tg.grad(lambda a, decompose=decompose: tg.exp(decompose(a)).sum())((v * w) @ v.T)
        np.testing.assert_allclose(got, (v * np.exp(w)) @ v.T, atol=1e-13)


def test_programs_refuse_functions_of_a_matrix_too():
    fast = tg.compile(tg.grad(lambda a: of_eigenvalues(tg.exp)(a)[0, 1]), backend="numpy")
    a = np.array([[2.0, 1.0], [1.0, 4.0]])
    np.testing.assert_allclose(fast(a), tg.grad(lambda a: of_eigenvalues(tg.exp)(a)[0, 1])(a), rtol=1e-12)
    with pytest.raises(np.linalg.LinAlgError, match="equal eigenvalues"):
        fast(np.eye(2))


# --- what does not depend on the vectors of equal values --------------------------------------------------------------

APART = {
    "a singular value": (lambda a: linalg.svd(a)[1][0], lambda w: w == 3, "svd"),
    "its last place": (lambda a: linalg.svd(a).S[..., 0], lambda w: w == 3, "svd"),
    "the best matrix of rank 1": (
        lambda a: tg.sum((lambda u, s, vh: (u[:, :1] * s[:1]) @ vh[:1])(*linalg.svd(a)) * WEIGHTS["any"]),
        None,
        "svd",
    ),
    "an eigenvalue": (lambda a: linalg.eigh(a)[0][-1], lambda w: w == 3, "eigh"),
    "a function of an eigenspace": (
        lambda a: tg.sum((lambda w, v: (v[:, 2:] * tg.exp(w[2:])) @ v[:, 2:].T)(*linalg.eigh(a)) * WEIGHTS["any"]),
        None,
        "eigh",
    ),
}
BY_PART = pytest.mark.parametrize(("f", "chosen", "kind"), APART.values(), ids=APART)


def tied_beside_3(kind, others):
    w = np.array([3.0, others, others] if kind == "svd" else [others, others, 3.0])
    u, v = basis(float, 3), basis(float, 3)
    v = u if kind == "eigh" else v
    return w, u, v


@BY_PART
@pytest.mark.parametrize("others", [1.0, 0.0])
@pytest.mark.parametrize("compiled", [False, True])
def test_what_is_apart_from_equal_values_is_not_refused(f, chosen, kind, others, compiled):
    w, u, v = tied_beside_3(kind, others)
    a, t = (u * w) @ v.T, draw(float, 3, 3)
    t = (t + t.T) / 2 if kind == "eigh" else t
    slope = tg.compile(tg.grad(f), backend="numpy") if compiled else tg.grad(f)
    expected = (f(a + 1e-5 * t) - f(a - 1e-5 * t)) / 2e-5
    np.testing.assert_allclose(np.sum(slope(a) * t), expected, rtol=1e-7, atol=1e-8)
    np.testing.assert_allclose(tg.jvp(f, (a,), (t,))[1], expected, rtol=1e-7, atol=1e-8)
    if chosen is not None:
        np.testing.assert_allclose(slope(a), u[:, chosen(w)] @ v[:, chosen(w)].T, atol=1e-14)


@pytest.mark.parametrize("kind", ["svd", "eigh"])
def test_the_second_derivative_of_a_separate_value(kind):
    f = APART["a singular value" if kind == "svd" else "an eigenvalue"][0]
    w, u, v = tied_beside_3(kind, 1.0)
    a, t = (u * w) @ v.T, draw(float, 3, 3)

    got, slope = tg.hvp(f, (a,), (t,))[0], tg.grad(f)
    np.testing.assert_allclose(got, (slope(a + 1e-5 * t) - slope(a - 1e-5 * t)) / 2e-5, atol=1e-8)


def test_parts_of_equal_values_are_refused_as_all_of_them_are():
    for f in (lambda a: linalg.eigh(a)[0][0], lambda a: linalg.eigh(a)[0][1:].sum(), lambda a: linalg.svd(a)[1][2]):
        a = np.diag([3.0, 1.0, 1.0])
        with pytest.raises(LinearAlgebraError, match="equal"):
            tg.grad(f)(a)
        with pytest.raises(LinearAlgebraError, match="equal"):
            tg.jvp(f, (a,), (np.ones((3, 3)),))


def test_parts_of_the_values_of_several_matrices():
    a = np.array([np.diag([1.0, 1.0, 3.0]), np.diag([1.0, 2.0, 3.0])])
    expected = np.zeros((2, 3, 3))
    expected[:, 2, 2] = 1
    np.testing.assert_allclose(tg.grad(lambda a: linalg.eigh(a)[0][..., 2].sum())(a), expected, atol=1e-15)
    np.testing.assert_allclose(tg.jvp(lambda a: linalg.eigh(a)[0][..., 2], (a,), (expected,))[1], [1, 1])
    with pytest.raises(LinearAlgebraError):
        tg.grad(lambda a: linalg.eigh(a)[0][0].sum())(a)


# --- what depends on the basis that LAPACK chose ----------------------------------------------------------------------

CHOSEN = {
    "an element of u": (lambda a: linalg.svd(a)[0][0, 1], [2.0, 2.0, 1.0], "svd"),
    "one of the columns": (lambda a: tg.sum(linalg.svd(a)[2][0] ** 3), [2.0, 2.0, 1.0], "svd"),
    "u beside v turned alone": (lambda a: tg.sum(linalg.svd(a)[0] * WEIGHTS["any"]), [3.0, 0.0, 0.0], "svd"),
    "a sum of ones": (lambda a: tg.sum(linalg.svd(a)[0][:, 1] * [1.0, 2.0, 4.0]), None, "svd"),
    "outside of u": (lambda a: linalg.svd(a[:, :2], full_matrices=False)[0][0, 1], [3.0, 0.0, 0.0], "svd"),
    "an eigenvector": (lambda a: linalg.eigh(a)[1][0, 1], [1.0, 1.0, 2.0], "eigh"),
    "half of an eigenspace": (
        lambda a: tg.sum((lambda v: v @ v.T)(linalg.eigh(a)[1][:, :1]) * WEIGHTS["any"]),
        [1.0, 1.0, 2.0],
        "eigh",
    ),
}


@pytest.mark.parametrize(("f", "w", "kind"), CHOSEN.values(), ids=CHOSEN)
@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("scale", [1e-8, 1.0, 1e8])
def test_gradients_through_a_chosen_basis_are_refused(f, w, kind, compiled, scale):
    u = basis(float, 3)
    a = np.ones((3, 3)) if w is None else (u * w) @ (u if kind == "eigh" else basis(float, 3)).T
    slope = tg.grad(lambda a: scale * f(a))
    slope = tg.compile(slope, backend="numpy") if compiled else slope
    with pytest.raises(np.linalg.LinAlgError, match="how the vectors are turned"):
        slope(a)
    slope(a + np.diag([0.1, 0.2, 0.4]))


def test_gradients_that_depend_on_a_phase_are_refused():
    a = draw(complex, 3, 3)
    for decompose, part in ((linalg.eigh, 1), (linalg.svd, 0)):

        def f(a, decompose=decompose, part=part):
            return tg.sum(tg.real(decompose(a)[part]) * WEIGHTS["any"])

        with pytest.raises(LinearAlgebraError, match="by phase"):
            tg.grad(f)(a)
    tg.grad(lambda a: tg.abs(linalg.eigh(a)[1][0, 1]))(a)
