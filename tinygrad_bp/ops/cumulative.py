"""Running sums and products."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from tinygrad_bp.annotations import DType
from tinygrad_bp.calls import guarded
from tinygrad_bp.domains import ANY_SHAPE, Parameters, Shape, Shapes
from tinygrad_bp.errors import ArgumentError, describe
from tinygrad_bp.ops.linear_algebra import operand
from tinygrad_bp.ops.ordering import flip
from tinygrad_bp.ops.padding import linear_padding
from tinygrad_bp.ops.shaping import astype
from tinygrad_bp.registry import LINEAR, op


def _lines(shape: Shape, *_: Shape) -> Parameters:
    return [{"axis": axis} for axis in range(-len(shape), len(shape))]


def _lines_or_none(shape: Shape) -> Parameters:
    return [{"axis": None}, *_lines(shape)]


def _cumsum_vjp(g: Any, y: Any, x: Any, axis: int | None) -> Any:
    along = 0 if axis is None else axis
    return flip(cumsum(flip(g, axis=along), axis=along), axis=along).reshape(x.shape)


@op(
    vjps=(_cumsum_vjp,),
    jvp=LINEAR,
    latex=r"\operatorname{cumsum}({0})",
    domain=Shapes(*ANY_SHAPE[1:], params=_lines_or_none),
)
def cumsum(x: Any, axis: int | None = None) -> Any:
    """Running sums along `axis` (flattened if None). VJP: the cotangent summed from the end."""
    return np.cumsum(x, axis=axis)


def shifted(x: Any, axis: int, first: float) -> Any:
    """x moved on by one place along `axis`, the last element out and `first` in."""
    axis = axis % x.ndim
    widths = [(0, 0)] * x.ndim
    widths[axis] = (1, 0)
    return linear_padding(x, pad_width=tuple(widths), constant_values=first)[
        (*[slice(None)] * axis, slice(x.shape[axis]))
    ]


def _carried_back(a: Any, g: Any, axis: int) -> Any:
    """λₖ = gₖ + aₖ₊₁·λₖ₊₁: what the cotangents of a recurrence with coefficients a add up to, from the end."""
    return flip(linear_recurrence(shifted(flip(a, axis=axis), axis, 0), flip(g, axis=axis), axis=axis), axis=axis)


@op(
    internal=True,
    vjps=(
        lambda g, y, a, b, axis: _carried_back(a, g, axis) * shifted(y, axis, 0),
        lambda g, y, a, b, axis: _carried_back(a, g, axis),
    ),
    jvp=(
        lambda t, y, a, b, axis: linear_recurrence(a, t * shifted(y, axis, 0), axis=axis),
        lambda t, y, a, b, axis: linear_recurrence(a, t, axis=axis),
    ),
    latex=r"\operatorname{recurrence}({0}, {1})",
    domain=Shapes("i,i", "ij,ij", params=_lines),
    whole=True,
)
def linear_recurrence(a: Any, b: Any, axis: int = -1) -> Any:
    """yₖ = aₖ·yₖ₋₁ + bₖ along `axis`, starting from 0; a and b of one shape.

    VJPs: λₖ = gₖ + aₖ₊₁·λₖ₊₁ for b, λₖ·yₖ₋₁ for a. Computed in log₂ n steps, each for all k: after every step yₖ counts
    twice as many terms, and aₖ is the product of as many coefficients.
    """
    y = np.moveaxis(np.array(b, np.result_type(a, b)), axis, 0)
    a = np.moveaxis(np.array(a), axis, 0)
    step = 1
    while step < len(y):
        y[step:] += a[step:] * y[:-step]
        a[step:] *= a[:-step]
        step *= 2
    return np.moveaxis(y, 0, axis)


def _cumprod_vjp(g: Any, y: Any, x: Any, axis: int | None) -> Any:
    if axis is None:
        return _cumprod_vjp(g, y, x.reshape(-1), 0).reshape(x.shape)
    return _carried_back(x, g, axis) * shifted(y, axis, 1)


def _cumprod_jvp(t: Any, y: Any, x: Any, axis: int | None) -> Any:
    if axis is None:
        return _cumprod_jvp(t.reshape(-1), y, x.reshape(-1), 0)
    return linear_recurrence(x, t * shifted(y, axis, 1), axis=axis)


@op(
    vjps=(_cumprod_vjp,),
    jvp=_cumprod_jvp,
    latex=r"\operatorname{cumprod}({0})",
    domain=Shapes(*ANY_SHAPE[1:], params=_lines_or_none, prepare=lambda x, **_: (np.sin(x),)),
    convention="exact, also with zeros",
)
def cumprod(x: Any, axis: int | None = None) -> Any:
    """Running products yₖ = xₖ·yₖ₋₁ along `axis` (flattened if None).

    VJP: yₖ₋₁·λₖ with λₖ = gₖ + xₖ₊₁·λₖ₊₁, without a division, so that zeros do no harm.
    """
    return np.cumprod(x, axis=axis)


# --- by the array API's names -----------------------------------------------------------------------------------------


@guarded
def cumulative_sum(
    x: Any, /, *, axis: int | None = None, dtype: DType | None = None, include_initial: bool = False
) -> Any:
    """Running sums along `axis`, which only a vector may leave out; with `include_initial` that of none, 0, too."""
    return _cumulative(cumsum, 0, x, axis, dtype, include_initial)


@guarded
def cumulative_prod(
    x: Any, /, *, axis: int | None = None, dtype: DType | None = None, include_initial: bool = False
) -> Any:
    """Running products along `axis`, which only a vector may leave out; with `include_initial` that of none, 1, too."""
    return _cumulative(cumprod, 1, x, axis, dtype, include_initial)


def _cumulative(
    running: Callable[..., Any], start: int, x: Any, axis: int | None, dtype: DType | None, include_initial: bool
) -> Any:
    x = operand(x)
    x = x if x.ndim else x.reshape(1)
    if axis is None and x.ndim > 1:
        raise ArgumentError(
            f"cumulative_{'prod' if start else 'sum'}: {describe(x)} has several axes. Name one: axis=0."
        )
    axis = normalize_axis_index(axis or 0, x.ndim)
    y = running(x if dtype is None else astype(x, dtype), axis=axis)
    if not include_initial:
        return y
    widths = tuple([(1, 0) if i == axis else (0, 0) for i in range(y.ndim)])
    return linear_padding(y, pad_width=widths, constant_values=start)
