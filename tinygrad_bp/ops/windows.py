"""Sliding windows over images, and their transpose: what convolution and pooling are made of.

Images are (examples, channels, *space), windows (channels, *kernel, *places, examples): the windows of all examples are
the columns of one matrix, and with the examples last whatever is copied or added lies together in memory. Results stay
so in memory, as views with the examples first, so that one op hands them to the next without a copy. `kernel`, `stride`
and `dilation` have an entry for each axis of space, `padding` a pair: the zeros before and the zeros after.
"""

from __future__ import annotations

from itertools import product
from math import prod
from typing import Any

import numpy as np

from tinygrad_bp.domains import Parameters, Shape, Shapes
from tinygrad_bp.registry import LINEAR, op, recordable

Pairs = tuple[tuple[int, int], ...]


def inside(size: Shape, padding: Pairs) -> tuple[Any, ...]:
    """The index of the images of `size` within the padded ones."""
    return (..., *[slice(low, low + n) for n, (low, _) in zip(size, padding, strict=True)])


def examples_last(x: Any) -> Any:
    """A view of (examples, …) as (…, examples)."""
    return x.transpose((*range(1, x.ndim), 0))


def examples_first(x: Any) -> Any:
    """A view of (…, examples) as (examples, …)."""
    return x.transpose((x.ndim - 1, *range(x.ndim - 1)))


def padded(x: Any, padding: Pairs, fill: float = 0.0) -> Any:
    """The images of x with a border of `fill`, if there is any, in the order of x in memory."""
    return bordered(x, padding, fill) if any(map(any, padding)) else x


@recordable
def bordered(x: Any, padding: Pairs, fill: float) -> Any:
    """The images of x with a border of `fill`, in the order of x in memory."""
    size = x.shape[2:]
    y = np.full_like(x, fill, shape=(*x.shape[:2], *with_border(size, padding)))
    y[inside(size, padding)] = x
    return y


def with_border(size: Shape, padding: Pairs) -> Shape:
    """The size of images of `size` with their border."""
    return tuple([n + low + high for n, (low, high) in zip(size, padding, strict=True)])


def elements(size: Shape, kernel: Shape, stride: Shape, dilation: Shape) -> list[tuple[slice, ...]]:
    """For each element of the kernel, where images of `size` have that element of every window."""
    axes = [
        [slice(o * d, n - d * (k - 1 - o), s) for o in range(k)]
        for n, k, s, d in zip(size, kernel, stride, dilation, strict=True)
    ]
    return list(product(*axes))


def within(size: int, windows: int, stride: int, first: int) -> tuple[slice, slice]:
    """Where an axis of `size` has an element of the windows, and which of them have it there, not on the border.

    first: where the first window has it, below 0 on the border before.
    """
    begin = max(0, -(first // stride))
    count = max(0, min(windows, (size - 1 - first) // stride + 1) - begin)
    at = first + begin * stride
    return slice(at, at + count * stride, stride), slice(begin, begin + count)


def _unfoldings(shape: Shape) -> Parameters:
    space = len(shape) - 2
    plain = {"stride": (1,) * space, "padding": ((0, 0),) * space, "dilation": (1,) * space}
    wide = {"stride": (2,) * space, "padding": ((1, 2),) * space, "dilation": (2,) * space}
    return [{"kernel": (1,) * space, **plain}, {"kernel": (2,) * space, **wide}]


@op(
    internal=True,
    vjps=(lambda g, y, x, kernel, stride, padding, dilation: fold(g, x.shape[2:], stride, padding, dilation),),
    jvp=LINEAR,
    latex=r"\operatorname{unfold}({0})",
    domain=Shapes("nci", "ncij", smallest=1, params=_unfoldings),
    whole=True,
)
def unfold(x: Any, kernel: Shape, stride: Shape, padding: Pairs, dilation: Shape) -> Any:
    """Every window of the images x: (channels, *kernel, *places, examples). VJP: `fold`."""
    images = np.ascontiguousarray(examples_last(padded(x, padding)))
    each = elements(images.shape[1:-1], kernel, stride, dilation)
    shape = images[(slice(None), *each[0])].shape[1:]
    length = prod(shape)
    # Rows a power of two apart share few lines of the cache: reading them together, BLAS takes a third longer.
    gap = 0 if length % 1024 else 16
    rows = np.empty((len(images), len(each), length + gap), x.dtype)[..., :length]
    windows = rows.reshape((*rows.shape[:2], *shape))
    for i, at in enumerate(each):
        windows[:, i] = images[(slice(None), *at)]
    return windows.reshape((len(images), *kernel, *shape))


def _foldings(shape: Shape) -> Parameters:
    space = len(shape) // 2 - 1
    kernel, places = shape[1 : 1 + space], shape[1 + space : -1]
    return [
        {
            "size": tuple([step * (n + k - 2) + 1 for n, k in zip(places, kernel, strict=True)]),
            "stride": (step,) * space,
            "padding": ((low, 0),) * space,
            "dilation": (step,) * space,
        }
        for step, low in ((1, 0), (2, 1))
    ]


@op(
    internal=True,
    vjps=(
        lambda g, y, x, size, stride, padding, dilation: unfold(
            g, x.shape[1 : 1 + len(size)], stride, padding, dilation
        ),
    ),
    jvp=LINEAR,
    latex=r"\operatorname{fold}({0})",
    domain=Shapes("ckin", "ckkiin", smallest=1, params=_foldings),
    whole=True,
)
def fold(x: Any, size: Shape, stride: Shape, padding: Pairs, dilation: Shape) -> Any:
    """Windows (channels, *kernel, *places, examples) added up where they overlap: images of `size`. VJP: `unfold`."""
    kernel, places = x.shape[1 : 1 + len(size)], x.shape[1 + len(size) : -1]
    images = np.zeros((len(x), *size, x.shape[-1]), x.dtype)
    axes = [
        [within(n, m, step, o * d - low) for o in range(k)]
        for n, m, step, (low, _), d, k in zip(size, places, stride, padding, dilation, kernel, strict=True)
    ]
    for element, each in zip(product(*map(range, kernel)), product(*axes), strict=True):
        at, windows = zip(*each, strict=True)
        images[(slice(None), *at)] += x[(slice(None), *element, *windows)]
    return examples_first(images)
