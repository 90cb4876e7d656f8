"""What the figures were measured on: interpreter, libraries, processor, BLAS and its threads."""

import os
import platform
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def limit_threads(threads: int) -> None:
    """Give every library the same threads. Call before NumPy is imported: BLAS reads them only once."""
    for variable in THREAD_VARIABLES:
        os.environ[variable] = str(threads)
    os.environ["JAX_PLATFORMS"] = "cpu"
    # XLA has no variable for it: it counts the processors the process may run on.
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _load() -> str:
    """Return the processes that already wanted a core: above 0, the figures have company."""
    return f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"


def blas() -> str:
    import numpy as np

    found = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    core = os.environ.get("OPENBLAS_CORETYPE")
    return f"{found['name']} {found['version']}" + (f", core type {core}" if core else "")


def describe(packages: Iterable[str], threads: int) -> dict[str, str]:
    """Return name → value lines for the header; a package that is not installed is left out."""
    lines = {
        "python": platform.python_version(),
        "processor": f"{processor()}, {os.cpu_count()} cores",
        "BLAS of NumPy": blas(),
        "threads": str(threads),
        "load before": _load(),
    }
    for package in dict.fromkeys(packages):
        try:
            lines[package] = version(package)
        except PackageNotFoundError:
            continue
    return lines
