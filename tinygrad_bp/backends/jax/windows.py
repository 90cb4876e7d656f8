"""Windows over images in JAX: pooling, and convolution as XLA's own, found where programs multiply with windows.

Images are (examples, channels, *space), windows (channels, *kernel, *places, examples), as in the ops.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from math import prod
from typing import Any, NamedTuple

import numpy as np

from tinygrad_bp.backends.jax.library import Function, jax, jnp, lax
from tinygrad_bp.ops.pooling import combined

Shape = tuple[int, ...]
Pairs = tuple[tuple[int, int], ...]


@Function
def bordered(x: Any, padding: Pairs, fill: float) -> Any:
    """Images with a border of `fill`."""
    return jnp.pad(x, ((0, 0), (0, 0), *padding), constant_values=fill) if any(map(any, padding)) else x


@Function
def unfold(x: Any, kernel: Shape, stride: Shape, padding: Pairs, dilation: Shape) -> Any:
    """Every window of the images x."""
    images = jnp.moveaxis(bordered(x, padding, 0), 0, -1)
    each = _elements(images.shape[1:-1], kernel, stride, dilation)
    windows = jnp.stack([images[(slice(None), *at)] for at in each], axis=1)
    return windows.reshape((len(images), *kernel, *windows.shape[2:]))


@Function
def fold(x: Any, size: Shape, stride: Shape, padding: Pairs, dilation: Shape) -> Any:
    """Windows added up where they overlap: each element of the kernel as an image with zeros between its places."""
    space = len(size)
    kernel, places = x.shape[1 : 1 + space], x.shape[1 + space : -1]
    full = [n + low + high for n, (low, high) in zip(size, padding, strict=True)]
    total = jnp.zeros((len(x), *full, x.shape[-1]), x.dtype)
    for element in product(*map(range, kernel)):
        starts = [o * d for o, d in zip(element, dilation, strict=True)]
        spread = [
            (first, n - first - (p - 1) * s - 1, s - 1)
            for first, n, p, s in zip(starts, full, places, stride, strict=True)
        ]
        total += lax.pad(x[(slice(None), *element)], jnp.zeros((), x.dtype), [(0, 0, 0), *spread, (0, 0, 0)])
    inside = [slice(low, low + n) for n, (low, _) in zip(size, padding, strict=True)]
    return jnp.moveaxis(total[(slice(None), *inside)], -1, 0)


def _elements(size: Sequence[int], kernel: Shape, stride: Shape, dilation: Shape) -> list[tuple[slice, ...]]:
    axes = [
        [slice(o * d, n - d * (k - 1 - o), s) for o in range(k)]
        for n, k, s, d in zip(size, kernel, stride, dilation, strict=True)
    ]
    return list(product(*axes))


# --- convolution ------------------------------------------------------------------------------------------------------


class _Kind(NamedTuple):
    """A convolution: channels is the number of those of an image, groups of the parts that they fall into."""

    channels: int
    groups: int
    kernel: Shape
    stride: Shape
    padding: Pairs
    dilation: Shape

    def images_and_rows(self, x: Any, rows: Any) -> Any:
        """rows (groups, filters/groups, channels/groups·kernel) times the windows of x: (groups, filters/groups, …)."""
        filters = rows.reshape((-1, self.channels // self.groups, *self.kernel))
        letters = "DHW"[3 - len(self.kernel) :]
        y = lax.conv_general_dilated(  # channels last, which XLA prefers on a processor
            jnp.moveaxis(x, 1, -1), filters, self.stride, self.padding, rhs_dilation=self.dilation,
            dimension_numbers=(f"N{letters}C", f"OI{letters}", f"N{letters}C"), feature_group_count=self.groups,
        )  # fmt: skip
        return jnp.swapaxes(y, 0, -1).reshape((self.groups, rows.shape[1], -1))


@Function
def rows_times_windows(rows: Any, x: Any, **kind: Any) -> Any:
    """rows @ unfold(x)."""
    return _Kind(x.shape[1], len(rows), **kind).images_and_rows(x, rows)


@Function
def times_windows_turned(g: Any, x: Any, **kind: Any) -> Any:
    """g @ unfold(x)ᵀ: what `rows_times_windows` gives back to its rows."""
    whole = _Kind(x.shape[1], len(g), **kind)
    width = x.shape[1] // len(g) * prod(whole.kernel)
    rows = jax.ShapeDtypeStruct((*g.shape[:2], width), g.dtype)
    return _transposed(lambda r: whole.images_and_rows(x, r), rows)(g)


@Function
def folded(turned: Any, g: Any, channels: int, examples: int, size: Shape, **kind: Any) -> Any:
    """fold(turned @ g): what `rows_times_windows` gives back to its images, turned being its rows, transposed."""
    whole = _Kind(channels, len(turned), **kind)
    images = jax.ShapeDtypeStruct((examples, channels, *size), g.dtype)
    return _transposed(lambda x: whole.images_and_rows(x, jnp.swapaxes(turned, -1, -2)), images)(g)


def _transposed(f: Callable[[Any], Any], x: Any) -> Callable[[Any], Any]:
    """The transpose of a linear function of arrays like x."""
    back = jax.linear_transpose(f, x)
    return lambda g: back(g)[0]


# --- pooling ----------------------------------------------------------------------------------------------------------


@Function
def max_pool(x: Any, kernel: Shape, stride: Shape, padding: Pairs) -> Any:
    """Largest element of every window."""
    if _tiles(x, kernel, stride, padding):
        return jnp.moveaxis(jnp.max(_tiled(x, kernel), axis=_within(kernel)), -1, 1)
    return combined(jnp.maximum, bordered(x, padding, -np.inf), kernel, stride)


@Function
def sums(x: Any, kernel: Shape, stride: Shape, padding: Pairs) -> Any:
    """Sums over windows, of integers in float64 and of float16 in float32."""
    wide = np.result_type(x.dtype, np.float64 if x.dtype.kind in "biu" else np.float32)
    return combined(jnp.add, bordered(x, padding, 0).astype(wide), kernel, stride)


def _tiles(x: Any, kernel: Shape, stride: Shape, padding: Pairs) -> bool:
    """Whether windows lie side by side and cover the images."""
    whole = not any(n % k for n, k in zip(x.shape[2:], kernel, strict=True))
    return whole and kernel == stride and not any(map(any, padding))


def _tiled(x: Any, kernel: Shape) -> Any:
    """Images, channels last, with two axes for each of space: the window, and the place in it."""
    parts = [part for n, k in zip(x.shape[2:], kernel, strict=True) for part in (n // k, k)]
    return jnp.moveaxis(x, 1, -1).reshape((len(x), *parts, x.shape[1]))


def _within(kernel: Shape) -> Shape:
    return tuple(range(2, 2 + 2 * len(kernel), 2))


def _largest(x: Any, y: Any, kernel: Shape, stride: Shape, padding: Pairs, dtype: Any) -> tuple[Any, list[Any], Any]:
    """For each element of the kernel its place, and 1 for the windows in which it is the largest; how many are."""
    x = bordered(x, padding, np.nan)
    places = [(..., *at) for at in _elements(x.shape[2:], kernel, stride, (1,) * len(kernel))]
    chosen = [(x[at] == y).astype(dtype) for at in places]
    return places, chosen, sum(chosen[1:], chosen[0])


@Function
def shared_by_largest(g: Any, x: Any, y: Any, kernel: Shape, stride: Shape, padding: Pairs) -> Any:
    """g, each element to the largest of its window of x, in equal shares if several tie."""
    dtype = np.result_type(g.dtype, np.float32)
    if _tiles(x, kernel, stride, padding):
        within = _within(kernel)
        chosen = (_tiled(x, kernel) == jnp.expand_dims(jnp.moveaxis(y, 1, -1), within)).astype(dtype)
        share = jnp.expand_dims(jnp.moveaxis(g, 1, -1), within) / jnp.sum(chosen, axis=within, keepdims=True)
        return jnp.moveaxis((share * chosen).astype(g.dtype).reshape((len(x), *x.shape[2:], -1)), -1, 1)
    _, each, count = _largest(x, y, kernel, stride, padding, dtype)
    windows = jnp.stack([g / count * c for c in each]).astype(g.dtype)
    windows = jnp.moveaxis(windows.reshape((*kernel, *g.shape)), (len(kernel), len(kernel) + 1), (-1, 0))
    return fold(windows, x.shape[2:], stride, padding, (1,) * len(kernel))


@Function
def mean_of_largest(t: Any, x: Any, y: Any, kernel: Shape, stride: Shape, padding: Pairs) -> Any:
    """The elements of t at the largest of every window of x, the mean of those that tie."""
    dtype = np.result_type(t.dtype, np.float32)
    places, chosen, count = _largest(x, y, kernel, stride, padding, dtype)
    candidates = bordered(t, padding, 0).astype(dtype)
    return (sum([candidates[at] * c for at, c in zip(places, chosen, strict=True)]) / count).astype(t.dtype)
