"""The training part of the article's job, 100 passes over 98 single examples: `fit` against a hand loop."""

from collections.abc import Sequence
from time import perf_counter
from typing import Any

import numpy as np

from .measure import require_equal
from .report import spread
from .workloads import Array

EXAMPLES, PASSES, RATE = 98, 100, 0.01
TOLERANCE = 1e-9


def _data() -> tuple[Array, Array]:
    """Return the training set: 98 kernels as columns, each measurement standardized; Y is (1, 98)."""
    from tinygrad_bp.datasets import load_seeds

    X, y = load_seeds()
    chosen = np.random.default_rng(0).permutation(len(X))[:EXAMPLES]
    X, y = X[chosen], y[chosen]
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    return np.ascontiguousarray(X.T), y.astype(np.float64).reshape(1, -1)


def by_hand(X: Array, Y: Array, parameters: Sequence[Array]) -> tuple[list[float], list[float]]:
    """Train `parameters` in place, an example at a time; return cost and accuracy of each pass."""
    W1, b1, W2, b2 = parameters
    m = X.shape[1]
    examples = [(X[:, [i]], X[:, [i]].T, Y[0, i]) for i in range(m)]
    costs, accuracies = [], []
    for _ in range(PASSES):
        cost, right = 0.0, 0
        for x, xT, y in examples:
            a1 = 1 / (1 + np.exp(-(W1 @ x + b1)))
            z2 = W2 @ a1 + b2
            a2 = 1 / (1 + np.exp(-z2))
            cost += (np.logaddexp(0, z2) - y * z2).item()
            right += (a2.item() > 0.5) == y
            dz2 = a2 - y
            dz1 = (W2.T @ dz2) * a1 * (1 - a1)
            W2 -= RATE * (dz2 @ a1.T)
            b2 -= RATE * dz2
            W1 -= RATE * (dz1 @ xT)
            b1 -= RATE * dz1
        costs.append(cost / m)
        accuracies.append(right / m)
    return costs, accuracies


def _network() -> Any:
    import tinygrad_bp as tg

    return tg.nn.NeuralNetwork([7, 2, 1])


def _fit(network: Any, X: Array, Y: Array) -> None:
    network.fit(X, Y, alpha=RATE, epochs=PASSES, batch=1)


def _parameters(network: Any) -> list[Array]:
    return [network.parameters[name].copy() for name in ("W1", "b1", "W2", "b2")]


def _prove(X: Array, Y: Array) -> None:
    """Raise Disagreement unless `fit` ends at the hand loop's parameters."""
    network = _network()
    parameters = _parameters(network)
    by_hand(X, Y, parameters)
    _fit(network, X, Y)
    for name, got, wanted in zip(("W1", "b1", "W2", "b2"), _parameters(network), parameters, strict=True):
        require_equal(name, got, wanted, TOLERANCE)


def run(rounds: int) -> int:
    """Print seconds of both and their ratio, timed in turn."""
    X, Y = _data()
    _prove(X, Y)
    hand, library = [], []
    for _ in range(rounds):
        network = _network()
        parameters = _parameters(network)
        start = perf_counter()
        by_hand(X, Y, parameters)
        middle = perf_counter()
        _fit(network, X, Y)
        hand.append(middle - start)
        library.append(perf_counter() - middle)
    print(f"{PASSES} passes × {EXAMPLES} examples, 7-2-1, median of {rounds} rounds")
    print(f"by hand in NumPy:   {spread(hand)} s")
    print(f"NeuralNetwork.fit:  {spread(library)} s")
    print(f"ratio:              {spread([t / h for t, h in zip(library, hand, strict=True)])}")
    return 0
