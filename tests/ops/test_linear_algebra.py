"""Systems, determinants, decompositions and norms, against NumPy and the gradient checker."""

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp import linalg
from tinygrad_bp.errors import ArgumentError, DTypeError, LinearAlgebraError, ShapeError
from tinygrad_bp.ops.systems import cofactor
from tinygrad_bp.testing import check_gradients

random = np.random.default_rng(0)


def draw(*shape):
    return random.uniform(-1, 1, shape)


def complex_draw(*shape):
    return draw(*shape) + 1j * draw(*shape)


def regular(*shape, kind=draw):
    """Random and well-conditioned, with singular values 1, 2, 3, …"""
    u, s, vh = np.linalg.svd(kind(*shape), full_matrices=False)
    return (u * np.arange(s.shape[-1], 0.0, -1.0)) @ vh


def symmetric(*shape, kind=draw):
    """With eigenvalues −2, −1, 0, …"""
    v = np.linalg.qr(kind(*shape))[0]
    return (v * (np.arange(shape[-1]) - 2.0)) @ np.conj(np.swapaxes(v, -1, -2))


def positive(*shape, kind=draw):
    v = np.linalg.qr(kind(*shape))[0]
    return (v * (np.arange(shape[-1]) + 1.0)) @ np.conj(np.swapaxes(v, -1, -2))


KINDS = pytest.mark.parametrize("kind", [draw, complex_draw])


# --- systems ----------------------------------------------------------------------------------------------------------


@KINDS
@pytest.mark.parametrize(
    "shapes",
    [
        ((3, 3), (3,)), ((3, 3), (3, 2)), ((2, 3, 3), (3,)), ((2, 3, 3), (3, 2)), ((3, 3), (2, 3, 1)),
        ((4, 1, 2, 2), (3, 2, 2)),
    ],
    ids=str,
)  # fmt: skip
def test_solve(shapes, kind):
    a, b = regular(*shapes[0], kind=kind), kind(*shapes[1])
    np.testing.assert_allclose(linalg.solve(a, b), np.linalg.solve(a, b))
    check_gradients(linalg.solve, a, b, analytic=True)


@KINDS
@pytest.mark.parametrize("shape", [(3, 3), (2, 3, 3), (2, 2, 1, 1)], ids=str)
@pytest.mark.parametrize("name", ["inv", "det"])
def test_inv_and_det(name, shape, kind):
    a = regular(*shape, kind=kind)
    ours, theirs = getattr(linalg, name), getattr(np.linalg, name)
    np.testing.assert_allclose(ours(a), theirs(a))
    check_gradients(ours, a, analytic=True)


@pytest.mark.parametrize("n", [1, 2, 3, 4])
@pytest.mark.parametrize("kind", ["real", "complex"])
def test_det_is_differentiable_at_singular_matrices(n, kind):
    a = draw(n, n) if kind == "real" else complex_draw(n, n)
    a[:, -1] = a[:, 0] if n > 1 else 0
    a = np.round(a * 4) / 4
    np.testing.assert_allclose(np.linalg.det(a), 0, atol=1e-15)
    check_gradients(linalg.det, a, order=1, analytic=True)


SINGULAR = {
    "of rank n - 1": (draw(4, 3) @ draw(3, 4), 0.0),
    "of rank n - 2": (draw(4, 2) @ draw(2, 4), 0.0),
    "with equal columns": (np.array([[1.0, 2.0], [2.0, 4.0]]), 0.0),
    "diagonal": (np.diag([2.0, 3.0, 0.0]), 0.0),
    "0": (np.zeros((3, 3)), 0.0),
    "number": (np.zeros((1, 1)), 0.0),
    "complex": (complex_draw(3, 2) @ complex_draw(2, 3), 0.0),
    "regular": (regular(3, 3), 6.0),
}


