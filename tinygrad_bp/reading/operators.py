"""The operators of PyTorch, each as our function of the same meaning; arguments in the order of PyTorch's schema."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tinygrad_bp import functions as tg, linalg
from tinygrad_bp.ops.indexing import scatter_add, taken_apart
from tinygrad_bp.reading.layers import LAYERS, Rule, refused
from tinygrad_bp.tensor import Tensor


def _first(function: Rule, count: int = 1) -> Rule:
    """A function of ours of the first arguments; the others say how exact, where and in which type."""
    return lambda *args: function(*args[:count])


def _scaled_by(function: Rule) -> Rule:
    """a + alpha·b, a − alpha·b."""
    return lambda a, b, alpha=1: function(a, b if alpha == 1 else alpha * b)


def _divided(a: Any, b: Any, rounding: Any = None) -> Any:
    if rounding is not None:
        raise refused("division that rounds")
    return tg.divide(a, b)


def _reduction(function: Rule) -> Rule:
    def rule(x: Any, *args: Any) -> Any:
        axes, keepdims = args[:2] if len(args) > 1 else (None, False)  # without axes there is a dtype only
        axis = None if axes in (None, []) else tuple(np.ravel(axes).tolist())
        return function(x, axis=axis, keepdims=bool(keepdims))

    return rule


def _variance(x: Any, axes: Any = None, correction: Any = None, keepdims: bool = False) -> Any:
    ddof = 1 if correction is None else float(correction)
    return tg.var(x, axis=None if axes is None else tuple(np.ravel(axes).tolist()), ddof=ddof, keepdims=keepdims)


def _flattened(x: Any, start: int, end: int) -> Any:
    shape, last = np.shape(x), end % np.ndim(x)
    return tg.reshape(x, (*shape[: start % np.ndim(x)], -1, *shape[last + 1 :]))


def _expanded(x: Any, sizes: Sequence[int], *_: Any) -> Any:
    lead = len(sizes) - np.ndim(x)
    own = np.shape(x)
    return tg.broadcast_to(x, tuple([own[i - lead] if n == -1 else n for i, n in enumerate(sizes)]))


def _part(x: Any, axis: int, start: Any, end: Any, step: int) -> Any:
    place: list[Any] = [slice(None)] * np.ndim(x)
    place[axis] = slice(start, None if end is None or end > np.shape(x)[axis] else end, step)
    return x[tuple(place)]


def _split(x: Any, size: Any, axis: int) -> Any:
    ends = np.cumsum(size)[:-1] if isinstance(size, list) else np.arange(size, np.shape(x)[axis], size)
    return tg.split(x, ends.tolist(), axis=axis)


def _indexed(x: Any, indices: Sequence[Any]) -> Any:
    return x[tuple([slice(None) if i is None else i for i in indices])]


def _places(x: Any, axis: int, index: Any) -> tuple[Any, ...]:
    """The index of x that gather and scatter mean: along the axis as it says, along the others in place."""
    grids = np.meshgrid(*[np.arange(n) for n in np.shape(index)], indexing="ij", sparse=True)
    return tuple([index if k == axis % np.ndim(x) else grid for k, grid in enumerate(grids)])


def _added(x: Any, index: tuple[Any, ...], values: Any) -> Any:
    """x with values added at places."""
    static, arrays = taken_apart(index)
    return x + scatter_add(tg.broadcast_to(values, np.shape(x[index])), *arrays, index=static, shape=np.shape(x))


def _put(x: Any, indices: Sequence[Any], values: Any, adds: bool = False) -> Any:
    place: Any = tuple([slice(None) if i is None else i for i in indices])
    return _added(x, place, values) if adds else tg.index_update(x, place, values)


def _sorted(x: Any, axis: int, descending: bool, count: int | None = None) -> tuple[Any, Any]:
    """The elements in order and their places; count: of the first ones."""
    order = tg.argsort(x, axis=axis)
    order = tg.flip(order, axis) if descending else order
    order = order[(*(slice(None),) * (axis % np.ndim(x)), slice(count))]
    return tg.take_along_axis(x, order, axis=axis), order


def _extreme(place: Rule) -> Rule:
    """Along an axis, as PyTorch has it: the first of those that tie, and where it stands."""

    def rule(x: Any, axis: int, keepdims: bool = False) -> tuple[Any, Any]:
        at = tg.expand_dims(place(x, axis=axis), axis)
        y = tg.take_along_axis(x, at, axis=axis)
        return (y, at) if keepdims else (tg.squeeze(y, axis), tg.squeeze(at, axis))

    return rule


def _padded(x: Any, widths: Sequence[int], value: Any = 0) -> Any:
    """With a border; widths from the last axis on. Negative ones take away."""
    pairs = [(0, 0)] * (np.ndim(x) - len(widths) // 2) + [*zip(widths[::2], widths[1::2], strict=True)][::-1]
    y = tg.pad(x, [(max(a, 0), max(b, 0)) for a, b in pairs], constant_values=value)
    return y[tuple([slice(max(-a, 0), n - max(-b, 0)) for (a, b), n in zip(pairs, np.shape(y), strict=True)])]


def _repeated(x: Any, times: Sequence[int]) -> Any:
    return tg.tile(x, tuple(times))


def _unflattened(x: Any, axis: int, sizes: Sequence[int]) -> Any:
    shape, axis = np.shape(x), axis % np.ndim(x)
    return tg.reshape(x, (*shape[:axis], *sizes, *shape[axis + 1 :]))


def _in_dtype(x: Any, dtype: Any = None, *_: Any) -> Any:
    """As a number type of PyTorch's, torch.float32 and so on."""
    return x if dtype is None else tg.astype(x, str(dtype).removeprefix("torch."))


