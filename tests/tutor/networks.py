"""The networks of these tests, each with its tutor, made once."""

from functools import cache

import numpy as np

import tinygrad_bp as tg


def network_cost(widths, activation="sigmoid", m=5, seed=0, rows=False):
    """The cost of the article's network on m random examples."""
    rng = np.random.default_rng(seed)
    network = tg.nn.NeuralNetwork(widths, activation, seed, rows)
    for name, value in network.parameters.items():
        network.parameters[name] = value + rng.normal(0, 0.3, value.shape)
    X, y = rng.normal(size=(widths[0], m)), rng.integers(0, 2, size=(widths[-1], m)).astype(float)
    return network.cost_graph(X.T, y.T) if rows else network.cost_graph(X, y)


def squares():
    """One layer, and half the squared distance of one example: C = (a1 − y)²/2."""
    rng = np.random.default_rng(1)
    W = tg.tensor(rng.normal(size=(2, 3)), requires_grad=True, name="W1")
    x = tg.tensor(rng.normal(size=(3, 1)), name="x")
    y = tg.tensor([[1.0], [0.0]], name="y")
    a = tg.sigmoid((W @ x).named("z1")).named("a1")
    return (((a - y) ** 2).sum() / 2).named("C")


def ways():
    """A value that acts on the cost in two ways: C = Σ (h ⊙ sin(x) + h), h = eˣ."""
    x = tg.tensor(np.random.default_rng(2).normal(size=4), requires_grad=True, name="x")
    h = tg.exp(x).named("h")
    return (h * tg.sin(x) + h).sum().named("C")


COSTS = {
    "one": lambda: network_cost([4, 3, 2, 1], m=1),
    "batch": lambda: network_cost([4, 3, 2, 1]),
    "tanh": lambda: network_cost([4, 3, 2, 1], "tanh"),
    "relu": lambda: network_cost([4, 3, 2, 1], "relu", m=6),
    "leaky": lambda: network_cost([3, 2, 1], "leaky_relu", m=6),
    "square": lambda: network_cost([3, 3, 3, 3], m=3),
    "rows": lambda: network_cost([4, 3, 2, 1], rows=True),
    "squares": squares,
    "ways": ways,
}


@cache
def tutor(name):
    """The tutor of a network by its name."""
    return tg.tutor(COSTS[name]())
