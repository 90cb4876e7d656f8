"""The baseline: both passes written by hand in plain NumPy. Every other page must agree with it."""

from typing import Any

import numpy as np

from ..program import Program
from ..workloads import BINARY, CHAIN, CLASSES, IMAGES, MARGIN, SQUARES, Array, Problem
from . import by_hand_images


def _binary(problem: Problem) -> Program:
    (W1, b1), (W2, b2) = problem.layers
    X, Y, rate = problem.inputs, problem.targets, problem.rate
    XT, m = X.T, X.shape[1]

    def over_examples(dz: Array) -> Array:
        # One example is its own sum: the article's db = dz.
        return dz if m == 1 else dz.sum(axis=1, keepdims=True)

    def step() -> Any:
        nonlocal W1, b1, W2, b2
        a1 = 1 / (1 + np.exp(-(W1 @ X + b1)))
        z2 = W2 @ a1 + b2
        cost = (np.logaddexp(0, z2) - Y * z2).sum() / m
        dz2 = (1 / (1 + np.exp(-z2)) - Y) / m
        dz1 = (W2.T @ dz2) * a1 * (1 - a1)
        W2 -= rate * (dz2 @ a1.T)
        b2 -= rate * over_examples(dz2)
        W1 -= rate * (dz1 @ XT)
        b1 -= rate * over_examples(dz1)
        return cost

    return Program(step, lambda: (W1, b1, W2, b2))


def _classes(problem: Problem) -> Program:
    layers, x, labels, rate = problem.layers, problem.inputs, problem.targets, problem.rate
    m = len(x)
    rows = np.arange(m)

    def step() -> Any:
        activations = [x]
        for W, b in layers[:-1]:
            activations.append(np.maximum(activations[-1] @ W + b, 0))
        W, b = layers[-1]
        z = activations[-1] @ W + b
        z -= z.max(axis=1, keepdims=True)
        exponentials = np.exp(z)
        sums = exponentials.sum(axis=1, keepdims=True)
        cost = (np.log(sums).sum() - z[rows, labels].sum()) / m
        dz = exponentials / sums
        dz[rows, labels] -= 1
        dz /= m
        for l in reversed(range(len(layers))):
            (W, b), a = layers[l], activations[l]
            # The cotangent below needs W as it was, so it is worked out before the update.
            below = (dz @ W.T) * (a > 0) if l else dz
            W -= rate * (a.T @ dz)
            b -= rate * dz.sum(axis=0)
            dz = below
        return cost

    return Program(step, lambda: problem.parameters)


def _squares(problem: Problem) -> Program:
    layers, x, targets, rate = problem.layers, problem.inputs, problem.targets, problem.rate

    def step() -> Any:
        activations = [x]
        for W, b in layers[:-1]:
            activations.append(np.tanh(activations[-1] @ W + b))
        W, b = layers[-1]
        errors = activations[-1] @ W + b - targets
        cost = (errors * errors).mean()
        dz = (2 / errors.size) * errors
        for l in reversed(range(len(layers))):
            (W, b), a = layers[l], activations[l]
            below = (dz @ W.T) * (1 - a * a) if l else dz
            W -= rate * (a.T @ dz)
            b -= rate * dz.sum(axis=0)
            dz = below
        return cost

    return Program(step, lambda: problem.parameters)


def _chain(problem: Problem) -> Program:
    (x,) = problem.parameters
    gradient = x

    def step() -> Any:
        nonlocal gradient
        t = np.tanh(x)
        s = 1 / (1 + np.exp(-x))
        e = np.exp(-x * x)
        ts = t * s
        gradient = (1 - t * t) * s + ts * (1 - s) - 2 * x * e
        return (ts + e).sum()

    return Program(step, lambda: (gradient,))


def _margin(problem: Problem) -> Program:
    (W1, b1), (W2, b2), (W3, b3) = problem.layers
    x, y, rate = problem.inputs, problem.targets, problem.rate
    m = len(x)

    def step() -> Any:
        a1 = np.maximum(x @ W1.T + b1, 0)
        a2 = np.maximum(a1 @ W2.T + b2, 0)
        losses = np.maximum(1 - y * (a2 @ W3.T + b3)[:, 0], 0)
        cost = losses.sum() / m + 1e-4 * sum((p * p).sum() for p in problem.parameters)
        dz3 = (-y * (losses > 0) / m)[:, np.newaxis]
        dz2 = (dz3 @ W3) * (a2 > 0)
        dz1 = (dz2 @ W2) * (a1 > 0)
        backward = ((W1, b1, dz1, x), (W2, b2, dz2, a1), (W3, b3, dz3, a2))
        for W, b, dz, a in backward:
            W -= rate * (dz.T @ a + 2e-4 * W)
            b -= rate * (dz.sum(axis=0) + 2e-4 * b)
        return cost

    return Program(step, lambda: problem.parameters)


_PROGRAMS = {
    BINARY: _binary,
    CLASSES: _classes,
    CHAIN: _chain,
    SQUARES: _squares,
    IMAGES: by_hand_images.program,
    MARGIN: _margin,
}


def program(problem: Problem) -> Program:
    return _PROGRAMS[problem.kind](problem)
