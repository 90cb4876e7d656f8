"""How fast matrix products are with one choice of kernels and another: OpenBLAS chooses once, when it is loaded."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass

from tinygrad_bp.doctor import product
from tinygrad_bp.doctor.restart import CORETYPE

ROUNDS = 2
LIMIT = 60  # seconds

Speeds = dict[str, float]


@dataclass(frozen=True)
class Measured:
    """Speeds by dtype, in 10⁹ operations a second: with OpenBLAS's own choice of kernels, and with those for `core`."""

    own: Speeds | None
    core: str | None = None
    other: Speeds | None = None

    @property
    def gains(self) -> Speeds | None:
        """By dtype, how many times faster the other kernels are."""
        if self.own is None or self.other is None:
            return None
        return {dtype: self.other[dtype] / speed for dtype, speed in self.own.items()}


def measure(core: str | None = None) -> Measured:
    """Measure OpenBLAS's own choice, and in turn with it the kernels for `core`, the best of each."""
    own, other = [], []
    for _ in range(ROUNDS):
        own.append(speeds_in_child(None))
        if core is not None:
            other.append(speeds_in_child(core))
    return Measured(_best(own), core, _best(other))


def _best(rounds: list[Speeds | None]) -> Speeds | None:
    done = [speeds for speeds in rounds if speeds is not None]
    return {dtype: max(speeds[dtype] for speeds in done) for dtype in product.DTYPES} if done else None


def speeds_in_child(core: str | None) -> Speeds | None:
    """The speeds of a process of its own; None if it comes to grief, as for want of an instruction."""
    environment = {name: value for name, value in os.environ.items() if name != CORETYPE}
    if core is not None:
        environment[CORETYPE] = core
    command = [sys.executable, "-P", product.__file__]
    try:
        done = subprocess.run(command, env=environment, capture_output=True, timeout=LIMIT, check=True)
        speeds: Speeds = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return speeds
