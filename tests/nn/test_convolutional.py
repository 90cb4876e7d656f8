"""Convolution layers are the sums that their docstrings say: padded, strided, dilated, in groups."""

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp import nn
from tinygrad_bp.errors import ArgumentError, ShapeError
from tinygrad_bp.ops.windows import fold, unfold

rng = np.random.default_rng(0)


def by_hand(x, W, b, stride, padding, dilation, groups):
    """Σ W[o, c, u, v]·x[n, c, stride·i + dilation·u, stride·j + dilation·v], a number at a time."""
    x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    n_out, channels, height, width = W.shape
    places = [(size - dilation * (k - 1) - 1) // stride + 1 for size, k in zip(x.shape[2:], W.shape[2:], strict=True)]
    y = np.zeros((len(x), n_out, *places))
    for n, o, i, j in np.ndindex(*y.shape):
        first = o // (n_out // groups) * channels
        for c, u, v in np.ndindex(channels, height, width):
            y[n, o, i, j] += W[o, c, u, v] * x[n, first + c, stride * i + dilation * u, stride * j + dilation * v]
    return y if b is None else y + b[:, None, None]


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(
    ("stride", "padding", "dilation", "groups"), [(1, 0, 1, 1), (2, 1, 1, 1), (1, 2, 2, 1), (2, 1, 1, 2)]
)
def test_conv2d_is_the_sum_over_the_window(stride, padding, dilation, groups, bias):
    layer = nn.Conv2d(4, 6, (3, 2), stride, padding, dilation, groups, bias, seed=1)
    if bias:
        layer.load_state_dict(layer.state_dict() | {"b": rng.normal(size=6)})
    x = rng.normal(size=(2, 4, 7, 6))
    b = layer.b.data if bias else None
    expected = by_hand(x, layer.W.data, b, stride, padding, dilation, groups)
    np.testing.assert_allclose(layer(x).data, expected, rtol=1e-10, atol=1e-12)


def test_conv1d_is_conv2d_of_height_one():
    layer, flat = nn.Conv1d(2, 4, 3, stride=2, padding=1, seed=1), nn.Conv2d(2, 4, (1, 3), (1, 2), (0, 1), seed=1)
    x = rng.normal(size=(5, 2, 9))
    np.testing.assert_array_equal(layer.W.data, flat.W.data[:, :, 0])
    np.testing.assert_allclose(layer(x).data, flat(x[:, :, None]).data[:, :, 0], rtol=1e-12)


def test_gradients(check_layer):
    check_layer(nn.Conv1d(2, 3, 2, stride=2, padding="same"), rng.normal(size=(2, 2, 5)))
    check_layer(nn.Conv2d(2, 2, 2, padding=1, groups=2, bias=False), rng.normal(size=(1, 2, 3, 2)))


def test_weights_have_glorots_variance():
    layer = nn.Conv2d(16, 32, 5, groups=2, seed=0)
    assert layer.W.shape == (32, 8, 5, 5)
    np.testing.assert_allclose(layer.W.data.var(), 2 / ((8 + 16) * 25), rtol=0.05)
    np.testing.assert_array_equal(layer.b.data, np.zeros(32))
    assert nn.Conv1d(1, 1, 2, dtype=np.float32)(np.ones((1, 1, 2), np.float32)).dtype == np.float32


def test_refuses():
    with pytest.raises(ArgumentError, match=r"groups must divide the 3 channels and the 4 filters; got 2"):
        nn.Conv2d(3, 4, 3, groups=2)
    with pytest.raises(ArgumentError, match="n_in is a whole number from 1 on; got 0"):
        nn.Conv1d(0, 4, 3)
    with pytest.raises(ArgumentError, match="Conv2d: kernel is one whole number or 2, at least 1; got 0"):
        nn.Conv2d(3, 4, 0)
    model = nn.Sequential(nn.ReLU(), nn.Conv2d(3, 4, 3))
    expected = r"Sequential/layers.1: x has to be \(examples, 3, height, width\) to fit layers.1.W \(4, 3, 3, 3\); "
    with pytest.raises(ShapeError, match=expected + r"got array \(2, 1, 5, 5\). Axis 1 has length 1, not 3"):
        model(np.ones((2, 1, 5, 5)))
    with pytest.raises(ShapeError, match=expected + r"got array \(3, 5, 5\). Put an axis .* x\[None\]"):
        model(np.ones((3, 5, 5)))
    with pytest.raises(ShapeError, match=r"got array \(1, 1, 2, 2\). Bring it into that form with reshape"):
        nn.Conv1d(1, 1, 2)(np.ones((1, 1, 2, 2)))


@pytest.mark.parametrize("size", [1, 2, 5])
@pytest.mark.parametrize("kernel", [1, 3])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("padding", [(0, 0), (1, 2), (7, 6)])
@pytest.mark.parametrize("dilation", [1, 2])
def test_fold_is_the_transpose_of_unfold(size, kernel, stride, padding, dilation):
    if size + sum(padding) < dilation * (kernel - 1) + 1:
        return
    where = {"stride": (stride,), "padding": (padding,), "dilation": (dilation,)}
    x = rng.normal(size=(2, 3, size))
    windows = unfold(x, kernel=(kernel,), **where)
    g = rng.normal(size=windows.shape)
    back = fold(g, size=(size,), **where)
    assert back.shape == x.shape
    assert np.sum(g * windows) == pytest.approx(np.sum(back * x))


@pytest.mark.parametrize(("filters", "channels"), [(2, 4), (40, 1)])
def test_float32_filters_have_the_gradients_of_float64(filters, channels):
    x, w = rng.normal(size=(3, channels, 6, 6)), rng.normal(size=(filters, channels // 2 or 1, 3, 3))
    groups = 2 if channels > 1 else 1

    def gradient(dtype):
        inputs = x.astype(dtype)
        return tg.grad(lambda w: (tg.conv2d(inputs, w, padding=1, groups=groups) ** 2).sum())(w.astype(dtype))

    want, got = gradient(np.float64), gradient(np.float32)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-3)
