"""Shapes and the order of axes. Every op is linear; its VJP moves the cotangent back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, overload

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from tinygrad_bp.annotations import DType
from tinygrad_bp.broadcasting import unbroadcast
from tinygrad_bp.calls import guarded
from tinygrad_bp.domains import ANY_SHAPE, Shape, Shapes
from tinygrad_bp.errors import ArgumentError, ShapeError, describe
from tinygrad_bp.ops.linear_algebra import operand
from tinygrad_bp.registry import LINEAR, op
from tinygrad_bp.traits import Traits

Axes = int | Sequence[int]


def _reshapes(shape: Shape) -> list[dict[str, Any]]:
    size = int(np.prod(shape))
    return [{"shape": s} for s in ((size,), (1, size), (size, 1, 1), shape[::-1])]


@op(
    vjps=(lambda g, y, x, shape: g.reshape(x.shape),),
    jvp=LINEAR,
    latex=r"\operatorname{reshape}({0})",
    domain=Shapes(*ANY_SHAPE, params=_reshapes),
    traits=Traits(arranges=lambda shape: True),
)
def reshape(x: Any, shape: int | Sequence[int]) -> Any:
    """The same elements in C order under another shape; one entry may be −1. VJP: reshape back."""
    return np.reshape(x, shape)


def _permutations(shape: Shape) -> list[dict[str, Any]]:
    n = len(shape)
    orders = [None, tuple(range(n)), tuple(range(-1, -n - 1, -1)), *([(-1, 0, -2), (1, 2, 0)] if n == 3 else [])]
    return [{"axes": axes} for axes in orders]


def _inverse(axes: Any) -> Any:
    return None if axes is None else tuple(np.argsort(normalize_axis_tuple(axes, np.size(axes))).tolist())


@op(
    vjps=(lambda g, y, x, axes: g.transpose(_inverse(axes)),),
    jvp=LINEAR,
    latex=r"{0}^{\top}",
    domain=Shapes(*ANY_SHAPE, params=_permutations),
)
def transpose(x: Any, axes: Sequence[int] | None = None) -> Any:
    """Axes permuted, reversed if `axes` is None. VJP: the inverse permutation."""
    return np.transpose(x, axes)


@op(
    vjps=(lambda g, y, x, shape: unbroadcast(g, x.shape),),
    jvp=LINEAR,
    latex="{0}",
    domain=Shapes("i", "ij", "", params=lambda s: [{"shape": s}, {"shape": (3, *s)}, {"shape": (2, 1, *s)}]),
    traits=Traits(arranges=lambda shape: True),
)
def broadcast_to(x: Any, shape: Sequence[int]) -> Any:
    """x repeated along new axes and axes of length 1, without a copy. VJP: the cotangent summed over the copies."""
    x = operand(x)
    if x.size == 1 and isinstance(shape, tuple) and x.ndim <= len(shape) and hasattr(x, "strides"):
        return np.ndarray(shape, x.dtype, x, 0, (0,) * len(shape))  # five times as fast, for what a sum sends back
    return np.broadcast_to(x, shape)


@op(
    internal=True,
    vjps=(lambda g, y, x, dtype: g,),  # the engine converts it
    jvp=LINEAR,
    latex="{0}",
    domain=Shapes(*ANY_SHAPE, params=lambda s: ({"dtype": "float64"},), analytic=False),
)
def cast(x: Any, dtype: Any) -> Any:
    """x converted to another floating dtype. VJP: the cotangent converted back."""
    return operand(x).astype(dtype)[()]


@op(
    internal=True,
    vjps=(None,),
    jvp=(None,),
    latex="{0}",
    domain=Shapes(
        *ANY_SHAPE, params=lambda s: ({"dtype": "int64"},), kink=lambda x, **_: x - np.round(x), analytic=False
    ),
)
def cast_to_discrete(x: Any, dtype: Any) -> Any:
    """x converted to integers or truth values; carries no gradient."""
    return operand(x).astype(dtype)[()]


@guarded
def astype(x: Any, dtype: DType, *, copy: bool = True) -> Any:
    """x converted to another dtype. VJP: the cotangent converted back; integers and truth values carry no gradient.

    copy: as for arrays; nobody writes to the values of tensors, so it changes nothing.
    """
    return (cast if np.dtype(dtype).kind in "fc" else cast_to_discrete)(x, dtype=dtype)


def converted(x: Any, dtype: Any) -> Any:
    """x, converted if it has another dtype."""
    return x if x.dtype == dtype else astype(x, dtype=dtype)


# --- compositions -----------------------------------------------------------------------------------------------------


@guarded
def ravel(x: Any) -> Any:
    """All elements in C order, on one axis."""
    return reshape(x, shape=(-1,))


@guarded
def moveaxis(x: Any, source: Axes, destination: Axes) -> Any:
    """The axes `source` moved to the places `destination`; the others keep their order."""
    x = operand(x)
    first, last = (normalize_axis_tuple(a, x.ndim) for a in (source, destination))
    if len(first) != len(last):
        raise ArgumentError(f"moveaxis: {len(first)} axes cannot move to {len(last)} places. Name as many of both.")
    order = [axis for axis in range(x.ndim) if axis not in first]
    for place, axis in sorted(zip(last, first, strict=True)):
        order.insert(place, axis)
    return transpose(x, axes=tuple(order))


@guarded
def rollaxis(x: Any, axis: int, start: int = 0) -> Any:
    """One axis moved to before the axis that is at `start`."""
    x = operand(x)
    axis, start = normalize_axis_index(axis, x.ndim), normalize_axis_index(start, x.ndim + 1)
    return moveaxis(x, axis, start - (axis < start))


@guarded
def swapaxes(x: Any, axis1: int, axis2: int) -> Any:
    """Two axes exchanged."""
    x = operand(x)
    axes = list(range(x.ndim))
    axes[axis1], axes[axis2] = axes[axis2], axes[axis1]
    return transpose(x, axes=tuple(axes))


def matrix_transpose(x: Any) -> Any:
    """The matrices in the last two axes, transposed."""
    x = operand(x)
    if x.ndim < 2:
        raise ShapeError(f"matrix_transpose: {describe(x)} has no matrices. Give it two axes with reshape.")
    return swapaxes(x, -1, -2)


@guarded
def squeeze(x: Any, axis: Axes | None = None) -> Any:
    """Without axes of length 1: all of them, or those named, which must have length 1."""
    x = operand(x)
    dropped = [i for i, n in enumerate(x.shape) if n == 1] if axis is None else normalize_axis_tuple(axis, x.ndim)
    if any(x.shape[i] != 1 for i in dropped):
        raise ShapeError(f"squeeze: only axes of length 1 can be left out; got axis {axis} of {describe(x)}.")
    return reshape(x, shape=tuple([n for i, n in enumerate(x.shape) if i not in dropped]))


@guarded
def expand_dims(x: Any, axis: Axes) -> Any:
    """With new axes of length 1 at the places `axis` of the result."""
    x = operand(x)
    ndim = x.ndim + (len(axis) if isinstance(axis, Sequence) else 1)
    new, lengths = normalize_axis_tuple(axis, ndim), iter(x.shape)
    return reshape(x, shape=tuple([1 if i in new else next(lengths) for i in range(ndim)]))


@guarded
def broadcast_arrays(*arrays: Any) -> tuple[Any, ...]:
    """Every array repeated to the shape that all of them broadcast to."""
    shape = np.broadcast_shapes(*map(np.shape, arrays))
    return tuple([broadcast_to(a, shape=shape) for a in arrays])


def _each(f: Any, arrays: tuple[Any, ...]) -> Any:
    results = tuple(map(f, map(operand, arrays)))
    return results[0] if len(results) == 1 else results


@overload
def atleast_1d(array: Any, /) -> Any: ...
@overload
def atleast_1d(*arrays: Any) -> tuple[Any, ...]: ...
@guarded
def atleast_1d(*arrays: Any) -> Any:
    """Every array with one axis or more; one array, or a tuple of them."""
    return _each(lambda x: x if x.ndim else reshape(x, shape=(1,)), arrays)


@overload
def atleast_2d(array: Any, /) -> Any: ...
@overload
def atleast_2d(*arrays: Any) -> tuple[Any, ...]: ...
@guarded
def atleast_2d(*arrays: Any) -> Any:
    """Every array with two axes or more, new ones in front; one array, or a tuple of them."""
    return _each(lambda x: x if x.ndim > 1 else reshape(x, shape=(1, x.size)), arrays)


@overload
def atleast_3d(array: Any, /) -> Any: ...
@overload
def atleast_3d(*arrays: Any) -> tuple[Any, ...]: ...
@guarded
def atleast_3d(*arrays: Any) -> Any:
    """Every array with three axes or more, (1, n, 1) of a vector and (m, n, 1) of a matrix; one array, or a tuple."""
    return _each(lambda x: x if x.ndim > 2 else atleast_2d(x)[..., None], arrays)


@guarded
def meshgrid(*xi: Any, indexing: Literal["xy", "ij"] = "xy", sparse: bool = False) -> tuple[Any, ...]:
    """The coordinates of a grid, an array for each axis, from vectors: broadcast to one shape unless `sparse`.

    indexing: "ij" for axes in the order of the vectors, "xy" with the first two exchanged.
    """
    if indexing not in ("xy", "ij"):
        raise ArgumentError(f"meshgrid: indexing is 'xy' or 'ij'; got {indexing!r}.")
    axes = np.arange(len(xi))
    if indexing == "xy":
        axes[:2] = axes[:2][::-1].copy()
    grid = [reshape(x, shape=tuple(np.where(axes == i, -1, 1).tolist())) for i, x in enumerate(xi)]
    return tuple(grid) if sparse else broadcast_arrays(*grid)
