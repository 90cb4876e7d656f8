"""Arrays put together and taken apart along an axis."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from operator import index
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from tinygrad_bp.annotations import Array
from tinygrad_bp.calls import guarded
from tinygrad_bp.domains import Parameters, Shape, Shapes
from tinygrad_bp.errors import ArgumentError, ShapeError, describe
from tinygrad_bp.ops.linear_algebra import operand
from tinygrad_bp.ops.shaping import (
    atleast_1d,
    atleast_2d,
    atleast_3d,
    broadcast_to,
    moveaxis,
    ravel,
    reshape,
    transpose,
)
from tinygrad_bp.ops.sizes import require_parts, require_size
from tinygrad_bp.registry import LINEAR, Each, op


def called(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The name a record goes by when the function users call takes its operands in a sequence, as NumPy's does."""

    def rename(forward: Callable[..., Any]) -> Callable[..., Any]:
        forward.__name__ = name
        return forward

    return rename


def _part(i: int, axis: int, ends: Shape) -> tuple[Any, ...]:
    return (*[slice(None)] * axis, slice(ends[i - 1] if i else 0, ends[i]))


def _ends(arrays: Iterable[Any], axis: int) -> Shape:
    """Where each array ends in the joined one."""
    return tuple(np.cumsum([np.shape(a)[axis] for a in arrays]).tolist())


def _joins(*shapes: Shape) -> Parameters:
    zeros = [np.zeros(shape) for shape in shapes]
    fitting = [a for a in range(len(shapes[0])) if all(_but(s, a) == _but(shapes[0], a) for s in shapes)]
    return [{"axis": a, "ends": _ends(zeros, a)} for a in fitting]


def _but(shape: Shape, axis: int) -> Shape:
    return shape[:axis] + shape[axis + 1 :]


@op(
    vjps=Each(lambda i, g, y, *arrays, axis, ends: g[_part(i, axis, ends)]),
    jvp=LINEAR,
    latex=r"[{0}, {1}]",
    domain=Shapes("i", "ij", "ijk", "i,j", "ij,kj", "ij,ik", "i,j,k", "ij,ik,ij", params=_joins),
)
@called("concatenate")
def _concatenate(*arrays: Any, axis: int, ends: Shape) -> Any:
    """Arrays one after the other along `axis`, where they end at `ends`. VJP: to each its part of the cotangent."""
    return np.concatenate(arrays, axis=axis)


@guarded
def concatenate(arrays: Sequence[Any], axis: int | None = 0) -> Any:
    """Arrays one after the other along `axis`, along which alone their shapes may differ; flattened first if None.

    VJP: to each array its part of the cotangent.
    """
    arrays = [ravel(a) if axis is None else operand(a) for a in arrays]
    shapes = list(map(np.shape, arrays))
    if not arrays or not shapes[0]:
        raise ShapeError("concatenate needs at least one array, and arrays with an axis. Use stack for numbers.")
    axis = normalize_axis_index(axis or 0, len(shapes[0]))
    if any(len(s) != len(shapes[0]) or _but(s, axis) != _but(shapes[0], axis) for s in shapes):
        raise ShapeError(
            f"concatenate: shapes may differ only along axis {axis}; got {', '.join(map(describe, arrays))}. "
            "Reshape or transpose them, or name another axis."
        )
    return _concatenate(*arrays, axis=axis, ends=_ends(arrays, axis))


@op(
    vjps=Each(lambda i, g, y, *arrays, axis: g[(*[slice(None)] * axis, i)]),
    jvp=LINEAR,
    latex=r"[{0}, {1}]",
    domain=Shapes("", "i", "ij", params=lambda *shapes: [{"axis": a} for a in range(len(shapes[0]) + 1)]),
)
@called("stack")
def _stack(*arrays: Any, axis: int) -> Any:
    """Arrays of one shape along a new axis. VJP: to each its part of the cotangent."""
    return np.stack(arrays, axis=axis)


