"""JAX's primitives that take elements of an array, or put some there: slices, gather and scatter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinygrad_bp import functions as tg
from tinygrad_bp.ops.indexing import scatter_add, taken_apart

Rule = Callable[..., Any]


def moved(x: Any, order: Sequence[int]) -> Any:
    """The axes in another order, if it is one."""
    return x if tuple(order) == tuple(range(np.ndim(x))) else tg.transpose(x, tuple(order))


def dynamic_slice(x: Any, *starts: Any, slice_sizes: Sequence[int], **_: Any) -> Any:
    """A part of x that starts at computed places, inside of x."""
    at = [min(max(int(s), 0), n - size) for s, n, size in zip(starts, np.shape(x), slice_sizes, strict=True)]
    return x[tuple([slice(start, start + size) for start, size in zip(at, slice_sizes, strict=True)])]


def dynamic_update(x: Any, update: Any, *starts: Any, **_: Any) -> Any:
    """x with such a part replaced."""
    at = [min(max(int(s), 0), n - size) for s, n, size in zip(starts, np.shape(x), np.shape(update), strict=True)]
    place: Any = tuple([slice(start, start + size) for start, size in zip(at, np.shape(update), strict=True)])
    return tg.index_update(x, place, update)


def gather(x: Any, indices: Any, dimension_numbers: Any, slice_sizes: Sequence[int], mode: Any = None, **_: Any) -> Any:
    """x[i, j, …] along the indexed axes, each in its place; slices that are parts of axes by the places of all."""
    d = dimension_numbers
    batching = tuple(d.operand_batching_dims)
    collapsed = {*d.collapsed_slice_dims, *batching}
    whole = [axis for axis in range(np.ndim(x)) if axis not in collapsed]
    if any(slice_sizes[axis] != np.shape(x)[axis] for axis in whole) or set(d.start_index_map) & set(whole):
        where = (d.offset_dims, d.start_index_map, batching, d.start_indices_batching_dims)
        return x[_places(np.shape(x), indices, slice_sizes, whole, *where, clipped="CLIP" in str(mode))]
    batch = np.shape(indices)[:-1]
    place: list[Any] = [slice(None)] * np.ndim(x)
    for k, axis in enumerate(d.start_index_map):
        place[axis] = indices[..., k]
    for axis, of in zip(batching, d.start_indices_batching_dims, strict=True):
        steps = [1] * len(batch)
        steps[of] = batch[of]
        place[axis] = np.broadcast_to(np.arange(batch[of]).reshape(steps), batch)
    order = [axis for axis in range(np.ndim(x)) if axis in collapsed] + whole
    taken = moved(x, tuple(order))[tuple([place[axis] for axis in order if axis in collapsed])]
    at_end = range(len(batch), len(batch) + len(whole))
    return tg.moveaxis(taken, tuple(at_end), tuple(d.offset_dims)) if whole else taken


def _places(
    shape: Sequence[int], indices: Any, sizes: Sequence[int], whole: Sequence[int], window: Sequence[int],
    mapped: Sequence[int], batching: Sequence[int], batched: Sequence[int], clipped: bool = False,
) -> tuple[Any, ...]:  # fmt: skip
    """For every axis the places of what a gather takes, in the axes of its result.

    whole: the axes that keep a part of `sizes`, on the axes `window` of the result; the other axes of the result are
    those of the indices, which name the first place on the axes `mapped`. `batching` axes go along with those of the
    indices, `batched`.
    """
    rank = len(window) + np.ndim(indices) - 1
    rest = [axis for axis in range(rank) if axis not in window]

    def along(place: Any, axes: Sequence[int]) -> Any:
        steps = [1] * rank
        for axis, n in zip(axes, np.shape(place), strict=True):
            steps[axis] = n
        return tg.reshape(place, tuple(steps))

    places: list[Any] = [np.zeros((1,) * rank, int) for _ in shape]
    for k, axis in enumerate(mapped):
        start = tg.astype(indices[..., k], np.int64)
        places[axis] = along(tg.clip(start, 0, shape[axis] - sizes[axis]) if clipped else start, rest)
    for axis, of in zip(batching, batched, strict=True):
        places[axis] = along(np.arange(shape[axis]), [rest[of]])
    for axis, at in zip(whole, window, strict=True):
        places[axis] = places[axis] + along(np.arange(sizes[axis]), [at])
    return tuple(places)


def scattered(adds: bool) -> Rule:
    """x with what a gather of the same numbers would take replaced, or added to."""

    def rule(x: Any, indices: Any, updates: Any, dimension_numbers: Any, mode: Any = None, **_: Any) -> Any:
        d, shape = dimension_numbers, np.shape(x)
        batching = tuple(d.operand_batching_dims)
        whole = [axis for axis in range(len(shape)) if axis not in {*d.inserted_window_dims, *batching}]
        sizes = [1] * len(shape)
        for axis, at in zip(whole, d.update_window_dims, strict=True):
            sizes[axis] = np.shape(updates)[at]
        where = (d.update_window_dims, d.scatter_dims_to_operand_dims, batching, d.scatter_indices_batching_dims)
        places = _places(shape, indices, sizes, whole, *where, clipped="CLIP" in str(mode))
        if not adds:
            return tg.index_update(x, places, updates)
        static, arrays = taken_apart(places)
        return x + scatter_add(updates, *arrays, index=static, shape=shape)

    return rule
