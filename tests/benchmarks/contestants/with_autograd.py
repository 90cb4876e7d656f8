"""HIPS autograd: `value_and_grad` of a function of the parameters."""

from typing import Any

import autograd.numpy as np
from autograd import value_and_grad
from autograd.scipy.special import expit, logsumexp

from ..program import Program
from ..workloads import BINARY, CHAIN, CLASSES, Problem


def _binary(parameters: Any, X: Any, Y: Any) -> Any:
    W1, b1, W2, b2 = parameters
    a1 = expit(np.dot(W1, X) + b1)
    z2 = np.dot(W2, a1) + b2
    return np.mean(np.logaddexp(0, z2) - Y * z2)


def _classes(parameters: Any, x: Any, labels: Any) -> Any:
    *hidden, (W, b) = zip(parameters[::2], parameters[1::2], strict=True)
    a = x
    for V, c in hidden:
        a = np.maximum(np.dot(a, V) + c, 0)
    z = np.dot(a, W) + b
    return np.mean(logsumexp(z, axis=1) - z[np.arange(len(x)), labels])


def _chain(parameters: Any, _inputs: Any, _targets: Any) -> Any:
    (x,) = parameters
    return np.sum(np.tanh(x) * expit(x) + np.exp(-x * x))


_COSTS = {BINARY: _binary, CLASSES: _classes, CHAIN: _chain}


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
