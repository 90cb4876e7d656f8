"""Graphs to play with, as functions of their leaves."""

import numpy as np

import tinygrad_bp as tg


def network(W1, b1, W2, b2, X, y):
    """The article's network with one hidden layer."""
    a1 = tg.sigmoid((W1 @ X + b1).named("z1")).named("a1")
    a2 = tg.sigmoid((W2 @ a1 + b2).named("z2")).named("a2")
    return tg.binary_cross_entropy(a2, y).named("C")


def forks(x, w):
    """Values that are used several times, scalars and arrays."""
    h = (x * w).named("h")
    u = (h + tg.exp(h) * h).named("u")
    s = tg.sum(u * u).named("s")
    return (s * s + tg.log(s) / s - tg.max(h)).named("C")


def classes(W, X, labels):
    """A classifier, whose labels are integers."""
    return tg.softmax_cross_entropy((X @ W).named("z"), labels).named("C")


def unnamed(a, b):
    """Nothing but the leaves has a name."""
    return tg.mean(tg.softplus(a @ b) ** 2)


SHAPES = {
    network: {"W1": (2, 3), "b1": (2, 1), "W2": (1, 2), "b2": (1, 1), "X": (3, 1), "y": (1, 1)},
    forks: {"x": (2, 3), "w": (3,)},
    classes: {"W": (4, 3), "X": (5, 4), "labels": (5,)},
    unnamed: {"a": (2, 3), "b": (3, 2)},
}
GIVEN = {"X", "y", "labels"}


def values(graph, random):
    """Random numbers for the leaves of a graph."""
    found = {name: random.normal(size=shape) for name, shape in SHAPES[graph].items()}
    if "y" in found:
        found["y"] = random.integers(0, 2, SHAPES[graph]["y"]).astype(float)
    if "labels" in found:
        found["labels"] = random.integers(0, 3, SHAPES[graph]["labels"])
    return found


def cost(graph, numbers):
    """The cost for these numbers, with its graph."""
    leaves = {name: tg.tensor(x, requires_grad=name not in GIVEN, name=name) for name, x in numbers.items()}
    return graph(**leaves)


def first(graph=network, seed=0):
    """A cost and the numbers it is for."""
    numbers = values(graph, np.random.default_rng(seed))
    return cost(graph, numbers), numbers
