"""Pooling: the largest element, or the mean, of every window of an image."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_bp.calls import guarded
from tinygrad_bp.domains import Parameters, Shape, Shapes
from tinygrad_bp.errors import ArgumentError
from tinygrad_bp.ops.geometry import Padding, PerAxis, each_axis, pairs, require_images
from tinygrad_bp.ops.shaping import broadcast_to
from tinygrad_bp.ops.windows import Pairs, elements, examples_last, fold, inside, padded, with_border
from tinygrad_bp.registry import LINEAR, op, recordable


def combined(combine: Any, x: Any, kernel: Shape, stride: Shape) -> Any:
    """The elements of every window of x put together by a function of two, one axis of space after the other."""
    for axis, (k, step) in enumerate(zip(kernel, stride, strict=True), 2):
        past, end = (slice(None),) * axis, x.shape[axis] - k + 1
        y = x[(*past, slice(0, end, step))]
        for i in range(1, k):
            y = combine(y, x[(*past, slice(i, end + i, step))])
        x = y
    return x


def _poolings(shape: Shape, *_: Shape) -> list[dict[str, Any]]:
    space = len(shape) - 2
    return [
        {"kernel": (k,) * space, "stride": (s,) * space, "padding": (p,) * space}
        for k, s, p in ((1, 1, (0, 0)), (2, 1, (1, 1)), (3, 2, (1, 2)), (2, 2, (0, 1)))
    ]


# --- the largest ------------------------------------------------------------------------------------------------------


def _gaps(*inputs: Any, **_: Any) -> Any:
    x = inputs[1] if len(inputs) == 3 else inputs[0]
    return np.diff(np.sort(x.reshape((*x.shape[:2], -1)), axis=-1))


def _pooled(g: Any, x: Any, y: Any, **params: Any) -> tuple[Any, Any, Any]:
    largest = max_pool(x, **params)
    return np.resize(g, largest.shape), x, largest


def _with_largest(t: Any, x: Any, y: Any, **params: Any) -> tuple[Any, Any, Any]:
    return t, x, max_pool(x, **params)


def _largest(x: Any, y: Any, kernel: Shape, stride: Shape, padding: Pairs, dtype: Any) -> tuple[Any, Any]:
    """For each element of the kernel, its index and 1 for the windows in which it is the largest; how many are."""
    x = padded(x, padding, np.nan)  # the border equals nothing
    indices = [(..., *at) for at in elements(x.shape[2:], kernel, stride, (1,) * len(kernel))]
    # Numbers rather than truths: those NumPy would turn into numbers for every product.
    largest = [(at, np.equal(x[at], y, out=np.empty_like(y, dtype))) for at in indices]
    count = largest[0][1].copy("K")
    for _, chosen in largest[1:]:
        count += chosen
    return largest, count


@op(
    internal=True,
    vjps=(lambda c, s, g, x, y, kernel, stride, padding: mean_of_largest(c, x, y, kernel, stride, padding), None, None),
    jvp=(
        lambda t, s, g, x, y, kernel, stride, padding: shared_by_largest(t, x, y, kernel, stride, padding),
        None,
        None,
    ),
    latex=r"\operatorname{maxpool}'({1})^\top[{0}]",
    domain=Shapes(
        "nci,nci,nci", "ncij,ncij,ncij", smallest=1, params=_poolings, prepare=_pooled, kink=_gaps, analytic=False
    ),
    convention="k ties in a window get 1/k each",
    whole=True,
)
def shared_by_largest(g: Any, x: Any, y: Any, kernel: Shape, stride: Shape, padding: Pairs) -> Any:
    """g (examples, channels, *places), each element to the largest of its window of x, in equal shares if k tie.

    y: what `max_pool` makes of x, whose derivative this is, backwards; VJP for g: `mean_of_largest`.
    """
    largest, count = _largest(x, y, kernel, stride, padding, np.result_type(g, np.float32))
    # In memory as x, whatever the order of g: arrays of unlike order take several times as long together.
    share = np.divide(g, count, out=count)
    size = with_border(x.shape[2:], padding)
    apart = all(step >= k for k, step in zip(kernel, stride, strict=True))
    everywhere = kernel == stride and not any(n % k for n, k in zip(size, kernel, strict=True))
    make: Any = np.empty_like if everywhere else np.zeros_like
    z = make(x, g.dtype, shape=(*x.shape[:2], *size))
    for at, chosen in largest:
        if apart:  # nothing to add to, in half the time
            np.multiply(share, chosen, out=z[at], casting="same_kind")
        else:
            z[at] += share * chosen
    return z[inside(x.shape[2:], padding)]


@op(
    internal=True,
    vjps=(
        lambda g, z, t, x, y, kernel, stride, padding: shared_by_largest(g, x, y, kernel, stride, padding),
        None,
        None,
    ),
    jvp=(lambda c, z, t, x, y, kernel, stride, padding: mean_of_largest(c, x, y, kernel, stride, padding), None, None),
    latex=r"\operatorname{maxpool}'({1})[{0}]",
    domain=Shapes(
        "nci,nci,nci", "ncij,ncij,ncij", smallest=1, params=_poolings, prepare=_with_largest, kink=_gaps, analytic=False
    ),
    convention="the mean of k that tie",
    whole=True,
)
def mean_of_largest(t: Any, x: Any, y: Any, kernel: Shape, stride: Shape, padding: Pairs) -> Any:
    """The elements of t (examples, channels, *space) at the largest of every window of x, the mean of k that tie.

    y: what `max_pool` makes of x, whose derivative along t this is; VJP for t: `shared_by_largest`.
    """
    dtype = np.result_type(t, np.float32)
    largest, count = _largest(x, y, kernel, stride, padding, dtype)
    candidates = padded(t, padding).astype(dtype, copy=False)
    return (sum([candidates[at] * chosen for at, chosen in largest]) / count).astype(t.dtype)


@op(
    internal=True,
    vjps=(lambda g, y, x, kernel, stride, padding: shared_by_largest(g, x, y, kernel, stride, padding),),
    jvp=lambda t, y, x, kernel, stride, padding: mean_of_largest(t, x, y, kernel, stride, padding),
    latex=r"\operatorname{maxpool}({0})",
    domain=Shapes("nci", "ncij", smallest=1, params=_poolings, kink=_gaps, analytic=False),
    convention="k ties in a window get 1/k each",
    whole=True,
)
def max_pool(x: Any, kernel: Shape, stride: Shape, padding: Pairs) -> Any:
    """Largest element of every window of the images x (examples, channels, *space); `max_pool1d`, `max_pool2d`.

    k elements that tie in a window get 1/k of its cotangent each; an element of several windows adds up its shares.
    """
    return combined(np.maximum, padded(x, padding, _lowest(x.dtype)), kernel, stride)


def _lowest(dtype: Any) -> float:
    """What is never the largest."""
    if dtype.kind in "iu":
        return int(np.iinfo(dtype).min)
    return -np.inf if dtype.kind != "b" else 0


# --- the mean ---------------------------------------------------------------------------------------------------------


@recordable
def window_sums(x: Any, kernel: Shape, stride: Shape, padding: Pairs) -> Any:
    """Sums over windows, of integers in float64 and of float16 in float32, as it takes many to make a mean."""
    wide = np.result_type(x, np.float64 if x.dtype.kind in "biu" else np.float32)
    return combined(np.add, padded(x, padding).astype(wide, copy=False), kernel, stride)


def _count(like: Any, size: Shape, kernel: Shape, stride: Shape, padding: Pairs, count_include_pad: bool) -> Any:
    """How many elements of each window the mean is over, in the dtype of `like`."""
    if count_include_pad:
        return like.dtype.type(np.prod(kernel))
    return window_sums(np.ones((1, 1, *size), like.dtype), kernel, stride, padding)


def _avg_pool_vjp(g: Any, y: Any, x: Any, kernel: Shape, stride: Shape, padding: Pairs, count_include_pad: bool) -> Any:
    part = examples_last(g / _count(g, x.shape[2:], kernel, stride, padding, count_include_pad))
    channels, *rest = part.shape
    each = part.reshape((channels, *[1] * len(kernel), *rest))
    return fold(broadcast_to(each, (channels, *kernel, *rest)), x.shape[2:], stride, padding, (1,) * len(kernel))


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
    totals = window_sums(x, kernel, stride, padding)
    y = totals / _count(totals, x.shape[2:], kernel, stride, padding, count_include_pad)
    return y.astype(x.dtype) if x.dtype == np.float16 else y


# --- as users call them -----------------------------------------------------------------------------------------------


@guarded
def max_pool1d(x: Any, kernel: PerAxis, stride: PerAxis | None = None, padding: Padding = 0) -> Any:
    """Largest element of every window of sequences (examples, channels, length). Arguments as in `max_pool2d`."""
    return max_pool(x, **_pooling("max_pool1d", 1, x, kernel, stride, padding))


@guarded
def max_pool2d(x: Any, kernel: PerAxis, stride: PerAxis | None = None, padding: Padding = 0) -> Any:
    """Largest element of every window of images (examples, channels, height, width).

    kernel, stride: a number, or one for each axis; the stride is the kernel if None, so that windows do not overlap.
    padding: as in `conv2d`, less than the kernel; the border is never the largest. Raises ShapeError, ArgumentError.
    """
    return max_pool(x, **_pooling("max_pool2d", 2, x, kernel, stride, padding))


@guarded
def avg_pool1d(
    x: Any, kernel: PerAxis, stride: PerAxis | None = None, padding: Padding = 0, count_include_pad: bool = True
) -> Any:
    """Mean of every window of sequences (examples, channels, length). Arguments as in `avg_pool2d`."""
    params = _pooling("avg_pool1d", 1, x, kernel, stride, padding)
    return avg_pool(x, **params, count_include_pad=count_include_pad)


@guarded
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
