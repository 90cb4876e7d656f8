"""What this installation runs on, gathered. Nothing here raises: what cannot be found out is None or `unknown`."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version

import numpy as np

import tinygrad_bp as tg
from tinygrad_bp.backends.numba.cache import cache_folder
from tinygrad_bp.doctor.accelerators import Jax, has_nvidia_gpu, jax
from tinygrad_bp.doctor.blas import Blas, blas
from tinygrad_bp.doctor.machine import has_avx512, processor, usable_cores
from tinygrad_bp.doctor.restart import BETTER, CORETYPE, PACKAGE
from tinygrad_bp.doctor.speed import Measured, measure

THREAD_VARIABLES = ("OPENBLAS_NUM_THREADS", "GOTO_NUM_THREADS", "OMP_NUM_THREADS")
VARIABLES = (CORETYPE, *THREAD_VARIABLES, "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "JAX_PLATFORMS")


@dataclass(frozen=True)
class Graphviz:
    """What lays pictures out; no `source` if it is a layout of our own."""

    source: str | None
    version: str | None = None


@dataclass(frozen=True)
class Extra:
    """An extra of the package, and the version of each package in it, None if it is not installed."""

    name: str
    packages: dict[str, str | None]

    @property
    def missing(self) -> list[str]:
        """The packages that are not installed."""
        return [name for name, found in self.packages.items() if found is None]


@dataclass(frozen=True)
class Cache:
    """Where compiled programs are kept from one process to the next."""

    folder: str | None
    writable: bool


@dataclass(frozen=True)
class Facts:
    """Everything that `doctor` reports."""

    tinygrad_bp: str
    python: str
    platform: str
    numpy: str
    processor: str
    cores: int | None
    avx512: bool | None
    blas: Blas
    variables: dict[str, str]
    graphviz: Graphviz
    cache: Cache
    jax: Jax | None
    nvidia_gpu: bool
    extras: tuple[Extra, ...] | None
    measured: Measured | None


def examine(always_measure: bool = False) -> Facts:
    """Gather the facts. The speed of products is measured on request, and where OpenBLAS overlooks AVX-512."""
    found, avx512 = blas(), has_avx512()
    measures = always_measure or (avx512 and found.overlooks_avx512)
    return Facts(
        tinygrad_bp=tg.__version__,
        python=platform.python_version(),
        platform=platform.platform(),
        numpy=np.__version__,
        processor=processor(),
        cores=usable_cores(),
        avx512=avx512,
        blas=found,
        variables={name: os.environ[name] for name in VARIABLES if name in os.environ},
        graphviz=graphviz(),
        cache=cache(),
        jax=jax(),
        nvidia_gpu=has_nvidia_gpu(),
        extras=extras(),
        measured=measure(BETTER if avx512 and found.switchable else None) if measures else None,
    )


def graphviz() -> Graphviz:
    """Graphviz as the pictures find it: `dot` on the PATH, else the one that pygraphviz brings."""
    if shutil.which("dot"):
        return Graphviz("dot on the PATH", _version_of_dot())
    try:
        import pygraphviz
    except (ImportError, OSError):
        return Graphviz(None)
    bundled = getattr(pygraphviz, "__graphviz_version__", None)  # before 2 there was none
    return Graphviz("inside pygraphviz", bundled) if bundled else Graphviz(None)


def _version_of_dot() -> str | None:
    try:
        said = subprocess.run(["dot", "-V"], capture_output=True, text=True, timeout=10).stderr
    except (OSError, subprocess.SubprocessError, UnicodeError):
        return None
    found = re.search(r"version (\S+)", said)
    return found and found[1]


def extras() -> tuple[Extra, ...] | None:
    """The extras in the order of setup.cfg, by the installed metadata; None if the package is not installed."""
    try:
        requirements = requires(PACKAGE) or []
    except PackageNotFoundError:
        return None
    packages: dict[str, dict[str, str | None]] = {}
    for requirement in requirements:
        name, extra = re.match(r"[\w.-]+", requirement), re.search(r"extra == ['\"](.+?)['\"]", requirement)
        if name and extra and name[0].replace("-", "_") != PACKAGE:  # an extra of extras is the sum of these
            packages.setdefault(extra[1], {})[name[0]] = _installed(name[0])
    return tuple(Extra(name, found) for name, found in packages.items())


def _installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def cache() -> Cache:
    """The folder for compiled programs, and whether it can be written to, or made."""
    try:
        folder = cache_folder()
    except (OSError, RuntimeError):  # there may be no home
        return Cache(None, False)
    existing = next((path for path in (folder, *folder.parents) if os.path.exists(path)), folder)
    return Cache(str(folder), os.path.isdir(existing) and os.access(existing, os.W_OK | os.X_OK))