@guarded
def stack(arrays: Sequence[Any], axis: int = 0) -> Any:
    """Arrays of one shape, joined along a new axis that is `axis` of the result. VJP: to each its part."""
    arrays = [operand(a) for a in arrays]
    if not arrays or any(a.shape != arrays[0].shape for a in arrays):
        raise ShapeError(f"stack needs arrays of one shape; got {', '.join(map(describe, arrays)) or 'none'}.")
    return _stack(*arrays, axis=normalize_axis_index(axis, arrays[0].ndim + 1))


@guarded
def vstack(tup: Sequence[Any]) -> Any:
    """Arrays one below the other, vectors as rows."""
    return concatenate([atleast_2d(a) for a in tup])


@guarded
def hstack(tup: Sequence[Any]) -> Any:
    """Arrays side by side: along axis 1, vectors along their only axis."""
    arrays = [atleast_1d(a) for a in tup]
    return concatenate(arrays, axis=0 if arrays and arrays[0].ndim == 1 else 1)


@guarded
def dstack(tup: Sequence[Any]) -> Any:
    """Arrays one behind the other, along the third axis."""
    return concatenate([atleast_3d(a) for a in tup], axis=2)


@guarded
def column_stack(tup: Sequence[Any]) -> Any:
    """Arrays side by side, vectors as columns."""
    return concatenate([a if np.ndim(a) > 1 else reshape(a, shape=(-1, 1)) for a in tup], axis=1)


@guarded
def append(x: Any, values: Any, axis: int | None = None) -> Any:
    """`values` after x along `axis`; both flattened if None."""
    return concatenate([x, values], axis=axis)


# --- apart ------------------------------------------------------------------------------------------------------------


