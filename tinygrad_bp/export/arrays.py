"""Steps on whole arrays: reductions, products, shapes, sorts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from typing import Any

import numpy as np

from tinygrad_bp.export.writer import Rule, Writer
from tinygrad_bp.program import Step
from tinygrad_bp.program.step import summed_axes

# --- reductions -------------------------------------------------------------------------------------------------------


def reduction(kind: str, all_axes: bool = True, truths: str = "") -> Rule:
    """A number of the elements along some axes. all_axes: whether these are all if none is named; else the first.

    truths: what does it for truths, as whole numbers.
    """

    def rule(writer: Writer, step: Step) -> str:
        if {*step.kwargs} - {"axis", "keepdims", "dtype"} or len(step.args) > 2:
            raise TypeError("with more than axes")
        axes, keeps = _axes(step, all_axes), int(bool(step.kwargs.get("keepdims")))
        as_truths = step.dtype == np.bool_
        given = writer.array(step.args[0], step.dtype)
        if not axes:
            return given
        given, back = _reducible(writer, given, step.dtype)
        y = writer.node(truths if as_truths else kind, given, writer.integers(axes), keepdims=keeps)
        return back(y)

    return rule


def _reducible(writer: Writer, given: str, dtype: Any) -> tuple[str, Callable[[str], str]]:
    """A value in a dtype that is reduced, and the way back; in the order of unsigned integers if it has such."""
    if dtype.kind == "f" or dtype in (np.int32, np.int64):
        return given, lambda y: y
    wide = writer.cast(given, np.int32 if dtype == np.bool_ else np.int64)
    if dtype != np.uint64:
        return wide, lambda y: writer.cast(y, dtype)
    lowest = writer.constant(np.int64(np.iinfo(np.int64).min))
    moved = writer.node("BitwiseXor", wide, lowest)
    return moved, lambda y: writer.cast(writer.node("BitwiseXor", y, lowest), dtype)


def _axes(step: Step, all_axes: bool) -> list[int]:
    named = "axis" in step.kwargs or len(step.args) > 1
    if not named and not all_axes:
        return [0]
    return summed_axes(step)


def _placed(kind: str) -> Rule:
    def rule(writer: Writer, step: Step) -> str:
        x = step.args[0]
        axis = step.kwargs.get("axis", step.args[1] if len(step.args) > 1 else None)
        given = writer.array(x, np.dtype(np.int32) if x.dtype == np.bool_ else None)
        if axis is None:
            given = writer.node("Reshape", given, writer.integers([-1]))
        keeps = int(bool(step.kwargs.get("keepdims")))
        y = writer.node(kind, given, axis=int(axis or 0), keepdims=keeps if axis is not None else 0)
        return shaped(writer, y, step.shape) if keeps and axis is None else y

    return rule


def count_nonzero(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """How many elements are not 0."""
    return np.sum((x != 0).astype(np.int64), axis=axis, keepdims=keepdims)


def mean(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The sum over the number of elements."""
    total = np.sum(x, axis=axis, keepdims=keepdims)
    return total / float(x.size / max(total.size, 1))


def variance(x: Any, axis: Any = None, ddof: float = 0, keepdims: bool = False) -> Any:
    """The mean squared distance from the mean."""
    away = x - np.mean(x, axis=axis, keepdims=True)
    total = np.sum(away * away, axis=axis, keepdims=keepdims)
    return total / float(x.size / max(total.size, 1) - ddof)


def deviation(x: Any, axis: Any = None, ddof: float = 0, keepdims: bool = False) -> Any:
    """The root of the variance."""
    return np.sqrt(np.var(x, axis=axis, ddof=ddof, keepdims=keepdims))


