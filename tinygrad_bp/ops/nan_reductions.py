"""Reductions that leave out what is not a number; that gets gradient 0."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_bp.calls import guarded
from tinygrad_bp.errors import ArgumentError
from tinygrad_bp.ops.comparison import isnan, where
from tinygrad_bp.ops.counting import all
from tinygrad_bp.ops.cumulative import cumprod, cumsum
from tinygrad_bp.ops.joining import stack
from tinygrad_bp.ops.linear_algebra import operand
from tinygrad_bp.ops.ordering import sort, take_along_axis
from tinygrad_bp.ops.reductions import Axis, count, lines, max, min, prod, sum
from tinygrad_bp.ops.shaping import astype, reshape
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


@guarded
def nancumsum(x: Any, axis: int | None = None) -> Any:
    """Running sums along `axis` (flattened if None) of the elements that are not NaN."""
    x = operand(x)
    return cumsum(where(isnan(x), 0, x), axis=axis)


@guarded
def nancumprod(x: Any, axis: int | None = None) -> Any:
    """Running products along `axis` (flattened if None) of the elements that are not NaN."""
    x = operand(x)
    return cumprod(where(isnan(x), 1, x), axis=axis)


@guarded
def nanmedian(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Median over `axis` of the elements that are not NaN, NaN if all are; see `median`."""
    return _between(operand(x), 0.5, axis, keepdims)


@guarded
def nanquantile(x: Any, q: Any, axis: Axis = None, method: str = "linear", keepdims: bool = False) -> Any:
    """The q-quantile over `axis` of the elements that are not NaN, NaN if all are; an array of q has its axes first.

    The two elements next to the quantile share the cotangent as they share the value. Raises ArgumentError for another
    method than "linear".
    """
    if method != "linear":
        raise ArgumentError(f'nanquantile: method is "linear"; got {method!r}. Leave NaN out first, and use quantile.')
    found = [_between(operand(x), share, axis, keepdims) for share in np.ravel(q).tolist()]
    return reshape(stack(found), shape=(*np.shape(q), *found[0].shape))


def _between(x: Any, q: float, axis: Axis, keepdims: bool) -> Any:
    """What stands at q·(n − 1) among the n elements in order that are not NaN, which come before those that are."""
    row = sort(lines(x, axis)[0], axis=-1)
    last = sum(~isnan(row), axis=-1, keepdims=True) - 1
    position = q * where(last > 0, last, 0)
    low = astype(position, int)
    high = where(low < last, low + 1, low)
    below, above = take_along_axis(row, low, axis=-1), take_along_axis(row, high, axis=-1)
    share = astype(position - low, row.dtype)
    y = where(share > 0, (1 - share) * below + share * above, below)
    return reshape(y, shape=np.any(np.zeros(x.shape, bool), axis=axis, keepdims=keepdims).shape)
