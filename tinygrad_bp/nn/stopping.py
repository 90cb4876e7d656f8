"""Early stopping: training ends once the model has not become better for a while."""

from __future__ import annotations

from dataclasses import dataclass
from math import isnan
from typing import Literal, final

from tinygrad_bp.errors import ArgumentError
from tinygrad_bp.nn.checks import nonnegative, whole
from tinygrad_bp.nn.records import Epoch


@final
@dataclass(frozen=True)
class EarlyStopping:
    """End `fit` after `patience` epochs that were not better than the best, and put the best weights back.

    monitor: "cost" or the name of a metric, of the validation examples if there are any. minimum: a change smaller than
    this is no improvement. restore: whether the model gets the weights and buffers of the best epoch, however training
    ends. better: "smaller" or "larger"; by default costs get better downwards and metrics upwards.
    """

    patience: int
    monitor: str = "cost"
    minimum: float = 0.0
    restore: bool = True
    better: Literal["auto", "smaller", "larger"] = "auto"

    def __post_init__(self) -> None:
        whole("patience", self.patience, 1)
        nonnegative("minimum", self.minimum)
        if str(self.better) not in ("auto", "smaller", "larger"):
            raise ArgumentError(f"better is auto, smaller or larger; got {self.better!r}.")

    def improves(self, epoch: Epoch, best: Epoch | None) -> bool:
        """Whether an epoch is better than the best before it."""
        number = self.number(epoch)
        if best is None or isnan(self.number(best)):
            return best is None or not isnan(number)
        smaller = self.better == "smaller" or (self.better == "auto" and self.monitor == "cost")
        gain = self.number(best) - number if smaller else number - self.number(best)
        return gain > self.minimum

    def number(self, epoch: Epoch) -> float:
        """What an epoch is judged by."""
        cost, metrics = epoch.judged
        if self.monitor == "cost":
            return cost
        if self.monitor not in metrics:
            known = ", ".join(["cost", *metrics])
            raise ArgumentError(f"early stopping goes by {self.monitor!r}, but fit knows {known}. Pass it in metrics.")
        return metrics[self.monitor]


def stopping(given: EarlyStopping | int | None) -> EarlyStopping | None:
    """What `fit` was given; a number is the patience."""
    if given is None or isinstance(given, EarlyStopping):
        return given
    return EarlyStopping(whole("early_stopping", given, 1))
