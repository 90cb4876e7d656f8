"""MyGrad: tensors and `backward`, with memory guarding off, as its manual advises for speed."""

from typing import Any

import mygrad as mg
import numpy as np
from mygrad.nnet.activations import relu, sigmoid
from mygrad.nnet.layers import conv_nd
from mygrad.nnet.losses import softmax_crossentropy

from ..program import Program
from ..workloads import BINARY, CHAIN, CLASSES, IMAGES, SQUARES, Problem

mg.turn_memory_guarding_off()


def _binary(parameters: Any, X: Any, Y: Any) -> Any:
    W1, b1, W2, b2 = parameters
    z2 = W2 @ sigmoid(W1 @ X + b1) + b2
    return mg.mean(mg.logaddexp(0, z2) - Y * z2)


def _classes(parameters: Any, x: Any, labels: Any) -> Any:
    *hidden, (W, b) = zip(parameters[::2], parameters[1::2], strict=True)
    a = x
    for V, c in hidden:
        a = relu(a @ V + c)
    return softmax_crossentropy(a @ W + b, labels)


def _chain(parameters: Any, _inputs: Any, _targets: Any) -> Any:
    (x,) = parameters
    return mg.sum(mg.tanh(x) * sigmoid(x) + mg.exp(-x * x))


def _squares(parameters: Any, x: Any, targets: Any) -> Any:
    *hidden, (W, b) = zip(parameters[::2], parameters[1::2], strict=True)
    a = x
    for V, c in hidden:
        a = mg.tanh(a @ V + c)
    return mg.mean((a @ W + b - targets) ** 2)


def _images(parameters: Any, x: Any, labels: Any) -> Any:
    *convolutions, (W, b) = zip(parameters[::2], parameters[1::2], strict=True)
    a = x
    for filters, c in convolutions:
        z = conv_nd(a, filters, stride=1, padding=1) + c[:, np.newaxis, np.newaxis]
        examples, channels, height, width = z.shape
        # Faster than its max_pool.
        a = relu(z).reshape(examples, channels, height // 2, 2, width // 2, 2).max(axis=(3, 5))
    return softmax_crossentropy(a.reshape(len(x), -1) @ W + b, labels)


_COSTS = {BINARY: _binary, CLASSES: _classes, CHAIN: _chain, SQUARES: _squares, IMAGES: _images}


def program(problem: Problem) -> Program:
    cost_of = _COSTS[problem.kind]
    parameters = [mg.tensor(p) for p in problem.parameters]
    inputs, targets, rate = problem.inputs, problem.targets, problem.rate

    def train() -> Any:
        cost = cost_of(parameters, inputs, targets)
        cost.backward()
        for p in parameters:
            p.data -= rate * p.grad
        return cost

    def differentiate() -> Any:
        cost = cost_of(parameters, inputs, targets)
        cost.backward()
        return cost

    if rate:
        return Program(train, lambda: [p.data for p in parameters])
    return Program(differentiate, lambda: [p.grad for p in parameters])
