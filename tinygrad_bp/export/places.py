"""Steps that put elements elsewhere: indices, windows, and what is added or written at places."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np

from tinygrad_bp.export.arrays import expanded, linear_recurrence, shaped
from tinygrad_bp.export.writer import Rule, Writer
from tinygrad_bp.ops import pooling, windows
from tinygrad_bp.ops.cumulative import linear_recurrence as op_recurrence
from tinygrad_bp.ops.indexing import assigned, scattered
from tinygrad_bp.ops.ties import distinct
from tinygrad_bp.program import Step
from tinygrad_bp.program.step import CONSTANT, INDEX
from tinygrad_bp.source.helpers import plain
from tinygrad_bp.source.places import arrangement, border, moved, numbered

# --- by tables --------------------------------------------------------------------------------------------------------


def arranged(writer: Writer, step: Step) -> str:
    """Elements of the operands, or what is around them, at places that NumPy tells."""
    table = arrangement(step)
    assert table is not None
    flat = [shaped(writer, writer.array(x, step.dtype), [-1]) for x in moved(step)]
    if not table.all():
        flat.insert(0, writer.constant(np.full(1, border(step), step.dtype)))
        table = table + 1
    source = flat[0] if len(flat) == 1 else writer.node("Concat", *flat, axis=0)
    return writer.node("Gather", source, writer.integers(table - 1), axis=0)


def padded(step: Step) -> Rule | None:
    """The rule for a border of one number."""
    plainly = step.function is np.pad and step.kwargs.get("mode", "constant") == "constant" and len(step.args) == 2
    return _padded if plainly and border(step) is not None else None


def _padded(writer: Writer, step: Step) -> str:
    x, width = step.args[:2]
    pairs = np.broadcast_to(np.asarray(width), (len(x.shape), 2))
    ends = writer.integers([*pairs[:, 0], *pairs[:, 1]])
    return writer.node("Pad", writer.array(x), ends, writer.constant(np.asarray(border(step), step.dtype)))


# --- indices ----------------------------------------------------------------------------------------------------------


def indexed(writer: Writer, step: Step) -> str:
    """x[index]: slices, numbers and new axes one after the other; with arrays by places."""
    x, index = step.args
    if isinstance(x, Step) and x.dtype is None:  # one of several results
        return writer.node("Identity", writer.results[x][index])
    parts = index if isinstance(index, tuple) else (index,)
    if all(map(_is_plain, parts)):
        return _sliced(writer, x, parts)
    alone = [i for i, p in enumerate(parts) if not (isinstance(p, slice) and p == slice(None))]
    if len(alone) == 1 and getattr(parts[alone[0]], "dtype", np.dtype(bool)).kind in "iu":
        places = writer.array(parts[alone[0]], np.dtype(np.int64))
        return writer.node("Gather", writer.array(x), places, axis=alone[0])
    if not any(isinstance(p, Step) and p.opcode != CONSTANT for p in parts):
        return arranged(writer, step)
    flat = shaped(writer, writer.array(x), [-1])
    return writer.node("Gather", flat, _places(writer, x.shape, parts), axis=0)


def _is_plain(part: Any) -> bool:
    return part is None or part is Ellipsis or (isinstance(part, slice | int) and not isinstance(part, bool))


def _sliced(writer: Writer, x: Step, parts: Any) -> str:
    value = writer.array(x)
    missing = len(x.shape) - len([p for p in parts if p is not None and p is not Ellipsis])
    at = next((i for i, p in enumerate(parts) if p is Ellipsis), len(parts))
    full = [*parts[:at], *[slice(None)] * missing, *parts[at + 1 :]]
    cuts: list[tuple[int, int, int, int]] = []
    numbers: list[int] = []
    new: list[int] = []
    axis = placed = 0
    for part in full:
        if part is None:
            new.append(placed)
            placed += 1
            continue
        n = x.shape[axis]
        if isinstance(part, slice):
            placed += 1
            if part != slice(None):
                cuts.append(_cut(part, n, axis))
        else:
            cuts.append((int(part), int(part) + 1 if part != -1 else _END, axis, 1))
            numbers.append(axis)
        axis += 1
    if cuts:
        value = writer.node("Slice", value, *[writer.integers(column) for column in zip(*cuts, strict=True)])
    if numbers:
        value = writer.node("Squeeze", value, writer.integers(numbers))
    return writer.node("Unsqueeze", value, writer.integers(new)) if new else value


_END = 2**62


def _cut(part: slice, n: int, axis: int) -> tuple[int, int, int, int]:
    """A slice as ONNX has it: as it is written where it counts from the ends, so that it fits any length."""
    step = 1 if part.step is None else part.step
    start = (0 if step > 0 else _END) if part.start is None else part.start
    stop = (_END if step > 0 else -_END) if part.stop is None else part.stop
    return int(start), int(stop), axis, int(step)


def _places(writer: Writer, shape: tuple[int, ...], parts: Any) -> str:
    """The places in a flat array that an index with computed arrays names."""
    like = Step(INDEX, dtype=np.dtype(np.int64))
    return writer.expanded(like, _flat_places, shape, tuple(parts))


def _flat_places(shape: tuple[int, ...], parts: Any) -> Any:
    """The same in NumPy's calls: each array times the stride of its axis, slices as arrays beside them."""
    known = [p for p in parts if p is not None and p is not Ellipsis]
    if any(getattr(p, "dtype", None) == np.bool_ or isinstance(p, bool) for p in known):
        raise TypeError("an index with truths")
    at = next((i for i, p in enumerate(parts) if p is Ellipsis), len(parts))
    full = [*parts[:at], *[slice(None)] * (len(shape) - len(known)), *parts[at + 1 :]]
    wide = np.broadcast_shapes(*[p.shape for p in full if hasattr(p, "shape")])
    arrays = [i for i, p in enumerate(full) if p is not None and not isinstance(p, slice)]
    together = arrays == [*range(arrays[0], arrays[-1] + 1)]
    front = arrays[0] if together else 0
    beside = [i for i in range(len(full)) if i not in arrays]
    rank = len(wide) + len(beside)
    total: Any = 0
    axis = 0
    for i, part in enumerate(full):
        if part is None:
            continue
        n, stride = shape[axis], prod(shape[axis + 1 :])
        axis += 1
        if isinstance(part, slice):
            place = beside.index(i)
            place += len(wide) * (place >= front)
            numbers = np.arange(n)[part].reshape([-1 if k == place else 1 for k in range(rank)])
        else:
            numbers = part
            if hasattr(part, "shape"):
                numbers = np.where(part < 0, part + n, part)
                numbers = numbers.reshape((*part.shape, *[1] * (len(beside) - front)))
            else:
                numbers = part % n
        total = total + numbers * stride
    return total


