"""tinygrad_bp as it is used line by line: tensors, `backward`, an optimizer."""

from typing import Any

import tinygrad_bp as tg

from ..program import Program
from ..workloads import MARGIN, Problem
from .tinygrad_costs import COSTS


def _neuron(weights: Any, bias: Any, inputs: Any) -> Any:
    total = bias
    for w, x in zip(weights, inputs, strict=True):
        total = total + w * x
    return total


def _scalar_cost(layers: Any, points: Any, signs: Any) -> Any:
    losses = []
    for point, sign in zip(points, signs, strict=True):
        a = point
        for weights, biases in layers[:-1]:
            a = [tg.relu(_neuron(w, b, a)) for w, b in zip(weights, biases, strict=True)]
        (w,), (b,) = layers[-1]
        losses.append(tg.relu(1 - sign * _neuron(w, b, a)))
    squares = (w * w for weights, biases in layers for row in (*weights, biases) for w in row)
    return sum(losses) * (1 / len(losses)) + 1e-4 * sum(squares)


def _scalars(problem: Problem) -> Program:
    """Micrograd's program: every weight a tensor of its own."""

    def scalars(row: Any) -> Any:
        return [tg.tensor(w, requires_grad=True) for w in row]

    layers = [([scalars(row) for row in W], scalars(b)) for W, b in problem.layers]
    parameters = [w for weights, biases in layers for row in (*weights, biases) for w in row]
    points, signs = problem.inputs.tolist(), problem.targets.tolist()
    optimizer = tg.nn.SGD(parameters, problem.rate)

    def step() -> Any:
        cost = _scalar_cost(layers, points, signs)
        cost.backward()
        optimizer.step()
        optimizer.zero_grad()
        return cost

    def state() -> list[Any]:
        return [
            tensors
            for weights, biases in layers
            for tensors in ([[w.item() for w in row] for row in weights], [b.item() for b in biases])
        ]

    return Program(step, state)


def program(problem: Problem) -> Program:
    if problem.kind == MARGIN:
        return _scalars(problem)
    cost_of = COSTS[problem.kind]
    parameters = [tg.tensor(p, requires_grad=True) for p in problem.parameters]
    inputs, targets = tg.asarray(problem.inputs), tg.asarray(problem.targets)
    optimizer = tg.nn.SGD(parameters, problem.rate or 1.0)  # without a rate it only clears gradients

    def train() -> Any:
        cost = cost_of(parameters, inputs, targets)
        cost.backward()
        optimizer.step()
        optimizer.zero_grad()
        return cost

    def differentiate() -> Any:
        optimizer.zero_grad()
        cost = cost_of(parameters, inputs, targets)
        cost.backward()
        return cost

    if problem.rate:
        return Program(train, lambda: [p.data for p in parameters])
    return Program(differentiate, lambda: [p.grad for p in parameters])
