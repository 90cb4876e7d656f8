"""The processor: its model, whether it has AVX-512, and the cores this process may use. What is not known is None."""

from __future__ import annotations

import importlib
import math
import os
import platform
from itertools import takewhile
from pathlib import Path
from types import ModuleType

CPUINFO = Path("/proc/cpuinfo")
CPU_MAX = Path("/sys/fs/cgroup/cpu.max")

# The instructions that OpenBLAS's SkylakeX kernels are compiled to.
AVX512 = frozenset({"avx512f", "avx512cd", "avx512bw", "avx512dq", "avx512vl"})


def numpy_extension() -> ModuleType | None:
    """The compiled half of NumPy, which knows the processor and is linked with BLAS."""
    try:
        return importlib.import_module("numpy._core._multiarray_umath")
    except ImportError:
        return None


def processor() -> str:
    """The model, as its maker calls it."""
    return _first_processor().get("model name") or platform.processor() or platform.machine() or "unknown"


def has_avx512() -> bool | None:
    """Whether the processor runs AVX-512, by the system's word or else by NumPy's."""
    flags = _first_processor().get("flags")
    if flags:
        return AVX512.issubset(flags.split())
    features = getattr(numpy_extension(), "__cpu_features__", {})
    found: bool | None = features.get("AVX512_SKX", features.get("X86_V4"))
    return found


def _first_processor() -> dict[str, str]:
    """The first of /proc/cpuinfo, which on a large machine takes long to read to its end."""
    try:
        with open(CPUINFO, encoding="utf-8", errors="replace") as lines:
            pairs = [line.partition(":") for line in takewhile(str.strip, lines)]
    except OSError:
        return {}
    return {name.strip(): value.strip() for name, _, value in pairs}


def usable_cores() -> int | None:
    """The cores this process may run on, or the share of a container's, rounded up."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    share = _container_share()
    return share if allowed is None else min(allowed, share or allowed)


def _container_share() -> int | None:
    """Linux's quota: so many microseconds of every so many, or `max`."""
    try:
        quota, period = CPU_MAX.read_text(encoding="utf-8").split()
        return max(1, math.ceil(int(quota) / int(period)))
    except (OSError, ValueError, ZeroDivisionError):
        return None
