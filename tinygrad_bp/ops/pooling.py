"""Pooling: the largest element, or the mean, of every window of an image."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_bp.domains import Parameters, Shape, Shapes
from tinygrad_bp.errors import ArgumentError
from tinygrad_bp.ops.geometry import Padding, PerAxis, each_axis, pairs, require_images
from tinygrad_bp.ops.shaping import broadcast_to
from tinygrad_bp.ops.windows import Pairs, fold, padded, unfold, windows_of
from tinygrad_bp.registry import LINEAR, op, scale


def _axes(kernel: Shape) -> Shape:
    """The kernel's axes among those of the windows (examples, channels, *kernel, *places)."""
    return tuple(range(2, 2 + len(kernel)))


def _each_window(g: Any) -> Any:
    """One value for each place, with axes of length 1 for the kernel."""
    return g.reshape((*g.shape[:2], *[1] * (g.ndim - 2), *g.shape[2:]))


def _unfolded(x: Any, kernel: Shape, stride: Shape, padding: Pairs) -> Any:
    return unfold(x, kernel, stride, padding, (1,) * len(kernel))


def _poolings(shape: Shape) -> list[dict[str, Any]]:
    space = len(shape) - 2
    return [
        {"kernel": (k,) * space, "stride": (s,) * space, "padding": (p,) * space}
        for k, s, p in ((1, 1, (0, 0)), (2, 1, (1, 1)), (3, 2, (1, 2)))
    ]


# --- the largest ------------------------------------------------------------------------------------------------------


def _winners(y: Any, x: Any, kernel: Shape, stride: Shape, padding: Pairs) -> tuple[Any, Any]:
    """For each window, which elements are the largest, and how many those are."""
    largest = _unfolded(x, kernel, stride, padding) == _each_window(y)
    if any(map(any, padding)):  # the zeros of the border are no candidates
        largest = largest * _unfolded(np.ones((1, 1, *x.shape[2:]), bool), kernel, stride, padding)
    return largest, np.add.reduce(largest, axis=_axes(kernel))


def _max_pool_vjp(g: Any, y: Any, x: Any, kernel: Shape, stride: Shape, padding: Pairs) -> Any:
    largest, count = _winners(y, x, kernel, stride, padding)
    shares = scale(_each_window((g / count).astype(g.dtype)), largest)
    return fold(shares, x.shape[2:], stride, padding, (1,) * len(kernel))


def _max_pool_jvp(t: Any, y: Any, x: Any, kernel: Shape, stride: Shape, padding: Pairs) -> Any:
    largest, count = _winners(y, x, kernel, stride, padding)
    return np.add.reduce(scale(_unfolded(t, kernel, stride, padding), largest), axis=_axes(kernel)) / count


def _gaps(x: Any, **_: Any) -> Any:
    return np.diff(np.sort(x.reshape((*x.shape[:2], -1)), axis=-1))


@op(
    internal=True,
    vjps=(_max_pool_vjp,),
    jvp=_max_pool_jvp,
    latex=r"\operatorname{maxpool}({0})",
    domain=Shapes("nci", "ncij", smallest=1, params=_poolings, kink=_gaps, analytic=False),
    convention="k ties in a window get 1/k each",
)
def max_pool(x: Any, kernel: Shape, stride: Shape, padding: Pairs) -> Any:
    """Largest element of every window of the images x (examples, channels, *space); `max_pool1d`, `max_pool2d`.

    k elements that tie in a window get 1/k of its cotangent each; an element of several windows adds up its shares.
    """
    return windows_of(padded(x, padding, -np.inf), kernel, stride, (1,) * len(kernel)).max(axis=_axes(kernel))


# --- the mean ---------------------------------------------------------------------------------------------------------


def _count(like: Any, size: Shape, kernel: Shape, stride: Shape, padding: Pairs, count_include_pad: bool) -> Any:
    """How many elements of each window the mean is over, in the dtype of `like`."""
    if count_include_pad:
        return like.dtype.type(np.prod(kernel))
    return np.add.reduce(_unfolded(np.ones((1, 1, *size), like.dtype), kernel, stride, padding), axis=_axes(kernel))