@pytest.mark.parametrize(("a", "size"), SINGULAR.values(), ids=SINGULAR)
def test_the_second_derivative_of_det_is_exact(a, size):
    """det(a + x·t + y·s) is a polynomial: what belongs to x·y, from its values at roots of 1."""
    np.testing.assert_allclose(np.abs(np.linalg.det(a)), size, atol=1e-15)
    n = len(a)
    t, s = draw(n, n).astype(a.dtype), draw(n, n).astype(a.dtype)
    roots = np.exp(2j * np.pi * np.arange(n + 1) / (n + 1))
    values = [[np.linalg.det(a + x * t + y * s) / (x * y) for y in roots] for x in roots]
    expected = np.mean(values) if n > 1 else 0.0
    forward = tg.jvp(lambda a: tg.jvp(linalg.det, (a,), (t,))[1], (a,), (s,))[1]
    mixed = (tg.jvp(lambda a: tg.vjp(linalg.det, a)[1](1.0)[0], (a,), (s,))[1] * t).sum()
    backward = (tg.vjp(lambda a: (tg.vjp(linalg.det, a)[1](1.0)[0] * t).sum(), a)[1](1.0)[0] * s).sum()
    np.testing.assert_allclose([forward, mixed, backward], expected, atol=1e-13)


def test_the_third_derivative_of_det():
    a, t = regular(4, 4), draw(4, 4)

    def along(x, a=a):
        return linalg.det(a + x * t)

    x = np.arange(5.0) - 2
    expected = 6 * np.polyfit(x, [along(v) for v in x], 4)[1]
    np.testing.assert_allclose(tg.grad(tg.grad(tg.grad(along)))(0.0), expected)
    np.testing.assert_allclose(tg.jvp(tg.grad(tg.grad(along)), (0.0,), (1.0,))[1], expected)
    a = draw(4, 3) @ draw(3, 4)
    with pytest.raises(LinearAlgebraError, match="independent columns"):
        tg.grad(tg.grad(tg.grad(lambda x: along(x, a))))(0.0)


def test_cofactors_of_a_matrix_of_rank_less_than_n_minus_1_are_0():
    np.testing.assert_allclose(tg.grad(linalg.det)(np.ones((4, 4))), np.zeros((4, 4)), atol=1e-30)
    np.testing.assert_allclose(cofactor(np.diag([2.0, 3.0, 0.0])), np.diag([0.0, 0.0, 6.0]))


@KINDS
@pytest.mark.parametrize("shape", [(3, 3), (2, 2, 2)], ids=str)
def test_slogdet(shape, kind):
    a = regular(*shape, kind=kind)
    sign, logarithm = linalg.slogdet(a)
    np.testing.assert_allclose(sign, np.linalg.slogdet(a).sign)
    np.testing.assert_allclose(logarithm, np.linalg.slogdet(a).logabsdet)
    check_gradients(lambda a: linalg.slogdet(a).logabsdet, a)
    check_gradients(lambda a: linalg.slogdet(a).sign * 1.0, a, order=1)


def test_slogdet_of_a_huge_determinant():
    grad = tg.grad(lambda a: linalg.slogdet(a).logabsdet)(np.eye(3) * 1e200)
    np.testing.assert_allclose(grad, np.eye(3) * 1e-200)


@KINDS
@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 4), (2, 3, 2), (1, 3), (0, 3)], ids=str)
def test_pinv(shape, kind):
    a = regular(*shape, kind=kind)
    np.testing.assert_allclose(linalg.pinv(a), np.linalg.pinv(a), atol=1e-14)
    check_gradients(linalg.pinv, a)


def test_pinv_keeps_its_rank():
    a = np.diag([2.0, 1e-9])
    np.testing.assert_allclose(linalg.pinv(a, 1e-6), np.diag([0.5, 0]))
    assert np.all(np.isfinite(tg.grad(lambda a: linalg.pinv(a, 1e-6).sum())(a)))


@KINDS
@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 4), (2, 3, 3)], ids=str)
def test_pinv_without_small_singular_values(shape, kind):
    """Of 3, 2, 1 those up to 0.6·3; what was cut off turns the space that stays."""
    a = regular(*shape, kind=kind)
    np.testing.assert_allclose(linalg.pinv(a, 0.6), np.linalg.pinv(a, 0.6), atol=1e-14)
    check_gradients(lambda a: linalg.pinv(a, 0.6), a)


