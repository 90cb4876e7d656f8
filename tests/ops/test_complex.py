"""Complex numbers: parts, conjugates, and the convention for gradients."""

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp.errors import DTypeError
from tinygrad_bp.ops.complex import angle, conj, conjugate, imag, real
from tinygrad_bp.testing import check_gradients

random = np.random.default_rng(0)


def draw(*shape):
    return random.uniform(-2, 2, shape) + 1j * random.uniform(-2, 2, shape)


@pytest.mark.parametrize(
    "z", [draw(), draw(3), draw(2, 3), 1.5, np.array([-2.0, 0.0, 3.0]), draw(2).astype(np.complex64)]
)
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (real, np.real), (imag, np.imag), (conjugate, np.conjugate), (conj, np.conj), (angle, np.angle),
        (tg.absolute, np.absolute),
    ],
)  # fmt: skip
def test_values_are_numpys(ours, theirs, z):
    np.testing.assert_array_equal(ours(z), theirs(z))
    assert np.asarray(ours(z)).dtype == np.asarray(theirs(z)).dtype
    np.testing.assert_array_equal(ours(tg.tensor(z)).data, theirs(z))


@pytest.mark.parametrize(
    "f",
    [
        real, imag, conjugate, angle, lambda z: angle(z, deg=True), tg.absolute, tg.exp, lambda z: z * conj(z),
        lambda z: z**3, lambda z: 1 / z, lambda z: tg.absolute(z * 1j + 1) ** 2,
        lambda z: z.real * 1j - z.imag + z.conj(), lambda z: z.T * z.sum(), lambda z: 1j * z + z / 2j,
        tg.arccosh,
    ],
)  # fmt: skip
@pytest.mark.parametrize("shape", [(2, 3), (2,), ()])
def test_gradients_are_right_for_both_parts(f, shape):
    check_gradients(f, draw(*shape))


def test_a_gradient_is_that_for_x_minus_i_times_that_for_y():
    g = tg.grad(lambda z: (real(z) ** 2 + 3 * imag(z)).sum())(np.array([2.0 + 5j]))
    np.testing.assert_allclose(g, [4 - 3j])


def test_the_conjugate_of_the_gradient_points_uphill():
    z = draw(3)
    g = tg.grad(lambda z: tg.absolute(z).sum())(z)
    np.testing.assert_allclose(np.conj(g), z / np.abs(z))


def test_an_analytic_function_has_its_derivative():
    np.testing.assert_allclose(tg.vjp(tg.exp, 1 + 2j)[1](1.0)[0], np.exp(1 + 2j))
    np.testing.assert_allclose(tg.jvp(tg.exp, (1 + 2j,), (1j,))[1], 1j * np.exp(1 + 2j))


def test_a_real_input_of_a_complex_program_has_a_real_gradient():
    def f(t):
        return tg.absolute(tg.exp(t * 1j) + t) ** 2

    g = tg.grad(f)(0.7)
    assert g.dtype == np.float64
    np.testing.assert_allclose(g, 2 * 0.7 + 2 * np.cos(0.7) - 2 * 0.7 * np.sin(0.7))
    check_gradients(f, 0.7)


def test_what_has_no_derivative_gets_0():
    z = np.zeros(2, complex)
    np.testing.assert_array_equal(tg.grad(lambda z: tg.absolute(z).sum())(z), z)
    np.testing.assert_array_equal(tg.grad(lambda z: angle(z).sum())(z), z)


@pytest.mark.parametrize("f", [real, imag, angle, tg.absolute])
def test_complex64_stays(f):
    z = tg.tensor(draw(3).astype(np.complex64), requires_grad=True)
    y = f(z).sum()
    y.backward()
    assert (y.dtype, z.grad.dtype) == (np.float32, np.complex64)


def test_a_python_complex_times_a_number_is_a_tensor():
    x = tg.tensor(2.0, requires_grad=True)
    y = 1j * x
    assert y.dtype == np.complex128
    imag(y).backward()
    assert x.grad == 1


def test_arccosh_has_its_derivative_in_the_left_half_plane():
    z = -0.5 + 0.7j
    np.testing.assert_allclose(tg.vjp(tg.arccosh, z)[1](1.0)[0], 1 / np.sinh(np.arccosh(z)))


@pytest.mark.parametrize("f", [tg.var, tg.std])
def test_the_spread_of_complex_numbers_is_a_real_function(f):
    check_gradients(lambda z: f(z, axis=-1, ddof=0.5), draw(2, 3))
    check_gradients(f, draw(4))
    np.testing.assert_array_equal(tg.grad(tg.std)(np.full(3, 1 + 2j)), 0)


@pytest.mark.parametrize("f", [tg.sign, tg.gelu, tg.softsign, tg.soft_shrink])
def test_functions_of_real_numbers_refuse_complex_ones(f):
    with pytest.raises(DTypeError, match="is complex"):
        tg.vjp(f, draw(3))[1](np.ones(3))


def test_losses_of_complex_numbers():
    p, t = draw(3), draw(3)
    gradient = tg.grad(tg.mae)(p, t)
    np.testing.assert_allclose(gradient, np.conj((p - t) / np.abs(p - t)) / 3)
    with pytest.raises(DTypeError, match=r"huber: .* is complex"):
        tg.huber(p, t)
