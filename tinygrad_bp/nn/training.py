"""From a table of examples to a trained network and how good it is on examples it has not seen."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_bp.calls import guarded
from tinygrad_bp.errors import ArgumentError, DataError, ShapeError
from tinygrad_bp.nn.checks import Array, numbers
from tinygrad_bp.nn.init import Seed, generator
from tinygrad_bp.nn.metrics import accuracy
from tinygrad_bp.nn.network import NeuralNetwork, Pass


@guarded
def split(X: Any, y: Any, share: float = 0.7, seed: Seed = None) -> tuple[Array, Array, Array, Array]:
    """Divide examples, which are rows, at random: X_train, X_test, y_train, y_test.

    The first round(share·m) of a random permutation are for training. Raises ShapeError if X and y differ in length,
    ArgumentError if a part would be empty.

    >>> X_train, X_test, y_train, y_test = split(np.ones((10, 3)), np.ones(10), seed=0)
    >>> X_train.shape, X_test.shape
    ((7, 3), (3, 3))
    """
    X, y = np.asarray(X), np.asarray(y)
    if X.shape[:1] != y.shape[:1] or X.ndim == 0:
        raise ShapeError(f"split: X {X.shape} and y {y.shape} must have as many rows. Give every example its target.")
    m = len(X)
    first = round(share * m) if 0 < share < 1 else 0
    if not 0 < first < m:
        raise ArgumentError(f"split: a share of {share!r} of {m} examples leaves a part empty. Choose another share.")
    order = generator(seed).permutation(m)
    return X[order[:first]], X[order[first:]], y[order[:first]], y[order[first:]]


@guarded
def standardise(train: Any, *others: Any) -> tuple[Array, ...]:
    """Shift and scale the features, which are columns, to mean 0 and deviation 1 over the rows of `train`.

    The others get the same shift and scale, so nothing about them is used. A feature that is constant in `train` is
    only shifted. Raises DataError for NaN and infinity, ShapeError if the features differ in number.

    >>> standardise([[1.0, 5.0], [3.0, 5.0]], [[2.0, 6.0]])
    (array([[-1., 0.], [ 1., 0.]]), array([[0., 1.]]))
    """
    parts = [numbers("X", part) for part in (train, *others)]
    if any(part.ndim != 2 or part.shape[1] != parts[0].shape[-1] for part in parts):
        shapes = ", ".join(str(part.shape) for part in parts)
        raise ShapeError(f"standardise: every part is (examples, features) with the same features; got {shapes}.")
    if len(parts[0]) == 0:
        raise DataError("standardise: there is no example to take mean and deviation from.")
    mean, deviation = parts[0].mean(axis=0), parts[0].std(axis=0)
    constant = np.ptp(parts[0], axis=0) == 0
    scale = np.where(constant, 1.0, deviation)
    return tuple([(part - mean) / scale for part in parts])


@dataclass(frozen=True)
class Training:
    """A trained network, its passes, its accuracy, and the standardised training examples as columns."""

    network: NeuralNetwork
    passes: list[Pass]
    train_accuracy: float
    test_accuracy: float
    X: Array
    Y: Array


@guarded
def train(
    X: Any,
    y: Any,
    layers: Iterable[int] = (7, 2, 1),
    alpha: float = 0.01,
    epochs: int = 100,
    batch: int = 1,
    seed: Seed = None,
    progress: Callable[[Pass], None] | None = None,
) -> Training:
    """Train and test a `NeuralNetwork` on examples X (m, n), rows, with classes y (m,), 0 or 1.

    70 % of the examples, chosen at random, are for training, the others for the test; features are standardised with
    the training part's mean and deviation. The seed settles both the choice and the initial weights. Raises what
    `NeuralNetwork` raises, and ArgumentError if the layers do not lead from n features to 1 output.
    """
    X, y, rng = numbers("X", X), numbers("y", y), generator(seed)
    if X.ndim != 2:
        raise ShapeError(f"X has shape {X.shape}, expected (m, n): one example per row, with n features.")
    X_train, X_test, y_train, y_test = split(X, y, seed=rng)
    network = NeuralNetwork(layers, seed=rng)
    widths, features = network.architecture, X.shape[1]
    if widths[0] != features or widths[-1] != 1:
        raise ArgumentError(
            f"layers {','.join(map(str, widths))} lead from {widths[0]} features to {widths[-1]} outputs; "
            f"this data needs {features} and 1."
        )
    X_train, X_test = standardise(X_train, X_test)
    X_columns, Y_row = X_train.T, y_train.reshape(1, -1)
    passes = network.fit(X_columns, Y_row, alpha=alpha, epochs=epochs, batch=batch, progress=progress)
    on_train = accuracy(network.predict(X_columns)[0], y_train)
    on_test = accuracy(network.predict(X_test.T)[0], y_test)
    return Training(network, passes, on_train, on_test, X_columns, Y_row)
