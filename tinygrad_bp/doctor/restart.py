"""The command line sets OPENBLAS_CORETYPE for its own process: it starts once more where that makes products faster."""

from __future__ import annotations

import contextlib
import os
import sys

from tinygrad_bp.doctor.blas import openblas
from tinygrad_bp.doctor.machine import has_avx512

PACKAGE = "tinygrad_bp"
CORETYPE = "OPENBLAS_CORETYPE"
BETTER = "SkylakeX"


def restart() -> None:
    """Run this command line in place of itself with AVX-512 kernels, if OpenBLAS overlooked them; else return.

    The variable that it sets is also what keeps it from doing so twice, and what a user sets to choose for themselves.
    `doctor` stays as it is, to see what other programs get. Windows cannot replace a process.
    """
    if os.name != "posix" or CORETYPE in os.environ or not _own_process() or sys.argv[1:2] == ["doctor"]:
        return
    found = openblas() if has_avx512() else None
    if found is not None and found.overlooks_avx512:
        with contextlib.suppress(OSError):  # it runs as well without, only slower
            os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], os.environ | {CORETYPE: BETTER})


def _own_process() -> bool:
    """Whether the process was started for the command line, not some other program that has run it."""
    arguments = sys.argv[1:]
    start = len(sys.orig_argv) - len(arguments)
    return start > 1 and sys.orig_argv[start:] == arguments and sys.orig_argv[start - 1].endswith(PACKAGE)
