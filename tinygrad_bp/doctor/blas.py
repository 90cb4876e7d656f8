"""The BLAS that NumPy computes matrix products with: its version, the kernels it chose and its threads."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_bp.doctor.machine import numpy_extension

AVX2_CORES = frozenset({"haswell", "zen"})
AVX512_CORES = frozenset({"skylakex", "cooperlake", "sapphirerapids"})

# OpenBLAS names its functions by who built it and by the width of its integers.
PREFIXES = ("scipy_openblas_", "openblas_")
SUFFIXES = ("64_", "", "_64", "64")

OPENMP = 2  # where OpenBLAS says how it is parallel: 0 not at all, 1 by threads of its own


@dataclass(frozen=True)
class Blas:
    """A BLAS; `core` is the processor whose kernels it uses, `switchable` says whether it has others on board."""

    name: str
    version: str
    core: str | None = None
    threads: int | None = None
    switchable: bool = False
    openmp: bool = False

    @property
    def overlooks_avx512(self) -> bool:
        """On a processor with AVX-512: whether it computes in AVX2 though it could do better."""
        return self.switchable and (self.core or "").lower() in AVX2_CORES


def blas() -> Blas:
    """The BLAS of NumPy: what OpenBLAS says of itself, of any other the name that NumPy was built with."""
    found = openblas()
    if found is not None:
        return found
    try:
        built: Any = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    except (KeyError, TypeError):
        built = {}
    return Blas(str(built.get("name") or "unknown"), str(built.get("version") or "unknown"))


def openblas() -> Blas | None:
    """OpenBLAS as it is loaded, None if NumPy uses another BLAS or none."""
    for library in _libraries():
        words = (_answer(library, "get_config", ctypes.c_char_p) or b"").decode(errors="replace").split()
        if words:
            core = _answer(library, "get_corename", ctypes.c_char_p)
            return Blas(
                name="OpenBLAS",
                version=words[1] if words[0] == "OpenBLAS" and len(words) > 1 else "unknown",
                core=core.decode(errors="replace") if core else None,
                threads=_answer(library, "get_num_threads", ctypes.c_int),
                switchable="DYNAMIC_ARCH" in words,
                openmp=_answer(library, "get_parallel", ctypes.c_int) == OPENMP,
            )
    return None


def _libraries() -> Iterator[ctypes.CDLL]:
    """NumPy itself, through which its BLAS answers too, save on Windows: there, the library that its wheel brings."""
    own = getattr(numpy_extension(), "__file__", None)
    for path in [*filter(None, [own]), *sorted(Path(np.__file__).parent.parent.glob("numpy.libs/*openblas*"))]:
        try:
            yield ctypes.CDLL(str(path))
        except OSError:
            continue


def _answer(library: ctypes.CDLL, question: str, kind: type) -> Any:
    """What one of OpenBLAS's functions without arguments returns, None if there is none of that name."""
    for prefix, suffix in product(PREFIXES, SUFFIXES):
        function = getattr(library, f"{prefix}{question}{suffix}", None)
        if function is not None:
            function.restype = kind
            return function()
    return None
