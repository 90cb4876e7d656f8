"""Passes over batches: the loop that training spends its time in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinygrad_bp.backends import Settled
from tinygrad_bp.compile import Compiled
from tinygrad_bp.nn.checks import Array
from tinygrad_bp.tensor import Tensor
from tinygrad_bp.transforms import grad

Batch = tuple[Array, Array]

MANY = 300_000
"""From so many steps on machine code saves more seconds than Numba takes to make it."""


def backend_for(steps: int) -> Settled:
    """The backend of a program that will take so many steps, one that stays, so that they can be repeated."""
    return "settled" if steps >= MANY else "numpy"


def in_order(X: Array, Y: Array, size: int, axis: int) -> list[Batch]:
    """The examples, which are along an axis, `size` at a time and in their order; the last batch may be smaller."""
    cuts = range(size, X.shape[axis], size)
    pairs = zip(np.split(X, cuts, axis), np.split(Y, cuts, axis), strict=True)
    return [(x.copy(), y.copy()) for x, y in pairs]


def passes(
    cost: Callable[..., Any], params: Sequence[Tensor], lr: float, batches: Sequence[Batch], epochs: int, compiled: bool
) -> Callable[[], None]:
    """The function that goes once over the batches and takes a step down `cost(*parameters, x, y)` at each.

    compiled: run the step as a program; `cost` must not branch on values. epochs: how often it will be called.
    """
    gradient = grad(cost, argnums=tuple(range(len(params))))

    def step(values: tuple[Array, ...], x: Array, y: Array) -> tuple[Array, ...]:
        gradients = gradient(*values, x, y)
        return tuple([p - lr * g for p, g in zip(values, gradients, strict=True)])

    run: Callable[..., Any] = step
    if compiled:
        run = Compiled(step, backend_for(epochs * len(batches)))

    def once() -> None:
        values = tuple([p.value for p in params])
        for x, y in batches:
            values = run(values, x, y)
        for p, value in zip(params, values, strict=True):
            p.value = value

    return once
