"""Averages, spread and quantiles, with NumPy's arguments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, overload

import numpy as np

from tinygrad_bp.annotations import Array
from tinygrad_bp.calls import guarded
from tinygrad_bp.domains import ANY_SHAPE, Parameters, Shape, Shapes, axis_params
from tinygrad_bp.errors import ShapeError, describe
from tinygrad_bp.ops.arithmetic import maximum
from tinygrad_bp.ops.comparison import where
from tinygrad_bp.ops.complex import conjugated
from tinygrad_bp.ops.joining import stack
from tinygrad_bp.ops.linear_algebra import operand
from tinygrad_bp.ops.magnitudes import scaled
from tinygrad_bp.ops.ordering import argsort
from tinygrad_bp.ops.reductions import Axis, by_weights, count, lines, mean, reduced_axes, spread, sum
from tinygrad_bp.ops.rounding import absolute
from tinygrad_bp.ops.shaping import astype, broadcast_to, converted, reshape, transpose
from tinygrad_bp.registry import op, scale

Quantiles = float | Sequence[float] | Array
Method = Literal[
    "inverted_cdf", "averaged_inverted_cdf", "closest_observation", "interpolated_inverted_cdf", "hazen", "weibull",
    "linear", "median_unbiased", "normal_unbiased", "lower", "higher", "midpoint", "nearest",
]  # fmt: skip

# --- variance ---------------------------------------------------------------------------------------------------------


def _deviations(x: Any, axis: Axis) -> Any:
    """x − mean(x). Subtracting an element first makes them exactly 0 for constants."""
    axes = reduced_axes(x.ndim, axis)
    shifted = x - x[tuple([slice(0, 1) if i in axes else slice(None) for i in range(x.ndim)])]
    return shifted - mean(shifted, axis=axis, keepdims=True)


def _with_ddof(shape: Shape) -> Parameters:
    return [{**params, "ddof": ddof} for params in axis_params(shape) for ddof in (0, 0.5)]


_VARYING = Shapes(*ANY_SHAPE, smallest=1, params=_with_ddof, analytic=False)


@op(
    **by_weights(lambda y, x, axis, ddof: conjugated(_deviations(x, axis)) / ((count(y, x) - ddof) / 2.0)),
    latex=r"\operatorname{var}({0})",
    domain=_VARYING,
)
def var(x: Any, axis: Axis = None, ddof: float = 0, keepdims: bool = False) -> Any:
    """Variance Σ|xᵢ − x̄|²/(n − ddof) over `axis` (all axes if None). ∂y/∂xᵢ = 2(xᵢ − x̄)/(n − ddof), for complex x
    the conjugate."""
    return np.var(x, axis=axis, ddof=ddof, keepdims=keepdims)


@op(
    **by_weights(
        lambda y, x, axis, ddof: conjugated(_deviations(x, axis)) / where(y == 0, 1.0, y * (count(y, x) - ddof))
    ),
    latex=r"\operatorname{std}({0})",
    domain=Shapes(
        *ANY_SHAPE[1:], smallest=2, params=_with_ddof, kink=lambda x, axis, **_: np.std(x, axis), analytic=False
    ),
    convention="0 for constants",
)
def std(x: Any, axis: Axis = None, ddof: float = 0, keepdims: bool = False) -> Any:
    """Standard deviation, the root of `var`. ∂y/∂xᵢ = (xᵢ − x̄)/((n − ddof)·y), 0 where all elements are equal."""
    return scaled(lambda x: np.std(x, axis=axis, ddof=ddof, keepdims=keepdims), operand(x), axis)


# --- quantiles --------------------------------------------------------------------------------------------------------


def _rank_weights(x: Any, axis: Axis, position: Any) -> Any:
    """How much each element counts if `position` lies between two in sorted order: 1 minus its distance, from 0 on."""
    row, back = lines(x, axis)
    ranks = argsort(argsort(row, axis=-1), axis=-1)
    return back(maximum(1.0 - absolute(ranks - position), 0.0))


def _gaps(x: Any, axis: Axis = None, **_: Any) -> Any:
    return np.diff(np.sort(lines(x, axis)[0], axis=-1), axis=-1)


@op(
    **by_weights(lambda y, x, axis: _rank_weights(x, axis, (count(y, x) - 1) / 2)),
    latex=r"\operatorname{median}({0})",
    domain=Shapes(*ANY_SHAPE, smallest=1, params=axis_params, kink=_gaps, analytic=False, ordered=True),
    convention="½ each for the middle two of an even number",
)
def median(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Median over `axis` (all axes if None): the middle element, or the mean of the middle two, which get ½ each."""
    return np.median(x, axis=axis, keepdims=keepdims)