# --- written at places ------------------------------------------------------------------------------------------------


def _index_of(step: Step, arrays: Any) -> tuple[Any, ...]:
    rest = iter(arrays)
    whole = step.kwargs["index"]
    return tuple([next(rest) if isinstance(p, str) else p for p in (whole if isinstance(whole, tuple) else (whole,))])


def _table(writer: Writer, shape: Any, index: Any) -> tuple[str, Any]:
    """The flat places of an index, and as numbers if these are known."""
    if any(isinstance(p, Step) and p.opcode != CONSTANT for p in index):
        return shaped(writer, _places(writer, tuple(shape), index), [-1]), None
    known = tuple([p.value if isinstance(p, Step) else p for p in index])
    places = (numbered(shape) - 1)[known]
    return writer.integers(places.ravel()), places


def _scattered(writer: Writer, step: Step) -> str:
    x, *arrays = step.args
    shape = step.kwargs["shape"]
    places, _ = _table(writer, shape, _index_of(step, arrays))
    return added(writer, writer.array(x, step.dtype), places, prod(shape), step)


def added(writer: Writer, x: str, places: str, size: int, step: Step) -> str:
    """Zeros with elements added at flat places."""
    zeros = writer.filled([size], 0, step.dtype)
    flat = shaped(writer, x, [-1])
    y = writer.node("ScatterElements", zeros, places, flat, axis=0, reduction="add")
    return shaped(writer, y, step.shape)


def unfold(x: Any, kernel: Any, stride: Any, padding: Any, dilation: Any) -> Any:
    """Every window: one table of places for all images."""
    x = np.pad(x, ((0, 0), (0, 0), *padding)) if any(map(any, padding)) else x
    each = [
        np.arange(prod(x.shape[2:])).reshape(x.shape[2:])[at]
        for at in windows.elements(x.shape[2:], kernel, stride, dilation)
    ]
    table = np.stack(each).reshape((*kernel, *each[0].shape))
    found = x.reshape((*x.shape[:2], prod(x.shape[2:])))[:, :, table]
    return np.transpose(found, (*range(1, found.ndim), 0))


def _folded(writer: Writer, step: Step) -> str:
    """Windows added up, a row of all images for every element: places do not depend on how many images there are."""
    x, size, stride, padding, dilation = [*step.args, *step.kwargs.values()]
    kernel, channels, examples = x.shape[1 : 1 + len(size)], x.shape[0], x.shape[-1]
    table = plain(windows.unfold)(numbered((1, channels, *size)), kernel, stride, padding, dilation)
    zeros = writer.filled([channels * prod(size) + 1, examples], 0, step.dtype)
    rows = shaped(writer, writer.array(x), [table.size, examples])
    y = writer.node("ScatterND", zeros, writer.integers(table.reshape(-1, 1)), rows, reduction="add")
    inner = writer.node("Slice", y, writer.integers([1]), writer.integers([_END]), writer.integers([0]))
    whole = shaped(writer, inner, (channels, *size, examples))
    return writer.node("Transpose", whole, perm=[len(size) + 1, *range(len(size) + 1)])


def _assigned(writer: Writer, step: Step) -> str:
    x, v, *arrays = step.args
    return _written(writer, step, x, v, _index_of(step, arrays), False)


def assignment(writer: Writer, step: Step) -> str:
    """x with x[index] = v, or += v."""
    x, index, v = step.args
    return _written(writer, step, x, v, index if isinstance(index, tuple) else (index,), step.function is np.add)


