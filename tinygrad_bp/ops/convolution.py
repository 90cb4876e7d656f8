"""Convolution over one and two axes of space, in the sense of neural networks: the kernel is not reversed.

It is a matrix product: every window of the image is a column, every filter a row.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from tinygrad_bp.calls import guarded
from tinygrad_bp.domains import Parameters, Shape, Shapes
from tinygrad_bp.errors import ArgumentError, ShapeError, describe
from tinygrad_bp.ops.geometry import Padding, PerAxis, each_axis, pairs, require_images
from tinygrad_bp.ops.windows import Pairs, examples_first, examples_last, fold, unfold
from tinygrad_bp.registry import MULTILINEAR, op
from tinygrad_bp.traits import PRODUCT


def _rows(w: Any, groups: int) -> Any:
    """Filters as matrices, one for each group: (groups, filters, elements of a window)."""
    return w.reshape((groups, w.shape[0] // groups, prod(w.shape[1:])))


def _grouped(v: Any, groups: int, space: int) -> Any:
    """Windows, or filtered images, as matrices: (groups, elements of a window or filters, places of all examples)."""
    split = v.ndim - space - 1
    return v.reshape((groups, prod(v.shape[:split]) // groups, prod(v.shape[split:])))


def _to_image(g: Any, y: Any, x: Any, w: Any, stride: Shape, padding: Pairs, dilation: Shape, groups: int) -> Any:
    columns = _rows(w, groups).swapaxes(-1, -2) @ _grouped(examples_last(g), groups, len(stride))
    windows = columns.reshape((x.shape[1], *w.shape[2:], *g.shape[2:], x.shape[0]))
    return fold(windows, x.shape[2:], stride, padding, dilation)


def _to_filters(g: Any, y: Any, x: Any, w: Any, stride: Shape, padding: Pairs, dilation: Shape, groups: int) -> Any:
    columns = _grouped(unfold(x, w.shape[2:], stride, padding, dilation), groups, len(stride))
    return (_grouped(examples_last(g), groups, len(stride)) @ columns.swapaxes(-1, -2)).reshape(w.shape)


def _convolutions(x: Shape, w: Shape) -> Parameters:
    space = len(x) - 2
    fitting = tuple([(k - 1, k - 1) for k in w[2:]])
    plain = {"stride": (1,) * space, "padding": fitting, "dilation": (1,) * space, "groups": 1}
    wide = {"stride": (2,) * space, "padding": ((3, 4),) * space, "dilation": (2,) * space, "groups": 2}
    return [plain, wide]


def _in_groups(x: Any, w: Any, groups: int, **_: Any) -> tuple[Any, Any]:
    return np.concatenate([x] * groups, axis=1), np.concatenate([w] * groups, axis=0)


@op(
    internal=True,
    vjps=(_to_image, _to_filters),
    jvp=MULTILINEAR,
    latex=r"{0} * {1}",
    domain=Shapes("nci,oca", "ncij,ocab", smallest=1, params=_convolutions, prepare=_in_groups),
    traits=PRODUCT,
)
def convolution(x: Any, w: Any, stride: Shape, padding: Pairs, dilation: Shape, groups: int) -> Any:
    """Images (examples, channels, *space) with filters (filters, channels/groups, *kernel); `conv1d`, `conv2d`.

    Linear in both. VJPs: for x the windows wᵀ·g folded together, for w the product of g with the windows of x.
    """
    windows = unfold(x, w.shape[2:], stride, padding, dilation)
    y = _rows(w, groups) @ _grouped(windows, groups, len(stride))
    return examples_first(y.reshape((w.shape[0], *windows.shape[-1 - len(stride) :])))


@guarded
def conv1d(x: Any, w: Any, stride: PerAxis = 1, padding: Padding = 0, dilation: PerAxis = 1, groups: int = 1) -> Any:
    """Sequences x (examples, channels, length) with filters w (filters, channels/groups, width).

    Arguments as in `conv2d`. The result is (examples, filters, places).
    """
    return _convolved("conv1d", 1, x, w, stride, padding, dilation, groups)


@guarded
def conv2d(x: Any, w: Any, stride: PerAxis = 1, padding: Padding = 0, dilation: PerAxis = 1, groups: int = 1) -> Any:
    """Images x (examples, channels, height, width) with filters w (filters, channels/groups, height, width).

    y[n, o, i, j] = Σ w[o, c, u, v]·x[n, c, stride·i + dilation·u, stride·j + dilation·v] over c, u, v. The result is
    (examples, filters, *places); a bias is added: conv2d(x, w) + b[:, None, None].

    stride, dilation: a number, or one for each axis. padding: zeros around the image, a number, one for each axis, a
    (before, after) for each axis, "valid" for none, or "same" for ⌈n/stride⌉ places. groups: how many parts the
    channels fall into; each filter sees one. Raises ShapeError and ArgumentError.
    """
    return _convolved("conv2d", 2, x, w, stride, padding, dilation, groups)


def _convolved(
    name: str, space: int, x: Any, w: Any, stride: PerAxis, padding: Padding, dilation: PerAxis, groups: int
) -> Any:
    require_images(name, x, space)
    _require_filters(name, x, w, groups)
    steps, holes = each_axis(name, "stride", stride, space), each_axis(name, "dilation", dilation, space)
    borders = pairs(name, padding, x.shape[2:], w.shape[2:], steps, holes)
    return convolution(x, w, stride=steps, padding=borders, dilation=holes, groups=groups)


def _require_filters(name: str, x: Any, w: Any, groups: int) -> None:
    channels = x.shape[1]
    if not isinstance(groups, int) or groups < 1 or channels % groups:
        raise ArgumentError(f"{name}: groups must divide the {channels} channels of {describe(x)}; got {groups!r}.")
    if w.ndim != x.ndim or w.shape[1] != channels // groups or w.shape[0] % groups or 0 in w.shape[2:]:
        kernel = ", ".join(["kernel"] * (x.ndim - 2))
        raise ShapeError(
            f"{name}: {describe(x)} with groups={groups} needs filters "
            f"(a multiple of {groups}, {channels // groups}, {kernel}); got {describe(w)}."
        )
