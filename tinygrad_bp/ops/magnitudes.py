"""Numbers brought to the size of 1 before they are raised to a power, so that the squares of large ones fit."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from math import inf
from typing import Any

import numpy as np

from tinygrad_bp.ops.reductions import Axis

_largest: Any = np.maximum.reduce
_smallest: Any = np.minimum.reduce


def scaled(reduce: Callable[[Any], Any], x: Any, axis: Axis, power: float = 2.0) -> Any:
    """reduce(x) for a reduction over `axis` with reduce(c·x) = c·reduce(x) for c > 0, which sums powers of x.

    float16 is reduced as float32, integers as float64. Of arrays what comes out tells whether a power may have been too
    large or too small for its dtype; only then they are scaled, by the power of 2 near the largest element, or for
    negative powers the smallest. A program cannot look at numbers: squares it scales always, which changes no digit; of
    other powers it takes the right one of both.
    """
    if x.dtype == np.float16:
        return scaled(reduce, x.astype(np.float32), axis, power).astype(np.float16)
    if x.dtype.kind in "biu":
        x = x.astype(np.float64)
    if not x.size:
        return reduce(x)
    with np.errstate(over="ignore", under="ignore", divide="ignore", invalid="ignore"):
        if isinstance(x, np.ndarray | np.generic):
            y = reduce(x)
            if _in_range(y, x.size, power):
                return y
        extreme = _largest if power > 0 else _smallest
        limits = np.finfo(x.dtype)
        exponent = np.floor(np.log2(extreme(np.absolute(x), axis=axis, keepdims=True)))
        unit = np.exp2(np.clip(exponent, limits.minexp, limits.maxexp - 1))  # which changes no digit
        y = reduce(x / unit)
        y = y * unit.reshape(y.shape)
        if power == 2 or isinstance(x, np.ndarray | np.generic):
            return y
        plain, end = reduce(x), _end(x.dtype, x.size, power)
        is_right = (plain >= end) & (plain < inf) if power > 0 else (plain > 0) & (plain <= end)
        return np.where(is_right, plain, y)


@lru_cache(1024)
def _end(dtype: Any, n: int, power: float) -> float:
    """Where powers of n numbers of this dtype begin to lose digits: the least root of their sum, for negative powers
    the largest."""
    limits = np.finfo(dtype)
    return float((n * limits.smallest_normal / limits.eps) ** (1 / power))


def _in_range(y: Any, n: int, power: float) -> bool:
    """Whether n numbers made y, the root of the sum of their powers, without losing digits."""
    end = _end(y.dtype, n, power)
    low, high = (y, y) if not y.ndim else (_smallest(y, axis=None), _largest(y, axis=None))
    return bool(end <= low and high < inf) if power > 0 else bool(low > 0 and high <= end)
