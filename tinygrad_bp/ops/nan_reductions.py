"""Reductions that leave out what is not a number; that gets gradient 0."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_bp.calls import guarded
from tinygrad_bp.ops.comparison import isnan, where
from tinygrad_bp.ops.counting import all
from tinygrad_bp.ops.linear_algebra import operand
from tinygrad_bp.ops.reductions import Axis, count, max, min, prod, sum
from tinygrad_bp.ops.shaping import astype
from tinygrad_bp.ops.statistics import nanmean, std, var


@guarded
def nanmax(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Largest element over `axis` that is not NaN, NaN if all are; k elements that tie for it share its gradient."""
    return _extreme(max, -np.inf, x, axis, keepdims)


@guarded
def nanmin(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Smallest element over `axis` that is not NaN, NaN if all are; k elements that tie for it share its gradient."""
    return _extreme(min, np.inf, x, axis, keepdims)


def _extreme(reduction: Callable[..., Any], worst: float, x: Any, axis: Axis, keepdims: bool) -> Any:
    x = operand(x)
    if x.dtype.kind not in "fc":
        return reduction(x, axis=axis, keepdims=keepdims)
    missing = isnan(x)
    found = reduction(where(missing, worst, x), axis=axis, keepdims=keepdims)
    return where(all(missing, axis=axis, keepdims=keepdims), np.nan, found)


@guarded
def nanprod(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Product over `axis` of the elements that are not NaN."""
    x = operand(x)
    return prod(where(isnan(x), 1, x), axis=axis, keepdims=keepdims)


@guarded
def nanvar(x: Any, axis: Axis = None, ddof: float = 0, keepdims: bool = False) -> Any:
    """Variance Σ|xᵢ − x̄|²/(n − ddof) over `axis` of the n elements that are not NaN."""
    filled, counted = _filled(x, axis, keepdims)
    y = var(filled, axis=axis, keepdims=keepdims)
    return y * _more(y, filled, counted, ddof)


@guarded
def nanstd(x: Any, axis: Axis = None, ddof: float = 0, keepdims: bool = False) -> Any:
    """Standard deviation over `axis` of the elements that are not NaN, the root of `nanvar`; gradient 0 for equal
    ones."""
    filled, counted = _filled(x, axis, keepdims)
    y = std(filled, axis=axis, keepdims=keepdims)
    return y * _more(y, filled, counted, ddof) ** 0.5


def _filled(x: Any, axis: Axis, keepdims: bool) -> tuple[Any, Any]:
    """x with the mean in place of what is missing, which adds nothing to any deviation; and how many there are."""
    x = operand(x)
    counted = sum(~isnan(x), axis=axis, keepdims=keepdims)
    return where(isnan(x), nanmean(x, axis=axis, keepdims=True), x), counted


def _more(y: Any, filled: Any, counted: Any, ddof: float) -> Any:
    """What a variance of all elements is too small by; NaN where too few are left."""
    left = astype(counted, y.dtype) - ddof
    return count(y, filled) / where(left > 0, left, np.nan)