def vector_norm(x: Any, axis: Any = None, ord: Any = 2, keepdims: bool = False) -> Any:
    """(Σ|x|ᵖ)^(1/p), of the elements over the largest one so that no power overflows."""
    size = np.absolute(x)
    if ord in (np.inf, -np.inf):
        return (np.max if ord > 0 else np.min)(size, axis=axis, keepdims=keepdims)
    if ord == 0:
        return np.sum((x != 0).astype(x.dtype), axis=axis, keepdims=keepdims)
    if ord == 1:
        return np.sum(size, axis=axis, keepdims=keepdims)
    largest = np.max(size, axis=axis, keepdims=True)
    largest = np.where((largest == 0) | np.isinf(largest), 1.0, largest)
    ratio = size / largest
    powers = np.square(ratio) if ord == 2 else ratio ** float(ord)
    total = np.sum(powers, axis=axis, keepdims=keepdims)
    total = np.sqrt(total) if ord == 2 else total ** (1.0 / ord)
    return total * largest.reshape(total.shape)


# --- products ---------------------------------------------------------------------------------------------------------


def _matmul(writer: Writer, step: Step) -> str:
    a, b = [x if isinstance(x, Step) else np.asarray(x) for x in step.args]
    ranks = len(a.shape), len(b.shape)
    if step.called == "dot" and 0 in ranks:
        return writer.node("Mul", writer.array(a, step.dtype), writer.array(b, step.dtype))
    if step.called == "dot" and max(ranks) > 2 and ranks[1] > 1:
        raise TypeError("of more than two axes")
    left, right = writer.array(a, step.dtype), writer.array(b, step.dtype)
    if ranks[0] < 2 or ranks[1] != 1:
        return writer.node("MatMul", left, right)
    # ONNX Runtime 1.32 takes the transpose of a matrix for the matrix where it meets a vector; so it meets a column.
    column = writer.node("Unsqueeze", right, writer.integers([1]))
    return writer.node("Squeeze", writer.node("MatMul", left, column), writer.integers([-1]))


def _einsum(writer: Writer, step: Step) -> str:
    subscripts, *operands = step.args
    return writer.node("Einsum", *[writer.array(x, step.dtype) for x in operands], equation=subscripts)


def _outer(a: Any, b: Any) -> Any:
    return a.reshape((-1, 1)) * b.reshape((1, -1))


