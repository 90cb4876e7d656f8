"""Sizes that no array can have, refused before NumPy is asked: it crashes at some, and is busy for years at others."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod
from typing import Any

import numpy as np

from tinygrad_bp.errors import ArgumentError, describe

LARGEST = int(np.iinfo(np.intp).max)
"""Bytes that can be addressed, and so the largest array."""

MOST_PARTS = 1 << 24
"""Arrays of a split beyond the length of its axis: those are empty, and each is an object."""


def require_size(name: str, shape: Iterable[float], x: Any) -> None:
    """Raise ArgumentError if no array of x's dtype can have this shape."""
    elements = prod(map(int, shape))
    if elements * max(x.dtype.itemsize, 8) > LARGEST:
        raise ArgumentError(f"{name}: {describe(x)} would become {elements:,} elements, more than an array can have.")


def require_parts(name: str, count: int, n: int, x: Any) -> None:
    """Raise ArgumentError for so many parts of an axis of length n that nearly all are empty."""
    if count > n + MOST_PARTS:
        raise ArgumentError(f"{name}: {count:,} parts of {describe(x)}, with {n} to share out. Ask for fewer.")
