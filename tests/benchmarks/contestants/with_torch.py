"""PyTorch, eager and with the cost compiled; updates in place, as its tutorials write them."""

from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional as F

from ..program import Program
from ..workloads import BINARY, CHAIN, CLASSES, IMAGES, SQUARES, Problem


def _binary(parameters: Any, X: Any, Y: Any) -> Any:
    W1, b1, W2, b2 = parameters
    a1 = torch.sigmoid(torch.addmm(b1, W1, X))
    return F.binary_cross_entropy_with_logits(torch.addmm(b2, W2, a1), Y)


def _classes(parameters: Any, x: Any, labels: Any) -> Any:
    *hidden, (W, b) = zip(parameters[::2], parameters[1::2], strict=True)
    a = x
    for V, c in hidden:
        a = torch.relu(torch.addmm(c, a, V))
    return F.cross_entropy(torch.addmm(b, a, W), labels)


def _chain(parameters: Any, _inputs: Any, _targets: Any) -> Any:
    (x,) = parameters
    return torch.sum(torch.tanh(x) * torch.sigmoid(x) + torch.exp(-x * x))


def _squares(parameters: Any, x: Any, targets: Any) -> Any:
    *hidden, (W, b) = zip(parameters[::2], parameters[1::2], strict=True)
    a = x
    for V, c in hidden:
        a = torch.tanh(torch.addmm(c, a, V))
    return F.mse_loss(torch.addmm(b, a, W), targets)


def _images(parameters: Any, x: Any, labels: Any) -> Any:
    *convolutions, (W, b) = zip(parameters[::2], parameters[1::2], strict=True)
    a = x
    for filters, c in convolutions:
        a = F.max_pool2d(torch.relu(F.conv2d(a, filters, c, padding=1)), 2)
    return F.cross_entropy(torch.addmm(b, a.flatten(1), W), labels)


_COSTS = {BINARY: _binary, CLASSES: _classes, CHAIN: _chain, SQUARES: _squares, IMAGES: _images}


def _program(problem: Problem, transform: Callable[[Any], Any]) -> Program:
    cost_of = transform(_COSTS[problem.kind])
    parameters = [torch.tensor(p, requires_grad=True) for p in problem.parameters]
    inputs, targets, rate = torch.tensor(problem.inputs), torch.tensor(problem.targets), problem.rate

    def train() -> Any:
        cost = cost_of(parameters, inputs, targets)
        cost.backward()
        with torch.no_grad():
            for p in parameters:
                p.sub_(p.grad, alpha=rate)
                p.grad = None
        return cost

    def differentiate() -> Any:
        (x,) = parameters
        x.grad = None
        cost = cost_of(parameters, inputs, targets)
        cost.backward()
        return cost

    if rate:
        return Program(train, lambda: [p.detach().numpy() for p in parameters])
    return Program(differentiate, lambda: [p.grad.numpy() for p in parameters])


def eager(problem: Problem) -> Program:
    return _program(problem, lambda cost: cost)


def compiled(problem: Problem) -> Program:
    return _program(problem, torch.compile)
