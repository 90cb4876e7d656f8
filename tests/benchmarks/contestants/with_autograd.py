"""HIPS autograd: `value_and_grad` of a function of the parameters."""

from typing import Any

import autograd.numpy as np
from autograd import value_and_grad
from autograd.scipy.special import expit, logsumexp

from ..program import Program
from ..workloads import BINARY, CHAIN, CLASSES, IMAGES, SQUARES, Problem


def _binary(parameters: Any, X: Any, Y: Any) -> Any:
    W1, b1, W2, b2 = parameters
    a1 = expit(np.dot(W1, X) + b1)
    z2 = np.dot(W2, a1) + b2
    return np.mean(np.logaddexp(0, z2) - Y * z2)


def _cross_entropy(z: Any, labels: Any) -> Any:
    return np.mean(logsumexp(z, axis=1) - z[np.arange(len(z)), labels])


def _classes(parameters: Any, x: Any, labels: Any) -> Any:
    *hidden, (W, b) = zip(parameters[::2], parameters[1::2], strict=True)
    a = x
    for V, c in hidden:
        a = np.maximum(np.dot(a, V) + c, 0)
    return _cross_entropy(np.dot(a, W) + b, labels)


def _chain(parameters: Any, _inputs: Any, _targets: Any) -> Any:
    (x,) = parameters
    return np.sum(np.tanh(x) * expit(x) + np.exp(-x * x))


def _squares(parameters: Any, x: Any, targets: Any) -> Any:
    *hidden, (W, b) = zip(parameters[::2], parameters[1::2], strict=True)
    a = x
    for V, c in hidden:
        a = np.tanh(np.dot(a, V) + c)
    return np.mean((np.dot(a, W) + b - targets) ** 2)


def _columns(images: Any) -> Any:
    """Every window of 3 × 3 of images (channels, height, width, examples), with zeros around them, as a column."""
    channels, height, width, _ = images.shape
    bordered = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)), "constant")
    windows = [bordered[:, i : i + height, j : j + width] for i in range(3) for j in range(3)]
    return np.stack(windows, axis=1).reshape((9 * channels, -1))


def _images(parameters: Any, x: Any, labels: Any) -> Any:
    """As the baseline does it: autograd's own `convolve` sums without BLAS and takes twenty times as long."""
    *convolutions, (W, b) = zip(parameters[::2], parameters[1::2], strict=True)
    a = np.transpose(x, (1, 2, 3, 0))
    for filters, c in convolutions:
        z = np.dot(filters.reshape((len(filters), -1)), _columns(a)) + c[:, np.newaxis]
        _, height, width, examples = a.shape
        places = (len(filters), height // 2, 2, width // 2, 2, examples)
        a = np.max(np.maximum(z, 0).reshape(places), axis=(2, 4))
    return _cross_entropy(np.dot(a.reshape((-1, len(x))).T, W) + b, labels)


_COSTS = {BINARY: _binary, CLASSES: _classes, CHAIN: _chain, SQUARES: _squares, IMAGES: _images}


def program(problem: Problem) -> Program:
    value_and_gradients = value_and_grad(_COSTS[problem.kind])
    parameters, inputs, targets, rate = problem.parameters, problem.inputs, problem.targets, problem.rate
    gradients = parameters

    def train() -> Any:
        cost, gradients = value_and_gradients(parameters, inputs, targets)
        for p, g in zip(parameters, gradients, strict=True):
            p -= rate * g
        return cost

    def differentiate() -> Any:
        nonlocal gradients
        cost, gradients = value_and_gradients(parameters, inputs, targets)
        return cost

    if rate:
        return Program(train, lambda: parameters)
    return Program(differentiate, lambda: gradients)
