"""How fast matrix products are in this process. Runs by itself, as the child process of `speed`."""

from __future__ import annotations

import json
import sys
from time import perf_counter

import numpy as np

DTYPES = ("float32", "float64")
SIZE = 512
SECONDS = 0.1


def speed(dtype: str, size: int = SIZE, seconds: float = SECONDS) -> float:
    """The best matrix product within `seconds`, in 10⁹ operations a second."""
    a = np.ones((size, size), dtype)
    product = a @ a  # which also wakes the threads
    best, end = float("inf"), perf_counter() + seconds
    while (start := perf_counter()) < end:
        np.matmul(a, a, out=product)
        best = min(best, perf_counter() - start)
    return 2 * size**3 / best / 1e9


def main() -> int:
    """Print the speeds as JSON."""
    print(json.dumps({dtype: speed(dtype) for dtype in DTYPES}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
