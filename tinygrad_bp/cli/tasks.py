"""What is learned: a record each for two classes, several classes, and numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np

import tinygrad_bp as tg
from tinygrad_bp.annotations import Array

Names = Sequence[str] | None


@final
@dataclass(frozen=True)
class Task:
    """A kind of target. z is what the last layer returns, a row for each example, before any activation.

    outputs: how many, of the classes' names. targets: y as the loss takes it. loss: of z and those, averaged. metrics:
    of z and those too, arrays. probabilities: (m, classes) of z, None where there are none. cost: C of the article's
    graph, of z[L] and y in columns and of the layer's number L.
    """

    name: str
    outputs: Callable[[Names], int]
    targets: Callable[[Array], Array]
    loss: Callable[[Any, Any], Any]
    cost: Callable[[tg.Tensor, Array, int], tg.Tensor]
    probabilities: Callable[[Array], Array] | None = None
    metrics: Mapping[str, Callable[[Array, Array], float]] = field(default_factory=dict)


def _binary_cost(z: tg.Tensor, y: Array, l: int) -> tg.Tensor:
    return tg.binary_cross_entropy(tg.sigmoid(z).named(f"a{l}"), tg.Tensor(y.reshape(1, -1), name="y"))


def _class_cost(z: tg.Tensor, y: Array, l: int) -> tg.Tensor:
    return tg.softmax_cross_entropy(z, tg.Tensor(y, name="y"), axis=0)


def _squared_cost(z: tg.Tensor, y: Array, l: int) -> tg.Tensor:
    return tg.mse(z, tg.Tensor(y.reshape(1, -1), name="y"))


def _both(z: Array) -> Array:
    p = tg.sigmoid(z[:, 0])
    return np.stack([1.0 - p, p], axis=1)


def _column(y: Array) -> Array:
    return y.reshape(-1, 1).astype(np.float64)


TASKS: Mapping[str, Task] = {
    task.name: task
    for task in (
        Task(
            name="binary",
            outputs=lambda classes: 1,
            targets=_column,
            loss=tg.binary_cross_entropy_with_logits,
            cost=_binary_cost,
            probabilities=_both,
            metrics={"accuracy": lambda z, y: float(np.mean((z > 0) == y))},
        ),
        Task(
            name="multi-class",
            outputs=lambda classes: len(classes or ()),
            targets=lambda y: y,
            loss=tg.softmax_cross_entropy,
            cost=_class_cost,
            probabilities=lambda z: np.asarray(tg.softmax(z, axis=1)),
            metrics={"accuracy": lambda z, y: float(np.mean(z.argmax(axis=1) == y))},
        ),
        Task(
            name="regression",
            outputs=lambda classes: 1,
            targets=_column,
            loss=tg.mse,
            cost=_squared_cost,
        ),
    )
}
