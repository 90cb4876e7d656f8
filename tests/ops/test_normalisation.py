"""Normalisation over layers and batches, and dropout."""

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp.errors import ArgumentError, ShapeError
from tinygrad_bp.ops.normalisation import batch_norm, dropout, layer_norm, normalise
from tinygrad_bp.testing import check_gradients

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(3, 2, size=(6, 4, 5))


@pytest.mark.parametrize("axis", [-1, 1, (0, 2), None])
def test_normalised_values_have_mean_0_and_variance_1(axis):
    y = normalise(X, axis=axis, eps=0)
    np.testing.assert_allclose(y.mean(axis=axis), 0, atol=1e-12)
    np.testing.assert_allclose(y.var(axis=axis), 1)
    expected = (X - X.mean(axis=axis, keepdims=True)) / np.sqrt(X.var(axis=axis, keepdims=True) + 0.1)
    np.testing.assert_allclose(normalise(X, axis=axis, eps=0.1), expected)


def test_constants_become_0_with_gradient_0():
    value, gradient = tg.value_and_grad(lambda x: (normalise(x) * np.array([1.0, 2.0, 4.0])).sum())(np.full(3, 7.0))
    assert value == 0
    np.testing.assert_allclose(gradient.sum(), 0, atol=1e-9)
    np.testing.assert_array_equal(tg.grad(lambda x: normalise(x).sum())(np.full(4, 7.0)), 0)


def test_large_float16_values_do_not_overflow():
    x = np.array([60000, 0, 60000, 0], np.float16)
    assert np.isfinite(normalise(x / np.float16(300))).all()


def test_layer_norm_scales_and_shifts_features():
    weight, bias = RANDOM.normal(size=5), RANDOM.normal(size=5)
    np.testing.assert_allclose(layer_norm(X, weight, bias), normalise(X) * weight + bias)
    np.testing.assert_allclose(layer_norm(X), normalise(X))
    check_gradients(layer_norm, X[:2, 0], weight, bias, analytic=True)


def test_batch_norm_takes_the_statistics_of_each_channel():
    weight, bias = RANDOM.normal(size=4), RANDOM.normal(size=4)
    y = batch_norm(X, weight, bias)
    for c in range(4):
        x = X[:, c]
        np.testing.assert_allclose(y[:, c], weight[c] * (x - x.mean()) / np.sqrt(x.var() + 1e-5) + bias[c])
    np.testing.assert_allclose(batch_norm(X.swapaxes(1, 2), weight, bias, axis=-1), y.swapaxes(1, 2))
    check_gradients(batch_norm, X[:3, :, 0], weight, bias, analytic=True)


def test_batch_norm_with_running_statistics():
    mean, variance = RANDOM.normal(size=4), RANDOM.uniform(1, 2, size=4)
    expected = (X - mean[:, None]) / np.sqrt(variance[:, None] + 1e-5)
    np.testing.assert_allclose(batch_norm(X, mean=mean, variance=variance), expected)
    np.testing.assert_allclose(batch_norm(tg.tensor(X), mean=tg.tensor(mean), variance=variance).data, expected)


def test_batch_norm_messages():
    with pytest.raises(
        ShapeError, match=r"weight needs the shape \(4,\).* each channel of array \(6, 4, 5\); got array \(5,\)"
    ):
        batch_norm(X, np.ones(5))
    with pytest.raises(ArgumentError, match="mean and variance belong together"):
        batch_norm(X, mean=np.zeros(4))


# --- dropout ----------------------------------------------------------------------------------------------------------


def test_dropout_zeroes_a_share_and_scales_the_rest():
    x = np.ones((200, 100), np.float32)
    y = dropout(x, 0.25, np.random.default_rng(0))
    assert y.dtype == np.float32
    assert set(np.unique(y)) == {np.float32(0), np.float32(4 / 3)}
    assert abs(np.mean(y == 0) - 0.25) < 0.01


def test_the_gradient_goes_through_the_mask_of_its_forward_pass():
    x = tg.tensor(np.ones(50), requires_grad=True)
    y = dropout(x, 0.5, np.random.default_rng(1))
    y.sum().backward()
    np.testing.assert_array_equal(x.grad, y.data)


def test_a_seed_gives_the_mask_again_in_every_dtype():
    masks = [dropout(np.ones(40, dtype), 0.5, np.random.default_rng(7)) for dtype in (np.float32, np.float64)]
    np.testing.assert_array_equal(*masks)


@pytest.mark.parametrize(("p", "training"), [(0, True), (0.5, False)])
def test_dropout_can_be_the_identity(p, training):
    x = tg.tensor(np.ones(3))
    assert dropout(x, p, np.random.default_rng(0), training=training) is x


def test_dropout_messages():
    for p in (-0.1, 1, np.nan):
        with pytest.raises(ArgumentError, match="at least 0 and less than 1"):
            dropout(X, p, np.random.default_rng(0))
    with pytest.raises(ArgumentError, match=r"np.random.default_rng\(seed\); got 0"):
        dropout(X, 0.5, 0)
