"""The baseline of the convolutions, by hand: im2col, and one product of matrices for each convolution.

Inside, images lie as (channels, height, width, examples): all windows of all examples are then the columns of one
matrix, filters stay the rows they are, and whatever is copied or added lies together in memory.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..program import Program
from ..workloads import Array, Problem

OFFSETS = [(i, j) for i in range(3) for j in range(3)]


def _columns(images: Array) -> Array:
    """Every window of 3 × 3, with zeros around the images, as a column: (9·channels, height·width·examples)."""
    channels, height, width, examples = images.shape
    bordered = np.zeros((channels, height + 2, width + 2, examples), images.dtype)
    bordered[:, 1:-1, 1:-1] = images
    columns = np.empty((channels, 9, height, width, examples), images.dtype)
    for k, (i, j) in enumerate(OFFSETS):
        columns[:, k] = bordered[:, i : i + height, j : j + width]
    return columns.reshape(9 * channels, -1)


def _from_columns(columns: Array, shape: tuple[int, ...]) -> Array:
    """The transpose of `_columns`: what the windows say, added up where they overlap."""
    channels, height, width, examples = shape
    windows = columns.reshape(channels, 9, height, width, examples)
    bordered = np.zeros((channels, height + 2, width + 2, examples), columns.dtype)
    for k, (i, j) in enumerate(OFFSETS):
        bordered[:, i : i + height, j : j + width] += windows[:, k]
    return bordered[:, 1:-1, 1:-1]


def _quarters(images: Array) -> list[Array]:
    """Views of the upper left, upper right, … element of every window of 2 × 2."""
    return [images[:, i::2, j::2] for i in range(2) for j in range(2)]


def _pooled(a: Array) -> Array:
    upper_left, upper_right, lower_left, lower_right = _quarters(a)
    return np.maximum(np.maximum(upper_left, upper_right), np.maximum(lower_left, lower_right))


def _unpooled(g: Array, a: Array, pooled: Array) -> Array:
    """The cotangent of relu and pooling together. Elements tie only at 0, where relu lets nothing through."""
    g = g * (pooled > 0)
    below = np.empty_like(a)
    for to, element in zip(_quarters(below), _quarters(a), strict=True):
        np.multiply(g, element == pooled, out=to)
    return below


def _convolved(images: Array, filters: Array, bias: Array) -> tuple[Array, Array]:
    """Return the windows as columns, and relu of the filtered images."""
    columns = _columns(images)
    z = filters @ columns
    z += bias[:, np.newaxis]
    return columns, np.maximum(z, 0, out=z).reshape(len(filters), *images.shape[1:])


def _cross_entropy(z: Array, labels: Array) -> tuple[Any, Array]:
    """Return the cost of the logits (classes, examples) and its cotangent there."""
    m = len(labels)
    each = np.arange(m)
    z -= z.max(axis=0)
    exponentials = np.exp(z)
    sums = exponentials.sum(axis=0)
    cost = (np.log(sums).sum() - z[labels, each].sum()) / m
    dz = exponentials / sums
    dz[labels, each] -= 1
    dz /= m
    return cost, dz


def _step(images: Array, labels: Array, layers: Sequence[tuple[Array, Array]], rate: float) -> Any:
    *convolutions, (W, b) = layers
    x, kept = images, []
    for filters, bias in convolutions:
        columns, a = _convolved(x, filters, bias)
        pooled = _pooled(a)
        kept.append((x.shape, columns, a, pooled))
        x = pooled
    features = x.reshape(-1, len(labels))
    cost, dz = _cross_entropy(W.T @ features + b[:, np.newaxis], labels)
    g = (W @ dz).reshape(x.shape)
    W -= rate * (features @ dz.T)
    b -= rate * dz.sum(axis=1)
    for l in reversed(range(len(convolutions))):
        (filters, bias), (shape, columns, a, pooled) = convolutions[l], kept[l]
        dz = _unpooled(g, a, pooled).reshape(len(filters), -1)
        if l:
            g = _from_columns(filters.T @ dz, shape)
        filters -= rate * (dz @ columns.T)
        bias -= rate * dz.sum(axis=1)
    return cost


def program(problem: Problem) -> Program:
    images = np.ascontiguousarray(problem.inputs.transpose(1, 2, 3, 0))
    # Rows that share memory with the filters: updated in place, both change.
    layers = [(W.reshape(len(W), -1), b) for W, b in problem.layers]

    def step() -> Any:
        return _step(images, problem.targets, layers, problem.rate)

    return Program(step, lambda: problem.parameters)
