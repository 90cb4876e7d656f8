"""Functions of batches as programs, whose numbers are the same at every call, the first included."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, final

import numpy as np

from tinygrad_bp.backends import BACKENDS, Placement, Settled
from tinygrad_bp.compile import Compiled

KINDS = 64
"""How many programs are kept, one for each shape of batch."""


@final
class Programs:
    """A function f(…, x, y), run as a program for each shape of x and y.

    A program each, as a compiled function is quickest at calls that are like the one before. The first call traces f;
    its numbers, which may differ in the last bit, are thrown away, so that a run can be repeated from any step on.
    mesh: of devices, for JAX; batches are split along its first axis if that divides them.
    """

    def __init__(self, f: Callable[..., Any], backend: Settled, mesh: Any = None):
        self.f, self.backend, self.mesh = f, backend, mesh
        self.arrays = BACKENDS[backend].arrays if backend in BACKENDS else None
        self.made: dict[Any, Compiled] = {}

    def __call__(self, generators: Sequence[np.random.Generator], *others: Any) -> Any:
        """f(*others); the last two are x and y. generators: those among them."""
        key = others[-2].shape, others[-1].shape
        program = self.made.get(key)
        if program is None:
            if len(self.made) >= KINDS:
                del self.made[next(iter(self.made))]
            program = Compiled(self.f, self.backend, self._placement(*others[-2:]))
            with drawing_again(generators):
                program(*others)
            self.made[key] = program
        return program(*others)

    def _placement(self, x: Any, y: Any) -> Placement | None:
        if self.mesh is None:
            return None
        axis, parts = self.mesh.axis_names[0], self.mesh.devices.shape[0]
        return Placement(self.mesh, {} if len(x) % parts or len(y) % parts else {"x": axis, "y": axis})


@contextmanager
def drawing_again(generators: Sequence[np.random.Generator]) -> Iterator[None]:
    """What is drawn in the body is drawn again afterwards."""
    states = [g.bit_generator.state for g in generators]
    try:
        yield
    finally:
        for g, state in zip(generators, states, strict=True):
            g.bit_generator.state = state