def _avg_pool_vjp(g: Any, y: Any, x: Any, kernel: Shape, stride: Shape, padding: Pairs, count_include_pad: bool) -> Any:
    part = _each_window(g / _count(g, x.shape[2:], kernel, stride, padding, count_include_pad))
    everywhere = broadcast_to(part, (*g.shape[:2], *kernel, *g.shape[2:]))
    return fold(everywhere, x.shape[2:], stride, padding, (1,) * len(kernel))


def _mean_poolings(shape: Shape) -> Parameters:
    return [{**params, "count_include_pad": include} for params in _poolings(shape) for include in (True, False)]


@op(
    internal=True,
    vjps=(_avg_pool_vjp,),
    jvp=LINEAR,
    latex=r"\operatorname{avgpool}({0})",
    domain=Shapes("nci", "ncij", smallest=1, params=_mean_poolings),
)
def avg_pool(x: Any, kernel: Shape, stride: Shape, padding: Pairs, count_include_pad: bool) -> Any:
    """Mean of every window of the images x (examples, channels, *space); `avg_pool1d`, `avg_pool2d`.

    VJP: the cotangent, divided by the count, to every element of the window.
    """
    totals = windows_of(padded(x, padding), kernel, stride, (1,) * len(kernel)).sum(axis=_axes(kernel))
    return totals / _count(totals, x.shape[2:], kernel, stride, padding, count_include_pad)


# --- as users call them -----------------------------------------------------------------------------------------------


def max_pool1d(x: Any, kernel: PerAxis, stride: PerAxis | None = None, padding: Padding = 0) -> Any:
    """Largest element of every window of sequences (examples, channels, length). Arguments as in `max_pool2d`."""
    return max_pool(x, **_pooling("max_pool1d", 1, x, kernel, stride, padding))


def max_pool2d(x: Any, kernel: PerAxis, stride: PerAxis | None = None, padding: Padding = 0) -> Any:
    """Largest element of every window of images (examples, channels, height, width).

    kernel, stride: a number, or one for each axis; the stride is the kernel if None, so that windows do not overlap.
    padding: as in `conv2d`, less than the kernel; the border is never the largest. Raises ShapeError, ArgumentError.
    """
    return max_pool(x, **_pooling("max_pool2d", 2, x, kernel, stride, padding))


def avg_pool1d(
    x: Any, kernel: PerAxis, stride: PerAxis | None = None, padding: Padding = 0, count_include_pad: bool = True
) -> Any:
    """Mean of every window of sequences (examples, channels, length). Arguments as in `avg_pool2d`."""
    params = _pooling("avg_pool1d", 1, x, kernel, stride, padding)
    return avg_pool(x, **params, count_include_pad=count_include_pad)


def avg_pool2d(
    x: Any, kernel: PerAxis, stride: PerAxis | None = None, padding: Padding = 0, count_include_pad: bool = True
) -> Any:
    """Mean of every window of images (examples, channels, height, width).

    Arguments as in `max_pool2d`. count_include_pad: whether the zeros of the border count as elements.
    """
    params = _pooling("avg_pool2d", 2, x, kernel, stride, padding)
    return avg_pool(x, **params, count_include_pad=count_include_pad)


def _pooling(
    name: str, space: int, x: Any, kernel: PerAxis, stride: PerAxis | None, padding: Padding
) -> dict[str, Any]:
    require_images(name, x, space)
    window = each_axis(name, "kernel", kernel, space)
    steps = window if stride is None else each_axis(name, "stride", stride, space)
    borders = pairs(name, padding, x.shape[2:], window, steps, (1,) * space)
    if any(max(border) >= k for border, k in zip(borders, window, strict=True)):
        raise ArgumentError(f"{name}: padding must be less than the kernel {window}; got {padding!r}.")
    return {"kernel": window, "stride": steps, "padding": borders}