def test_pinv_without_small_singular_values_where_the_others_are_equal():
    u, v = (np.linalg.qr(draw(4, 4))[0] for _ in range(2))
    check_gradients(lambda a: linalg.pinv(a, 0.6), (u * [2.0, 2.0, 2.0, 1.0]) @ v, order=1)


@KINDS
@pytest.mark.parametrize("shape", [(3, 2, 3), (4, 2, 3), (3, 1, 4)], ids=str)
def test_pinv_of_products_of_lower_rank(shape, kind):
    """To second order along matrices of this rank, also where the singular values that stay are equal."""
    m, k, n = shape
    a, b = regular(m, k, kind=kind), regular(k, n, kind=kind)
    check_gradients(lambda a, b: linalg.pinv(a @ b, 1e-4), a, b)
    a, b = (np.linalg.qr(kind(i, k))[0] for i in (m, n))
    check_gradients(lambda a, b: linalg.pinv(a @ b.T, 1e-4), a, b)


def test_pinv_without_small_singular_values_has_no_second_derivative_where_the_others_are_equal():
    a = np.diag([2.0, 2.0, 2.0, 1.0])
    with pytest.raises(LinearAlgebraError, match="second derivative of svd at equal singular values"):
        tg.hessian(lambda a: linalg.pinv(a, 0.6).sum())(a)


def test_pinv_of_each_matrix_has_its_own_limit():
    a = regular(2, 3, 3)
    limits = np.array([0.5, 0.1])
    np.testing.assert_allclose(linalg.pinv(a, limits), np.linalg.pinv(a, limits), atol=1e-14)
    check_gradients(lambda a: linalg.pinv(a, limits), a)


@KINDS
@pytest.mark.parametrize("n", [-3, -1, 0, 1, 2, 3, 7])
def test_matrix_power(n, kind):
    a = regular(2, 2, 2, kind=kind)
    np.testing.assert_allclose(linalg.matrix_power(a, n), np.linalg.matrix_power(a, n), atol=1e-12)
    check_gradients(lambda a: linalg.matrix_power(a, n), a, analytic=True)


def test_matrix_power_0_stays_in_the_graph():
    a = tg.tensor(draw(2, 2), requires_grad=True)
    linalg.matrix_power(a, 0).sum().backward()
    np.testing.assert_array_equal(a.grad, np.zeros((2, 2)))
    with pytest.raises(ArgumentError, match="integer"):
        linalg.matrix_power(a, 1.5)


# --- decompositions ---------------------------------------------------------------------------------------------------


@KINDS
@pytest.mark.parametrize("shape", [(3, 3), (2, 3, 3), (1, 1), (0, 0)], ids=str)
def test_cholesky(shape, kind):
    a = positive(*shape, kind=kind)
    np.testing.assert_allclose(linalg.cholesky(a), np.linalg.cholesky(a))
    check_gradients(linalg.cholesky, a)


def test_gradients_of_symmetric_matrices_are_symmetric():
    a = positive(3, 3)
    for f in (lambda a: linalg.cholesky(a).sum(), lambda a: (linalg.eigh(a).eigenvectors * draw(3, 3)).sum()):
        g = tg.grad(f)(a)
        np.testing.assert_allclose(g, g.T)


@KINDS
@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 4), (2, 3, 2), (2, 2, 3), (3, 1), (0, 2), (2, 0)], ids=str)
def test_qr(shape, kind):
    a = regular(*shape, kind=kind)
    q, r = linalg.qr(a)
    np.testing.assert_allclose(q, np.linalg.qr(a).Q, atol=1e-14)
    np.testing.assert_allclose(r, np.linalg.qr(a).R, atol=1e-14)
    np.testing.assert_allclose(linalg.qr(a, "r"), r)
    for part in ("Q", "R"):
        check_gradients(lambda a, part=part: getattr(linalg.qr(a), part), a)


