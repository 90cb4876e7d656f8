"""The backends, and the choice between them."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import Any, Literal

from tinygrad_bp.backends import numba, numpy
from tinygrad_bp.backends.backend import (
    Backend as Backend,
    Executable as Executable,
    Plan as Plan,
    Unsupported as Unsupported,
)
from tinygrad_bp.program import Program

Choice = Literal["auto", "numpy", "numba"]

BACKENDS: Mapping[str, Backend] = {backend.name: backend for backend in (numpy.BACKEND, numba.BACKEND)}
"""By the name that a user asks for."""

AUTO: Sequence[Backend] = (numba.BACKEND, numpy.WITH_KERNELS)
"""What "auto" takes the first of that has no obstacle; the last one has none."""

CHOICES = ("auto", *BACKENDS)


def prepared(
    program: Program, choice: Choice, inputs: Sequence[Any], expected: Sequence[Any]
) -> tuple[Executable, Plan]:
    """Choose how to run a program, and make it ready; inputs and expected results are those it was traced with."""
    start = perf_counter()
    backend, reason = _chosen(program, choice)
    try:
        executable = backend.prepare(program, inputs, expected)
    except Unsupported as error:
        if choice != "auto":
            message = f"{program.name} runs on NumPy, not on {backend.name.capitalize()}: {error}"
            warnings.warn(message, RuntimeWarning, stacklevel=6)
        backend, reason = AUTO[-1], str(error)
        executable = backend.prepare(program, inputs, expected)
    reason = "; ".join([reason, *filter(None, [executable.note])])
    plan = Plan(backend.name, reason, len(program.operations), program.largest, perf_counter() - start)
    return executable, plan


def _chosen(program: Program, choice: Choice) -> tuple[Backend, str]:
    """A backend, and why it is the one."""
    if choice != "auto":
        return BACKENDS[choice], "as asked"
    reason = ""
    for backend in AUTO[:-1]:
        obstacle = backend.available() or backend.obstacle(program)
        if not obstacle:
            return backend, reason or "the arrays are small"
        reason = reason or obstacle
    return AUTO[-1], reason
