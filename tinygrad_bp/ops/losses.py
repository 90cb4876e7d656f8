"""Losses. They average over all elements unless `reduction` is "sum" or "none"."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from tinygrad_bp.domains import Intervals
from tinygrad_bp.errors import ArgumentError, DataError, ShapeError, describe
from tinygrad_bp.ops.activations import logistic, sigmoid, softplus
from tinygrad_bp.ops.arithmetic import clip, maximum
from tinygrad_bp.ops.complex import conjugated, require_real
from tinygrad_bp.ops.elementwise import log
from tinygrad_bp.ops.linear_algebra import operand
from tinygrad_bp.registry import op, scale

Reduction = Literal["mean", "sum", "none"]

_SHAPES = ("i,i", "ij,ij", ",")


def _reductions(*shapes: Any) -> list[dict[str, Any]]:
    return [{"reduction": r} for r in (("mean", "sum", "none") if np.prod(shapes[0]) else ("sum", "none"))]


def reduced(losses: Any, reduction: Reduction) -> Any:
    """The losses averaged, added up, or as they are."""
    if reduction == "mean":
        return np.add.reduce(losses, None) / losses.size
    if reduction == "sum":
        return np.add.reduce(losses, None)
    if reduction == "none":
        return losses
    raise ArgumentError(f"reduction is one of 'mean', 'sum', 'none'; got {reduction!r}.")


def _share(g: Any, x: Any, reduction: Reduction) -> Any:
    """What one element's loss gets of a cotangent, or what comes of it: divided last, as (p − t)/m is written."""
    return g / x.size if reduction == "mean" and x.size != 1 else g


def require_same_shape(name: str, prediction: Any, target: Any) -> None:
    """Raise ShapeError unless predictions and targets have the same shape."""
    if prediction.shape != (target.shape if hasattr(target, "shape") else np.shape(target)):
        raise ShapeError(
            f"{name}: predictions {describe(prediction)} and targets {describe(target)} must have the same shape. "
            "Reshape the targets; they are not broadcast, since a loss over every pair is rarely meant."
        )


def require_probabilities(name: str, p: Any) -> None:
    """Raise ArgumentError for an array with numbers below 0 or above 1 by more than rounding errors; NaN passes."""
    if not isinstance(p, np.ndarray | np.generic) or not p.size:
        return
    low, high, slack = p.min(), p.max(), 16 * np.finfo(p.dtype).eps if p.dtype.kind == "f" else 0
    if low < -slack or high > 1 + slack:
        raise ArgumentError(
            f"{name}: probabilities are between 0 and 1; got {low if low < -slack else high:.6g} in "
            f"{describe(p)}. Apply sigmoid or softmax first, or use the loss that takes logits."
        )


_SMALLEST = {d: np.finfo(d).tiny for d in (np.float16, np.float32, np.float64, np.longdouble)}


def smallest_normal(p: Any) -> Any:
    """The smallest normal number: what a probability of exactly 0 counts as."""
    return _SMALLEST.get(p.dtype.type, _SMALLEST[np.float64])


@op(
    vjps=(
        lambda g, y, p, t, reduction: _share(
            scale(g, (1.0 - t) / maximum(1.0 - p, smallest_normal(p)) - t / maximum(p, smallest_normal(p))),
            p,
            reduction,
        ),
        lambda g, y, p, t, reduction: _share(
            scale(g, log(maximum(1.0 - p, smallest_normal(p))) - log(maximum(p, smallest_normal(p)))), p, reduction
        ),
    ),
    jvp=(
        lambda s, y, p, t, reduction: reduced(
            scale(s, (1.0 - t) / maximum(1.0 - p, smallest_normal(p)) - t / maximum(p, smallest_normal(p))), reduction
        ),
        lambda s, y, p, t, reduction: reduced(
            scale(s, log(maximum(1.0 - p, smallest_normal(p))) - log(maximum(p, smallest_normal(p)))), reduction
        ),
    ),
    latex=r"-\overline{{1} \log {0} + (1 - {1}) \log(1 - {0})}",
    domain=Intervals((0.05, 0.95), shapes=_SHAPES, params=_reductions, analytic=False, bounded=True),
    convention="a probability of exactly 0 counts as the smallest normal number",
)
def binary_cross_entropy(p: Any, t: Any, reduction: Reduction = "mean") -> Any:
    """Cross-entropy −(t·log p + (1 − t)·log(1 − p)) of probabilities p for targets t in [0, 1], of the same shape.

    ∂C/∂p = (1 − t)/(1 − p) − t/p. A saturated prediction (exactly 0 or 1) counts as the smallest normal number away, so
    that cost and derivative stay finite; from logits, `binary_cross_entropy_with_logits` keeps them exact as well.
    Raises ArgumentError for p outside [0, 1]; a compiled function does not look.
    """
    require_same_shape("binary_cross_entropy", p, t)
    q, floor = 1.0 - p, smallest_normal(p)
    require_probabilities("binary_cross_entropy", p)
    return reduced(-(t * np.log(np.maximum(p, floor)) + (1.0 - t) * np.log(np.maximum(q, floor))), reduction)


@op(
    vjps=(
        lambda g, y, z, t, reduction: _share(g * (logistic(z) - t), z, reduction),
        lambda g, y, z, t, reduction: _share(scale(g, -z), z, reduction),
    ),
    jvp=(
        lambda s, y, z, t, reduction: reduced(scale(s, sigmoid(z) - t), reduction),
        lambda s, y, z, t, reduction: reduced(scale(s, -z), reduction),
    ),
    latex=r"\overline{\log(1 + e^{{0}}) - {1} \odot {0}}",
    domain=Intervals((-3, 3), (0.05, 0.95), shapes=_SHAPES, params=_reductions, analytic=False),
)
def binary_cross_entropy_with_logits(z: Any, t: Any, reduction: Reduction = "mean") -> Any:
    """Cross-entropy of the probabilities σ(z) for targets t in [0, 1], of the same shape: log(1 + eᶻ) − t·z.

    ∂C/∂z = σ(z) − t. Exact and finite for every logit.
    """
    require_same_shape("binary_cross_entropy_with_logits", z, t)
    return reduced(softplus(z) - t * z, reduction)


