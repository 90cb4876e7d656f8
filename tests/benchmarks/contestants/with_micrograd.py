"""Micrograd's own demo: its MLP, its max-margin cost, one `Value` per number."""

from typing import Any

from micrograd.nn import MLP

from ..program import Program
from ..workloads import Problem


def _load(model: Any, problem: Problem) -> None:
    for layer, (W, b) in zip(model.layers, problem.layers, strict=True):
        for neuron, weights, bias in zip(layer.neurons, W, b, strict=True):
            neuron.b.data = float(bias)
            for w, number in zip(neuron.w, weights, strict=True):
                w.data = float(number)


def program(problem: Problem) -> Program:
    model = MLP(2, [16, 16, 1])
    _load(model, problem)
    points, signs, rate = problem.inputs.tolist(), problem.targets.tolist(), problem.rate

    def step() -> Any:
        losses = [(1 - sign * model(point)).relu() for point, sign in zip(points, signs, strict=True)]
        penalty = 1e-4 * sum(p * p for p in model.parameters())
        cost = sum(losses) * (1.0 / len(losses)) + penalty
        model.zero_grad()
        cost.backward()
        for p in model.parameters():
            p.data -= rate * p.grad
        return cost.data

    def state() -> list[Any]:
        return [
            numbers
            for layer in model.layers
            for numbers in (
                [[w.data for w in neuron.w] for neuron in layer.neurons],
                [neuron.b.data for neuron in layer.neurons],
            )
        ]

    return Program(step, state)
