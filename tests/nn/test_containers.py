"""Sequential, Residual and Flatten."""

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp import nn
from tinygrad_bp.errors import ArgumentError, ShapeError

rng = np.random.default_rng(0)


def test_residual_adds_what_it_was_given():
    x = rng.normal(size=(2, 3))
    inner = nn.Linear(3, 3, seed=0)
    block = nn.Residual(inner, tg.tanh)
    np.testing.assert_allclose(block(x).data, np.tanh(x @ inner.W.data) + x, rtol=1e-12)
    np.testing.assert_allclose(block(x.tolist()).data, block(x).data, rtol=1e-12)
    assert [name for name, _ in block.named_parameters()] == ["layers.0.W", "layers.0.b"]


def test_residual_with_a_shortcut(check_layer):
    x = rng.normal(size=(2, 3))
    block = nn.Residual(nn.Linear(3, 2, seed=0), shortcut=nn.Linear(3, 2, bias=False, seed=1))
    np.testing.assert_allclose(block(x).data, x @ block.layers[0].W.data + x @ block.shortcut.W.data, rtol=1e-12)
    assert [name for name, _ in block.named_parameters()] == ["layers.0.W", "layers.0.b", "shortcut.W"]
    check_layer(nn.Residual(tg.tanh, tg.sin), x)


def test_residual_refuses_to_broadcast():
    model = nn.Sequential(nn.Residual(nn.Linear(3, 1)))
    expected = r"Sequential/layers.0: the layers made tensor \(2, 1\) of array \(2, 3\), .* \(2, 3\). Give .* shortcut="
    with pytest.raises(ShapeError, match=expected):
        model(np.ones((2, 3)))
    with pytest.raises(ArgumentError, match="layer 0 is an int, not"):
        nn.Residual(3)
    with pytest.raises(ArgumentError, match=r"layer 0 is a list, .* Pass layers one by one: .* Sequential\(\*layers\)"):
        nn.Sequential([nn.Linear(3, 1)])


def test_a_sequential_model_is_a_sequence_of_its_layers():
    model = nn.Sequential(nn.Linear(3, 4), tg.tanh, nn.Linear(4, 1))
    assert len(model) == 3
    assert model[-1] is model.layers[2]
    assert list(model) == list(model.layers)
    assert list(nn.Sequential(*model[:2])) == list(model.layers[:2])


@pytest.mark.parametrize(
    ("start", "shape", "expected"),
    [
        (1, (2, 3, 4), (2, 12)),
        (1, (2,), (2, 1)),
        (1, (0, 3, 4), (0, 12)),
        (2, (2, 3, 4, 5), (2, 3, 20)),
        (0, (2, 3), (6,)),
    ],
)
def test_flatten(start, shape, expected):
    x = rng.normal(size=shape)
    y = nn.Flatten(start)(tg.tensor(x))
    assert y.shape == expected
    np.testing.assert_array_equal(y.data.ravel(), x.ravel())


def test_flatten_refuses():
    with pytest.raises(ShapeError, match=r"Flatten: x has to be \(axis, …\); got array \(\)"):
        nn.Flatten()(3.0)
    with pytest.raises(ArgumentError, match="start is a whole number from 0 on; got -1"):
        nn.Flatten(-1)


def test_what_returns_several_results_is_named():
    model = nn.Sequential(nn.LSTM(2, 3), nn.Linear(3, 1))
    with pytest.raises(ArgumentError, match="layer 0, LSTM, returned 2 results, and the next takes one tensor"):
        model(np.ones((1, 4, 2)))
    assert len(nn.Sequential(nn.GRU(2, 3))(np.ones((1, 4, 2)))) == 2
