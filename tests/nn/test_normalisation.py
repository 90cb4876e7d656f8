"""Batch and layer normalisation: the formula, the running statistics, and what changes with `eval()`."""

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp import nn
from tinygrad_bp.errors import ArgumentError, DataError, ShapeError, TracingError

rng = np.random.default_rng(0)


@pytest.mark.parametrize("shape", [(8, 3), (4, 3, 5), (4, 3, 5, 2)])
def test_batch_norm_learning_and_in_use(shape):
    layer = nn.BatchNorm(3, momentum=0.25, eps=1e-3)
    layer.load_state_dict(layer.state_dict() | {"weight": rng.normal(size=3), "bias": rng.normal(size=3)})
    axes, column = (0, *range(2, len(shape))), (3, *[1] * (len(shape) - 2))
    weight, bias = layer.weight.data.reshape(column), layer.bias.data.reshape(column)
    mean, variance = np.zeros(3), np.ones(3)
    for _ in range(3):
        x = rng.normal(size=shape) * 2 + 1
        of_batch = [f(x, axis=axes).reshape(column) for f in (np.mean, np.var)]
        y = weight * (x - of_batch[0]) / np.sqrt(of_batch[1] + 1e-3) + bias
        np.testing.assert_allclose(layer(x).data, y, rtol=1e-10)
        mean, variance = 0.75 * mean + 0.25 * x.mean(axes), 0.75 * variance + 0.25 * x.var(axes, ddof=1)
        np.testing.assert_allclose(layer.running_mean.data, mean, rtol=1e-12)
        np.testing.assert_allclose(layer.running_variance.data, variance, rtol=1e-12)
    layer.eval()
    y = weight * (x - mean.reshape(column)) / np.sqrt(variance.reshape(column) + 1e-3) + bias
    np.testing.assert_allclose(layer(x).data, y, rtol=1e-10)
    np.testing.assert_allclose(layer.running_mean.data, mean, rtol=1e-12)


def test_buffers_are_given_new_arrays():
    layer = nn.BatchNorm(2)
    before = layer.running_mean, layer.running_mean.data, layer.running_variance.data
    layer(rng.normal(size=(4, 2)))
    assert before[0].data.tolist() == before[1].tolist() == [0.0, 0.0]
    assert before[2].tolist() == [1.0, 1.0]
    assert (layer.running_mean.name, layer.running_variance.name) == ("running_mean", "running_variance")
    assert not layer.running_mean.requires_grad
    assert [name for name, _ in layer.named_parameters()] == ["weight", "bias"]


def test_batch_norm_in_use_is_what_it_was_when_its_gradient_is_asked_for():
    layer = nn.BatchNorm(2).eval()
    x = tg.tensor([[1.0, 2.0]], requires_grad=True)
    y = layer(x).sum()
    layer.load_state_dict(layer.state_dict() | {"running_variance": np.full(2, 100.0)})
    y.backward()
    np.testing.assert_allclose(x.grad, np.full((1, 2), 1 / np.sqrt(1 + 1e-5)))


@pytest.mark.parametrize("affine", [True, False])
def test_gradients(check_layer, affine):
    check_layer(nn.BatchNorm(2, affine=affine), rng.normal(size=(3, 2, 2)))
    check_layer(nn.LayerNorm(3, affine=affine), rng.normal(size=(2, 3)))
    check_layer(nn.LayerNorm((2, 2), affine=affine), rng.normal(size=(2, 2, 2)))


def test_layer_norm():
    layer = nn.LayerNorm((3, 4), eps=1e-3)
    layer.load_state_dict({"weight": rng.normal(size=(3, 4)), "bias": rng.normal(size=(3, 4))})
    x = rng.normal(size=(5, 2, 3, 4))
    mean, variance = (f(x, axis=(2, 3), keepdims=True) for f in (np.mean, np.var))
    y = layer.weight.data * (x - mean) / np.sqrt(variance + 1e-3) + layer.bias.data
    np.testing.assert_allclose(layer(x).data, y, rtol=1e-10)
    plain = nn.LayerNorm(4, affine=False)
    assert (plain.weight, plain.bias, plain.parameters()) == (None, None, [])
    np.testing.assert_allclose(plain(tg.tensor(x)).data.mean(axis=-1), np.zeros((5, 2, 3)), atol=1e-12)


def test_float32_stays():
    for layer in (nn.BatchNorm(3, dtype=np.float32), nn.LayerNorm(3, dtype=np.float32)):
        x = tg.tensor(rng.normal(size=(4, 3)).astype(np.float32), requires_grad=True)
        y = layer(x)
        y.sum().backward()
        assert y.dtype == x.grad.dtype == layer.weight.grad.dtype == np.float32
        assert {array.dtype for array in layer.state_dict().values()} == {np.dtype(np.float32)}
        assert layer.eval()(x).dtype == np.float32


def test_a_compiled_function_takes_no_statistics():
    model = nn.Sequential(nn.BatchNorm(2))
    fast = tg.compile(lambda x: model(x).sum(), backend="numpy")
    with pytest.raises(TracingError, match=r"Sequential/layers.0: the running statistics change .* as it is"):
        fast(rng.normal(size=(4, 2)))
    assert model.layers[0].running_mean.tolist() == [0.0, 0.0]


def test_refuses():
    with pytest.raises(ShapeError, match=r"BatchNorm: x has to be \(examples, 3, …\) to fit running_mean \(3,\); got"):
        nn.BatchNorm(3)(np.ones((3, 2)))
    with pytest.raises(ShapeError, match=r"x has to be \(examples, 3, …\).* got array \(3,\). Put an axis"):
        nn.BatchNorm(3)(np.ones(3))
    with pytest.raises(DataError, match=r"BatchNorm: array \(1, 3\) has no two numbers a channel.*eval\(\)"):
        nn.BatchNorm(3)(np.ones((1, 3)))
    with pytest.raises(
        ShapeError, match=r"LayerNorm: x has to be \(…, 2, 3\) to fit weight \(2, 3\); got array \(2, 2\)"
    ):
        nn.LayerNorm((2, 3))(np.ones((2, 2)))
    with pytest.raises(ShapeError, match=r"LayerNorm: x has to be \(…, 3\); got array \(2, 2\)"):
        nn.LayerNorm(3, affine=False)(np.ones((2, 2)))
    for momentum in (0.0, 1.5):
        with pytest.raises(ArgumentError, match=f"momentum is above 0 and at most 1; got {momentum}"):
            nn.BatchNorm(3, momentum)
    with pytest.raises(ArgumentError, match="eps is a finite number above 0; got 0"):
        nn.BatchNorm(3, eps=0)
    with pytest.raises(ArgumentError, match="a length in shape is a whole number from 1 on; got 0"):
        nn.LayerNorm((2, 0))
