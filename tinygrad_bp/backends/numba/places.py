"""Whatever moves elements, picks some of them or writes to some, for Numba: a table of places, and a kernel.

Shapes, and indices that are constant, are known. So a table is found by moving numbers instead of the elements.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import prod
from typing import Any

import numpy as np

from tinygrad_bp.backends.numba import kernels
from tinygrad_bp.backends.numba.steps import Lowering
from tinygrad_bp.ops.indexing import ARRAY, assigned, scattered
from tinygrad_bp.ops.windows import bordered, fold, unfold
from tinygrad_bp.program import Step
from tinygrad_bp.program.step import CONSTANT, FUNCTION, INDEX, METHOD, WHOLE, is_reversal, mapped
from tinygrad_bp.source.helpers import plain

_MOVING = {
    "atleast_1d", "atleast_2d", "block", "broadcast_to", "concatenate", "diag", "diagonal", "fftshift", "flip",
    "ifftshift", "moveaxis", "pad", "repeat", "roll", "sliding_window_view", "stack", "swapaxes", "tile",
    "transpose", "tril", "triu",
}  # fmt: skip
"""Functions that are linear in the arrays that they are given; those that move them are told by trying."""


def moved(to: Lowering, step: Step) -> Step | None:
    """Steps that take every element of their result from an operand, or from a constant."""
    if not _may_move(step):
        return None
    arrays = list(dict.fromkeys([x for x in step.operands if x.opcode != CONSTANT or x is step.args[0]]))
    if any(x.dtype != step.dtype for x in arrays):
        return None
    found = _places(step, arrays)
    return None if found is None else _picked(to, step, arrays, *found)


def _may_move(step: Step) -> bool:
    """Whether a step is linear in its arrays, and none that Numba does well by itself."""
    if step.opcode == WHOLE:
        return step.function in (plain(unfold), plain(bordered))
    if step.opcode == INDEX:
        x, *others = step.operands
        return bool(x.shape) and not _is_basic(step.args[1]) and all(other.opcode == CONSTANT for other in others)
    return step.opcode in (FUNCTION, METHOD) and step.called in _MOVING and not is_reversal(step)


def _picked(to: Lowering, step: Step, arrays: Sequence[Step], tables: Sequence[Any], fill: Any) -> Step:
    """The elements of arrays at places in each of them, and others that are given."""
    first, *rest = [to.array(x) for x in arrays]
    if prod(first.shape) == 1 and not rest and (tables[0] == 0).all():
        return to.kernel(
            step, kernels.filled, to.call(first, None, first, (0,) * len(first.shape), opcode=INDEX, shape=())
        )
    y = to.kernel(step, kernels.gathered, first, to.constant(step, tables[0]), step.dtype.type(0))
    for x, table in zip(rest, tables[1:], strict=True):
        y = to.kernel(step, kernels.merged, y, x, to.constant(step, table))
    return y if not fill.any() else to.ufunc(np.add, step, y, to.constant(step, fill))


def _places(step: Step, arrays: Sequence[Step]) -> tuple[list[Any], Any] | None:
    """For every element of a linear step's result its place in each of the arrays, −1 if it comes from elsewhere, and
    what is added to them; None if it does more than to move elements."""
    sizes = [x.size for x in arrays]
    numbers = np.random.default_rng(0).random(sum(sizes) + 1)  # one too many, so that there is one
    parts = np.split(numbers, np.cumsum(sizes))
    moved = _computed(step, {x: part.reshape(x.shape) for x, part in zip(arrays, parts, strict=False)})
    fill = _computed(step, {x: np.zeros(x.shape) for x in arrays})
    order = np.argsort(numbers)
    found = order[np.searchsorted(numbers[order], moved).clip(max=len(order) - 1)]
    stays = moved == fill
    if not np.array_equal(np.where(stays, moved, numbers[found]), moved):
        return None
    starts = np.cumsum([0, *sizes])
    inside = [~stays & (found >= a) & (found < b) for a, b in pairwise(starts)]
    return [np.where(own, found - a, -1) for own, a in zip(inside, starts, strict=False)], fill.astype(step.dtype)


def _computed(step: Step, given: Mapping[Step, Any]) -> Any:
    """The result of a step for arrays in the place of its operands."""
    args, kwargs = mapped((step.args, dict(step.kwargs)), Step, lambda x: given.get(x, x.value))
    if step.opcode == INDEX:
        return args[0][args[1]]
    if step.opcode == METHOD:
        return getattr(args[0], step.function)(*args[1:], **kwargs)
    return np.asarray(step.function(*args, **kwargs))


_SHAPING = {"reshape", "ravel", "flatten", "expand_dims", "squeeze"}
"""Functions that keep the order of elements."""


def reshaped(to: Lowering, step: Step) -> Step | None:
    """Other shapes for the same elements."""
    of_number = step.opcode == INDEX and step.args[0].dtype is not None and not step.args[0].shape
    if not of_number and (step.opcode not in (FUNCTION, METHOD) or step.called not in _SHAPING):
        return None
    (x,) = step.operands
    if not step.shape:
        return to.call(step, None, x, (0,) * len(x.shape), opcode=INDEX) if x.shape else x
    return to.kernel(step, kernels.reshaped if x.shape else kernels.filled, x)


def transposed_fold(to: Lowering, step: Step) -> Step | None:
    """The op `fold`, which adds elements up where `unfold` takes them from."""
    if step.opcode != WHOLE or step.function is not plain(fold):
        return None
    size, stride, padding, dilation = [*step.args[1:], *step.kwargs.values()]
    (x,) = step.operands
    image = np.arange(1.0, prod(step.shape) + 1).reshape(step.shape)
    places = plain(unfold)(image, x.shape[1 : 1 + len(size)], stride, padding, dilation).astype(np.int64) - 1
    return to.kernel(step, kernels.scattered, x, to.constant(step, places))


# --- indices ----------------------------------------------------------------------------------------------------------


def _is_basic(index: Any) -> bool:
    parts = index if isinstance(index, tuple) else (index,)
    return all(
        part is None or part is Ellipsis or (isinstance(part, int | slice) and part is not True) for part in parts
    )


def _index_places(to: Lowering, step: Step, shape: Sequence[int], index: Any) -> Step | None:
    """The places in an array of this shape that an index with arrays names."""
    parts = list(index if isinstance(index, tuple) else (index,))
    found = [part for part in parts if isinstance(part, Step)]
    if any(part.dtype == np.bool_ for part in found if part.opcode != CONSTANT):
        return None
    table = np.arange(prod(shape)).reshape(shape)
    fixed = [_fixed(part) for part in parts]
    base = np.asarray(table[tuple(fixed)])
    total = to.constant(step, np.ascontiguousarray(base))
    if all(part.opcode == CONSTANT for part in found):
        return total
    expanded = _expanded(parts, len(shape))
    behind = _behind(
        expanded, base.ndim, np.broadcast_shapes(*[np.shape(part) for part in fixed if isinstance(part, np.ndarray)])
    )
    int64 = np.dtype(np.int64)
    for axis, part in _axes_of(expanded):
        if isinstance(part, Step) and part.opcode != CONSTANT:
            at = to.kernel(
                step, kernels.within, to.array(part), shape[axis], shape=(*part.shape, *[1] * behind), dtype=int64
            )
            at = to.ufunc(np.multiply, step, at, prod(shape[axis + 1 :]), shape=at.shape, dtype=int64)
            total = to.ufunc(np.add, step, total, at, shape=base.shape, dtype=int64)
    return total


def _fixed(part: Any) -> Any:
    """A part of an index with zeros for what is not known yet."""
    if isinstance(part, Step):
        return part.value if part.opcode == CONSTANT else np.zeros(part.shape, np.int64)
    return part


def _expanded(parts: Sequence[Any], ndim: int) -> list[Any]:
    """The parts of an index, one for each axis, and None where there is a new one."""
    missing = ndim - sum(part is not None and part is not Ellipsis for part in parts)
    whole = [slice(None)] * missing
    if Ellipsis not in [part if part is Ellipsis else None for part in parts]:
        return [*parts, *whole]
    at = next(i for i, part in enumerate(parts) if part is Ellipsis)
    return [*parts[:at], *whole, *parts[at + 1 :]]


def _axes_of(expanded: Sequence[Any]) -> list[tuple[int, Any]]:
    return list(enumerate([part for part in expanded if part is not None]))


def _behind(expanded: Sequence[Any], ndim: int, shape: Sequence[int]) -> int:
    """How many axes of the result come after those of the index's arrays, which together have this shape."""
    arrays = [i for i, part in enumerate(expanded) if isinstance(part, Step | int)]
    together = arrays == list(range(arrays[0], arrays[-1] + 1))
    return ndim - len(shape) - (arrays[0] if together else 0)


