"""Passes over batches: the loop that training spends its time in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tinygrad_bp.nn.checks import Array
from tinygrad_bp.nn.optim import SGD
from tinygrad_bp.nn.replay import Replay, recorded
from tinygrad_bp.transforms import grad

Batch = tuple[Array, Array]


def columns(X: Array, Y: Array, size: int) -> list[Batch]:
    """The examples, `size` columns at a time and in their order; the last batch may be smaller."""
    return [(X[:, i : i + size].copy(), Y[:, i : i + size].copy()) for i in range(0, X.shape[1], size)]


def passes(cost: Callable[..., Any], optimizer: SGD, batches: Sequence[Batch], *, replay: bool) -> Callable[[], None]:
    """The function that goes once over the batches and takes a step down `cost(*parameters, x, y)` at each.

    replay: record the gradient once for each shape of batch and repeat its ops; `cost` must not branch on values.
    """
    params = optimizer.params
    gradient = grad(cost, argnums=tuple(range(len(params))))
    of_shape: dict[Any, Replay] = {}
    for x, y in batches:
        if x.shape not in of_shape:
            of_shape[x.shape] = recorded(gradient, *[p.value for p in params], x, y) if replay else gradient
    work = [(of_shape[x.shape], x, y) for x, y in batches]

    def once() -> None:
        for gradients, x, y in work:
            for p, g in zip(params, gradients(*[p.value for p in params], x, y), strict=True):
                p.grad = g
            optimizer.step()

    return once
