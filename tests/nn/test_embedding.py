"""Embedding looks rows up, and rows that come several times add up what they get."""

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp import nn
from tinygrad_bp.errors import ArgumentError, DTypeError


@pytest.mark.parametrize("x", [[1, 3, 1], [[0], [-1]], 2, np.zeros((0, 2), int), tg.tensor([[4, 4]])])
def test_looks_rows_up(x):
    layer = nn.Embedding(5, 3, seed=0)
    index = x.data if isinstance(x, tg.Tensor) else np.asarray(x)
    y = layer(x)
    np.testing.assert_array_equal(y.data, layer.W.data[index])
    (y * y).sum().backward()
    expected = np.zeros((5, 3))
    np.add.at(expected, index, 2 * layer.W.data[index])
    np.testing.assert_allclose(layer.W.grad, expected)


def test_weights():
    layer = nn.Embedding(300, 40, seed=0, dtype=np.float32)
    assert layer.W.dtype == layer([1]).dtype == np.float32
    np.testing.assert_allclose([layer.W.data.mean(), layer.W.data.var()], [0.0, 1.0], atol=0.05)


def test_refuses():
    model = nn.Sequential(nn.Embedding(5, 3))
    with pytest.raises(
        DTypeError, match=r"layers.0: x has to hold integers, .* rows of layers.0.W \(5, 3\); got float64"
    ):
        model([1.0])
    with pytest.raises(IndexError, match=r"index 5 is out of bounds .* layers.0.W \(5, 3\)"):
        model([5])
    with pytest.raises(ArgumentError, match="words is a whole number from 1 on; got 0"):
        nn.Embedding(0, 3)
