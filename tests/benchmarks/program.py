"""What a contestant hands over to be checked and timed, and the loop that pure-function libraries share."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from .workloads import Problem


def _done() -> None:
    """Nothing to wait for: the library computes before it returns."""


@dataclass(frozen=True)
class Program:
    """`step` trains once and returns the cost; `state` gives the parameters (gradients if nothing trains).

    `wait` returns when all steps asked for so far have been computed.
    """

    step: Callable[[], Any]
    state: Callable[[], Sequence[Any]]
    wait: Callable[[], None] = _done


def descend(rate: float, parameters: Sequence[Any], gradients: Sequence[Any]) -> tuple[Any, ...]:
    """Return the updated parameters, or with no rate the gradients themselves."""
    if not rate:
        return tuple(gradients)
    return tuple(p - rate * g for p, g in zip(parameters, gradients, strict=True))


def pure_program(
    problem: Problem,
    step: Callable[[tuple[Any, ...], Any, Any], tuple[Any, tuple[Any, ...]]],
    to_library: Callable[[Any], Any],
    wait_for: Callable[[Any], Any] = lambda arrays: arrays,
) -> Program:
    """Return the program that repeats `step(parameters, inputs, targets) -> (cost, descend(…))`."""
    parameters = latest = tuple(to_library(p) for p in problem.parameters)
    inputs, targets = to_library(problem.inputs), to_library(problem.targets)

    def train() -> Any:
        nonlocal latest
        cost, latest = step(latest, inputs, targets)
        return cost

    def differentiate() -> Any:
        nonlocal latest
        cost, latest = step(parameters, inputs, targets)
        return cost

    return Program(
        step=train if problem.rate else differentiate,
        state=lambda: latest,
        wait=lambda: wait_for(latest) and None,
    )
