"""The cost of a net of each kind of layer, compiled: cost and gradients are those of the eager net."""

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp import nn
from tinygrad_bp.nn.functional import gradients_of

rng = np.random.default_rng(0)


def first(y):
    return y[0]


NETS = {
    "linear": (nn.Sequential(nn.Linear(3, 4, seed=0), nn.Tanh(), nn.Linear(4, 2, seed=1)), (5, 3)),
    "conv1d": (nn.Sequential(nn.Conv1d(2, 3, 3, padding=1, seed=0), nn.ReLU(), nn.AvgPool1d(2)), (2, 2, 6)),
    "conv2d": (
        nn.Sequential(nn.Conv2d(1, 2, 3, seed=0), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8, 2, seed=1)), (2, 1, 6, 6),
    ),
    "pooling": (nn.Sequential(nn.MaxPool1d(2), nn.Conv1d(2, 1, 1, seed=0)), (2, 2, 6)),
    "means": (nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(2, 1, 1, seed=0)), (2, 2, 4, 4)),
    "residual": (nn.Sequential(nn.Residual(nn.Linear(3, 3, seed=0), nn.Sigmoid()), nn.LayerNorm(3)), (5, 3)),
    "dropout": (nn.Sequential(nn.Linear(3, 2, seed=0), nn.Dropout(0.5)).eval(), (5, 3)),
    "rnn": (nn.Sequential(nn.RNN(3, 2, seed=0), first), (2, 4, 3)),
    "lstm": (nn.Sequential(nn.LSTM(3, 2, seed=0), first), (2, 4, 3)),
    "gru": (nn.Sequential(nn.GRU(3, 2, seed=0), first), (2, 4, 3)),
    "attention": (nn.MultiHeadAttention(4, 2, seed=0), (2, 3, 4)),
}  # fmt: skip


def check_same(cost, params, x):
    both = gradients_of(cost, params)
    values = tuple([p.value for p in params])
    C, gradients = both(values, x)
    fast = tg.compile(both, backend="numpy")
    for _ in range(2):
        compiled_C, compiled = fast(values, x)
        np.testing.assert_allclose(compiled_C, C, rtol=1e-12)
        for got, want in zip(compiled, gradients, strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", NETS)
def test_compiled_is_eager(name):
    net, shape = NETS[name]
    check_same(lambda x: (net(x) ** 2).mean(), net.parameters(), rng.normal(size=shape))


def test_integers_and_masks():
    embedding, attention = nn.Embedding(5, 4, seed=0), nn.MultiHeadAttention(4, 2, seed=1)
    params, mask = [*embedding.parameters(), *attention.parameters()], np.array([True, True, False])

    def cost(words):
        return (attention(embedding(words), mask=mask[None], causal=True) ** 2).mean()

    check_same(cost, params, np.array([[1, 4, 1], [0, 2, 3]]))


def test_fit_trains_a_recurrent_classifier_as_a_program(recwarn):
    x = rng.normal(size=(40, 5, 2))
    y = (x[:, :, :1].sum(axis=1) > 0) * 1.0
    model = nn.Sequential(nn.GRU(2, 6, seed=0), lambda y: y[1], nn.Linear(6, 1, seed=1))
    optimizer = nn.SGD(model.parameters(), 0.5)
    loss = tg.binary_cross_entropy_with_logits
    epochs = nn.fit(model, x, y, loss, optimizer, epochs=15, batch=20, seed=0, backend="numpy")
    assert epochs[-1].cost < epochs[0].cost / 2
    assert not recwarn.list
