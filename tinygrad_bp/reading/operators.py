"""The operators of PyTorch, each as our function of the same meaning; arguments in the order of PyTorch's schema."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tinygrad_bp import functions as tg
from tinygrad_bp.errors import MissingRuleError
from tinygrad_bp.tensor import Tensor

Rule = Callable[..., Any]


def _refused(what: str) -> MissingRuleError:
    return MissingRuleError(f"from_torch: {what} has no op here. Write that part of the module otherwise.")


def _first(function: Rule, count: int = 1) -> Rule:
    """A function of ours of the first arguments; the others say how exact, where and in which type."""
    return lambda *args: function(*args[:count])


def _linear(x: Any, w: Any, b: Any) -> Any:
    y = tg.matmul(x, tg.swapaxes(w, 0, 1))
    return y if b is None else y + b


def _scaled_by(function: Rule) -> Rule:
    """a + alpha·b, a − alpha·b."""
    return lambda a, b, alpha=1: function(a, b if alpha == 1 else alpha * b)


def _divided(a: Any, b: Any, rounding: Any = None) -> Any:
    if rounding is not None:
        raise _refused("division that rounds")
    return tg.divide(a, b)


def _convolution(space: int) -> Rule:
    convolve = (tg.conv1d, tg.conv2d)[space - 1]

    def rule(x: Any, w: Any, b: Any, stride: Any, padding: Any, dilation: Any, groups: int) -> Any:
        given: Any = padding if isinstance(padding, str) else tuple(padding)
        y = convolve(x, w, tuple(stride), given, tuple(dilation), groups)
        return y if b is None else y + tg.reshape(b, (-1, *(1,) * space))

    return rule


def _max_pool(x: Any, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool) -> Any:
    if ceil_mode or any(n != 1 for n in np.ravel(dilation)):
        raise _refused("max pooling with gaps or windows over the edge")
    pool = tg.max_pool1d if np.ndim(x) == 3 else tg.max_pool2d
    return pool(x, tuple(kernel), tuple(stride) if stride else None, _each(padding, np.ndim(x) - 2))


def _avg_pool(x: Any, kernel: Any, stride: Any, padding: Any, ceil_mode: bool, count: bool, divisor: Any = None) -> Any:
    if ceil_mode or divisor is not None:
        raise _refused("mean pooling with a divisor or windows over the edge")
    pool = tg.avg_pool1d if np.ndim(x) == 3 else tg.avg_pool2d
    return pool(x, tuple(kernel), tuple(stride) if stride else None, _each(padding, np.ndim(x) - 2), count)


def _each(numbers: Any, axes: int) -> tuple[int, ...]:
    return tuple(np.broadcast_to(numbers, axes).tolist())


def _to_one(x: Any, size: Any) -> Any:
    if any(n != 1 for n in np.ravel(size)):
        raise _refused("adaptive pooling to more than one place")
    return tg.mean(x, axis=tuple(range(2, np.ndim(x))), keepdims=True)


def _batch_norm(x: Any, w: Any, b: Any, mean: Any, var: Any, training: bool, momentum: Any, eps: float, *_: Any) -> Any:
    if training or mean is None:
        raise _refused("batch normalisation by the batch's own mean")
    shape = (-1, *(1,) * (np.ndim(x) - 2))
    y = (x - tg.reshape(mean, shape)) / tg.sqrt(tg.reshape(var, shape) + eps)
    return _affine(y, *[part if part is None else tg.reshape(part, shape) for part in (w, b)])


def _layer_norm(x: Any, shape: Sequence[int], w: Any, b: Any, eps: float, *_: Any) -> Any:
    axes = tuple(range(-len(shape), 0))
    centered = x - tg.mean(x, axis=axes, keepdims=True)
    y = centered / tg.sqrt(tg.mean(tg.square(centered), axis=axes, keepdims=True) + eps)
    return _affine(y, w, b)


def _affine(y: Any, w: Any, b: Any) -> Any:
    y = y if w is None else y * w
    return y if b is None else y + b


def _dropout(x: Any, p: float, training: bool) -> Any:
    if training and p:
        raise _refused("dropout that draws")
    return x


def _attention(q: Any, k: Any, v: Any, mask: Any, p: float, causal: bool, scale: Any = None, *_: Any) -> Any:
    scores = tg.matmul(q, tg.swapaxes(k, -1, -2)) * (scale or 1 / np.sqrt(np.shape(q)[-1]))
    if causal:
        mask = np.tril(np.ones(np.shape(scores)[-2:], bool))
    if mask is not None:
        scores = tg.where(mask, scores, -np.inf) if mask.dtype.kind == "b" else scores + mask
    return tg.matmul(tg.softmax(scores, axis=-1), v)


def _gelu(x: Any, approximate: str) -> Any:
    if approximate == "none":
        return tg.gelu(x)
    return 0.5 * x * (1 + tg.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def _softplus(x: Any, beta: float, threshold: float) -> Any:
    return tg.softplus(x) if beta == 1 else tg.softplus(beta * x) / beta


def _averaged(losses: Any, reduction: int) -> Any:
    """0, 1, 2: each loss, their mean, their sum."""
    return (lambda x: x, tg.mean, tg.sum)[reduction](losses)


def _cross_entropy(z: Any, labels: Any, weight: Any, reduction: int, ignored: int, smoothing: float) -> Any:
    if weight is not None or smoothing or reduction != 1 or np.ndim(z) != 2:
        raise _refused("cross-entropy with weights, smoothing, axes or without a mean")
    return tg.softmax_cross_entropy(z, labels)


def _binary(p: Any, y: Any, weight: Any, reduction: int) -> Any:
    if weight is not None or reduction != 1:
        raise _refused("binary cross-entropy with weights or without a mean")
    return tg.binary_cross_entropy(p, y)


def _binary_of_logits(z: Any, y: Any, weight: Any, positive: Any, reduction: int) -> Any:
    if weight is not None or positive is not None or reduction != 1:
        raise _refused("binary cross-entropy with weights or without a mean")
    return tg.binary_cross_entropy_with_logits(z, y)


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


OPERATORS: Mapping[str, Rule] = {
    "linear": _linear, "add": _scaled_by(tg.add), "sub": _scaled_by(tg.subtract), "mul": tg.multiply, "div": _divided,
    "neg": tg.negative, "pow": tg.power, "rsqrt": lambda x: 1.0 / tg.sqrt(x), "mm": tg.matmul, "bmm": tg.matmul,
    "addmm": lambda b, x, w, beta, alpha: beta * b + alpha * tg.matmul(x, w),
    "einsum": lambda equation, operands, *_: tg.einsum(equation, *operands),
    "clamp": lambda x, low, high: tg.clip(x, low, high),
    "masked_fill": lambda x, mask, value: tg.where(mask, value, x),
    # layers
    "conv1d": _convolution(1), "conv2d": _convolution(2), "max_pool1d": _max_pool, "max_pool2d": _max_pool,
    "avg_pool1d": _avg_pool, "avg_pool2d": _avg_pool, "adaptive_avg_pool2d": _to_one, "adaptive_avg_pool1d": _to_one,
    "batch_norm": _batch_norm, "layer_norm": _layer_norm, "dropout": _dropout, "feature_dropout": _dropout,
    "embedding": lambda table, indices, *_: table[indices], "scaled_dot_product_attention": _attention,
    # activations and losses
    "relu": tg.relu, "gelu": _gelu, "silu": tg.silu, "mish": tg.mish, "softplus": _softplus,
    "leaky_relu": lambda x, slope: tg.leaky_relu(x, slope),
    "elu": lambda x, alpha, *_: tg.elu(x, alpha),
    "softmax": lambda x, axis, *_: tg.softmax(x, axis=axis),
    "log_softmax": lambda x, axis, *_: tg.log_softmax(x, axis=axis),
    "cross_entropy_loss": _cross_entropy, "binary_cross_entropy": _binary,
    "binary_cross_entropy_with_logits": _binary_of_logits,
    "mse_loss": lambda x, y, reduction: _averaged(tg.square(x - y), reduction),
    "l1_loss": lambda x, y, reduction: _averaged(abs(x - y), reduction),
    # along axes
    "mean": _reduction(tg.mean), "sum": _reduction(tg.sum), "amax": _reduction(tg.max), "amin": _reduction(tg.min),
    "var": _variance, "cumsum": lambda x, axis, *_: tg.cumsum(x, axis=axis),
    "logsumexp": _reduction(tg.logsumexp),
    # moving and taking
    "view": lambda x, shape: tg.reshape(x, tuple(shape)), "reshape": lambda x, shape: tg.reshape(x, tuple(shape)),
    "flatten": _flattened, "transpose": lambda x, a, b: tg.swapaxes(x, a, b), "t": tg.transpose,
    "permute": lambda x, axes: tg.transpose(x, tuple(axes)), "expand": _expanded,
    "unsqueeze": lambda x, axis: tg.expand_dims(x, axis),
    "squeeze": lambda x, axis=None: tg.squeeze(x, axis if axis is None else tuple(np.ravel(axis).tolist())),
    "cat": lambda xs, axis: tg.concatenate(xs, axis=axis), "stack": lambda xs, axis: tg.stack(xs, axis=axis),
    "chunk": lambda x, count, axis: tg.array_split(x, count, axis=axis), "split": _split, "split_with_sizes": _split,
    "select": lambda x, axis, i: x[(slice(None),) * (axis % np.ndim(x)) + (i,)], "slice": _part, "index": _indexed,
    # what changes nothing here
    "contiguous": _first(tg.positive), "clone": _first(tg.positive), "dropout_": _dropout, "alias": _first(tg.positive),
    "detach": lambda x: x.detach() if isinstance(x, Tensor) else x,
    # numbers that no derivative goes through
    "eq": tg.equal, "ne": tg.not_equal, "lt": tg.less, "le": tg.less_equal, "gt": tg.greater, "ge": tg.greater_equal,
    "tril": lambda x, k: tg.tril(x, k), "triu": lambda x, k: tg.triu(x, k),
    "arange": lambda end, *_: np.arange(end), "ones": lambda size, *_: np.ones(size),
    "zeros": lambda size, *_: np.zeros(size), "full": lambda size, value, *_: np.full(size, value),
}  # fmt: skip
"""What each operator of PyTorch's is here; elementwise ones that are called as ours are found in the registry."""