@pytest.mark.parametrize("dtype", [np.float32, float, complex])
@pytest.mark.parametrize("part", ["Q", "R"])
def test_qr_of_dependent_columns_has_no_derivative(part, dtype):
    a = draw(4, 3).astype(dtype)
    a[:, 2] = a[:, 0] + a[:, 1]

    def f(a):
        return getattr(linalg.qr(a), part)

    with pytest.raises(LinearAlgebraError, match="independent columns"):
        tg.vjp(f, a)[1](f(a))
    with pytest.raises(LinearAlgebraError, match="independent columns"):
        tg.jvp(f, (a,), (a,))


def test_qr_of_columns_of_very_different_lengths():
    a = regular(4, 3)
    scales = np.array([1.0, 1e-30, 1e30])
    g = draw(4, 3)
    got = tg.vjp(lambda a: linalg.qr(a).Q, a * scales)[1](g)[0]
    np.testing.assert_allclose(got * scales, tg.vjp(lambda a: linalg.qr(a).Q, a)[1](g)[0], atol=1e-12)


def test_qr_modes():
    np.testing.assert_allclose(linalg.qr(np.ones((2, 3)), "complete").Q @ linalg.qr(np.ones((2, 3))).R, np.ones((2, 3)))
    for mode in ("complete", "raw"):
        with pytest.raises(ArgumentError, match=r"qr.*\(3, 2\)"):
            linalg.qr(np.ones((3, 2)), mode)


@pytest.mark.parametrize("shape", [(3, 3), (2, 4, 4), (1, 1), (0, 0), (0, 2, 2)], ids=str)
def test_eigh(shape):
    a = symmetric(*shape)
    w, v = linalg.eigh(a)
    np.testing.assert_allclose(w, np.linalg.eigh(a).eigenvalues, atol=1e-14)
    np.testing.assert_allclose(np.abs(v), np.abs(np.linalg.eigh(a).eigenvectors), atol=1e-13)
    np.testing.assert_allclose((v * w[..., None, :]) @ np.swapaxes(v, -1, -2), a, atol=1e-13)
    np.testing.assert_allclose(linalg.eigvalsh(a), w)
    check_gradients(lambda a: linalg.eigh(a).eigenvalues, a)
    check_gradients(lambda a: linalg.eigh(a).eigenvectors, a)


def test_eigh_of_complex_matrices_up_to_phases():
    a, weights = symmetric(3, 3, kind=complex_draw), complex_draw(3, 3)
    check_gradients(linalg.eigvalsh, a)

    def projections(a):
        v = linalg.eigh(a).eigenvectors
        return tg.absolute(weights @ v)

    check_gradients(projections, a)


def test_signs_of_vectors_do_not_jump():
    a = symmetric(4, 4)
    for _ in range(100):
        moved = a + 1e-6 * draw(4, 4)
        np.testing.assert_allclose(linalg.eigh(moved).eigenvectors, linalg.eigh(a).eigenvectors, atol=1e-4)
        np.testing.assert_allclose(linalg.svd(moved + np.eye(4) / 3).U, linalg.svd(a + np.eye(4) / 3).U, atol=1e-4)


def test_equal_eigenvalues():
    v = np.linalg.qr(draw(3, 3))[0]
    a = (v * [1.0, 2.0, 2.0]) @ v.T
    np.testing.assert_allclose(tg.grad(lambda a: (linalg.eigvalsh(a) ** 2).sum())(a), 2 * a, atol=1e-13)

    def projector(a):
        v = linalg.eigh(a).eigenvectors[:, 1:]
        return v @ v.T

    check_gradients(projector, a, order=1)


@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 4), (2, 3, 2), (3, 1), (1, 3), (0, 2), (2, 0)], ids=str)
def test_svd(shape):
    a = regular(*shape)
    u, s, vh = linalg.svd(a, full_matrices=False)
    np.testing.assert_allclose(s, np.linalg.svd(a).S, atol=1e-14)
    np.testing.assert_allclose((u * s[..., None, :]) @ vh, a, atol=1e-13)
    np.testing.assert_allclose(linalg.svdvals(a), s)
    for part in ("U", "S", "Vh"):
        check_gradients(lambda a, part=part: getattr(linalg.svd(a, full_matrices=False), part), a)


