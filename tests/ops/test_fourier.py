"""Fourier transforms, against NumPy and the gradient checker."""

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp import fft
from tinygrad_bp.errors import DTypeError, ShapeError
from tinygrad_bp.testing import check_gradients

random = np.random.default_rng(0)


def draw(*shape):
    return random.uniform(-2, 2, shape)


def complex_draw(*shape):
    return draw(*shape) + 1j * draw(*shape)


NORMS = pytest.mark.parametrize("norm", [None, "backward", "ortho", "forward"])
KINDS = pytest.mark.parametrize("kind", [draw, complex_draw])


@NORMS
@KINDS
@pytest.mark.parametrize("name", ["fft", "ifft", "rfft", "irfft"])
@pytest.mark.parametrize(
    ("shape", "arguments"),
    [
        ((5,), {}), ((4,), {}), ((4,), {"n": 7}), ((5,), {"n": 2}), ((3, 4), {"axis": 0}),
        ((2, 3, 2), {"axis": -2, "n": 5}), ((2,), {"n": 1}),
    ],
)  # fmt: skip
def test_one_axis(name, shape, arguments, norm, kind):
    ours, theirs, x = getattr(fft, name), getattr(np.fft, name), kind(*shape)
    if name == "rfft" and kind is complex_draw:
        with pytest.raises(DTypeError):
            ours(tg.tensor(x))
        return
    np.testing.assert_allclose(ours(x, norm=norm, **arguments), theirs(x, norm=norm, **arguments), atol=1e-13)
    check_gradients(lambda x: ours(x, norm=norm, **arguments), x)


@pytest.mark.parametrize("norm", [None, "ortho", "forward"])
@KINDS
@pytest.mark.parametrize("name", ["fft2", "ifft2", "fftn", "ifftn", "rfft2", "irfft2", "rfftn", "irfftn"])
@pytest.mark.parametrize(
    ("shape", "arguments"),
    [((3, 4), {}), ((3, 4), {"s": (2, 5), "axes": (0, 1)}), ((2, 3, 2), {"axes": (0, -1)}), ((4, 3), {"axes": (1,)})],
)  # fmt: skip
def test_several_axes(name, shape, arguments, norm, kind):
    ours, theirs, x = getattr(fft, name), getattr(np.fft, name), kind(*shape)
    if name.startswith("rfft"):
        x = x.real
    np.testing.assert_allclose(ours(x, norm=norm, **arguments), theirs(x, norm=norm, **arguments), atol=1e-13)
    check_gradients(lambda x: ours(x, norm=norm, **arguments), x)


@pytest.mark.parametrize("axes", [None, 0, (0, -1)])
@pytest.mark.parametrize("shape", [(4, 3), (5, 2, 3)])
def test_shifts(shape, axes):
    x = draw(*shape)
    np.testing.assert_array_equal(fft.fftshift(x, axes), np.fft.fftshift(x, axes))
    np.testing.assert_array_equal(fft.ifftshift(x, axes), np.fft.ifftshift(x, axes))
    check_gradients(lambda x: fft.fftshift(x, axes) * x, x, analytic=True)


def test_there_and_back_is_the_identity():
    x = draw(7)
    np.testing.assert_allclose(tg.jacobian(lambda x: fft.irfft(fft.rfft(x), n=7))(x), np.eye(7), atol=1e-15)


def test_energy_is_kept():
    """Parseval: the gradient of Σ|x̂|² is 2n·x."""
    x = draw(6)
    g = tg.grad(lambda x: (tg.absolute(fft.fft(x)) ** 2).sum())(x)
    assert g.dtype == np.float64
    np.testing.assert_allclose(g, 12 * x)


def test_a_convolution_by_transforms_has_the_gradient_of_the_sum_over_shifts():
    x, w, g = draw(5), draw(5), draw(5)
    direct = np.array([[w[(i - j) % 5] for j in range(5)] for i in range(5)])
    y, pullback = tg.vjp(lambda x: fft.irfft(fft.rfft(x) * fft.rfft(w), n=5), x)
    np.testing.assert_allclose(y, direct @ x)
    np.testing.assert_allclose(pullback(g)[0], direct.T @ g)


def test_single_precision_stays():
    x = tg.tensor(draw(4).astype(np.float32), requires_grad=True)
    y = fft.fft(x)
    tg.absolute(y).sum().backward()
    assert (y.dtype, x.grad.dtype) == (np.complex64, np.float32)


def test_a_wrong_length_names_the_tensor():
    with pytest.raises(ShapeError, match=r"fft: x \(3,\)"):
        fft.fft(tg.tensor(np.ones(3), name="x"), n=0)
