"""Sliding windows over images, and their transpose: what convolution and pooling are made of.

Images are (examples, channels, *space). `kernel`, `stride` and `dilation` have an entry for each axis of space,
`padding` a pair: the zeros before and the zeros after.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np

from tinygrad_bp.domains import Parameters, Shape, Shapes
from tinygrad_bp.registry import LINEAR, op, recordable

Pairs = tuple[tuple[int, int], ...]


def inside(size: Shape, padding: Pairs) -> tuple[Any, ...]:
    """The index of the images of `size` within the padded ones."""
    return (..., *[slice(low, low + n) for n, (low, _) in zip(size, padding, strict=True)])


def padded(x: Any, padding: Pairs, fill: float = 0.0) -> Any:
    """The images of x with a border of `fill`, if there is any."""
    return bordered(x, padding, fill) if any(map(any, padding)) else x


@recordable
def bordered(x: Any, padding: Pairs, fill: float) -> Any:
    """The images of x with a border of `fill`."""
    size = x.shape[2:]
    y = np.full((*x.shape[:2], *[n + low + high for n, (low, high) in zip(size, padding, strict=True)]), fill, x.dtype)
    y[inside(size, padding)] = x
    return y


def windows_of(x: Any, kernel: Shape, stride: Shape, dilation: Shape) -> Any:
    """A view of every window of x: (examples, channels, *kernel, *places)."""
    space = x.ndim - 2
    extent = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    view = np.lib.stride_tricks.sliding_window_view(x, extent, axis=tuple(range(2, x.ndim)))
    steps: Any = [slice(None, None, step) for step in (*stride, *dilation)]
    view = view[(..., *steps)]
    return view.transpose(0, 1, *range(2 + space, 2 + 2 * space), *range(2, 2 + space))


def _unfoldings(shape: Shape) -> Parameters:
    space = len(shape) - 2
    plain = {"stride": (1,) * space, "padding": ((0, 0),) * space, "dilation": (1,) * space}
    wide = {"stride": (2,) * space, "padding": ((1, 2),) * space, "dilation": (2,) * space}
    return [{"kernel": (1,) * space, **plain}, {"kernel": (2,) * space, **wide}]


@op(
    vjps=(lambda g, y, x, kernel, stride, padding, dilation: fold(g, x.shape[2:], stride, padding, dilation),),
    jvp=LINEAR,
    latex=r"\operatorname{unfold}({0})",
    domain=Shapes("nci", "ncij", smallest=1, params=_unfoldings),
    whole=True,
)
def unfold(x: Any, kernel: Shape, stride: Shape, padding: Pairs, dilation: Shape) -> Any:
    """Every window of the images x: (examples, channels, *kernel, *places). VJP: `fold`."""
    return windows_of(padded(x, padding), kernel, stride, dilation)


def _foldings(shape: Shape) -> Parameters:
    space = len(shape) // 2 - 1
    kernel, places = shape[2 : 2 + space], shape[2 + space :]
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
    vjps=(
        lambda g, y, x, size, stride, padding, dilation: unfold(
            g, x.shape[2 : 2 + len(size)], stride, padding, dilation
        ),
    ),
    jvp=LINEAR,
    latex=r"\operatorname{fold}({0})",
    domain=Shapes("ncki", "nckkii", smallest=1, params=_foldings),
    whole=True,
)
def fold(x: Any, size: Shape, stride: Shape, padding: Pairs, dilation: Shape) -> Any:
    """Windows (examples, channels, *kernel, *places) added up where they overlap: images of `size`. VJP: `unfold`."""
    kernel, places = x.shape[2 : 2 + len(size)], x.shape[2 + len(size) :]
    y = np.zeros((*x.shape[:2], *[n + low + high for n, (low, high) in zip(size, padding, strict=True)]), x.dtype)
    for offset in product(*map(range, kernel)):
        steps = zip(offset, places, stride, dilation, strict=True)
        reached: Any = [slice(o * d, o * d + s * (n - 1) + 1, s) for o, n, s, d in steps]
        y[(..., *reached)] += x[(slice(None), slice(None), *offset)]
    return y[inside(size, padding)]
