"""The backends, and the choice between them."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import Any, Literal

from tinygrad_bp.backends import jax, numba, numpy
from tinygrad_bp.backends.backend import (
    Arrays as Arrays,
    Backend as Backend,
    Executable as Executable,
    Plan as Plan,
    Unsupported as Unsupported,
)
from tinygrad_bp.backends.jax.placement import Placement as Placement
from tinygrad_bp.program import Program

Choice = Literal["auto", "numpy", "numba", "jax"]
"""What a user may ask for."""

Settled = Choice | Literal["settled"]
"""And what the library itself may: what "auto" comes to in the end, from the first call on."""

BACKENDS: Mapping[str, Backend] = {backend.name: backend for backend in (numpy.BACKEND, numba.BACKEND, jax.BACKEND)}
"""By the name that a user asks for."""

CHOICES = ("auto", *BACKENDS)


def unsuited(program: Program) -> str:
    """Why a program is not for Numba where that may be chosen freely; empty if it is."""
    return numba.BACKEND.available() or numba.BACKEND.obstacle(program)


def prepared(
    program: Program,
    choice: Settled,
    inputs: Sequence[Any],
    expected: Sequence[Any],
    obstacle: str = "",
    placement: Placement | None = None,
) -> tuple[Executable, Plan]:
    """Choose how to run a program, and make it ready; inputs and expected results are those it was traced with.

    obstacle: why it should not become Numba's, see `unsuited`; empty if it may. placement: of arrays, for JAX.
    """
    start = perf_counter()
    backend, reason = _chosen(choice, obstacle, placement)
    try:
        if obstacle and backend is numba.BACKEND:
            raise Unsupported(obstacle)
        executable = backend.prepare(program, inputs, expected)
    except Unsupported as error:
        if choice in BACKENDS:
            title = {"jax": "JAX"}.get(backend.name, backend.name.capitalize())
            message = f"{program.name} runs on NumPy, not on {title}: {error}"
            warnings.warn(message, RuntimeWarning, stacklevel=6)
        backend, reason = numpy.WITH_KERNELS, str(error)
        executable = backend.prepare(program, inputs, expected)
    reason = "; ".join([reason, *filter(None, [executable.note])])
    plan = Plan(backend.name, reason, len(program.operations), program.largest, perf_counter() - start)
    return executable, plan


def _chosen(choice: Settled, obstacle: str, placement: Placement | None) -> tuple[Backend, str]:
    """A backend to begin with, and why it is the one."""
    if choice in BACKENDS:
        return jax.on(placement) if choice == jax.BACKEND.name else BACKENDS[choice], "as asked"
    backend = numba.BACKEND if choice == "settled" and not obstacle else numpy.WITH_KERNELS
    return backend, obstacle or "the arrays are small"
