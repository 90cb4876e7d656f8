"""Functions of batches as programs, whose numbers are the same at every call, the first included."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from tinygrad_bp.backends import BACKENDS, Placement, Settled
from tinygrad_bp.compile import Compiled

KINDS = 64
"""How many programs are kept, one for each shape of batch."""

BATCH = "a batch"
"""What x and y are called where parameters are by their paths, none of which has a space."""


@final
@dataclass(frozen=True, slots=True)
class Devices:
    """A mesh of devices, and how they share the work of a training step.

    Batches are split along the mesh's first axis if that divides them, parameters as `sharded` says by their paths; an
    optimizer's state lies as its parameter does. paths: of the parameters that steps move.
    """

    mesh: Any
    sharded: Mapping[str, Any]
    paths: Sequence[str]

    def placement(self, x: Any, y: Any, values: Sequence[Any], states: Sequence[Any] | None, *others: Any) -> Placement:
        """Where the arrays of a step lie."""
        axis, parts = self.mesh.axis_names[0], self.mesh.devices.shape[0]
        sharded = {path: axes for path, axes in self.sharded.items() if path in self.paths}
        if not (len(x) % parts or len(y) % parts):
            sharded[BATCH] = axis
        of_states = [path for path, state in zip(self.paths, states or (), strict=False) for _ in state]
        return Placement(self.mesh, sharded, [BATCH, BATCH, *self.paths, *of_states])


@final
class Programs:
    """A function f(x, y, …), run as a program for each shape of x and y.

    A program each, as a compiled function is quickest at calls that are like the one before. The first call traces f;
    its numbers, which may differ in the last bit, are thrown away, so that a run can be repeated from any step on.
    devices: a mesh of them, for JAX.
    """

    def __init__(self, f: Callable[..., Any], backend: Settled, devices: Devices | None = None):
        self.f, self.backend, self.devices = f, backend, devices
        self.arrays = BACKENDS[backend].arrays if backend in BACKENDS else None
        self.made: dict[Any, Compiled] = {}

    def __call__(self, generators: Sequence[np.random.Generator], x: Any, y: Any, *others: Any) -> Any:
        """f(x, y, *others). generators: those among them."""
        key = x.shape, y.shape
        program = self.made.get(key)
        if program is None:
            if len(self.made) >= KINDS:
                del self.made[next(iter(self.made))]
            program = Compiled(self.f, self.backend, self.devices and self.devices.placement(x, y, *others))
            with drawing_again(generators):
                program(x, y, *others)
            self.made[key] = program
        return program(x, y, *others)


@contextmanager
def drawing_again(generators: Sequence[np.random.Generator]) -> Iterator[None]:
    """What is drawn in the body is drawn again afterwards."""
    states = [g.bit_generator.state for g in generators]
    try:
        yield
    finally:
        for g, state in zip(generators, states, strict=True):
            g.bit_generator.state = state