@guarded
def array_split(x: Any, indices_or_sections: int | Sequence[int] | Array, axis: int = 0) -> list[Any]:
    """x in parts along `axis`: so many nearly equal ones, or cut before each of the given indices."""
    x = operand(x)
    axis = normalize_axis_index(axis, x.ndim)
    n = x.shape[axis]
    places = np.asarray(indices_or_sections)
    if places.ndim:
        cuts = [0, *map(index, places), n]
    else:
        count = int(places)
        if count < 1:
            raise ArgumentError(f"a split needs one part or more; got {count}.")
        require_parts("array_split", count, n, x)
        cuts = [0, *np.cumsum([n // count + (i < n % count) for i in range(count)]).tolist()]
    return [x[(*[slice(None)] * axis, slice(a, b))] for a, b in pairwise(cuts)]


@guarded
def split(x: Any, indices_or_sections: int | Sequence[int] | Array, axis: int = 0) -> list[Any]:
    """x in equal parts along `axis`, or cut before each of the given indices. Raises ShapeError if parts differ."""
    x = operand(x)
    places = np.asarray(indices_or_sections)
    if not places.ndim and x.shape[axis] % int(places):
        raise ShapeError(
            f"split: axis {axis} of {describe(x)} does not divide into {indices_or_sections} equal parts. "
            "Use array_split for parts that differ."
        )
    return array_split(x, indices_or_sections, axis)


@guarded
def vsplit(x: Any, indices_or_sections: int | Sequence[int] | Array) -> list[Any]:
    """x in parts along axis 0. Raises ShapeError for fewer than two axes."""
    return split(_with_axes(x, 2, "vsplit"), indices_or_sections, 0)


@guarded
def hsplit(x: Any, indices_or_sections: int | Sequence[int] | Array) -> list[Any]:
    """x in parts along axis 1, of a vector along its only axis."""
    x = _with_axes(x, 1, "hsplit")
    return split(x, indices_or_sections, 1 if x.ndim > 1 else 0)


@guarded
def dsplit(x: Any, indices_or_sections: int | Sequence[int] | Array) -> list[Any]:
    """x in parts along axis 2. Raises ShapeError for fewer than three axes."""
    return split(_with_axes(x, 3, "dsplit"), indices_or_sections, 2)


def _with_axes(x: Any, least: int, name: str) -> Any:
    x = operand(x)
    if x.ndim < least:
        raise ShapeError(f"{name} needs {least} axes or more; got {describe(x)}.")
    return x


@guarded
def unstack(x: Any, axis: int = 0) -> tuple[Any, ...]:
    """The parts of x along `axis`, without that axis."""
    x = operand(x)
    axis = normalize_axis_index(axis, x.ndim)
    return tuple([x[(*[slice(None)] * axis, i)] for i in range(x.shape[axis])])


@guarded
def tile(x: Any, reps: int | Sequence[int]) -> Any:
    """x laid out `reps` times along each axis; missing axes are put in front."""
    x = operand(x)
    times = (1,) * x.ndim + tuple(np.atleast_1d(reps).tolist())
    times = times[-max(x.ndim, len(times) - x.ndim) :] if times else ()
    shape = (1,) * (len(times) - x.ndim) + x.shape
    apart = [(k, n) for k, n in zip(times, shape, strict=True)]
    require_size("tile", [k * n for k, n in apart], x)
    blocks = reshape(x, shape=tuple([m for _, n in apart for m in (1, n)]))
    repeated = broadcast_to(blocks, shape=tuple([m for pair in apart for m in pair]))
    return reshape(repeated, shape=tuple([k * n for k, n in apart]))


# --- in blocks, and line by line --------------------------------------------------------------------------------------

Blocks = Sequence[Any] | Sequence[Sequence[Any]] | Sequence[Sequence[Sequence[Any]]]


@guarded
def block(arrays: Blocks) -> Any:
    """One array of nested lists of blocks: the innermost lists are joined along the last axis, the lists around them
    along the one before, and so on. VJP: to each block its part. Raises ShapeError for lists of different depths."""
    depths = set(_depths(arrays, 0))
    if len(depths) > 1 or not all(_sizes(arrays)):
        raise ShapeError(f"block: lists of one depth, none of them empty; got depths {sorted(depths)}.")
    (depth,) = depths
    leaves = max([np.ndim(a) for a in _leaves(arrays)], default=0)
    return _joined(arrays, depth, max(depth, leaves))


def _leaves(arrays: Any) -> Iterator[Any]:
    if isinstance(arrays, list):
        for part in arrays:
            yield from _leaves(part)
    else:
        yield arrays


def _depths(arrays: Any, depth: int) -> Iterator[int]:
    if isinstance(arrays, list):
        for part in arrays:
            yield from _depths(part, depth + 1)
    else:
        yield depth


def _sizes(arrays: Any) -> Iterator[int]:
    if isinstance(arrays, list):
        yield len(arrays)
        for part in arrays:
            yield from _sizes(part)


def _joined(arrays: Any, depth: int, ndim: int) -> Any:
    if depth == 0:
        array = operand(arrays)
        return reshape(array, shape=(1,) * (ndim - array.ndim) + array.shape)
    return concatenate([_joined(part, depth - 1, ndim) for part in arrays], axis=-depth)


@guarded
def apply_along_axis(func1d: Callable[..., Any], axis: int, arr: Any, *args: Any, **kwargs: Any) -> Any:
    """func1d of every line of arr along `axis`, a vector each; what it gives, with any axes, stands in its place.

    args, kwargs: further arguments of func1d.
    """
    arr = operand(arr)
    axis = normalize_axis_index(axis, arr.ndim)
    lines = moveaxis(arr, axis, -1)
    places = list(np.ndindex(lines.shape[:-1]))
    if not places:
        raise ShapeError(f"apply_along_axis: {describe(arr)} has no line along axis {axis}.")
    results = stack([operand(func1d(lines[i], *args, **kwargs)) for i in places])
    results = reshape(results, shape=(*lines.shape[:-1], *results.shape[1:]))
    before, after = list(range(axis)), list(range(axis, arr.ndim - 1))
    return transpose(results, axes=(*before, *range(arr.ndim - 1, results.ndim), *after))