@op(
    vjps=(
        lambda g, y, p, t, reduction: _share(scale(g, 2 * (p - t)), p, reduction),
        lambda g, y, p, t, reduction: _share(scale(g, 2 * (t - p)), p, reduction),
    ),
    jvp=(
        lambda s, y, p, t, reduction: reduced(scale(s, 2 * (p - t)), reduction),
        lambda s, y, p, t, reduction: reduced(scale(s, 2 * (t - p)), reduction),
    ),
    latex=r"\overline{({0} - {1})^2}",
    domain=Intervals((-3, 3), shapes=_SHAPES, params=_reductions),
)
def mse(p: Any, t: Any, reduction: Reduction = "mean") -> Any:
    """Mean squared error (p − t)², predictions and targets of the same shape. ∂C/∂p = 2(p − t)."""
    require_same_shape("mse", p, t)
    difference = p - t
    return reduced(difference * difference, reduction)


@op(
    vjps=(
        lambda g, y, p, t, reduction: _share(scale(g, conjugated(np.sign(p - t))), p, reduction),
        lambda g, y, p, t, reduction: _share(scale(g, conjugated(np.sign(t - p))), p, reduction),
    ),
    jvp=(
        lambda s, y, p, t, reduction: reduced(scale(s, conjugated(np.sign(p - t))), reduction),
        lambda s, y, p, t, reduction: reduced(scale(s, conjugated(np.sign(t - p))), reduction),
    ),
    latex=r"\overline{\lvert {0} - {1} \rvert}",
    domain=Intervals((-3, 3), shapes=_SHAPES, params=_reductions, kink=lambda p, t, **_: p - t, analytic=False),
    convention="0 where prediction and target agree",
)
def mae(p: Any, t: Any, reduction: Reduction = "mean") -> Any:
    """Mean absolute error |p − t|, predictions and targets of the same shape. ∂C/∂p = sign(p − t)."""
    require_same_shape("mae", p, t)
    return reduced(np.absolute(p - t), reduction)


@op(
    vjps=(
        lambda g, y, p, t, delta, reduction: _share(scale(g, clip(p - t, -delta, delta)), p, reduction),
        lambda g, y, p, t, delta, reduction: _share(scale(g, clip(t - p, -delta, delta)), p, reduction),
    ),
    jvp=(
        lambda s, y, p, t, delta, reduction: reduced(scale(s, clip(p - t, -delta, delta)), reduction),
        lambda s, y, p, t, delta, reduction: reduced(scale(s, clip(t - p, -delta, delta)), reduction),
    ),
    latex=r"\overline{\operatorname{huber}({0} - {1})}",
    domain=Intervals(
        (-3, 3),
        shapes=_SHAPES,
        params=lambda *shapes: [{**p, "delta": delta} for p in _reductions(*shapes) for delta in (1.0, 0.6)],
        kink=lambda p, t, delta, **_: np.absolute(p - t) - delta,
        analytic=False,
    ),
)
def huber(p: Any, t: Any, delta: float = 1.0, reduction: Reduction = "mean") -> Any:
    """Huber loss of d = p − t: d²/2 for |d| ≤ delta, delta·(|d| − delta/2) beyond; p and t of the same shape.

    ∂C/∂p = d, held between −delta and delta. Raises ArgumentError unless delta > 0.
    """
    require_same_shape("huber", p, t)
    if not delta > 0:
        raise ArgumentError(f"huber: delta is where the parabola ends and must be positive; got {delta}.")
    difference = p - t
    require_real("huber", difference)
    d = np.absolute(difference)
    near = np.minimum(d, delta)
    return reduced(near * (d - 0.5 * near), reduction)


def _hinge_slope(z: Any, t: Any) -> Any:
    return -t * (z * t < 1.0)


def _signs(z: Any, t: Any, **_: Any) -> tuple[Any, Any]:
    return z, np.where(t < 0, -1, 1)


@op(
    vjps=(lambda g, y, z, t, reduction: _share(scale(g, _hinge_slope(z, t)), z, reduction), None),
    jvp=(lambda s, y, z, t, reduction: reduced(scale(s, _hinge_slope(z, t)), reduction), None),
    latex=r"\overline{\max(1 - {1} \odot {0}, 0)}",
    domain=Intervals(
        (-3, 3),
        shapes=_SHAPES,
        params=_reductions,
        prepare=_signs,
        kink=lambda z, t, **_: 1 - z * t,
        analytic=False,
    ),
    convention="0 on the margin",
)
def hinge(z: Any, t: Any, reduction: Reduction = "mean") -> Any:
    """Hinge loss max(1 − t·z, 0) of scores z for labels t, each −1 or 1, of the same shape.

    ∂C/∂z = −t inside the margin (t·z < 1), else 0. Labels carry no gradient; others than ±1 raise DataError.
    """
    require_same_shape("hinge", z, t)
    signs = operand(t).astype(z.dtype if z.dtype.kind == "f" else np.float64)
    if np.any(np.absolute(signs) != 1):
        wrong = signs[np.absolute(signs) != 1].flat[0]
        raise DataError(f"hinge: labels are −1 and 1; got {wrong}. For labels 0 and 1 pass 2·labels − 1.")
    return reduced(np.maximum(1.0 - signs * z, 0.0), reduction)
