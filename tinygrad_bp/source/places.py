"""Functions that only put elements elsewhere, as tables of places: NumPy itself says where each element comes from."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from tinygrad_bp.ops.windows import bordered, elements, unfold
from tinygrad_bp.program.step import ATTRIBUTE, CONSTANT, INDEX, METHOD, Step, mapped
from tinygrad_bp.source.helpers import plain

Array = np.ndarray[Any, Any]

ARRANGING: set[Any] = {
    np.reshape, np.ravel, np.transpose, np.swapaxes, np.moveaxis, np.rollaxis, np.squeeze, np.expand_dims,
    np.broadcast_to, np.flip, np.fliplr, np.flipud, np.roll, np.rot90, np.diagonal, np.diag, np.tril, np.triu,
    np.repeat, np.tile, np.fft.fftshift, np.fft.ifftshift, np.concatenate, np.stack, np.pad, plain(unfold),
    np.ascontiguousarray, "reshape", "ravel", "flatten", "transpose", "swapaxes", "squeeze", "diagonal", "repeat",
    "copy", "T", "mT", plain(bordered),
}  # fmt: skip
"""Functions, and methods and attributes by their names, whose results have elements of their arguments, or zeros."""

JOINING: set[Any] = {np.concatenate, np.stack}
"""Those that have the elements of all their operands."""

_COPYING_PADS = ("constant", "edge", "wrap", "reflect", "symmetric")


def numbered(shape: Sequence[int], start: int = 0) -> Array:
    """The places of an array's elements, from 1 on; 0 is the border outside of it."""
    return np.arange(start + 1, start + prod(shape) + 1).reshape(tuple(shape))


def moved(step: Step) -> tuple[Step, ...]:
    """The operands whose elements an arrangement has, each once."""
    return tuple(dict.fromkeys(step.operands if step.function in JOINING else step.operands[:1]))


def arrangement(step: Step) -> Array | None:
    """The place of each element of the result in the operands, one after the other; None if it is computed."""
    if not _arranges(step):
        return None
    start, table = 0, {}
    for x in moved(step):
        table[x] = numbered(x.shape, start)
        start += x.size
    args, kwargs = mapped((step.args, dict(step.kwargs)), Step, lambda x: table.get(x, x.value))
    if step.opcode == INDEX:
        return np.asarray(args[0][args[1]])
    if step.opcode == ATTRIBUTE:
        return np.asarray(getattr(args[0], step.function))
    if step.opcode == METHOD:
        return np.asarray(getattr(args[0], step.function)(*args[1:], **kwargs))
    if step.called == "pad":
        kwargs.pop("constant_values", None)
    return np.asarray(step.function(*args, **kwargs))


def _arranges(step: Step) -> bool:
    known = step.opcode == INDEX or step.function in ARRANGING
    if not known or any(x.opcode != CONSTANT for x in set(step.operands) - set(moved(step))):
        return False
    if step.called == "pad":
        mode = step.args[2] if len(step.args) > 2 else step.kwargs.get("mode", "constant")
        return mode in _COPYING_PADS and step.kwargs.get("reflect_type", "even") == "even" and border(step) is not None
    return bool(step.operands)


def border(step: Step) -> float | None:
    """What stands outside of the operands; None if it is no single number."""
    value = step.kwargs.get("constant_values", 0.0) if step.called == "pad" else 0.0
    return float(value) if isinstance(value, int | float) else None


def windows(shape: Sequence[int], kernel: Sequence[int], stride: Sequence[int], padding: Any) -> Array:
    """The places of every window of images (examples, channels, *space), the elements of a window last."""
    places: Any = np.pad(numbered(shape), ((0, 0), (0, 0), *padding))
    each = elements(places.shape[2:], tuple(kernel), tuple(stride), (1,) * len(kernel))
    return np.stack([places[(..., *at)] for at in each], axis=-1)


def parts(shape: Sequence[int], index: tuple[Any, ...]) -> list[Any]:
    """An index with arrays that are computed, an entry for each axis: a step, an integer, or (start, step, count).

    Raises TypeError for an index that has truths or a new axis in it.
    """
    if any(part is None or isinstance(part, bool) or _kind(part) == "b" for part in index):
        raise TypeError("an index with truths or new axes")
    missing = len(shape) - sum([part is not Ellipsis for part in index])
    at = next((i for i, part in enumerate(index) if part is Ellipsis), len(index))
    full = [*index[:at], *[slice(None)] * missing, *index[at + 1 :]]
    found: list[Any] = []
    for part, n in zip(full, shape, strict=True):
        if isinstance(part, slice):
            taken = range(*part.indices(n))
            found.append((taken.start, taken.step, len(taken)))
        else:
            found.append(part)
    return found


def _kind(part: Any) -> str:
    return part.dtype.kind if isinstance(part, Step) else ""


def runs(places: Array) -> list[tuple[int, int, int]]:
    """A table as runs (start, step, count)."""
    flat = places.ravel().tolist()
    found: list[tuple[int, int, int]] = []
    i = 0
    while i < len(flat):
        step = flat[i + 1] - flat[i] if i + 1 < len(flat) else 1
        end = i + 1
        while end < len(flat) and flat[end] - flat[end - 1] == step:
            end += 1
        found.append((flat[i], step, end - i))
        i = end
    return found
