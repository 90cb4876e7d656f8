"""Check that a program computes the right numbers, then time all of them round by round."""

import gc
import signal
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from math import inf
from time import perf_counter
from types import FrameType
from typing import Any

import numpy as np

from .program import Program
from .workloads import Array, Problem

BLOCK_SECONDS = 0.02
READY_SECONDS = 60
CHECKED_STEPS = 3
TOLERANCES = {np.dtype(np.float64): 1e-9, np.dtype(np.float32): 1e-3}


class Disagreement(Exception):
    """A contestant's numbers are not the baseline's."""


@dataclass(frozen=True)
class Trace:
    """The costs of the first steps and how far they moved the parameters."""

    costs: Array
    changes: list[Array]


def trace(program: Program, problem: Problem) -> Trace:
    """Take the first steps; `problem` must be a copy the program does not train."""
    found = costs(program, CHECKED_STEPS)
    before: list[Any] = list(problem.parameters) if problem.rate else [0.0] * len(problem.parameters)
    state = [np.asarray(p, dtype=np.float64) for p in program.state()]
    return Trace(found, [after - start for after, start in zip(state, before, strict=True)])


def compare(got: Trace, expected: Trace, problem: Problem) -> None:
    """Raise Disagreement unless costs and changes are equal within what the dtype allows."""
    tolerance = TOLERANCES[problem.parameters[0].dtype]
    require_equal("cost", got.costs, expected.costs, tolerance)
    for i, (change, wanted) in enumerate(zip(got.changes, expected.changes, strict=True)):
        require_equal(f"parameter {i}", change, wanted, tolerance)


def costs(program: Program, steps: int) -> Array:
    """Return the costs of the next steps."""
    # Turned into numbers at once: a library may reuse the cost's memory for the next step.
    return np.array([_number(program.step()) for _ in range(steps)])


def _number(cost: Any) -> float:
    return float(cost.item()) if hasattr(cost, "item") else float(cost)


def require_equal(what: str, got: Array, expected: Array, tolerance: float) -> None:
    """Raise Disagreement if the arrays differ by more than `tolerance` times the largest expected number."""
    if got.shape != expected.shape:
        raise Disagreement(f"{what}: shape {got.shape}, expected {expected.shape}")
    error = float(np.max(np.abs(got - expected)) / np.max(np.abs(expected)))
    # Written so that NaN fails too.
    if not error <= tolerance:
        raise Disagreement(f"{what}: relative error {error:.1e}, allowed {tolerance:.0e}")


@contextmanager
def time_limit(seconds: int) -> Iterator[None]:
    """Raise TimeoutError in the block after so many seconds, where the system has alarms."""
    if not hasattr(signal, "SIGALRM"):
        yield
        return

    def ring(_signal: int, _frame: FrameType | None) -> None:
        raise TimeoutError(f"not ready within {seconds} s")

    previous = signal.signal(signal.SIGALRM, ring)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, previous)


def seconds_per_step(program: Program, steps: int) -> float:
    """Time `steps` steps after one that is not counted, which refills the caches the others emptied."""
    step = program.step
    step()
    program.wait()
    start = perf_counter()
    for _ in range(steps):
        step()
    program.wait()
    return (perf_counter() - start) / steps


def _steps_per_block(program: Program) -> int:
    steps = 1
    while (spent := seconds_per_step(program, steps) * steps) < BLOCK_SECONDS / 2:
        steps *= 2
    return max(1, round(steps * BLOCK_SECONDS / spent))


def time_rounds(programs: Mapping[str, Program], rounds: int) -> dict[str, list[float]]:
    """Return each program's seconds per step in every round."""
    blocks = {name: _steps_per_block(program) for name, program in programs.items()}
    times: dict[str, list[float]] = {name: [] for name in programs}
    for name in _turns(programs, rounds):
        times[name].append(seconds_per_step(programs[name], blocks[name]))
    return times


def fastest_steps(programs: Mapping[str, Program], rounds: int) -> dict[str, float]:
    """Return the seconds of each program's fastest step: what it takes while nobody else wants the machine."""
    blocks = {name: _steps_per_block(program) for name, program in programs.items()}
    fastest = dict.fromkeys(programs, inf)
    for name in _turns(programs, rounds):
        program = programs[name]
        for _ in range(blocks[name] + 1):
            start = perf_counter()
            program.step()
            program.wait()
            fastest[name] = min(fastest[name], perf_counter() - start)
    return fastest


def _turns(names: Iterable[str], rounds: int) -> Iterator[str]:
    """Give each name its turn in every round; the order rotates from round to round."""
    order = list(names)
    gc.collect()
    # What the imports left behind would make every collection dearer for whoever makes most objects.
    gc.freeze()
    try:
        for _ in range(rounds):
            yield from order
            order.append(order.pop(0))
    finally:
        gc.unfreeze()
