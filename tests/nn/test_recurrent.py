"""Recurrent layers are their formulas, a step at a time, from the state that they are given."""

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp import nn
from tinygrad_bp.errors import ArgumentError, ShapeError

rng = np.random.default_rng(0)


def randomised(layer):
    """The layer with biases that are not 0."""
    layer.load_state_dict({name: rng.normal(size=array.shape) / 2 for name, array in layer.state_dict().items()})
    return layer


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def rnn(x, h, W_x, W_h, b=0.0):
    return np.tanh(x @ W_x + h @ W_h + b)


def lstm(x, state, W_x, W_h, b=0.0):
    h, c = state
    i, f, g, o = np.split(x @ W_x + h @ W_h + b, 4, axis=1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def gru(x, h, W_x, W_h, b=np.zeros(12), b_u=0.0):  # noqa: B008 - read, never written
    r_x, z_x, u_x = np.split(x @ W_x + b, 3, axis=1)
    r_h, z_h, u_h = np.split(h @ W_h, 3, axis=1)
    r, z = sigmoid(r_x + r_h), sigmoid(z_x + z_h)
    return (1 - z) * np.tanh(u_x + r * (u_h + b_u)) + z * h


def by_hand(step, x, state, weights):
    outputs = []
    for t in range(x.shape[1]):
        state = step(x[:, t], state, **weights)
        outputs.append(state[0] if isinstance(state, tuple) else state)
    return np.stack(outputs, axis=1), state


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("given", [True, False])
@pytest.mark.parametrize(("kind", "step"), [(nn.RNN, rnn), (nn.LSTM, lstm), (nn.GRU, gru)])
def test_is_its_formula(kind, step, given, bias):
    layer = randomised(kind(3, 4, bias=bias, seed=1))
    x, zeros = rng.normal(size=(2, 5, 3)), np.zeros((2, 4))
    start = rng.normal(size=(2, 2, 4)) if given else np.stack([zeros, zeros])
    start = (start[0], start[1]) if kind is nn.LSTM else start[0]
    outputs, state = layer(x, start) if given else layer(x)
    expected, last = by_hand(step, x, start, layer.state_dict())
    np.testing.assert_allclose(outputs.data, expected, rtol=1e-10)
    for got, want in zip(*[part if isinstance(part, tuple) else (part,) for part in (state, last)], strict=True):
        np.testing.assert_allclose(got.data, want, rtol=1e-10)


def test_a_sequence_in_two_halves_is_the_sequence():
    x = rng.normal(size=(2, 6, 3))
    for layer in (nn.RNN(3, 4, seed=0), nn.LSTM(3, 4, seed=0), nn.GRU(3, 4, seed=0)):
        whole, _ = layer(x)
        first, state = layer(x[:, :3])
        second, _ = layer(x[:, 3:], state)
        np.testing.assert_allclose(whole.data, np.concatenate([first.data, second.data], axis=1), rtol=1e-12)


def test_half_a_state_and_other_activations():
    layer, h = nn.LSTM(3, 4, seed=0), np.ones((2, 4))
    x = rng.normal(size=(2, 3, 3))
    np.testing.assert_array_equal(layer(x, (h, None))[0].data, layer(x, (h, np.zeros((2, 4))))[0].data)
    by_name, by_function = nn.RNN(3, 4, "relu", seed=0), nn.RNN(3, 4, lambda z: tg.maximum(z, 0.0), seed=0)
    np.testing.assert_array_equal(by_name(x)[0].data, by_function(x)[0].data)
    assert by_name(x)[0].data.min() == 0


@pytest.mark.parametrize("bias", [True, False])
def test_gradients(check_layer, bias):
    x, h, c = rng.normal(size=(2, 2, 2)), rng.normal(size=(2, 2)), rng.normal(size=(2, 2))

    def of_pair(y):
        return tg.concatenate([part.reshape(-1) for part in (y[0], y[1])])

    class Paired(nn.Layer):
        def __init__(self):
            self.inner = nn.LSTM(2, 2, bias=bias)

        def forward(self, x, h, c):
            outputs, (h, c) = self.inner(x, (h, c))
            return tg.concatenate([part.reshape(-1) for part in (outputs, h, c)])

    check_layer(nn.RNN(2, 2, bias=bias), x, h, of=of_pair)
    check_layer(nn.GRU(2, 2, bias=bias), x, h, of=of_pair, order=1)
    check_layer(Paired(), x, h, c, order=1)


def test_weights():
    layer = nn.LSTM(40, 60, seed=0, dtype=np.float32)
    assert {name: array.shape for name, array in layer.state_dict().items()} == {
        "W_x": (40, 240), "W_h": (60, 240), "b": (240,)
    }  # fmt: skip
    np.testing.assert_allclose(layer.W_x.data.var(), 2 / 100, rtol=0.1)
    np.testing.assert_allclose(layer.W_h.data.var(), 2 / 120, rtol=0.1)
    outputs, (h, c) = layer(np.ones((1, 2, 40), np.float32))
    assert outputs.dtype == h.dtype == c.dtype == np.float32
    assert [name for name, _ in nn.GRU(2, 3).named_parameters()] == ["W_x", "W_h", "b", "b_u"]
    assert [name for name, _ in nn.GRU(2, 3, bias=False).named_parameters()] == ["W_x", "W_h"]


def test_refuses():
    with pytest.raises(
        ShapeError, match=r"RNN: x has to be \(examples, time, 3\) to fit W_x \(3, 4\); got array \(5, 3"
    ):
        nn.RNN(3, 4)(np.ones((5, 3)))
    with pytest.raises(ShapeError, match=r"GRU: x has to be .*; got array \(2, 5, 4\). Axis 2 has length 4, not 3"):
        nn.GRU(3, 4)(np.ones((2, 5, 4)))
    with pytest.raises(ShapeError, match=r"LSTM: h has to be \(2, 4\) to fit W_h \(4, 16\); got array \(1, 4\)"):
        nn.LSTM(3, 4)(np.ones((2, 5, 3)), (np.ones((1, 4)), None))
    with pytest.raises(
        ArgumentError, match=r"LSTM: state is a pair \(h, c\), one of them None for zeros; got array \(2, 4\)"
    ):
        nn.LSTM(3, 4)(np.ones((2, 5, 3)), np.ones((2, 4)))
    with pytest.raises(ShapeError, match=r"RNN: a sequence has one step or more; x is array \(2, 0, 3\)"):
        nn.RNN(3, 4)(np.ones((2, 0, 3)))
    with pytest.raises(ArgumentError, match="n is a whole number from 1 on; got 0"):
        nn.LSTM(3, 0)
    with pytest.raises(ArgumentError, match=r"activation is a function or one of .* got 'tahn'"):
        nn.RNN(3, 4, "tahn")
