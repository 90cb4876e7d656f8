"""The layers and losses of PyTorch, each as our functions of the same meaning; arguments in the order of its schema."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tinygrad_bp import functions as tg
from tinygrad_bp.errors import MissingRuleError

Rule = Callable[..., Any]


def refused(what: str) -> MissingRuleError:
    """The error for a setting of an operator that has no op here."""
    return MissingRuleError(f"from_torch: {what} has no op here. Write that part of the module otherwise.")


def _linear(x: Any, w: Any, b: Any) -> Any:
    y = tg.matmul(x, tg.swapaxes(w, 0, 1))
    return y if b is None else y + b


def _convolution(space: int) -> Rule:
    convolve = (tg.conv1d, tg.conv2d)[space - 1]

    def rule(x: Any, w: Any, b: Any, stride: Any, padding: Any, dilation: Any, groups: int) -> Any:
        given: Any = padding if isinstance(padding, str) else tuple(padding)
        y = convolve(x, w, tuple(stride), given, tuple(dilation), groups)
        return y if b is None else y + tg.reshape(b, (-1, *(1,) * space))

    return rule


def _max_pool(x: Any, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool) -> Any:
    if ceil_mode or any(n != 1 for n in np.ravel(dilation)):
        raise refused("max pooling with gaps or windows over the edge")
    pool = tg.max_pool1d if np.ndim(x) == 3 else tg.max_pool2d
    return pool(x, tuple(kernel), tuple(stride) if stride else None, _each(padding, np.ndim(x) - 2))


def _avg_pool(x: Any, kernel: Any, stride: Any, padding: Any, ceil_mode: bool, count: bool, divisor: Any = None) -> Any:
    if ceil_mode or divisor is not None:
        raise refused("mean pooling with a divisor or windows over the edge")
    pool = tg.avg_pool1d if np.ndim(x) == 3 else tg.avg_pool2d
    return pool(x, tuple(kernel), tuple(stride) if stride else None, _each(padding, np.ndim(x) - 2), count)


def _each(numbers: Any, axes: int) -> tuple[int, ...]:
    return tuple(np.broadcast_to(numbers, axes).tolist())


def _adaptive_pool(x: Any, size: Any) -> Any:
    """The mean over equal parts of an image."""
    whole = np.shape(x)[-np.size(size) :]
    if any(n % m for n, m in zip(whole, size, strict=True)):
        raise refused("adaptive pooling to parts of different sizes")
    lead = np.shape(x)[: np.ndim(x) - len(whole)]
    parts = [length for n, m in zip(whole, size, strict=True) for length in (m, n // m)]
    inner = tuple([len(lead) + 1 + 2 * i for i in range(len(whole))])
    return tg.mean(tg.reshape(x, (*lead, *parts)), axis=inner)


def _nearest(x: Any, size: Any, factors: Any) -> Any:
    """Every element of an image as often as the image grows."""
    for axis, n in enumerate(np.shape(x)[2:], 2):
        times = size[axis - 2] / n if size else factors[axis - 2]
        if times != int(times):
            raise refused("growth that is no whole number")
        x = tg.repeat(x, int(times), axis=axis)
    return x


def _batch_norm(x: Any, w: Any, b: Any, mean: Any, var: Any, training: bool, momentum: Any, eps: float, *_: Any) -> Any:
    shape = (-1, *(1,) * (np.ndim(x) - 2))
    w, b = [part if part is None else tg.reshape(part, shape) for part in (w, b)]
    if training or mean is None:
        return _affine(_normalised(x, (0, *range(2, np.ndim(x))), eps), w, b)
    return _affine((x - tg.reshape(mean, shape)) / tg.sqrt(tg.reshape(var, shape) + eps), w, b)


def _group_norm(x: Any, groups: int, w: Any, b: Any, eps: float, *_: Any) -> Any:
    shape = np.shape(x)
    y = _normalised(tg.reshape(x, (shape[0], groups, -1)), (2,), eps)
    over = (-1, *(1,) * (len(shape) - 2))
    return _affine(tg.reshape(y, shape), *[part if part is None else tg.reshape(part, over) for part in (w, b)])


def _layer_norm(x: Any, shape: Sequence[int], w: Any, b: Any, eps: float, *_: Any) -> Any:
    return _affine(_normalised(x, tuple(range(-len(shape), 0)), eps), w, b)


def _normalised(x: Any, axes: tuple[int, ...], eps: float) -> Any:
    centered = x - tg.mean(x, axis=axes, keepdims=True)
    return centered / tg.sqrt(tg.mean(tg.square(centered), axis=axes, keepdims=True) + eps)


def _affine(y: Any, w: Any, b: Any) -> Any:
    y = y if w is None else y * w
    return y if b is None else y + b


def _dropout(x: Any, p: float, training: bool) -> Any:
    if training and p:
        raise refused("dropout that draws")
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
    """Of classes on the second axis, which goes to the end; the labels are numbers of classes, or shares of each."""
    if weight is not None:
        raise refused("cross-entropy with weights")
    z = tg.moveaxis(z, 1, -1) if np.ndim(z) > 2 else z
    count, shares = np.shape(z)[-1], labels.dtype.kind == "f"
    if reduction == 1 and not (shares or smoothing or ignored >= -count):
        rows = (z, labels) if np.ndim(z) == 2 else (tg.reshape(z, (-1, count)), tg.reshape(labels, (-1,)))
        return tg.softmax_cross_entropy(*rows)
    kept = True if shares else tg.not_equal(labels, ignored)
    if shares:
        target = tg.moveaxis(labels, 1, -1) if np.ndim(labels) > 2 else labels
    else:
        target = tg.astype(tg.equal(tg.expand_dims(labels, -1), np.arange(count)), z.dtype)
    losses = -tg.sum((target * (1 - smoothing) + smoothing / count) * tg.log_softmax(z, axis=-1), axis=-1)
    losses = losses if shares else tg.where(kept, losses, 0.0)
    return tg.sum(losses) / tg.sum(kept) if reduction == 1 and not shares else _averaged(losses, reduction)


def _binary(p: Any, y: Any, weight: Any, reduction: int) -> Any:
    if weight is not None:
        raise refused("binary cross-entropy with weights")
    if reduction == 1:
        return tg.binary_cross_entropy(p, y)
    return _averaged(-(tg.xlogy(y, p) + tg.xlog1py(1 - y, -p)), reduction)


def _binary_of_logits(z: Any, y: Any, weight: Any, positive: Any, reduction: int) -> Any:
    if weight is not None or positive is not None:
        raise refused("binary cross-entropy with weights")
    if reduction == 1:
        return tg.binary_cross_entropy_with_logits(z, y)
    return _averaged(tg.softplus(z) - y * z, reduction)


LAYERS: Mapping[str, Rule] = {
    "linear": _linear, "conv1d": _convolution(1), "conv2d": _convolution(2),
    "max_pool1d": _max_pool, "max_pool2d": _max_pool, "avg_pool1d": _avg_pool, "avg_pool2d": _avg_pool,
    "adaptive_avg_pool1d": _adaptive_pool, "adaptive_avg_pool2d": _adaptive_pool, "upsample_nearest2d.vec": _nearest,
    "batch_norm": _batch_norm, "layer_norm": _layer_norm, "group_norm": _group_norm,
    "instance_norm": lambda x, w, b, mean, var, own, momentum, eps, *_: (
        _group_norm(x, np.shape(x)[1], w, b, eps) if own else _batch_norm(x, w, b, mean, var, False, momentum, eps)
    ),
    "dropout": _dropout, "feature_dropout": _dropout,
    "embedding": lambda table, indices, *_: table[indices], "scaled_dot_product_attention": _attention,
    # activations
    "relu": tg.relu, "gelu": _gelu, "silu": tg.silu, "mish": tg.mish, "softplus": _softplus,
    "leaky_relu": lambda x, slope: tg.leaky_relu(x, slope), "hardtanh": lambda x, low, high: tg.clip(x, low, high),
    "elu": lambda x, alpha, *_: tg.elu(x, alpha),
    "softmax": lambda x, axis, *_: tg.softmax(x, axis=axis),
    "log_softmax": lambda x, axis, *_: tg.log_softmax(x, axis=axis),
    # losses
    "cross_entropy_loss": _cross_entropy, "binary_cross_entropy": _binary,
    "binary_cross_entropy_with_logits": _binary_of_logits,
    "mse_loss": lambda x, y, reduction: _averaged(tg.square(x - y), reduction),
    "l1_loss": lambda x, y, reduction: _averaged(abs(x - y), reduction),
}  # fmt: skip
"""What each operator that is a layer, an activation or a loss is here."""
