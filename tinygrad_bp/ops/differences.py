"""Differences, sums and windows of neighbours, and convolution of sequences."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from tinygrad_bp.calls import guarded
from tinygrad_bp.domains import Shapes
from tinygrad_bp.errors import ArgumentError, DTypeError, ShapeError, describe
from tinygrad_bp.ops.arithmetic import mod
from tinygrad_bp.ops.comparison import where
from tinygrad_bp.ops.complex import conjugated
from tinygrad_bp.ops.cumulative import cumsum
from tinygrad_bp.ops.joining import concatenate, stack
from tinygrad_bp.ops.linear_algebra import operand
from tinygrad_bp.ops.padding import linear_padding
from tinygrad_bp.ops.reductions import sum
from tinygrad_bp.ops.rounding import absolute
from tinygrad_bp.ops.shaping import Axes, astype, broadcast_to, converted, moveaxis, ravel
from tinygrad_bp.registry import MULTILINEAR, op


def _from(x: Any, axis: int, start: int | None, stop: int | None) -> Any:
    return x[(*[slice(None)] * axis, slice(start, stop))]


@guarded
def diff(x: Any, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Any:
    """Differences xᵢ₊₁ − xᵢ of neighbours along `axis`, taken n times; `prepend` and `append` are put on first."""
    x = operand(x)
    if n < 0:
        raise ArgumentError(f"diff is taken 0 times or more; got n={n}.")
    axis = normalize_axis_index(axis, x.ndim)
    x = concatenate([*_ending(prepend, x, axis), x, *_ending(append, x, axis)], axis) if n else x
    for _ in range(min(n, x.shape[axis])):  # then there are none left
        after, before = _from(x, axis, 1, None), _from(x, axis, None, -1)
        x = after != before if x.dtype.kind == "b" else after - before
    return x


def _ending(values: Any, x: Any, axis: int) -> list[Any]:
    if values is None:
        return []
    values = operand(values)
    return [values if values.ndim else broadcast_to(values, shape=(*x.shape[:axis], 1, *x.shape[axis + 1 :]))]


@guarded
def ediff1d(x: Any, to_end: Any = None, to_begin: Any = None) -> Any:
    """Differences of neighbours of the flattened x, between `to_begin` and `to_end`."""
    steps = diff(ravel(x))
    return concatenate([*_end(to_begin, steps), steps, *_end(to_end, steps)])


def _end(values: Any, steps: Any) -> list[Any]:
    """Given values in the dtype of the computed ones, as NumPy has it."""
    if values is None:
        return []
    values = ravel(values)
    if not np.can_cast(values.dtype, steps.dtype, "same_kind"):
        raise DTypeError(
            f"ediff1d: {describe(values)} of dtype {values.dtype} does not fit differences of dtype {steps.dtype}. "
            "Convert x first."
        )
    return [converted(values, steps.dtype)]


@guarded
def gradient(f: Any, *varargs: Any, axis: Axes | None = None, edge_order: Literal[1, 2] = 1) -> Any:
    """Slope of sampled values f along every axis, or those named: of second order inside, of `edge_order` at the ends.

    varargs: nothing for unit distances, one distance for all axes, or for every axis a distance or its coordinates.
    Differentiable for f and for these. One array for one axis, else a tuple; in f's dtype if that is floating.
    """
    f = operand(f)
    axes = tuple(range(f.ndim)) if axis is None else normalize_axis_tuple(axis, f.ndim)
    spacings = varargs or (1.0,)
    if len(spacings) == 1 and not np.ndim(spacings[0]):
        spacings *= len(axes)
    if len(spacings) != len(axes):
        raise ArgumentError(f"gradient: {len(axes)} axes need as many distances, or one; got {len(spacings)}.")
    slopes = tuple([_slope(f, operand(h), a, edge_order) for h, a in zip(spacings, axes, strict=True)])
    return slopes[0] if len(slopes) == 1 else slopes


def _slope(f: Any, h: Any, axis: int, edge_order: int) -> Any:
    if edge_order not in (1, 2) or f.shape[axis] <= edge_order:
        raise ArgumentError(
            f"gradient: edge_order is 1 or 2 and needs more elements than that along axis {axis}; got {edge_order} "
            f"for {describe(f)}."
        )
    if h.ndim and h.shape != (f.shape[axis],):
        raise ShapeError(f"gradient: axis {axis} of {describe(f)} needs one coordinate per element; got {describe(h)}.")
    y = moveaxis(f if f.dtype.kind in "fc" else astype(f, dtype=float), axis, -1)
    steps = diff(h) if h.ndim else broadcast_to(h, shape=(f.shape[axis] - 1,))
    slopes = diff(y) / steps
    before, after = steps[:-1], steps[1:]
    inside = (before * slopes[..., 1:] + after * slopes[..., :-1]) / (before + after)
    first, last = slopes[..., :1], slopes[..., -1:]
    if edge_order == 2:
        first = first + (first - slopes[..., 1:2]) * (steps[0] / (steps[0] + steps[1]))
        last = last + (last - slopes[..., -2:-1]) * (steps[-1] / (steps[-1] + steps[-2]))
    return moveaxis(converted(concatenate([first, inside, last], -1), y.dtype), -1, axis)


@guarded
def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    """Integral of sampled values y along `axis`, straight lines between them: Σ dᵢ·(yᵢ + yᵢ₊₁)/2.

    d: the distances of x, which has y's shape or is a vector; `dx` if x is None. Differentiable for all three.
    """
    y = operand(y)
    axis = normalize_axis_index(axis, y.ndim)
    d = dx
    if x is not None:
        x = operand(x)
        d = diff(x, axis=axis) if x.ndim != 1 else diff(x).reshape((-1,) + (1,) * (y.ndim - 1 - axis))
    return sum(d * (_from(y, axis, 1, None) + _from(y, axis, None, -1)) / 2.0, axis=axis)


@guarded
def unwrap(p: Any, discont: float | None = None, axis: int = -1, *, period: float = 2 * np.pi) -> Any:
    """Angles p with whole periods added so that neighbours along `axis` are at most half a period apart.

    discont: smaller jumps are left as they are. What is added does not depend on p, nearby: the VJP is g itself.
    """
    p = operand(p)
    steps = diff(p, axis=axis)
    whole = steps.dtype.kind in "iu" and isinstance(period, int)
    high, odd = divmod(period, 2) if whole else (period / 2, 0)
    inside = mod(steps + high, period) - high
    if not odd:
        inside = where((inside == -high) & (steps > 0), high, inside)
    added = where(absolute(steps) < (period / 2 if discont is None else discont), 0, inside - steps)
    axis = normalize_axis_index(axis, p.ndim)
    first = _from(p, axis, None, 1)
    return concatenate([first * 1 if whole else first, _from(p, axis, 1, None) + cumsum(added, axis=axis)], axis)


@guarded
def sliding_window_view(x: Any, window_shape: int | Sequence[int], axis: int | Sequence[int] | None = None) -> Any:
    """Every window of neighbours, yₚⱼ = xₚ₊ⱼ, along `axis`, all axes if None; the windows' own axes come last.

    window_shape: the elements of a window, for each axis. The result is a copy; gradients add up where windows overlap.
    Raises ArgumentError for a window that does not fit, or another number of windows than of axes.
    """
    x = operand(x)
    sizes = tuple(window_shape) if np.iterable(window_shape) else (window_shape,)
    axes = tuple(range(x.ndim)) if axis is None else normalize_axis_tuple(axis, x.ndim, allow_duplicate=True)
    if len(sizes) != len(axes):
        raise ArgumentError(f"sliding_window_view: {len(axes)} axes need as many windows; got {window_shape}.")
    for size, along in zip(sizes, axes, strict=True):
        x = _windows(x, operator.index(size), along)
    return x


def _windows(x: Any, size: int, axis: int) -> Any:
    """The windows along one axis, put together of whichever are fewer: places or elements of a window."""
    places = x.shape[axis] - size + 1
    if size < 1 or places < 1:
        raise ArgumentError(
            f"sliding_window_view: a window along axis {axis} of {describe(x)} has 1 to {x.shape[axis]} elements; "
            f"got {size}."
        )
    if places < size:
        return moveaxis(stack([_from(x, axis, p, p + size) for p in range(places)], axis), axis + 1, -1)
    return stack([_from(x, axis, j, j + places) for j in range(size)], -1)


# --- convolution ------------------------------------------------------------------------------------------------------


def _full(g: Any, a: Any, v: Any, mode: str) -> Any:
    """The cotangent of all n + m − 1 products, of which "same" and "valid" keep the middle."""
    shorter, total = min(a.size, v.size), a.size + v.size - 1
    low = {"full": 0, "same": (shorter - 1) // 2, "valid": shorter - 1}[mode]
    return linear_padding(g, pad_width=((low, total - low - g.size),)) if mode != "full" else g


@op(
    vjps=(
        lambda g, y, a, v, mode: convolve(_full(g, a, v, mode), v[::-1], mode="valid"),
        lambda g, y, a, v, mode: convolve(_full(g, a, v, mode), a[::-1], mode="valid"),
    ),
    jvp=MULTILINEAR,
    latex=r"{0} * {1}",
    domain=Shapes("i,j", smallest=1, params=lambda *_: [{"mode": mode} for mode in ("full", "same", "valid")]),
)
def convolve(a: Any, v: Any, mode: Literal["full", "same", "valid"] = "full") -> Any:
    """Convolution Σⱼ aⱼ·vₖ₋ⱼ of two vectors.

    mode: "full" all n + m − 1 values, "same" the middle max(n, m), "valid" those where the vectors overlap completely.
    VJPs: the cotangent, correlated with the other vector.
    """
    if np.ndim(a) != 1 or np.ndim(v) != 1:
        raise ShapeError(f"convolve takes two vectors; got {describe(a)} and {describe(v)}. Use ravel or atleast_1d.")
    return np.convolve(a, v, mode)


@guarded
def correlate(a: Any, v: Any, mode: Literal["full", "same", "valid"] = "valid") -> Any:
    """Cross-correlation Σⱼ aⱼ₊ₖ·vⱼ of two vectors, v conjugated; `mode` as in `convolve`."""
    a, v = operand(a), operand(v)
    v = conjugated(v)
    if v.size > a.size:  # NumPy centres "same" on the longer vector
        return convolve(v, a[::-1], mode=mode)[::-1]
    return convolve(a, v[::-1], mode=mode)
