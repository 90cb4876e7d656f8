"""The workloads: what each row of the table computes, as plain arrays every contestant starts from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

BINARY = "binary"  # sigmoid hidden layer, binary cross-entropy from logits, examples as columns
CLASSES = "classes"  # relu hidden layers, softmax cross-entropy of integer labels, examples as rows
CHAIN = "chain"  # the sum of an elementwise expression: value and gradient, no update
SQUARES = "squares"  # tanh hidden layers, mean squared error, examples as rows
IMAGES = "images"  # two convolutions, each with relu and max-pooling, softmax cross-entropy of integer labels
MARGIN = "margin"  # micrograd's demo: relu network, max-margin cost, L2 penalty, scalars


@dataclass(frozen=True)
class Problem:
    """Where training starts. `parameters` are W1, b1, W2, b2, …; a `rate` of 0 means gradient only."""

    kind: str
    inputs: Array
    targets: Array
    parameters: tuple[Array, ...]
    rate: float

    @property
    def layers(self) -> list[tuple[Array, Array]]:
        return list(zip(self.parameters[::2], self.parameters[1::2], strict=True))


@dataclass(frozen=True)
class Workload:
    """One row: `make` builds the same fresh problem each time; ratios are to the contestant `reference`."""

    row: int
    title: str
    make: Callable[[], Problem]
    reference: str = "numpy"


def _binary(hidden: int, examples: int) -> Problem:
    random = np.random.default_rng(1)
    inputs = random.standard_normal((7, examples))
    targets = (np.arange(examples) % 2 == 0).astype(np.float64).reshape(1, examples)
    parameters = (
        random.standard_normal((hidden, 7)) / np.sqrt(7),
        np.zeros((hidden, 1)),
        random.standard_normal((1, hidden)) / np.sqrt(hidden),
        np.zeros((1, 1)),
    )
    return Problem(BINARY, inputs, targets, parameters, rate=0.01)


def _classes(sizes: Sequence[int], batch: int) -> Problem:
    random = np.random.default_rng(2)
    inputs = random.standard_normal((batch, sizes[0]), dtype=np.float32)
    labels = random.integers(0, sizes[-1], batch)
    parameters: list[Array] = []
    for before, after in pairwise(sizes):
        weights = random.standard_normal((before, after), dtype=np.float32)
        parameters += [weights * np.float32(np.sqrt(2 / before)), np.zeros(after, np.float32)]
    return Problem(CLASSES, inputs, labels, tuple(parameters), rate=0.01)


def _squares(sizes: Sequence[int], batch: int) -> Problem:
    random = np.random.default_rng(5)
    inputs = random.standard_normal((batch, sizes[0]))
    targets = np.sin(inputs[:, :1]) + inputs[:, 1:2]
    parameters: list[Array] = []
    for before, after in pairwise(sizes):
        parameters += [random.standard_normal((before, after)) / np.sqrt(before), np.zeros(after)]
    return Problem(SQUARES, inputs, targets, tuple(parameters), rate=0.01)


def _images(channels: Sequence[int], side: int, classes: int, batch: int) -> Problem:
    """Images (examples, channels, side, side), filters (filters, channels, 3, 3); pooling halves the side."""
    random = np.random.default_rng(6)
    inputs = random.standard_normal((batch, channels[0], side, side), dtype=np.float32)
    labels = random.integers(0, classes, batch)
    parameters: list[Array] = []
    for before, after in pairwise(channels):
        filters = random.standard_normal((after, before, 3, 3), dtype=np.float32)
        parameters += [filters * np.float32(np.sqrt(2 / (9 * before))), np.zeros(after, np.float32)]
        side //= 2
    features = channels[-1] * side * side
    weights = random.standard_normal((features, classes), dtype=np.float32)
    parameters += [weights * np.float32(np.sqrt(1 / features)), np.zeros(classes, np.float32)]
    return Problem(IMAGES, inputs, labels, tuple(parameters), rate=0.01)


def _chain() -> Problem:
    x = np.random.default_rng(3).standard_normal(4_000_000, dtype=np.float32)
    nothing = np.zeros(0, np.float32)
    return Problem(CHAIN, nothing, nothing, (x,), rate=0.0)


def _two_moons() -> Problem:
    random = np.random.default_rng(4)
    angles = np.linspace(0, np.pi, 50)
    upper = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    inputs = np.concatenate([upper, [1.0, 0.5] - upper]) + 0.1 * random.standard_normal((100, 2))
    targets = np.repeat([1.0, -1.0], 50)
    parameters: list[Array] = []
    for before, after in ((2, 16), (16, 16), (16, 1)):
        parameters += [random.uniform(-1, 1, (after, before)), np.zeros(after)]
    return Problem(MARGIN, inputs, targets, tuple(parameters), rate=0.05)


WORKLOADS = (
    Workload(1, "article: 7-2-1, one example, float64", lambda: _binary(hidden=2, examples=1)),
    Workload(2, "seeds: 7-16-1, 97 examples, float64", lambda: _binary(hidden=16, examples=97)),
    Workload(3, "784-128-10, batch 64, float32", lambda: _classes((784, 128, 10), batch=64)),
    Workload(4, "784-1024-1024-10, batch 256, float32", lambda: _classes((784, 1024, 1024, 10), batch=256)),
    Workload(5, "elementwise chain, 4·10⁶ float32, value and gradient", _chain),
    Workload(6, "micrograd's demo: 2-16-16-1, 100 points, scalars", _two_moons, reference="micrograd"),
    Workload(7, "64-256-256-1, tanh, 256 examples, float64", lambda: _squares((64, 256, 256, 1), batch=256)),
    Workload(8, "8×8 digits: convolutions 16 and 32, batch 64, float32", lambda: _images((1, 16, 32), 8, 10, batch=64)),
)