def _written(writer: Writer, step: Step, x: Step, v: Any, index: Any, adds: bool) -> str:
    places, known = _table(writer, x.shape, index)
    flat = shaped(writer, writer.array(x, step.dtype), [-1])
    value = writer.expanded(Step(INDEX, dtype=step.dtype), _spread, v, _shape_of(x, index), step.dtype)
    repeats = known is None or len(np.unique(known)) < known.size
    if repeats and not adds:
        return shaped(writer, _last(writer, flat, value, places, x.size), step.shape)
    reduction = "add" if adds else "none"
    y = writer.node("ScatterElements", flat, places, value, axis=0, reduction=reduction)
    return shaped(writer, y, step.shape)


def _spread(v: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    """A value for every place, in a row."""
    return np.broadcast_to(v, shape).astype(dtype).reshape(-1)


def _shape_of(x: Step, index: Any) -> tuple[int, ...]:
    """The shape of x[index], whatever numbers computed arrays have."""
    likes = [np.zeros(p.shape, p.dtype) if isinstance(p, Step) and p.opcode != CONSTANT else p for p in index]
    like: Any = np.empty(x.shape, np.int8)[tuple([p.value if isinstance(p, Step) else p for p in likes])]
    return tuple(like.shape)


def _last(writer: Writer, flat: str, value: str, places: str, size: int) -> str:
    """Values written one after the other where places repeat: the last one stays."""
    zero, one = writer.integers(0), writer.integers(1)
    order = writer.node("Range", zero, writer.node("Size", places), one)
    latest = writer.node("ScatterElements", writer.filled([size], -1, np.int64), places, order, axis=0, reduction="max")
    chosen = writer.node("Gather", value, writer.node("Max", latest, zero), axis=0)
    return writer.node("Where", writer.node("GreaterOrEqual", latest, zero), chosen, flat)


# --- pooling ----------------------------------------------------------------------------------------------------------


def _windows(x: Any, kernel: Any, stride: Any, padding: Any, fill: float) -> list[Any]:
    """For each element of the kernel, that element of every window."""
    x = np.pad(x, ((0, 0), (0, 0), *padding), constant_values=fill)
    each = windows.elements(x.shape[2:], kernel, stride, (1,) * len(kernel))
    return [x[(slice(None), slice(None), *at)] for at in each]


def max_pool(x: Any, kernel: Any, stride: Any, padding: Any) -> Any:
    """The largest of every window."""
    first, *others = _windows(x, kernel, stride, padding, -np.inf)
    for y in others:
        first = np.maximum(first, y)
    return first


def window_sums(x: Any, kernel: Any, stride: Any, padding: Any) -> Any:
    """Sums over windows."""
    wide = x.astype(np.result_type(x.dtype, np.float64 if x.dtype.kind in "biu" else np.float32))
    return sum(_windows(wide, kernel, stride, padding, 0.0))


def _chosen(x: Any, y: Any, kernel: Any, stride: Any, padding: Any, dtype: Any) -> list[Any]:
    return [(at == y).astype(dtype) for at in _windows(x, kernel, stride, padding, np.nan)]


def shared_by_largest(g: Any, x: Any, y: Any, kernel: Any, stride: Any, padding: Any) -> Any:
    """g, to the largest of every window in equal shares."""
    chosen = _chosen(x, y, kernel, stride, padding, g.dtype)
    share = g / sum(chosen)
    parts = np.stack([np.transpose(share * c, (*range(1, g.ndim), 0)) for c in chosen], axis=1)
    whole = parts.reshape((g.shape[1], *kernel, *g.shape[2:], g.shape[0]))
    return windows.fold(whole, x.shape[2:], stride, padding, (1,) * len(kernel))


def mean_of_largest(t: Any, x: Any, y: Any, kernel: Any, stride: Any, padding: Any) -> Any:
    """The elements of t at the largest of every window, the mean of those that tie."""
    chosen = _chosen(x, y, kernel, stride, padding, t.dtype)
    candidates = _windows(t, kernel, stride, padding, 0.0)
    return sum([a * c for a, c in zip(candidates, chosen, strict=True)]) / sum(chosen)


# --- conditions -------------------------------------------------------------------------------------------------------


def undisturbed(x: Any, tied: Any, **_: Any) -> Any:
    """x, and NaN where it is not 0 although values are tied."""
    whole = tied.reshape(tied.shape + (1,) * (x.ndim - tied.ndim))
    return np.where(whole & (x != 0), np.nan, x)


PLACES: Mapping[Any, Rule] = {
    plain(scattered): _scattered, plain(assigned): _assigned, plain(windows.fold): _folded,
    plain(windows.unfold): expanded(unfold), plain(pooling.max_pool): expanded(max_pool),
    plain(pooling.window_sums): expanded(window_sums),
    plain(pooling.shared_by_largest): expanded(shared_by_largest),
    plain(pooling.mean_of_largest): expanded(mean_of_largest),
    plain(op_recurrence): expanded(linear_recurrence), plain(distinct): expanded(undisturbed),
}  # fmt: skip
