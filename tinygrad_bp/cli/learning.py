"""From a table to a trained network: the article's way, which is the quickest for its network, or `nn.fit`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np

import tinygrad_bp as tg
from tinygrad_bp.annotations import Array
from tinygrad_bp.cli.network import Network, untrained
from tinygrad_bp.cli.tasks import TASKS
from tinygrad_bp.datasets import Table
from tinygrad_bp.errors import ArgumentError, DataError
from tinygrad_bp.nn.checks import positive, whole, widths
from tinygrad_bp.nn.init import generator

OPTIMIZERS: Mapping[str, Callable[..., Any]] = {
    "sgd": tg.nn.SGD,
    "rmsprop": tg.nn.RMSprop,
    "adagrad": tg.nn.Adagrad,
    "adam": tg.nn.Adam,
    "adamw": tg.nn.AdamW,
}
TRAINING_SHARE = 0.7
HUGE = 1e150

Examples = tuple[Array, Array]


@final
@dataclass(frozen=True)
class Plan:
    """How to train. validation: the share of the training examples to keep for it; patience: of early stopping."""

    layers: Sequence[int] | None
    activation: str
    optimizer: str
    alpha: float
    epochs: int
    batch: int
    seed: int
    validation: float | None = None
    patience: int | None = None

    def __post_init__(self) -> None:
        positive("alpha", self.alpha)
        whole("epochs", self.epochs, 0)
        whole("batch", self.batch, 1)
        if self.optimizer not in OPTIMIZERS:
            raise ArgumentError(f"optimizer is one of {', '.join(OPTIMIZERS)}; got {self.optimizer!r}.")
        if self.validation is not None and not 0 < self.validation < 1:
            raise ArgumentError(f"validation is a share between 0 and 1; got {self.validation}.")
        if self.patience is not None:
            whole("early-stopping", self.patience, 1)

    def widths(self, table: Table) -> list[int]:
        """The layers' widths, which must lead from the table's features to the outputs of its task."""
        n, outputs = len(table.features), TASKS[table.task].outputs(table.classes)
        if self.layers is None:
            return [n, min(max(2 * n, 16), 64), outputs]
        given = widths(self.layers)
        if (given[0], given[-1]) != (n, outputs):
            raise ArgumentError(
                f"layers {','.join(map(str, given))} lead from {given[0]} features to {given[-1]} outputs; "
                f"this data needs {n} and {outputs}."
            )
        return [*given]

    def is_the_articles(self, task: str) -> bool:
        """Whether it is gradient descent for two classes and no more, which `NeuralNetwork` does by itself."""
        return (task, self.optimizer, self.validation, self.patience) == ("binary", "sgd", None, None)


@final
@dataclass(frozen=True)
class Prepared:
    """A network before its training, the examples of each part, and the generator that training draws from."""

    network: Network
    weights: tg.nn.NeuralNetwork
    train: Examples
    validation: Examples | None
    test: Examples
    random: np.random.Generator


def prepared(table: Table, plan: Plan) -> Prepared:
    """Split the examples, scale by the training part, and draw the weights: all from the seed."""
    random = generator(plan.seed)
    if len(table.y) < 2:
        raise DataError("there is one example only; training and test need one each.")
    X, X_test, y, y_test = tg.nn.split(table.X, table.y, TRAINING_SHARE, seed=random)
    weights = tg.nn.NeuralNetwork(plan.widths(table), plan.activation, seed=random)
    validation = None
    if plan.validation is not None:
        X, X_validation, y, y_validation = tg.nn.split(X, y, 1 - plan.validation, seed=random)
        validation = X_validation, y_validation
    scaling = _moments(X)
    mean, deviation = (0.0, 1.0) if table.classes else _moments(y)
    network = untrained(weights, table, scaling, (float(mean), float(deviation)))
    return Prepared(network, weights, (X, y), validation, (X_test, y_test), random)


def learn(plan: Plan, ready: Prepared, progress: Callable[[tg.nn.Epoch], None]) -> tuple[Any, tg.nn.History]:
    """Train the network; returns the optimizer, None for the article's way, and the history. Ctrl-C ends it."""
    network, (X, y) = ready.network, ready.train
    if plan.is_the_articles(network.task.name):
        return None, _as_in_the_article(plan, ready, progress)
    optimizer = OPTIMIZERS[plan.optimizer](network.model.parameters(), lr=plan.alpha)
    held = ready.validation
    history = tg.nn.fit(
        network.model,
        network.scaled(X),
        network.targets(y),
        network.task.loss,
        optimizer,
        plan.epochs,
        plan.batch,
        ready.random,
        progress=progress,
        validation=None if held is None else (network.scaled(held[0]), network.targets(held[1])),
        metrics=network.task.metrics,
        early_stopping=plan.patience,
    )
    return optimizer, history


def _as_in_the_article(plan: Plan, ready: Prepared, progress: Callable[[tg.nn.Epoch], None]) -> tg.nn.History:
    """Gradient descent over the examples in their order."""
    network, weights, (X, y) = ready.network, ready.weights, ready.train
    epochs: list[tg.nn.Epoch] = []

    def keep(done: tg.nn.Pass) -> None:
        epochs.append(tg.nn.Epoch(done.epoch, done.cost, {"accuracy": done.accuracy}, lr=plan.alpha))
        progress(epochs[-1])

    stopped: Any = "epochs"
    try:
        weights.fit(network.scaled(X).T, y.reshape(1, -1), plan.alpha, plan.epochs, plan.batch, progress=keep)
    except KeyboardInterrupt:
        stopped = "interrupted"
    state = weights.state_dict()
    rows = {
        f"layers.{2 * (int(k[1:]) - 1)}.{k[0]}": v.T.reshape(v.T.shape if k[0] == "W" else -1) for k, v in state.items()
    }
    network.model.load_state_dict(rows)
    return tg.nn.History(epochs, stopped)


def _moments(values: Array) -> tuple[Array, Array]:
    """Mean and deviation of each column; the deviation is 1 for what is constant."""
    largest = np.max(np.abs(values), axis=0)
    if np.any(largest > HUGE):  # their squares would be infinite
        size = np.where(largest > HUGE, largest, 1.0)
        mean, deviation = _moments(values / size)
        return mean * size, deviation * size
    return values.mean(axis=0), np.where(np.ptp(values, axis=0) == 0, 1.0, values.std(axis=0))
