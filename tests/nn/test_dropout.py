"""Dropout draws while learning, from a generator that can be found, and is nothing in use."""

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp import nn
from tinygrad_bp.errors import ArgumentError, TracingError


def test_drops_while_learning_only():
    layer, x = nn.Dropout(0.25, seed=0), tg.tensor(np.ones((200, 50)), requires_grad=True)
    y = layer(x)
    assert set(np.unique(y.data)) == {0.0, 1 / 0.75}
    np.testing.assert_allclose(y.data.mean(), 1.0, atol=0.05)
    y.sum().backward()
    np.testing.assert_array_equal(x.grad, y.data)
    assert layer.eval()(x) is x
    assert layer.train()(x) is not x
    assert nn.Dropout(0.0)(x) is x


def test_a_generator_taken_back_draws_the_same_again():
    shared = np.random.default_rng(5)
    model = nn.Sequential(
        nn.Dropout(0.5, seed=1), nn.Linear(3, 3, seed=0), nn.Dropout(0.2, shared), nn.Dropout(0.3, shared)
    )
    generators = dict(model.named_generators())
    assert list(generators) == ["layers.0.generator", "layers.2.generator"]
    assert generators["layers.2.generator"] is shared
    before = {path: rng.bit_generator.state for path, rng in generators.items()}
    x = np.ones((4, 3))
    first, second = model(x).data, model(x).data
    assert not np.array_equal(first, second)
    for path, rng in model.named_generators():
        rng.bit_generator.state = before[path]
    np.testing.assert_array_equal(model(x).data, first)
    assert list(model.state_dict()) == ["layers.1.W", "layers.1.b"]


def test_refuses():
    for p in (-0.1, 1.0):
        with pytest.raises(ArgumentError, match=f"p is a probability of at least 0 and less than 1; got {p}"):
            nn.Dropout(p)
    with pytest.raises(ArgumentError, match="a seed is a whole number"):
        nn.Dropout(0.5, seed=-1)
    layer = nn.Dropout(0.5, seed=0)
    fast = tg.compile(lambda x: layer(x).sum(), backend="numpy")
    with pytest.raises(TracingError, match="a compiled function draws again"):
        fast(np.ones(3))
    layer.eval()
    assert fast(np.ones(3)) == 3.0
