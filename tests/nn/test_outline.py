"""`repr` of a layer: its settings and shapes, and the layers inside it."""

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp import nn


@pytest.mark.parametrize(
    ("layer", "text"),
    [
        (nn.Linear(3, 4), "Linear(W (3, 4), b (4,))"),
        (nn.Linear(3, 4, bias=False, dtype=np.float32), "Linear(W (3, 4) float32, b=None)"),
        (nn.Conv2d(1, 2, 3), "Conv2d(W (2, 1, 3, 3), b (2,))"),
        (nn.Conv1d(2, 2, 3, padding="same", groups=2), "Conv1d(W (2, 1, 3), b (2,), padding='same', groups=2)"),
        (nn.MaxPool2d(2), "MaxPool2d(kernel=2)"),
        (nn.AvgPool1d((2,), count_include_pad=False), "AvgPool1d(kernel=(2,), count_include_pad=False)"),
        (nn.LayerNorm((2, 3), affine=False), "LayerNorm(shape=(2, 3), weight=None, bias=None)"),
        (nn.Dropout(0.5, seed=0), "Dropout()"),
        (nn.Dropout(0.1).eval(), "Dropout(p=0.1)"),
        (nn.ReLU(), "ReLU()"),
        (nn.LeakyReLU(0.2), "LeakyReLU(slope=0.2)"),
        (nn.LeakyReLU(), "LeakyReLU()"),
        (nn.ParametricReLU(), "ParametricReLU(a ())"),
        (nn.RNN(2, 3, tg.relu), "RNN(W_x (2, 3), W_h (3, 3), b (3,), activation=relu)"),
    ],
)
def test_on_one_line(layer, text):
    assert repr(layer) == text


def test_as_a_tree():
    class Net(nn.Layer):
        def __init__(self):
            self.scale = 2
            self.table = np.ones((2, 2), np.float32)
            self.heads = {"left": nn.Linear(4, 1), "both": [nn.Tanh(), tg.tanh]}
            self.body = nn.Residual(nn.Sequential(nn.Linear(4, 4)))
            self._cache = {}

    assert repr(Net()) == (
        "Net(\n"
        "  scale=2, table (2, 2) float32\n"
        "  heads.left: Linear(W (4, 1), b (1,))\n"
        "  heads.both.0: Tanh()\n"
        "  heads.both.1: tanh\n"
        "  body: Residual(\n"
        "    layers.0: Sequential(\n"
        "      layers.0: Linear(W (4, 4), b (4,))\n"
        "    )\n"
        "  )\n"
        ")"
    )


def test_circles_end():
    inner = nn.Sequential(nn.ReLU())
    outer = nn.Sequential(inner, inner)
    inner.owner = outer
    line = "Sequential(\n    layers.0: ReLU()\n    owner: Sequential(…)\n  )\n"
    assert repr(outer) == f"Sequential(\n  layers.0: {line}  layers.1: {line})"


def test_the_articles_class():
    assert repr(nn.NeuralNetwork([7, 4, 2], "tanh", seed=0)) == (
        "NeuralNetwork(\n"
        "  1: W1 (4, 7), b1 (4, 1), activation='tanh'\n"
        "  2: W2 (2, 4), b2 (2, 1), activation='sigmoid'\n"
        ")"
    )
