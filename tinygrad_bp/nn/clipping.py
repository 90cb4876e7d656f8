"""Gradients held within bounds, between `backward` and the optimizer's step."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import hypot, inf
from typing import Any

import numpy as np

from tinygrad_bp.calls import guarded
from tinygrad_bp.nn.checks import Array, positive
from tinygrad_bp.nn.optim import trainable
from tinygrad_bp.tensor import Tensor


@guarded
def clip_grad_norm(params: Iterable[Tensor], max_norm: float) -> float:
    """Shrink all gradients alike so that their norm is at most max_norm; returns the norm that they had.

    The norm is that of all elements of all gradients, ‖g‖ = √Σ gᵢ²; g ← g·max_norm/(‖g‖ + 1e-6) where that shrinks it.
    Gradients are given another array, the old one is not written to. One that is NaN or infinite makes the norm so, and
    all gradients NaN or 0. Raises ArgumentError. Pascanu, Mikolov and Bengio 2013.

    >>> import tinygrad_bp as tg
    >>> w = tg.tensor([3.0, 4.0], requires_grad=True)
    >>> (w * w / 2).sum().backward()
    >>> tg.nn.clip_grad_norm([w], 1.0), w.grad.round(6)
    (5.0, array([0.6, 0.8]))
    """
    limit = positive("max_norm", max_norm)
    moving = [(p, p.grad) for p in trainable(params) if p.grad is not None]
    total = hypot(*[_norm(g) for _, g in moving])
    factor = limit / (total + 1e-6)
    if not factor >= 1.0:  # NaN too
        for p, g in moving:
            p.grad = np.asarray(g * factor)
    return total


@guarded
def clip_grad_value(params: Iterable[Tensor], clip_value: float) -> None:
    """Move every element of every gradient into [−clip_value, clip_value].

    Gradients are given another array, the old one is not written to. Raises ArgumentError.

    >>> import tinygrad_bp as tg
    >>> w = tg.tensor([3.0, -0.5], requires_grad=True)
    >>> (w * w).sum().backward()
    >>> tg.nn.clip_grad_value([w], 2.0)
    >>> w.grad
    array([ 2., -1.])
    """
    limit = positive("clip_value", clip_value)
    for p in trainable(params):
        if p.grad is not None:
            p.grad = np.asarray(np.clip(p.grad, -limit, limit))


def clipped(gradients: Sequence[Any], clip_norm: float | None, clip_value: float | None) -> list[Any]:
    """Gradients with elements within ±clip_value, then shrunk to a norm of at most clip_norm: arrays, or traced ones.

    The formulas are those of `clip_grad_value` and `clip_grad_norm`.
    """
    if clip_value is not None:
        gradients = [np.clip(g, -clip_value, clip_value) for g in gradients]
    if clip_norm is not None:
        factor = np.minimum(clip_norm / (_whole_norm([g for g in gradients if g.size]) + 1e-6), 1.0)
        gradients = [g * factor.astype(g.dtype) for g in gradients]
    return list(gradients)


def _whole_norm(gradients: Sequence[Any]) -> Any:
    """√Σ gᵢ² over all of them, as float64; elements are divided by the largest so that their squares are numbers."""
    largest = np.float64(0.0)
    for g in gradients:
        largest = np.maximum(largest, np.max(np.abs(g)).astype(np.float64))
    scale = np.where((largest > 0.0) & (largest < inf), largest, 1.0)
    squares = np.float64(0.0)
    for g in gradients:
        squares = squares + np.sum(np.square(g.astype(np.float64) / scale))
    return scale * np.sqrt(squares)


def _norm(g: Array) -> float:
    """√Σ gᵢ², of elements divided by the largest so that their squares are numbers."""
    largest = float(np.max(np.abs(g), initial=0.0))
    if not 0.0 < largest < inf:
        return largest
    return largest * float(np.linalg.norm(np.divide(g, largest, dtype=np.float64)))
