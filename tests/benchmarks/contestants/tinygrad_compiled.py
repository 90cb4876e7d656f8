"""tinygrad_bp with the whole step compiled: cost, gradients and update are one generated function."""

from typing import Any

import tinygrad_bp as tg

from ..program import Program, descend, pure_program
from ..workloads import Problem
from .tinygrad_costs import COSTS


def _program(problem: Problem, backend: str) -> Program:
    value_and_gradients = tg.value_and_grad(COSTS[problem.kind])

    def step(parameters: Any, inputs: Any, targets: Any) -> Any:
        cost, gradients = value_and_gradients(parameters, inputs, targets)
        return cost, descend(problem.rate, parameters, gradients)

    return pure_program(problem, tg.compile(step, backend=backend), to_library=lambda array: array)


def on_numpy(problem: Problem) -> Program:
    return _program(problem, "numpy")


def on_numba(problem: Problem) -> Program:
    return _program(problem, "numba")
