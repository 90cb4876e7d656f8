"""Elements left out, put in and replaced. Each function returns a new array; NumPy writes into the one it is given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from tinygrad_bp.annotations import Array
from tinygrad_bp.calls import guarded
from tinygrad_bp.engine import Node
from tinygrad_bp.errors import ArgumentError, DTypeError, ShapeError, describe
from tinygrad_bp.ops.comparison import where as choose
from tinygrad_bp.ops.cumulative import cumsum
from tinygrad_bp.ops.indexing import at, index_update
from tinygrad_bp.ops.joining import concatenate
from tinygrad_bp.ops.linear_algebra import operand
from tinygrad_bp.ops.shaping import astype, broadcast_to, converted, moveaxis, ravel, reshape
from tinygrad_bp.ops.sizes import require_size

Places = int | slice | Sequence[int] | Array


@guarded
def select(condlist: Sequence[Any], choicelist: Sequence[Any], default: Any = 0) -> Any:
    """Of several choices the first whose condition holds, elementwise with broadcasting, else `default`.

    What is not chosen gets gradient 0. Raises ArgumentError unless there is one choice for every condition.
    """
    if not condlist or len(condlist) != len(choicelist):
        raise ArgumentError(
            f"select: every condition has a choice; got {len(condlist)} conditions and {len(choicelist)} choices."
        )
    y = default
    for condition, choice in zip(condlist[::-1], choicelist[::-1], strict=True):
        condition = operand(condition)
        if condition.dtype.kind != "b":
            raise DTypeError(f"select: conditions are truth values; got {describe(condition)} of {condition.dtype}.")
        y = choose(condition, choice, y)
    return y


# --- other lengths ----------------------------------------------------------------------------------------------------


def _along(arr: Any, axis: int | None) -> tuple[Any, int]:
    arr = operand(arr)
    return (ravel(arr), 0) if axis is None else (arr, normalize_axis_index(axis, arr.ndim))


@guarded
def delete(arr: Any, obj: Places, axis: int | None = None) -> Any:
    """arr without its elements at the places `obj` along `axis`, flattened first if None; those get gradient 0."""
    arr, axis = _along(arr, axis)
    kept = np.delete(np.arange(arr.shape[axis]), obj)
    return arr[(*[slice(None)] * axis, kept)]


@guarded
def insert(arr: Any, obj: Places, values: Any, axis: int | None = None) -> Any:
    """arr with `values` put in before the places `obj` along `axis`, flattened first if None.

    values: broadcast to the new elements, and converted to arr's dtype. Differentiable for both.
    """
    arr, axis = _along(arr, axis)
    values = _like(arr, values)
    values = reshape(values, shape=(1,) * (arr.ndim - values.ndim) + values.shape)
    n = arr.shape[axis]
    places = np.arange(n)[obj] if isinstance(obj, slice) else np.asarray(obj)
    if not places.ndim:
        values = moveaxis(values, 0, axis)
    places = np.flatnonzero(places) if places.dtype == bool else places
    count = values.shape[axis] if places.size == 1 else places.size
    new = broadcast_to(values, shape=(*arr.shape[:axis], count, *arr.shape[axis + 1 :]))
    order = np.insert(np.arange(n), obj, np.arange(n, n + count))
    return concatenate([arr, new], axis)[(*[slice(None)] * axis, order)]


@guarded
def resize(a: Any, new_shape: int | Sequence[int]) -> Any:
    """The elements of a in C order, again and again until `new_shape` is full; zeros if there are none."""
    a = operand(a)
    shape = tuple(new_shape) if isinstance(new_shape, Sequence) else (int(new_shape),)
    require_size("resize", shape, a)
    size = int(np.prod(shape))
    if not a.size or not size:
        return np.zeros(shape, a.dtype)
    times = -(-size // a.size)
    repeated = reshape(broadcast_to(ravel(a), shape=(times, a.size)), shape=(-1,))
    return reshape(repeated[:size], shape=shape)


# --- other elements ---------------------------------------------------------------------------------------------------


def _like(a: Any, values: Any) -> Any:
    """Values in the dtype of a, where they go. Raises DTypeError if their gradient would be lost there."""
    if isinstance(values, Node) and values.requires_grad and a.dtype.kind not in "fc":
        raise DTypeError(
            f"{describe(values)} requires a gradient, which {describe(a)} of dtype {a.dtype} would cut off. "
            "Convert it first: astype(a, float)."
        )
    return converted(operand(values), a.dtype)


@guarded
def putmask(a: Any, mask: Any, values: Any) -> Any:
    """A new array, a with `values` where the mask holds; values of fewer elements are repeated over all of a.

    Differentiable for a and the values. Raises ShapeError unless the mask has a's number of elements.
    """
    a, mask = operand(a), operand(mask)
    if mask.size != a.size:
        raise ShapeError(f"putmask: the mask has an element for each of {describe(a)}; got {describe(mask)}.")
    return choose(reshape(mask, shape=a.shape) != 0, resize(_like(a, values), a.shape), a)


@guarded
def place(arr: Any, mask: Any, vals: Any) -> Any:
    """A new array, arr with the first of `vals` where the mask first holds, the next where it next does, and so on.

    Differentiable for arr and vals, which start again when they end. Raises ShapeError unless the mask has arr's number
    of elements, and ArgumentError if there are no vals.
    """
    arr, mask = operand(arr), operand(mask)
    if mask.size != arr.size:
        raise ShapeError(f"place: the mask has an element for each of {describe(arr)}; got {describe(mask)}.")
    vals = ravel(_like(arr, vals))
    if not vals.size:
        raise ArgumentError("place: there is nothing to put where the mask holds. Give one value or more.")
    chosen = reshape(mask, shape=(-1,)) != 0
    turn = (cumsum(astype(chosen, int)) - 1) % vals.size
    return choose(reshape(chosen, shape=arr.shape), reshape(at(vals, turn), shape=arr.shape), arr)


Casting = Literal["no", "equiv", "safe", "same_kind", "unsafe"]


@guarded
def copyto(dst: Any, src: Any, casting: Casting = "same_kind", where: Any = True) -> Any:
    """A new array, dst with src, broadcast to its shape, in place of the elements for which `where` holds.

    Differentiable for both. Raises DTypeError if src does not convert to dst's dtype under `casting`.
    """
    dst = operand(dst)
    if hasattr(src, "dtype") and not np.can_cast(src.dtype, dst.dtype, casting):
        raise DTypeError(
            f"copyto: {describe(src)} of dtype {src.dtype} does not convert to {dst.dtype} under casting={casting!r}."
        )
    return choose(where, broadcast_to(_like(dst, src), shape=dst.shape), dst)


@guarded
def fill_diagonal(a: Any, val: Any, wrap: bool = False) -> Any:
    """A new array, a with `val` on its diagonal, repeated if it has fewer elements; differentiable for both.

    wrap: whether the diagonal of a tall matrix starts again after a row below its end. Raises ShapeError for fewer than
    two axes, and for more than two of different lengths.
    """
    a = operand(a)
    if a.ndim < 2 or (a.ndim > 2 and len(set(a.shape)) > 1):
        raise ShapeError(f"fill_diagonal: a matrix, or more axes of one length, has a diagonal; got {describe(a)}.")
    step = a.shape[1] + 1 if a.ndim == 2 else 1 + int(np.sum(np.cumprod(a.shape[:-1])))
    end = a.shape[1] * a.shape[1] if a.ndim == 2 and not wrap else None
    places = np.arange(a.size)[:end:step]
    return reshape(index_update(ravel(a), places, resize(_like(a, val), places.size)), shape=a.shape)
