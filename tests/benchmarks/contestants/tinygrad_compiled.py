"""tinygrad_bp with the whole step compiled: cost, gradients and update are one generated function."""

from time import monotonic
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


def automatic(problem: Problem) -> Program:
    """What "auto" comes to: once machine code is at work, where it is to come."""
    step = compiled_step(problem, "auto")
    limit = monotonic() + 120
    step(problem.parameters, problem.inputs, problem.targets)
    while "Numba compiles" in step.plan.reason and monotonic() < limit:
        step(problem.parameters, problem.inputs, problem.targets)
    return pure_program(problem, step, to_library=lambda array: array)


def on_numpy(problem: Problem) -> Program:
    return pure_program(problem, compiled_step(problem, "numpy"), to_library=lambda array: array)


def on_jax(problem: Problem) -> Program:
    """JAX's arrays from step to step, as the hand-written step has them."""
    import jax

    jax.config.update("jax_enable_x64", True)
    return pure_program(problem, compiled_step(problem, "jax"), jax.numpy.array, jax.block_until_ready)
