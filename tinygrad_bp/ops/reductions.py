"""Reductions over axes, with NumPy's `axis` and `keepdims`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from tinygrad_bp.calls import guarded
from tinygrad_bp.domains import ANY_SHAPE, Shapes, axis_params
from tinygrad_bp.ops.comparison import where
from tinygrad_bp.ops.cumulative import cumprod, shifted
from tinygrad_bp.ops.exponential import exp
from tinygrad_bp.ops.linear_algebra import operand
from tinygrad_bp.ops.ordering import flip
from tinygrad_bp.ops.shaping import broadcast_to
from tinygrad_bp.registry import LINEAR, op, scale
from tinygrad_bp.sums import added

_multiply_reduce: Any = np.multiply.reduce  # np.prod without its wrapper, and likewise
_maximum_reduce: Any = np.maximum.reduce
_minimum_reduce: Any = np.minimum.reduce

Axis = int | tuple[int, ...] | None


def reduced_axes(ndim: int, axis: Axis) -> tuple[int, ...]:
    """The axes that `axis` names, counted from the front."""
    return tuple(range(ndim)) if axis is None else normalize_axis_tuple(axis, ndim)


def kept(shape: tuple[int, ...], axis: Axis) -> tuple[int, ...]:
    """`shape` with the reduced axes at length 1: the shape that `keepdims=True` gives."""
    if axis is None:
        return (1,) * len(shape)
    if not shape:
        return ()
    axes = {a % len(shape) for a in ((axis,) if isinstance(axis, int | np.integer) else axis)}
    return tuple([1 if i in axes else n for i, n in enumerate(shape)])


def spread(g: Any, x: Any, axis: Axis) -> Any:
    """A reduced array copied back along the axes that were reduced."""
    return broadcast_to(g.reshape(kept(x.shape, axis)), shape=x.shape)


def count(y: Any, x: Any) -> int:
    """How many elements of x each element of its reduction y stands for."""
    return x.size // (y.size or 1)  # type: ignore[no-any-return]


def by_weights(weights: Callable[..., Any]) -> dict[str, Any]:
    """The rules of a reduction from its derivative ∂y/∂xᵢ, an array of x's shape.

    It is called as `weights(y, x, axis, **params)`, with y in the shape that `keepdims=True` gives.
    """

    def vjp(g: Any, y: Any, x: Any, axis: Axis, keepdims: bool, **params: Any) -> Any:
        shape = kept(x.shape, axis)
        return scale(broadcast_to(g.reshape(shape), shape=x.shape), weights(y.reshape(shape), x, axis, **params))

    def jvp(t: Any, y: Any, x: Any, axis: Axis, keepdims: bool, **params: Any) -> Any:
        return sum(scale(t, weights(y.reshape(kept(x.shape, axis)), x, axis, **params)), axis=axis, keepdims=keepdims)

    return {"vjps": (vjp,), "jvp": jvp}


@op(
    vjps=(lambda g, y, x, axis, keepdims: spread(g, x, axis),),
    jvp=LINEAR,
    latex=r"\sum {0}",
    domain=Shapes(*ANY_SHAPE, params=axis_params),
)
def sum(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Sum over `axis` (all axes if None). VJP: the cotangent copied to every summand."""
    return added(x, axis=axis, keepdims=keepdims)