def convolve(a: Any, v: Any, mode: str = "full") -> Any:
    """The product of one with the windows of the other."""
    a, v = (a, v) if a.size >= v.size else (v, a)
    n, k = a.size, v.size
    places = np.arange(n + k - 1)[:, None] - np.arange(k)
    windows = np.pad(a, (0, 1))[np.where((places >= 0) & (places < n), places, n)]
    y = np.matmul(windows, v)
    start = {"full": 0, "same": (k - 1) // 2, "valid": k - 1}[mode]
    return y[start : start + {"full": n + k - 1, "same": n, "valid": n - k + 1}[mode]]


def cross(a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1) -> Any:
    """a₂b₃ − a₃b₂ and so on, of vectors in space."""
    a, b = np.moveaxis(a, axisa, -1), np.moveaxis(b, axisb, -1)
    on, back = np.array([1, 2, 0]), np.array([2, 0, 1])
    return np.moveaxis(a[..., on] * b[..., back] - a[..., back] * b[..., on], -1, axisc)


# --- shapes -----------------------------------------------------------------------------------------------------------


def shaped(writer: Writer, name: str, shape: Any) -> str:
    """A value in another shape."""
    return writer.node("Reshape", name, writer.shape(shape), allowzero=int(0 in shape))


def _reshaped(writer: Writer, step: Step) -> str:
    x = step.args[0]
    if x.shape == step.shape:
        return writer.array(x)
    if x.shape and step.shape and 0 < x.shape[0] == step.shape[0] and 0 not in step.shape:
        return writer.node("Reshape", writer.array(x), writer.shape((0, *step.shape[1:])))
    return shaped(writer, writer.array(x), step.shape)


def _transposed(writer: Writer, step: Step) -> str:
    x = step.args[0]
    probe = np.empty([i + 2 for i in range(len(x.shape))], np.int8)
    if isinstance(step.function, str):
        found = getattr(probe, step.function)
        moved = found(*step.args[1:], **step.kwargs) if callable(found) else found
    else:
        moved = step.function(probe, *step.args[1:], **step.kwargs)
    order = [n - 2 for n in moved.shape]
    return writer.array(x) if order == sorted(order) else writer.node("Transpose", writer.array(x), perm=order)


def _broadcast(writer: Writer, step: Step) -> str:
    return writer.node("Expand", writer.array(step.args[0]), writer.integers(step.shape))


def _concatenated(writer: Writer, step: Step) -> str:
    parts, *rest = step.args
    axis = step.kwargs.get("axis", rest[0] if rest else 0)
    if axis is None:
        given = [shaped(writer, writer.array(x, step.dtype), [-1]) for x in parts]
        return writer.node("Concat", *given, axis=0)
    return writer.node("Concat", *[writer.array(x, step.dtype) for x in parts], axis=int(axis))


def _stacked(writer: Writer, step: Step) -> str:
    parts, *rest = step.args
    axis = int(step.kwargs.get("axis", rest[0] if rest else 0))
    given = [writer.node("Unsqueeze", writer.array(x, step.dtype), writer.integers([axis])) for x in parts]
    return writer.node("Concat", *given, axis=axis)


# --- lines ------------------------------------------------------------------------------------------------------------


def _cumsum(writer: Writer, step: Step) -> str:
    axis = step.kwargs.get("axis", step.args[1] if len(step.args) > 1 else None)
    given = writer.array(step.args[0], step.dtype)
    if axis is None:
        given = shaped(writer, given, [-1])
    return writer.node("CumSum", given, writer.constant(np.int64(axis or 0)))


def cumprod(x: Any, axis: int | None = None) -> Any:
    """Running products, in log₂ n steps."""
    y = x.reshape(-1) if axis is None else np.moveaxis(x, axis, 0)
    step = 1
    while step < len(y):
        y = np.concatenate([y[:step], y[step:] * y[:-step]])
        step *= 2
    return y if axis is None else np.moveaxis(y, 0, axis)


def linear_recurrence(a: Any, b: Any, axis: int = -1) -> Any:
    """yₖ = aₖ·yₖ₋₁ + bₖ along an axis, in log₂ n steps."""
    a, y = np.moveaxis(a, axis, 0), np.moveaxis(b, axis, 0)
    step = 1
    while step < len(y):
        y = np.concatenate([y[:step], y[step:] + a[step:] * y[:-step]])
        a = np.concatenate([a[:step], a[step:] * a[:-step]])
        step *= 2
    return np.moveaxis(y, 0, axis)


def _sorted(writer: Writer, step: Step) -> str:
    """In order by TopK, of equal ones the first first. A partition is in order too."""
    x, *rest = step.args
    rest = rest[1:] if step.called == "partition" else rest
    axis = step.kwargs.get("axis", rest[0] if rest else -1)
    given, shape = writer.array(x, np.dtype(np.int32) if x.dtype == np.bool_ else None), x.shape
    if axis is None:
        given, shape, axis = shaped(writer, given, [-1]), (x.size,), 0
    count = writer.integers([shape[axis]])
    values = writer.node("TopK", given, count, axis=int(axis), largest=0, sorted=1, outputs=2)
    if step.called == "argsort":
        return writer.node("Identity", writer.nodes[-1].output[1])
    return writer.node("Identity", values) if x.dtype == step.dtype != np.bool_ else writer.cast(values, step.dtype)


def quantile(x: Any, q: Any = 0.5, axis: Any = None, method: Any = "linear", keepdims: bool = False) -> Any:
    """Quantiles, by NumPy's own positions between sorted elements."""
    axes = [*range(x.ndim)] if axis is None else sorted([i % x.ndim for i in np.atleast_1d(axis).tolist()])
    rest = [i for i in range(x.ndim) if i not in axes]
    rows = np.sort(np.transpose(x, (*rest, *axes)).reshape((*[x.shape[i] for i in rest], -1)), axis=-1)
    positions = np.quantile(np.arange(prod([x.shape[i] for i in axes])), q, method=method)
    low, high = np.floor(positions).astype(np.int64), np.ceil(positions).astype(np.int64)
    share = (positions - low).astype(x.dtype)
    y = rows[..., low] + (rows[..., high] - rows[..., low]) * share
    y = np.moveaxis(y, range(len(rest), y.ndim), range(low.ndim)) if low.ndim else y
    kept = [1 if i in axes else x.shape[i] for i in range(x.ndim)] if keepdims else [x.shape[i] for i in rest]
    return y.reshape((*low.shape, *kept))


def searchsorted(a: Any, v: Any, side: str = "left") -> Any:
    """How many elements of a are less than each of v, or are not greater."""
    before = np.less if side == "left" else np.less_equal
    return np.sum(before(a, v[..., None]).astype(np.int64), axis=-1)


def _gathered(writer: Writer, step: Step) -> str:
    x, places = step.args[:2]
    axis = step.kwargs.get("axis", step.args[2] if len(step.args) > 2 else -1)
    return writer.node("GatherElements", writer.array(x), writer.array(places, np.dtype(np.int64)), axis=int(axis))


def expanded(function: Any) -> Rule:
    """What a function of NumPy's calls does."""
    return lambda writer, step: writer.expanded(step, function, *step.args, **step.kwargs)


ARRAYS: Mapping[Any, Rule] = {
    np.add.reduce: reduction("ReduceSum", False, "ReduceSum"), np.sum: reduction("ReduceSum", True, "ReduceSum"),
    "sum": reduction("ReduceSum"), np.multiply.reduce: reduction("ReduceProd", False, "ReduceMin"),
    np.prod: reduction("ReduceProd"), np.max: reduction("ReduceMax", True, "ReduceMax"),
    np.min: reduction("ReduceMin", True, "ReduceMin"), np.maximum.reduce: reduction("ReduceMax", False, "ReduceMax"),
    np.minimum.reduce: reduction("ReduceMin", False, "ReduceMin"), np.all: reduction("", True, "ReduceProd"),
    np.any: reduction("", True, "ReduceSum"), np.logical_and.reduce: reduction("", False, "ReduceProd"),
    np.logical_or.reduce: reduction("", False, "ReduceSum"), np.argmax: _placed("ArgMax"), np.argmin: _placed("ArgMin"),
    np.count_nonzero: expanded(count_nonzero), np.mean: expanded(mean), np.var: expanded(variance),
    np.std: expanded(deviation), np.linalg.vector_norm: expanded(vector_norm),
    np.matmul: _matmul, np.dot: _matmul, "dot": _matmul, np.einsum: _einsum, np.outer: expanded(_outer),
    np.convolve: expanded(convolve), np.cross: expanded(cross),
    **dict.fromkeys((np.reshape, np.ravel, np.squeeze, np.expand_dims, np.ascontiguousarray), _reshaped),
    **dict.fromkeys(("reshape", "ravel", "flatten", "squeeze", "copy"), _reshaped),
    **dict.fromkeys((np.transpose, np.swapaxes, np.moveaxis, np.rollaxis), _transposed),
    **dict.fromkeys(("transpose", "swapaxes", "T", "mT"), _transposed),
    np.broadcast_to: _broadcast, np.concatenate: _concatenated, np.stack: _stacked,
    np.cumsum: _cumsum, np.cumprod: expanded(cumprod), np.sort: _sorted, np.argsort: _sorted,
    np.partition: _sorted, np.median: expanded(quantile), np.quantile: expanded(quantile),
    np.take_along_axis: _gathered, np.searchsorted: expanded(searchsorted),
}  # fmt: skip
"""By function, and for methods by name."""
