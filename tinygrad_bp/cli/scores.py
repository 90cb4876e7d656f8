"""How good a network is on examples, for people and for programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from tinygrad_bp.annotations import Array
from tinygrad_bp.cli.network import Network

MOST_CLASSES = 20
"""A table of more is too wide to read; --json has it."""


@final
@dataclass(frozen=True)
class Scores:
    """cost: the mean over the examples; confusion[i][k]: how many of class i were taken to be of class k.

    rmse: the root of the mean squared error, in the target's unit; r2: the share of the variance that is explained,
    None if there is none.
    """

    cost: float
    accuracy: float | None = None
    confusion: Array | None = None
    rmse: float | None = None
    r2: float | None = None

    def told(self) -> dict[str, Any]:
        """The scores that there are, as JSON has them."""
        told = {name: value for name, value in vars(self).items() if value is not None}
        return told if self.confusion is None else told | {"confusion": self.confusion.tolist()}


def scores(network: Network, X: Array, y: Array) -> Scores:
    """The scores on examples."""
    z = network.outputs(X)
    cost = float(network.task.loss(z, network.targets(y)))
    if network.classes is None:  # in units of the deviation, whose squares are finite
        t = network.targets(y)
        squares, spread = float(np.mean((z - t) ** 2)), float(np.var(t))
        rmse = network.target_scaling[1] * float(np.sqrt(squares))
        return Scores(cost, rmse=rmse, r2=1 - squares / spread if spread else None)
    predicted, count = network.probabilities(z).argmax(axis=1), len(network.classes)
    confusion = np.bincount(y * count + predicted, minlength=count**2).reshape(count, count)
    return Scores(cost, float(np.mean(predicted == y)), confusion)


def confusion_table(confusion: Array, classes: Sequence[str]) -> list[str]:
    """The confusion as lines of text: true classes down, predicted ones across."""
    if len(classes) > MOST_CLASSES:
        return [f"confusion: {len(classes)} classes, too many to show; --json has them"]
    width = max(*map(len, classes), len(str(confusion.max())))
    across = " ".join([f"{name:>{width}}" for name in classes])
    first = "true \\ predicted"
    left = max(len(first), *map(len, classes))
    rows = [
        f"{name:{left}}  " + " ".join([f"{count:{width}}" for count in row])
        for name, row in zip(classes, confusion.tolist(), strict=True)
    ]
    return [f"{first:{left}}  {across}", *rows]