def _quantile_weights(x: Any, q: Any, axis: Axis, method: Any) -> list[tuple[tuple[int, ...], Any]]:
    """For every element of q its index and the derivative of its quantile. The position between sorted elements comes
    from NumPy itself: it is the quantile of 0, 1, 2, …"""
    n = lines(x, axis)[0].shape[-1]
    positions = np.quantile(np.arange(n), q, method=method)
    return [(index, _rank_weights(x, axis, positions[index])) for index in np.ndindex(np.shape(q))]


def _quantile_vjp(g: Any, y: Any, x: Any, q: Any, axis: Axis, method: Any, keepdims: bool) -> Any:
    total = np.zeros(x.shape, g.dtype)
    for index, weights in _quantile_weights(x, q, axis, method):
        total = total + scale(spread(g[index], x, axis), weights)
    return total


def _quantile_jvp(t: Any, y: Any, x: Any, q: Any, axis: Axis, method: Any, keepdims: bool) -> Any:
    found = [sum(scale(t, w), axis=axis, keepdims=keepdims) for _, w in _quantile_weights(x, q, axis, method)]
    return reshape(stack(found), shape=y.shape)


def _quantiles(shape: Shape) -> Parameters:
    each: list[dict[str, Any]] = [
        {"q": 0.3}, {"q": (0.0, 0.5, 0.9)}, {"q": 0.7, "method": "midpoint"}, {"q": 0.4, "method": "hazen"},
    ]  # fmt: skip
    return [{**params, **chosen} for params in axis_params(shape) for chosen in each]


@op(
    vjps=(_quantile_vjp,),
    jvp=_quantile_jvp,
    latex=r"\operatorname{quantile}({0})",
    domain=Shapes(*ANY_SHAPE, smallest=1, params=_quantiles, kink=_gaps, analytic=False, ordered=True),
    convention="equal elements count in their order",
)
def quantile(x: Any, q: Quantiles, axis: Axis = None, method: Method = "linear", keepdims: bool = False) -> Any:
    """The q-quantile, 0 ≤ q ≤ 1, over `axis` (all axes if None); for an array of q, its axes come first.

    method: each of NumPy's. The two elements next to the quantile share the cotangent as they share the value.
    """
    return np.quantile(x, q, axis=axis, method=method, keepdims=keepdims)


@guarded
def percentile(x: Any, q: Quantiles, axis: Axis = None, method: Method = "linear", keepdims: bool = False) -> Any:
    """The q-th percentile, 0 ≤ q ≤ 100; see `quantile`."""
    x = operand(x)
    hundred = x.dtype.type(100) if x.dtype.kind == "f" else 100  # as NumPy has it: a number q leaves float32 as it is
    return quantile(x, q=np.true_divide(q, hundred), axis=axis, method=method, keepdims=keepdims)


# --- averages ---------------------------------------------------------------------------------------------------------


@overload
def average(
    x: Any, axis: Axis = None, weights: Any = None, returned: Literal[False] = False, keepdims: bool = False
) -> Any: ...
@overload
def average(
    x: Any, axis: Axis = None, weights: Any = None, *, returned: Literal[True], keepdims: bool = False
) -> tuple[Any, Any]: ...
@guarded
def average(x: Any, axis: Axis = None, weights: Any = None, returned: bool = False, keepdims: bool = False) -> Any:
    """Weighted mean Σ w·x / Σ w over `axis` (all axes if None), differentiable for x and for the weights.

    weights: of x's shape, or of the lengths of the axes named. returned: the pair (average, Σ w).
    """
    x = operand(x)
    if weights is None:
        result = mean(x, axis=axis, keepdims=keepdims)
        total: Any = np.asarray(count(result, x), result.dtype)
    else:
        weights = _matched(operand(weights), x, axis)
        total = sum(weights, axis=axis, keepdims=keepdims)
        result = sum(x * weights, axis=axis, keepdims=keepdims) / total
    if not returned:
        return result
    return result, broadcast_to(converted(total, result.dtype), shape=result.shape)


def _matched(weights: Any, x: Any, axis: Axis) -> Any:
    """Weights of the reduced axes alone, in the place of these axes."""
    if weights.shape == x.shape:
        return weights
    axes = reduced_axes(x.ndim, axis)
    if axis is None or weights.shape != tuple([x.shape[i] for i in axes]):
        raise ShapeError(
            f"average: weights {describe(weights)} fit neither {describe(x)} nor its axis {axis}. "
            "Name the axes that they belong to."
        )
    ordered = transpose(weights, axes=tuple(np.argsort(axes).tolist()))
    return reshape(ordered, shape=tuple([n if i in axes else 1 for i, n in enumerate(x.shape)]))


@guarded
def nansum(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Sum over `axis` of the elements that are not NaN; those get gradient 0."""
    x = operand(x)
    return sum(where(x == x, x, 0), axis=axis, keepdims=keepdims)


@guarded
def nanmean(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Mean over `axis` of the elements that are not NaN; those get gradient 0."""
    x = operand(x)
    total = nansum(x, axis=axis, keepdims=keepdims)
    return total / astype(sum(x == x, axis=axis, keepdims=keepdims), dtype=total.dtype)