def _norm(x: Any, order: Any, axes: Any, keepdims: bool, *_: Any) -> Any:
    if axes is None:
        return linalg.norm(tg.ravel(x), ord=order, keepdims=keepdims)
    return linalg.vector_norm(x, axis=tuple(np.ravel(axes).tolist()), ord=order, keepdims=keepdims)


def _solved(A: Any, B: Any, left: bool = True, *_: Any) -> Any:
    if not left:
        raise refused("a system of equations with the unknown on the left")
    return linalg.solve(A, B)


OPERATORS: Mapping[str, Rule] = {
    **LAYERS,
    "add": _scaled_by(tg.add), "sub": _scaled_by(tg.subtract), "mul": tg.multiply, "div": _divided,
    "neg": tg.negative, "pow": tg.power, "rsqrt": lambda x: 1.0 / tg.sqrt(x), "max.other": tg.maximum,
    "min.other": tg.minimum, "clamp": lambda x, low, high: tg.clip(x, low, high),
    "masked_fill": lambda x, mask, value: tg.where(mask, value, x),
    # products and equations
    "mm": tg.matmul, "bmm": tg.matmul, "matmul": tg.matmul, "mv": tg.matmul, "dot": tg.matmul,
    "addmm": lambda b, x, w, beta, alpha: beta * b + alpha * tg.matmul(x, w),
    "einsum": lambda equation, operands, *_: tg.einsum(equation, *operands), "linalg_vector_norm": _norm,
    "linalg_inv": linalg.inv, "linalg_solve": _solved, "linalg_det": linalg.det, "det": linalg.det,
    "linalg_slogdet": linalg.slogdet, "slogdet": linalg.slogdet, "logdet": lambda a: linalg.slogdet(a)[1],
    "linalg_cholesky": lambda a, upper: linalg.cholesky(a) if not upper else tg.swapaxes(linalg.cholesky(a), -1, -2),
    # along axes
    "mean": _reduction(tg.mean), "sum": _reduction(tg.sum), "amax": _reduction(tg.max), "amin": _reduction(tg.min),
    "max.default": tg.max, "min.default": tg.min, "max.dim": _extreme(tg.argmax), "min.dim": _extreme(tg.argmin),
    "prod.default": lambda x, *_: tg.prod(x), "prod.dim_int": lambda x, axis, keepdims, *_: tg.prod(x, axis, keepdims),
    "var.correction": _variance, "cumsum": lambda x, axis, *_: tg.cumsum(x, axis=axis),
    "cumprod": lambda x, axis, *_: tg.cumprod(x, axis=axis), "logsumexp": _reduction(tg.logsumexp),
    "sort.default": lambda x, axis, descending: _sorted(x, axis, descending),
    "sort.stable": lambda x, stable, axis, descending: _sorted(x, axis, descending),
    "topk": lambda x, count, axis, largest, *_: _sorted(x, axis, largest, count),
    "argmax": lambda x, axis, keepdims: tg.argmax(x, axis=axis, keepdims=keepdims),
    "argmin": lambda x, axis, keepdims: tg.argmin(x, axis=axis, keepdims=keepdims),
    # moving and taking
    "view": lambda x, shape: tg.reshape(x, tuple(shape)), "reshape": lambda x, shape: tg.reshape(x, tuple(shape)),
    "flatten": _flattened, "unflatten.int": _unflattened,
    "transpose": lambda x, a, b: tg.swapaxes(x, a, b), "t": tg.transpose, "numpy_T": tg.transpose,
    "permute": lambda x, axes: tg.transpose(x, tuple(axes)), "expand": _expanded, "repeat": _repeated,
    "unsqueeze": lambda x, axis: tg.expand_dims(x, axis), "flip": lambda x, axes: tg.flip(x, tuple(axes)),
    "squeeze": lambda x, axis=None: tg.squeeze(x, axis if axis is None else tuple(np.ravel(axis).tolist())),
    "cat": lambda xs, axis: tg.concatenate(xs, axis=axis), "stack": lambda xs, axis: tg.stack(xs, axis=axis),
    "chunk": lambda x, count, axis: tg.array_split(x, count, axis=axis), "split": _split, "split_with_sizes": _split,
    "select": lambda x, axis, i: x[(slice(None),) * (axis % np.ndim(x)) + (i,)], "slice": _part, "index": _indexed,
    "index_select": lambda x, axis, i: tg.take(x, i, axis=axis), "diagonal": lambda x, *to: tg.diagonal(x, *to),
    "gather": lambda x, axis, index, *_: x[_places(x, axis, index)], "index_put": _put,
    "scatter_add": lambda x, axis, index, values: _added(
        x, _places(x, axis, index), values[tuple([slice(n) for n in np.shape(index)])]
    ),
    "constant_pad_nd": _padded, "tril": lambda x, k: tg.tril(x, k), "triu": lambda x, k: tg.triu(x, k),
    # what changes nothing here
    **dict.fromkeys(("contiguous", "clone", "alias", "lift_fresh_copy"), _first(tg.positive)),
    "detach": lambda x: x.detach() if isinstance(x, Tensor) else x, "_assert_tensor_metadata": lambda *_: None,
    # numbers that no derivative goes through, and their types
    "eq": tg.equal, "ne": tg.not_equal, "lt": tg.less, "le": tg.less_equal, "gt": tg.greater, "ge": tg.greater_equal,
    "_to_copy": _in_dtype, "to.dtype": _in_dtype, "type_as": lambda x, like: tg.astype(x, like.dtype),
    "arange.default": lambda end, *_: np.arange(end), "arange.start": lambda start, end, *_: np.arange(start, end),
    "arange.start_step": lambda start, end, step, *_: np.arange(start, end, step),
    "ones": lambda size, *_: np.ones(size), "zeros": lambda size, *_: np.zeros(size),
    "full": lambda size, value, *_: np.full(size, value), "scalar_tensor": lambda value, *_: np.asarray(value),
    "full_like": lambda x, value, dtype, *_: _in_dtype(np.full(np.shape(x), value, x.dtype), dtype),
}  # fmt: skip
"""What each operator of PyTorch's is here, by its name, or with its overload where these differ.

Elementwise ones that are called as ours are found in the registry; of what is not here PyTorch knows the parts.
"""