def indexed(to: Lowering, step: Step) -> Step | None:
    """An index with arrays that are computed."""
    if step.opcode != INDEX or not step.args[0].shape or _is_basic(step.args[1]):
        return None
    places = _index_places(to, step, step.args[0].shape, step.args[1])
    return to.kernel(step, kernels.gathered, step.args[0], places, step.dtype.type(0)) if places else None


def written(to: Lowering, step: Step) -> Step | None:
    """Writing to the places that an index with arrays names."""
    if step.opcode != WHOLE or step.function not in (plain(scattered), plain(assigned)) or not step.shape:
        return None
    sets = step.function is plain(assigned)
    arrays = iter(step.args[1 + sets :])
    index = tuple([next(arrays) if isinstance(part, str) and part == ARRAY else part for part in step.kwargs["index"]])
    places = _index_places(to, step, step.shape, index)
    if places is None:
        return None
    if not sets:
        return to.kernel(step, kernels.scattered, to.array(step.args[0]), places)
    ones = to.constant(step, np.ones(places.shape or (1,), step.dtype))
    new = to.ufunc(np.multiply, step, step.args[1], ones, shape=np.broadcast_shapes(np.shape(step.args[1]), ones.shape))
    return to.kernel(step, kernels.assigned, step.args[0], new, places)
