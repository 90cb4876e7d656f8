"""Losses over classes. They average over the examples unless `reduction` is "sum" or "none"."""

from __future__ import annotations

from operator import mul
from typing import Any

import numpy as np

from tinygrad_bp.domains import Domain, Interval, Intervals, Parameters, Shape
from tinygrad_bp.errors import DataError, ShapeError, describe
from tinygrad_bp.ops.activations import log_softmax, shifted, softmax
from tinygrad_bp.ops.linear_algebra import operand
from tinygrad_bp.ops.losses import Reduction, reduced, require_probabilities, require_same_shape, smallest_normal
from tinygrad_bp.ops.shaping import reshape
from tinygrad_bp.registry import op, scale

# --- what they share --------------------------------------------------------------------------------------------------


def _lines(shape: Shape, axis: int) -> Shape:
    """`shape` with the classes at length 1."""
    classes = axis % len(shape)
    return (*shape[:classes], 1, *shape[classes + 1 :])


def _share(times: Any, g: Any, slope: Any, axis: int, reduction: Reduction) -> Any:
    """Cotangent `times` the slope of each example's loss; divided last, as (p − y)/m is written."""
    if reduction == "mean":
        return times(g, slope) / (slope.size // slope.shape[axis])
    return times(g if reduction == "sum" else g.reshape(_lines(slope.shape, axis)), slope)


def _over_classes(losses: Any, axis: int, reduction: Reduction) -> Any:
    return reduced(np.add.reduce(losses, axis=axis), reduction)


def _params(shape: Shape, *_: Shape) -> Parameters:
    return [{"axis": axis, "reduction": r} for axis in range(-1, len(shape)) for r in ("mean", "sum", "none")]


def _classes(*intervals: Interval, **options: Any) -> Domain:
    """Two operands with a value for each class."""
    shapes = ("i,i", "ij,ij", "ijk,ijk")
    return Intervals(*intervals, shapes=shapes, smallest=1, params=_params, analytic=False, **options)


def _class_numbers(z: Any, t: Any, axis: int = -1, **_: Any) -> tuple[Any, Any]:
    return z, (t.take(0, axis) * 97).astype(int) % z.shape[axis]


def _require_labels(name: str, labels: Any, examples: Shape, classes: int) -> None:
    if labels.dtype.kind not in "iu":
        raise DataError(
            f"{name}: labels are class numbers, integers; got {describe(labels)} of dtype {labels.dtype}. "
            "Convert them with astype(int)."
        )
    if labels.shape != examples:
        raise ShapeError(
            f"{name}: labels {describe(labels)} must have the shape {examples}, one class number for each example; "
            "axis says where the classes are."
        )
    if labels.size and np.maximum.reduce(labels.astype(np.uintp), None) >= classes:  # a negative one becomes huge
        wrong = labels[(labels < 0) | (labels >= classes)][0]
        raise DataError(f"{name}: labels of {classes} classes run from 0 to {classes - 1}; got {wrong}.")


def _is_label(labels: Any, x: Any, axis: int) -> Any:
    """Truth of: this class is the one that the label of its example names."""
    classes = np.arange(x.shape[axis])
    if axis == -1 and x.ndim > 1:
        return labels[..., None] == classes
    column = classes.reshape((-1, *[1] * (x.ndim - 1 - axis % x.ndim)))
    return reshape(labels, _lines(x.shape, axis)) == column


def _picked(name: str, x: Any, labels: Any, axis: int) -> Any:
    """The element of x of the class that each label names."""
    rows = x if axis == -1 else np.moveaxis(x, axis, -1)
    classes = rows.shape[-1]
    _require_labels(name, labels, rows.shape[:-1], classes)
    picked = rows.reshape(-1, classes)[np.arange(labels.size), labels.reshape(-1)]
    return picked.reshape(labels.shape)


# --- cross-entropy ----------------------------------------------------------------------------------------------------


def _cross_entropy_slope(z: Any, labels: Any, axis: int) -> Any:
    if getattr(labels, "ndim", 0) < z.ndim:
        return softmax(z, axis=axis) - _is_label(labels, z, axis)
    return softmax(z, axis=axis) * np.add.reduce(labels, axis=axis, keepdims=True) - labels


def _some_labels(z: Any, t: Any, **params: Any) -> tuple[Any, Any]:
    """Class numbers for every second shape, else the probabilities as they are."""
    return (z, t) if z.size % 2 else _class_numbers(z, t, **params)


@op(
    vjps=(
        lambda g, y, z, labels, axis, reduction: _share(mul, g, _cross_entropy_slope(z, labels, axis), axis, reduction),
        lambda g, y, z, labels, axis, reduction: _share(scale, g, -log_softmax(z, axis=axis), axis, reduction),
    ),
    jvp=(
        lambda s, y, z, labels, axis, reduction: _over_classes(
            scale(s, _cross_entropy_slope(z, labels, axis)), axis, reduction
        ),
        lambda s, y, z, labels, axis, reduction: _over_classes(scale(s, -log_softmax(z, axis=axis)), axis, reduction),
    ),
    latex=r"-\overline{\log \operatorname{softmax}({0})_{{1}}}",
    domain=_classes((-3, 3), (0, 1), prepare=_some_labels),
)
def softmax_cross_entropy(z: Any, labels: Any, axis: int = -1, reduction: Reduction = "mean") -> Any:
    """Cross-entropy −log softmax(z)[label] of logits z, whose classes lie along `axis`; finite for every finite z.

    labels: a class number for each example (the shape of z without `axis`), or a probability for each class (the shape
    of z), which may carry a gradient. ∂C/∂z = softmax(z) − onehot(labels). Raises DataError and ShapeError.
    """
    labels = operand(labels)
    if labels.ndim < z.ndim:
        x = shifted(z, axis)
        picked = _picked("softmax_cross_entropy", x, labels, axis)
        log_sum = np.log(np.add.reduce(np.exp(x), axis=axis, keepdims=True))
        return reduced(log_sum.reshape(labels.shape) - picked, reduction)
    if labels.shape != z.shape:
        raise ShapeError(
            f"softmax_cross_entropy: probabilities {describe(labels)} must have the shape of the logits {z.shape}."
        )
    shares = labels if labels.dtype.kind == "f" else labels.astype(z.dtype)
    log_p = np.where(shares == 0, 0.0, log_softmax(z, axis=axis))  # 0 · log 0 is 0
    return reduced(-np.add.reduce(shares * log_p, axis=axis), reduction)


def _nll_slope(log_p: Any, labels: Any, axis: int) -> Any:
    return -_is_label(labels, log_p, axis).astype(log_p.dtype)


@op(
    vjps=(
        lambda g, y, log_p, labels, axis, reduction: _share(scale, g, _nll_slope(log_p, labels, axis), axis, reduction),
        None,
    ),
    jvp=(
        lambda s, y, log_p, labels, axis, reduction: _over_classes(
            scale(s, _nll_slope(log_p, labels, axis)), axis, reduction
        ),
        None,
    ),
    latex=r"-\overline{{0}_{{1}}}",
    domain=_classes((-3, 3), (0, 1), prepare=_class_numbers),
)
def nll(log_p: Any, labels: Any, axis: int = -1, reduction: Reduction = "mean") -> Any:
    """Negative log-likelihood −log p[label] of log-probabilities, whose classes lie along `axis`.

    labels: a class number for each example, the shape of log_p without `axis`. ∂C/∂log p = −onehot(labels).
    Raises DataError and ShapeError.
    """
    return reduced(-_picked("nll", log_p, operand(labels), axis), reduction)


# --- divergence -------------------------------------------------------------------------------------------------------


def _log_ratio(p: Any, q: Any) -> Any:
    return np.log(np.maximum(p, smallest_normal(p))) - np.log(np.maximum(q, smallest_normal(q)))


@op(
    vjps=(
        lambda g, y, p, q, axis, reduction: _share(scale, g, 1.0 + _log_ratio(p, q), axis, reduction),
        lambda g, y, p, q, axis, reduction: _share(scale, g, -p / np.maximum(q, smallest_normal(q)), axis, reduction),
    ),
    jvp=(
        lambda s, y, p, q, axis, reduction: _over_classes(scale(s, 1.0 + _log_ratio(p, q)), axis, reduction),
        lambda s, y, p, q, axis, reduction: _over_classes(
            scale(s, -p / np.maximum(q, smallest_normal(q))), axis, reduction
        ),
    ),
    latex=r"\overline{{0} \log \frac{{0}}{{1}}}",
    domain=_classes((0.05, 0.95), bounded=True),
    convention="a probability of exactly 0 counts as the smallest normal number",
)
def kl_divergence(p: Any, q: Any, axis: int = -1, reduction: Reduction = "mean") -> Any:
    """Kullback–Leibler divergence Σ p·log(p/q) along `axis` of the probabilities q from the probabilities p.

    p and q have the same shape, else ShapeError. ∂C/∂p = 1 + log(p/q), ∂C/∂q = −p/q. A probability of exactly 0 counts
    as the smallest normal number in the logarithm, so that cost and derivative stay finite. Raises ArgumentError for
    numbers outside [0, 1]; a compiled function does not look.
    """
    require_same_shape("kl_divergence", p, q)
    require_probabilities("kl_divergence", p)
    require_probabilities("kl_divergence", q)
    return reduced(np.add.reduce(p * _log_ratio(p, q), axis=axis), reduction)


kl = kl_divergence
