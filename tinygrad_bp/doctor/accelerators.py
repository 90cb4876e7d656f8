"""What JAX would compute on, and whether there is a GPU. JAX itself is imported by a child process, if at all."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, entry_points, version
from importlib.util import find_spec

LIMIT = 60  # seconds
ASKED = "import jax; print(jax.default_backend(), jax.local_device_count())"


@dataclass(frozen=True)
class Jax:
    """JAX as it is installed. platform: of its devices, None if it finds none. plugin: for more than the processor."""

    version: str
    platform: str | None = "cpu"
    devices: int = 1
    plugin: bool = False


def jax() -> Jax | None:
    """JAX and what it finds; None if it is not installed.

    Without a plugin that is the processor. With one a child process asks, for it takes seconds, and hold of devices.
    """
    try:
        installed = version("jax")
    except PackageNotFoundError:
        return None
    if not has_plugin():
        return Jax(installed)
    environment = os.environ | {"XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
    command = [sys.executable, "-P", "-c", ASKED]
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=LIMIT, check=True)
        platform, devices = done.stdout.split()[-2:]
        return Jax(installed, platform, int(devices), plugin=True)
    except (OSError, subprocess.SubprocessError, ValueError):
        return Jax(installed, None, 0, plugin=True)


def has_plugin() -> bool:
    """Whether JAX was given a platform beside the processor: its packages are found by name, or as they registered."""
    return any(map(find_spec, ("jax_plugins", "libtpu"))) or bool(entry_points(group="jax_plugins"))


def has_nvidia_gpu() -> bool:
    """Whether NVIDIA's driver is installed, by the program that comes with it."""
    return shutil.which("nvidia-smi") is not None
