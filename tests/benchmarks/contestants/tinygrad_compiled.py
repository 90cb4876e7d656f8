"""tinygrad_bp with the whole step compiled: cost, gradients and update are one generated function."""

from typing import Any

import tinygrad_bp as tg

from ..program import Program, descend, pure_program
from ..workloads import Problem
from .tinygrad_costs import COSTS


def compiled_step(problem: Problem, backend: str) -> Any:
    """The whole step as one compiled function."""
    value_and_gradients = tg.value_and_grad(COSTS[problem.kind])

    def step(parameters: Any, inputs: Any, targets: Any) -> Any:
        cost, gradients = value_and_gradients(parameters, inputs, targets)
        return cost, descend(problem.rate, parameters, gradients)

    return tg.compile(step, backend=backend)


def _program(problem: Problem, backend: str) -> Program:
    return pure_program(problem, compiled_step(problem, backend), to_library=lambda array: array)


def automatic(problem: Problem) -> Program:
    return _program(problem, "auto")


def on_numpy(problem: Problem) -> Program:
    return _program(problem, "numpy")
