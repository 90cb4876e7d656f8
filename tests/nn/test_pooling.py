"""Pooling layers reduce windows, one image at a time."""

import numpy as np
import pytest

from tinygrad_bp import nn
from tinygrad_bp.errors import ShapeError

rng = np.random.default_rng(0)


def by_hand(reduce, x, kernel, stride, padding, fill):
    """The reduction of every window of x (…, height, width)."""
    x = np.pad(x, [(0, 0)] * (x.ndim - 2) + [(padding, padding)] * 2, constant_values=fill)
    places = [(n - kernel) // stride + 1 for n in x.shape[-2:]]
    y = np.zeros((*x.shape[:-2], *places))
    for i, j in np.ndindex(*places):
        y[..., i, j] = reduce(x[..., stride * i : stride * i + kernel, stride * j : stride * j + kernel], axis=(-2, -1))
    return y


@pytest.mark.parametrize(("kernel", "stride", "padding"), [(2, None, 0), (3, 2, 1), (2, 1, 0)])
def test_over_images(kernel, stride, padding):
    x = rng.normal(size=(2, 3, 6, 7))
    step = stride or kernel
    largest = nn.MaxPool2d(kernel, stride, padding)(x)
    np.testing.assert_array_equal(largest, by_hand(np.max, x, kernel, step, padding, -np.inf))
    for include, fill, mean in ((True, 0.0, np.mean), (False, np.nan, np.nanmean)):
        average = nn.AvgPool2d(kernel, stride, padding, count_include_pad=include)(x)
        np.testing.assert_allclose(average, by_hand(mean, x, kernel, step, padding, fill), rtol=1e-12, atol=1e-15)


def test_over_sequences():
    x = np.array([[[1.0, 4.0, 2.0, 3.0, 9.0]]])
    assert nn.MaxPool1d(2)(x).tolist() == [[[4.0, 3.0]]]
    assert nn.MaxPool1d(3, stride=1, padding=1)(x).tolist() == [[[4.0, 4.0, 4.0, 9.0, 9.0]]]
    assert nn.AvgPool1d(2)(x).tolist() == [[[2.5, 2.5]]]
    assert nn.AvgPool1d(2, padding=1, count_include_pad=False)(x).tolist() == [[[1.0, 3.0, 6.0]]]


def test_gradients(check_layer):
    check_layer(nn.MaxPool1d(2, stride=1), rng.normal(size=(1, 2, 4)), order=1)
    check_layer(nn.MaxPool2d(2, padding=1), rng.normal(size=(1, 2, 3, 3)), order=1)
    check_layer(nn.AvgPool1d(2, padding=1, count_include_pad=False), rng.normal(size=(1, 2, 4)))
    check_layer(nn.AvgPool2d(2, stride=1), rng.normal(size=(1, 1, 3, 3)))


@pytest.mark.parametrize("layer", [nn.MaxPool1d(2), nn.AvgPool1d(2), nn.MaxPool2d(2), nn.AvgPool2d(2)])
def test_refuses_other_ranks(layer):
    with pytest.raises(ShapeError, match=rf"{type(layer).__name__}: x has to be \(examples, channels, .*x\[None\]"):
        layer(np.ones((4, 4)))
