"""Sums over the first or the last axes as products with ones: BLAS adds up several times as fast as NumPy."""

from __future__ import annotations

from functools import lru_cache
from math import prod
from typing import Any, NamedTuple

import numpy as np

_reduce: Any = np.add.reduce

LONGEST = 1 << 10
"""Summands of a row up to which BLAS, which keeps a few partial sums, is as exact as NumPy, which adds up in pairs."""

SMALLEST = 1 << 9
"""Elements from which on looking for the product costs less than it saves."""


class AsProduct(NamedTuple):
    """A sum as the product of a matrix (rows, columns) with ones: on its right, or if `first` on its left.

    shape: of the result.
    """

    first: bool
    rows: int
    columns: int
    shape: tuple[int, ...]


@lru_cache(1024)
def as_product(shape: tuple[int, ...], axis: Any, keepdims: bool) -> AsProduct | None:
    """How an array of this shape, in C order, is added up over `axis` by a product; None if it is not."""
    n = len(shape)
    axes = sorted({i % n for i in (axis if isinstance(axis, tuple) else (axis,))}) if n and axis is not None else []
    rest = n - len(axes)
    if not axes or not rest or prod(shape) < SMALLEST:
        return None
    first = axes == [*range(len(axes))]
    if not first and axes != [*range(rest, n)]:
        return None
    split = len(axes) if first else rest
    rows, columns = prod(shape[:split]), prod(shape[split:])
    if columns == 1 or rows == 1 or (not first and columns > LONGEST):
        return None
    kept = [(1 if i in axes else length) for i, length in enumerate(shape) if keepdims or i not in axes]
    return AsProduct(first, rows, columns, tuple(kept))


@lru_cache(64)
def ones(n: int, dtype: Any) -> Any:
    """A vector of ones that nobody writes to."""
    vector = np.ones(n, dtype)
    vector.flags.writeable = False
    return vector


def added(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """np.add.reduce, by a product where that is quicker: of float32 and float64 in C order."""
    if x.__class__ is np.ndarray and x.size >= SMALLEST and x.dtype.char in "fd" and x.flags.c_contiguous:
        way = as_product(x.shape, axis, keepdims)
        if way is not None:
            first, rows, columns, shape = way
            matrix = x.reshape((rows, columns))
            total = ones(rows, x.dtype).dot(matrix) if first else matrix.dot(ones(columns, x.dtype))
            return total if len(shape) == 1 else total.reshape(shape)
    return _reduce(x, axis=axis, keepdims=keepdims)
