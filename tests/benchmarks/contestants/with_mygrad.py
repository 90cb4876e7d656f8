"""MyGrad: tensors and `backward`, with memory guarding off, as its manual advises for speed."""

from typing import Any

import mygrad as mg
from mygrad.nnet.activations import relu, sigmoid
from mygrad.nnet.losses import softmax_crossentropy

from ..program import Program
from ..workloads import BINARY, CHAIN, CLASSES, Problem

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


_COSTS = {BINARY: _binary, CLASSES: _classes, CHAIN: _chain}


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