@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 4)], ids=str)
def test_svd_of_complex_matrices_up_to_phases(shape):
    a = regular(*shape, kind=complex_draw)
    weights = complex_draw(*shape[::-1])
    check_gradients(linalg.svdvals, a)

    def unitary(a):
        u, _, vh = linalg.svd(a, full_matrices=False)
        return u @ vh

    def weighted(a):
        u, s, vh = linalg.svd(a, full_matrices=False)
        return tg.absolute(weights @ u) * s**2 + tg.absolute(vh @ weights).sum()

    check_gradients(unitary, a)
    check_gradients(weighted, a)


def test_svd_modes():
    assert linalg.svd(np.ones((3, 2)), compute_uv=False).shape == (2,)
    assert linalg.svd(np.eye(2)).U.shape == (2, 2)
    with pytest.raises(ArgumentError, match=r"\(3, 2\).*full_matrices=False"):
        linalg.svd(np.ones((3, 2)))


def test_singular_values_of_0_get_0():
    nuclear = tg.grad(lambda a: linalg.norm(a, "nuc"))
    np.testing.assert_array_equal(nuclear(np.zeros((2, 3))), np.zeros((2, 3)))
    np.testing.assert_allclose(nuclear(np.diag([3.0, 0.0])), np.diag([1.0, 0.0]), atol=1e-15)


