"""Training of any model: passes over examples in batches, a step of an optimizer after each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isfinite
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np

from tinygrad_bp.backends import CHOICES, Settled
from tinygrad_bp.errors import ArgumentError, DataError, ShapeError
from tinygrad_bp.nn.checks import Array, finite, whole
from tinygrad_bp.nn.descent import backend_for
from tinygrad_bp.nn.init import Seed, generator
from tinygrad_bp.nn.training_step import TrainingStep
from tinygrad_bp.tensor import Tensor

FEW = 200
"""Up to so many steps making a program takes longer than it saves."""


class Epoch(NamedTuple):
    """One pass of `fit` over the examples: its number from 1, and their mean cost, each taken at its turn."""

    epoch: int
    cost: float


class Optimizer(Protocol):
    """What `fit` needs of an optimizer: `step()` moves the tensors in `params` by their `.grad`."""

    @property
    def params(self) -> Sequence[Tensor]:
        """The tensors to train."""

    def step(self) -> None:
        """Move every parameter that has a gradient."""

    def zero_grad(self) -> None:
        """Forget the gradients."""


def fit(
    model: Callable[[Any], Any],
    X: Any,
    y: Any,
    loss: Callable[[Any, Any], Any],
    optimizer: Optimizer,
    epochs: int = 100,
    batch: int = 32,
    seed: Seed = None,
    shuffle: bool = True,
    progress: Callable[[Epoch], None] | None = None,
    backend: Literal["auto", "numpy", "numba", "eager"] = "auto",
) -> list[Epoch]:
    """Train a model: for every batch the gradients of `loss(model(x), y)`, one number, then `optimizer.step()`.

    X, y: m examples and their targets, rows, in the dtypes the model and the loss take; an epoch goes once over them,
    `batch` at a time, in a new order drawn from the seed, or with shuffle=False in theirs. `progress`, if given, is
    called after each epoch with its `Epoch`; the list of them is returned.

    backend: "numpy" and "numba" run steps as programs, see `compile`, with the optimizer's step inside if it is one of
    `nn`'s; "eager" runs the model as it is written; "auto" chooses by the number of steps. A model or loss that is no
    pure function of arrays (it branches on a value, draws random numbers, keeps something in a layer) runs eagerly, and
    a RuntimeWarning names the line. What a program does not repeat is printing and writing to lists outside of the
    model.

    Raises ShapeError and DataError for examples that do not fit, ArgumentError if the cost stops being finite; the
    parameters are then those that gave it.

    >>> import tinygrad_bp as tg
    >>> X, y = tg.datasets.load_seeds()
    >>> (X,), y = tg.nn.standardise(X), y.reshape(-1, 1)
    >>> model = tg.nn.Sequential(tg.nn.Linear(7, 16, seed=0), tg.nn.Tanh(), tg.nn.Linear(16, 1, seed=1))
    >>> optimizer = tg.nn.SGD(model.parameters(), lr=0.1)
    >>> epochs = tg.nn.fit(model, X, y, tg.binary_cross_entropy_with_logits, optimizer, epochs=20, seed=0)
    >>> epochs[-1].epoch, epochs[-1].cost < 0.2 < epochs[0].cost
    (20, True)
    """
    X, y = _examples(X, y)
    epochs, batch = whole("epochs", epochs, 0), whole("batch", batch, 1)
    _require_callable(model=model, loss=loss, **({} if progress is None else {"progress": progress}))
    _require_optimizer(optimizer)
    steps = TrainingStep(model, loss, optimizer, _chosen(backend, epochs * -(-len(X) // batch)))
    rng = generator(seed)
    done: list[Epoch] = []
    for epoch in range(1, epochs + 1):
        order = rng.permutation(len(X)) if shuffle else np.arange(len(X))
        with np.errstate(all="ignore"):  # the cost says whether they mattered
            done.append(Epoch(epoch, _once(steps, X, y, order, batch, epoch)))
        if progress is not None:
            progress(done[-1])
    optimizer.zero_grad()
    return done


def _once(steps: TrainingStep, X: Array, y: Array, order: Array, batch: int, epoch: int) -> float:
    """A pass over the examples in this order; returns their mean cost."""
    total = 0.0
    for i in range(0, len(order), batch):
        rows = order[i : i + batch]
        cost = steps(X.take(rows, axis=0), y.take(rows, axis=0))
        if not isfinite(cost):
            raise ArgumentError(
                f"the cost is {cost} in epoch {epoch}: training diverged. "
                "Choose a smaller learning rate, or standardise X."
            )
        steps.move()
        total += cost * len(rows)
    return total / len(order)


def _examples(X: Any, y: Any) -> tuple[Array, Array]:
    X, y = finite("X", X), finite("y", y)
    if X.ndim == 0 or y.ndim == 0 or len(X) != len(y):
        turn = " Transpose X." if X.ndim == 2 and y.ndim and X.shape[1] == len(y) else ""
        raise ShapeError(f"X {X.shape} and y {y.shape} must have as many rows: an example and its target each.{turn}")
    if len(X) == 0:
        raise DataError(f"X has shape {X.shape}: there is no example to learn from.")
    return X, y


def _require_callable(**functions: Any) -> None:
    takes = {"model": "a layer, or a function of a tensor", "loss": "a function of prediction and target"}
    for name, f in functions.items():
        if not callable(f):
            raise ArgumentError(f"{name} is {takes.get(name, 'a function of an Epoch')}; got {f!r}.")


def _require_optimizer(optimizer: Any) -> None:
    missing = [name for name in ("params", "step", "zero_grad") if not hasattr(optimizer, name)]
    if missing:
        raise ArgumentError(
            f"an optimizer has params, step() and zero_grad(); {type(optimizer).__name__} lacks {', '.join(missing)}. "
            "Pass an object such as tg.nn.SGD(model.parameters(), lr=0.1)."
        )


def _chosen(backend: Any, steps: int) -> Settled | None:
    """The backend of the programs, None for no programs."""
    if backend not in (*CHOICES, "eager"):
        raise ArgumentError(f"backend is one of {', '.join(CHOICES)}, eager; got {backend!r}.")
    if backend == "eager" or (backend == "auto" and steps <= FEW):
        return None
    chosen: Settled = backend_for(steps) if backend == "auto" else backend
    return chosen
