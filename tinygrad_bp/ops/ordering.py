"""Elements in another order, or some of them: mirrored, rolled, sorted, taken."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from tinygrad_bp.calls import guarded
from tinygrad_bp.domains import ANY_SHAPE, Parameters, Shape, Shapes
from tinygrad_bp.errors import ArgumentError, ShapeError, describe
from tinygrad_bp.ops.indexing import at
from tinygrad_bp.ops.linear_algebra import operand
from tinygrad_bp.ops.shaping import Axes, ravel, transpose
from tinygrad_bp.ops.sizes import require_size
from tinygrad_bp.registry import LINEAR, op

SortKind = Literal["quicksort", "mergesort", "heapsort", "stable"] | None


def _axes(shape: Shape) -> Parameters:
    n = len(shape)
    return [{"axis": axis} for axis in (None, *range(-n, n), *([(0, -1)] if n > 1 else []))]


@op(
    vjps=(lambda g, y, x, axis: flip(g, axis=axis),),
    jvp=LINEAR,
    latex=r"\operatorname{flip}({0})",
    domain=Shapes(*ANY_SHAPE, params=_axes),
)
def flip(x: Any, axis: int | tuple[int, ...] | None = None) -> Any:
    """Elements in reverse order along `axis` (all axes if None). VJP: the cotangent reversed."""
    return np.flip(x, axis)


@guarded
def fliplr(x: Any) -> Any:
    """Reversed along axis 1."""
    return flip(x, axis=1)


@guarded
def flipud(x: Any) -> Any:
    """Reversed along axis 0."""
    return flip(x, axis=0)


@guarded
def rot90(x: Any, k: int = 1, axes: tuple[int, int] = (0, 1)) -> Any:
    """The plane of two axes turned k times by 90°, from the first towards the second axis."""
    x = operand(x)
    first, second = (normalize_axis_index(a, x.ndim) for a in axes)
    if first == second:
        raise ArgumentError(f"rot90: a plane has two different axes; got {axes}.")
    if k % 2 == 0:
        return flip(x, axis=axes if k % 4 else ())
    order = list(range(x.ndim))
    order[first], order[second] = second, first
    return transpose(flip(x, axis=second if k % 4 == 1 else first), axes=tuple(order))


def _rolls(shape: Shape) -> Parameters:
    whole: list[Any] = [{"shift": 1}, {"shift": -2}]
    if len(shape) > 1:
        whole += [{"shift": 2, "axis": -1}, {"shift": (1, -1), "axis": (0, 1)}, {"shift": 1, "axis": (0, 1)}]
    return whole


@op(
    vjps=(lambda g, y, x, shift, axis: roll(g, shift=tuple((-np.atleast_1d(shift)).tolist()), axis=axis),),
    jvp=LINEAR,
    latex=r"\operatorname{roll}({0})",
    domain=Shapes(*ANY_SHAPE, params=_rolls),
)
def roll(x: Any, shift: Axes, axis: Axes | None = None) -> Any:
    """Elements moved on by `shift` places along `axis`, the last ones to the front; flattened meanwhile if None.

    VJP: the cotangent rolled back.
    """
    return np.roll(x, shift, axis)


# --- sorted -----------------------------------------------------------------------------------------------------------


def _all_gaps(x: Any, axis: int | None = -1, **_: Any) -> Any:
    """Distance from a tie: between neighbours in sorted order."""
    return np.diff(np.sort(x, axis=axis), axis=-1 if axis is None else axis)


def _lines(shape: Shape, **params: Any) -> Parameters:
    return [{"axis": axis, **params} for axis in (None, *range(-len(shape), len(shape)))]


_SORTABLE = Shapes(*ANY_SHAPE[1:], params=_lines, kink=_all_gaps, analytic=False, ordered=True)


@op(vjps=(None,), jvp=(None,), latex=r"\operatorname{argsort}({0})", domain=_SORTABLE)
def argsort(x: Any, axis: int | None = -1, kind: SortKind = "stable") -> Any:
    """The indices that sort x along `axis` (flattened if None), ties in their order in x; carries no gradient."""
    return np.argsort(x, axis=axis, kind=kind or "stable")


def _rearranged(t: Any, source: Any, target: Any, axis: int | None) -> Any:
    """t moved from the places of `source` to those of `target`, which has the same elements in another order."""
    shape = target.shape
    if axis is None:
        t, source, target, axis = t.reshape(-1), source.reshape(-1), target.reshape(-1), 0
    rank = argsort(argsort(target, axis=axis), axis=axis)
    return take_along_axis(t, take_along_axis(argsort(source, axis=axis), rank, axis), axis).reshape(shape)


@op(
    vjps=(lambda g, y, x, axis, kind: _rearranged(g, y, x, axis),),
    jvp=lambda t, y, x, axis, kind: _rearranged(t, x, y, axis),
    latex=r"\operatorname{sort}({0})",
    domain=_SORTABLE,
    convention="equal elements keep their order",
)
def sort(x: Any, axis: int | None = -1, kind: SortKind = None) -> Any:
    """x in ascending order along `axis` (flattened if None). VJP: the cotangent, put back in the order of x."""
    return np.sort(x, axis=axis, kind=kind)


def _partitions(shape: Shape) -> Parameters:
    """Places that leave no choice about the rest, which NumPy arranges differently from dtype to dtype."""
    found = []
    for params in _lines(shape):
        axis = params["axis"]
        n = int(np.prod(shape)) if axis is None else shape[axis]
        found += [{**params, "kth": tuple(kth)} for kth in (range(n), range(n - 1), range(1, n)) if kth]
    return found


@op(
    vjps=(lambda g, y, x, kth, axis, kind: _rearranged(g, y, x, axis),),
    jvp=lambda t, y, x, kth, axis, kind: _rearranged(t, x, y, axis),
    latex=r"\operatorname{partition}({0})",
    domain=Shapes(*ANY_SHAPE[1:], smallest=1, params=_partitions, kink=_all_gaps, analytic=False, ordered=True),
    convention="equal elements keep their order",
)
def partition(x: Any, kth: Axes, axis: int | None = -1, kind: Literal["introselect"] = "introselect") -> Any:
    """x with element `kth` in its place in sorted order, smaller ones before and larger ones after it, along `axis`.

    VJP: the cotangent, put back in the order of x.
    """
    return np.partition(x, kth, axis, kind)


# --- taken ------------------------------------------------------------------------------------------------------------


def _along(axis: int, part: Any) -> tuple[Any, ...]:
    return (*[slice(None)] * axis, part)


def _line(x: Any, axis: int | None) -> tuple[Any, int]:
    """x and a non-negative axis; flattened if the axis is None."""
    x = operand(x)
    return (ravel(x), 0) if axis is None else (x, normalize_axis_index(axis, x.ndim))


@guarded
def take(x: Any, indices: Any, axis: int | None = None, mode: Literal["raise", "wrap", "clip"] = "raise") -> Any:
    """Elements of x at `indices` along `axis` (flattened if None); read several times, their gradients add up.

    mode: for indices out of range an error, around the end, or the nearest element (then −1 is 0, as in NumPy).
    """
    x, axis = _line(x, axis)
    n = x.shape[axis]
    indices = operand(indices)
    if mode == "wrap":
        indices = np.remainder(indices, n)
    elif mode == "clip":
        indices = np.minimum(np.maximum(indices, 0), n - 1)
    elif mode != "raise":
        raise ArgumentError(f"take: mode is 'raise', 'wrap' or 'clip'; got {mode!r}.")
    return at(x, _along(axis, indices))


@guarded
def take_along_axis(x: Any, indices: Any, axis: int | None = -1) -> Any:
    """Elements of x at `indices` along `axis`, matched with x along the other axes: y[i, j] = x[indices[i, j], j]."""
    x, axis = _line(x, axis)
    indices = operand(indices)
    if indices.ndim != x.ndim:
        raise ShapeError(f"take_along_axis: indices and x need as many axes; got {describe(indices)}, {describe(x)}.")
    ranges = np.ogrid[tuple([slice(n) for n in x.shape])] if x.ndim > 1 else ()
    return at(x, (*ranges[:axis], indices, *ranges[axis + 1 :]))


@guarded
def compress(condition: Any, x: Any, axis: int | None = None) -> Any:
    """The parts of x along `axis` (flattened if None) for which the condition, a vector, holds."""
    x, axis = _line(x, axis)
    condition = operand(condition)
    return at(x[_along(axis, slice(condition.size))], _along(axis, condition != 0))


@guarded
def extract(condition: Any, x: Any) -> Any:
    """The elements of x for which the condition, of as many elements, holds, on one axis."""
    return compress(ravel(condition), x)


@guarded
def repeat(x: Any, repeats: Any, axis: int | None = None) -> Any:
    """Every element along `axis` (flattened if None) repeated `repeats` times: one number, or one for each."""
    x, axis = _line(x, axis)
    n = x.shape[axis]
    if isinstance(repeats, int | np.integer | list | tuple | np.ndarray):
        counts = np.asarray(repeats, float)
        total = counts.sum() if counts.size == n else n * counts.max(initial=0)
        require_size("repeat", (*x.shape[:axis], total, *x.shape[axis + 1 :]), x)
    return at(x, _along(axis, np.repeat(np.arange(n), repeats)))