# --- norms ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("ord", [None, 0, 1, 2, 3, 0.5, -1, -2, np.inf, -np.inf])
@pytest.mark.parametrize(("shape", "axis"), [((4,), None), ((2, 3), 0), ((2, 3), -1), ((2, 3, 2), (1,)), ((1,), 0)])
def test_norms_of_vectors(shape, axis, ord, keepdims):
    x = draw(*shape)
    x = x + 0.3 * np.sign(x)
    expected = np.linalg.norm(x, ord, axis, keepdims)
    np.testing.assert_allclose(linalg.norm(x, ord, axis, keepdims), expected)
    check_gradients(lambda x: linalg.norm(x, ord, axis, keepdims), x)


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("ord", [None, "fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf])
@pytest.mark.parametrize(
    ("shape", "axis"), [((3, 2), None), ((3, 2), (0, 1)), ((2, 3, 2), (2, 0)), ((2, 2, 3), (-2, -1))]
)
def test_norms_of_matrices(shape, axis, ord, keepdims):
    x = draw(*shape)
    x = x + 0.3 * np.sign(x)
    np.testing.assert_allclose(linalg.norm(x, ord, axis, keepdims), np.linalg.norm(x, ord, axis, keepdims))
    check_gradients(lambda x: linalg.norm(x, ord, axis, keepdims), x)
    if axis == (-2, -1) and ord is not None:
        np.testing.assert_allclose(
            linalg.matrix_norm(x, ord=ord, keepdims=keepdims), np.linalg.matrix_norm(x, ord=ord, keepdims=keepdims)
        )


@pytest.mark.parametrize("ord", [1, 2, 3, 1.5, np.inf, -np.inf])
def test_norms_of_complex_vectors(ord):
    z = complex_draw(2, 3)
    np.testing.assert_allclose(linalg.vector_norm(z, ord=ord, axis=1), np.linalg.vector_norm(z, ord=ord, axis=1))
    check_gradients(lambda z: linalg.vector_norm(z, ord=ord, axis=1), z)


def test_the_norm_of_everything():
    x = draw(2, 3, 2)
    np.testing.assert_allclose(linalg.norm(x), np.linalg.norm(x))
    np.testing.assert_allclose(linalg.norm(x, keepdims=True), np.linalg.norm(x, keepdims=True))
    np.testing.assert_allclose(linalg.vector_norm(x, axis=(0, 2)), np.linalg.vector_norm(x, axis=(0, 2)))
    assert linalg.norm([3.0, 4.0]) == 5
    assert linalg.norm(-2.0) == 2
    assert linalg.norm(np.zeros(0)) == 0


def test_row_norms():
    got = tg.grad(lambda x: linalg.norm(x, axis=1).sum())(np.array([[0.0, 0.0], [3.0, 4.0]]))
    np.testing.assert_allclose(got, [[0, 0], [0.6, 0.8]])


@pytest.mark.parametrize("ord", [1, 1.5, 2, 3, np.inf, -np.inf, 0])
def test_the_norm_of_0_has_gradient_0_to_any_order(ord):
    x = np.zeros(3)
    f = tg.grad(lambda x: linalg.norm(x, ord))
    np.testing.assert_array_equal(f(x), x)
    np.testing.assert_array_equal(tg.grad(lambda x: f(x)[0])(x), x)


def test_the_largest_share():
    np.testing.assert_allclose(tg.grad(lambda x: linalg.norm(x, np.inf))(np.array([-2.0, 1.0, 2.0])), [-0.5, 0, 0.5])


@pytest.mark.parametrize(
    ("shape", "arguments"),
    [
        ((2, 2, 2), {"ord": 2}), ((2, 2), {"ord": 3}), ((2, 2), {"axis": (0, 0)}), ((2, 2), {"axis": (0, 5)}),
        ((3,), {"ord": "fro"}),
    ],
)  # fmt: skip
def test_norms_that_do_not_exist(shape, arguments):
    with pytest.raises(ArgumentError):
        linalg.norm(np.ones(shape), **arguments)


def test_a_constant_factor_on_the_left_has_second_derivatives():
    check_gradients(lambda x: np.full((2, 3), 1.5) @ x**3, draw(3, 2))


# --- dtypes and errors ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "f",
    [
        linalg.inv, linalg.det, linalg.cholesky, linalg.pinv, linalg.norm, linalg.eigvalsh, linalg.svdvals, cofactor,
        lambda a: linalg.solve(a, a[0]), lambda a: linalg.slogdet(a).logabsdet, lambda a: linalg.qr(a).R,
        lambda a: linalg.eigh(a).eigenvectors, lambda a: linalg.norm(a, 2), lambda a: linalg.norm(a, 3, axis=0),
    ],
)  # fmt: skip
def test_float32_stays(f):
    a = tg.tensor(positive(3, 3).astype(np.float32), requires_grad=True)
    y = f(a).sum()
    y.backward()
    assert y.dtype == a.grad.dtype == np.float32


@pytest.mark.parametrize(
    ("f", "value", "says"),
    [
        (linalg.inv, np.ones((2, 2)), r"inv of W \(2, 2\): Singular matrix"),
        (linalg.inv, np.ones((2, 3)), r"inv of W \(2, 3\): Last 2 dimensions"),
        (linalg.det, np.ones(3), r"det of W \(3,\): 1-dimensional"),
        (linalg.cholesky, -np.eye(2), r"cholesky of W \(2, 2\): .*positive definite"),
        (lambda a: linalg.solve(a, a[0]), np.ones((2, 2)), r"solve of W \(2, 2\), tensor \(2,\): Singular"),
        (lambda a: linalg.matrix_power(a, -1), np.ones((2, 2)), r"inv of W \(2, 2\): Singular matrix"),
    ],
)
def test_matrices_that_an_op_cannot_take(f, value, says):
    with pytest.raises(LinearAlgebraError, match=says) as caught:
        f(tg.tensor(value, name="W", requires_grad=True))
    assert isinstance(caught.value, np.linalg.LinAlgError)
    with pytest.raises(np.linalg.LinAlgError):
        f(value)


def test_other_errors_keep_their_kind():
    with pytest.raises(ShapeError, match=r"solve: tensor \(2, 2\), array \(3,\)"):
        linalg.solve(tg.tensor(np.eye(2)), np.ones(3))
    with pytest.raises(DTypeError, match="float16"):
        linalg.inv(tg.tensor(np.eye(2, dtype=np.float16)))


def test_a_singular_matrix_has_no_derivative_of_its_logarithm():
    a = tg.tensor(np.ones((2, 2)), requires_grad=True)
    y = linalg.slogdet(a).logabsdet
    assert y.item() == -np.inf
    with pytest.raises(np.linalg.LinAlgError, match="Singular"):
        y.backward()