@op(
    vjps=(lambda g, y, x, axis, keepdims: spread(g / count(y, x), x, axis),),
    jvp=LINEAR,
    latex=r"\overline{{0}}",
    domain=Shapes(*ANY_SHAPE, smallest=1, params=axis_params),
)
def mean(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Arithmetic mean over `axis` (all axes if None). VJP: the cotangent, divided by the count, to every element."""
    x = operand(x)
    if x.dtype == np.float16:  # NumPy adds these up in float32
        return np.mean(x, axis=axis, keepdims=keepdims)
    total = added(x, axis=axis, keepdims=keepdims)
    return total / count(total, x)


# --- the largest and the smallest -------------------------------------------------------------------------------------


def _shares(y: Any, x: Any, axis: Axis) -> Any:
    chosen = x == y
    return chosen / np.add.reduce(chosen, axis=axis, keepdims=True)


def lines(x: Any, axis: Axis) -> tuple[Any, Callable[[Any], Any]]:
    """x with the reduced axes merged into one, the last, and the way back for an array of that shape."""
    axes = reduced_axes(x.ndim, axis)
    rest = tuple([i for i in range(x.ndim) if i not in axes])
    order = rest + axes
    shape = tuple([x.shape[i] for i in order])
    length = int(np.prod(shape[len(rest) :]))
    back = tuple(np.argsort(order).tolist())
    merged = x.transpose(order).reshape((*shape[: len(rest)], length))
    return merged, lambda merged: merged.reshape(shape).transpose(back)


def gap(sign: int) -> Any:
    """Distance from a tie: how far the second best of every reduced line stays behind the best."""

    def distance(x: Any, axis: Any = None, **_: Any) -> Any:
        ranked = np.sort(sign * lines(x, axis)[0], axis=-1)
        return np.diff(ranked[..., -2:], axis=-1)

    return distance


@op(
    **by_weights(_shares),
    latex=r"\max {0}",
    domain=Shapes(*ANY_SHAPE, smallest=1, params=axis_params, kink=gap(1), analytic=False),
    convention="k ties get 1/k each",
)
def max(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Largest element over `axis` (all axes if None). k elements that tie for it get 1/k of the cotangent each."""
    return _maximum_reduce(x, axis=axis, keepdims=keepdims)


@op(
    **by_weights(_shares),
    latex=r"\min {0}",
    domain=Shapes(*ANY_SHAPE, smallest=1, params=axis_params, kink=gap(-1), analytic=False),
    convention="k ties get 1/k each",
)
def min(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Smallest element over `axis` (all axes if None). k elements that tie for it get 1/k of the cotangent each."""
    return _minimum_reduce(x, axis=axis, keepdims=keepdims)


amax, amin = max, min


@guarded
def ptp(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Range over `axis`: the largest element minus the smallest."""
    return max(x, axis=axis, keepdims=keepdims) - min(x, axis=axis, keepdims=keepdims)


# --- products and exponentials ----------------------------------------------------------------------------------------


def _products_of_others(y: Any, x: Any, axis: Axis) -> Any:
    """The product of what is before an element and of what is after it, so that zeros do no harm."""
    row, back = lines(x, axis)
    before = shifted(cumprod(row, axis=-1), -1, 1)
    after = flip(shifted(cumprod(flip(row, axis=-1), axis=-1), -1, 1), axis=-1)
    return back(before * after)


@op(
    **by_weights(_products_of_others),
    latex=r"\prod {0}",
    domain=Shapes(*ANY_SHAPE, params=axis_params, prepare=lambda x, **_: (np.sin(x),)),
    convention="exact, also with zeros",
)
def prod(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Product over `axis` (all axes if None). ∂y/∂xᵢ is the product of the other elements, exact also with zeros."""
    return _multiply_reduce(x, axis=axis, keepdims=keepdims)


def _softmax(y: Any, x: Any, axis: Axis) -> Any:
    """eˣ⁻ʸ; of an infinite sum equal parts to its infinite summands, and nothing where every x is −∞."""
    if y.__class__ is np.ndarray and not np.isinf(y).any():
        return exp(x - y)
    weights = exp(x - where(np.isinf(y), 0.0, y))
    return where(y == np.inf, _shares(y, x, axis), weights)


@op(
    **by_weights(_softmax),
    latex=r"\log \sum e^{{0}}",
    domain=Shapes(*ANY_SHAPE, smallest=1, params=axis_params),
)
def logsumexp(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """log Σ eˣ over `axis` (all axes if None), without overflow; of nothing −∞.

    ∂y/∂x = eˣ⁻ʸ, the softmax; 0 if every x is −∞, and k infinite ones share.
    """
    x = operand(x)
    start: dict[str, float] = {} if x.size else {"initial": -np.inf}
    top = _maximum_reduce(x, axis=axis, keepdims=True, **start)
    largest = np.where(np.isfinite(top), top, 0)
    total = added(np.exp(x - largest), axis=axis, keepdims=True)
    none = total == 0  # every x is −∞, and so is y; log(0) would warn
    y = np.log(np.where(none, 1, total)) + np.where(none, top, largest)
    return y if keepdims else np.squeeze(y, axis)[()]
