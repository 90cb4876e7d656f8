"""The numbers of a run of `fit`: of a step, of an epoch, and where the run is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, final

from tinygrad_bp.nn.checks import Array


class Step(NamedTuple):
    """A step of `fit`: its epoch and the batch in it, both from 1, the step's number in the run, and its cost."""

    epoch: int
    batch: int
    step: int
    cost: float


@final
@dataclass(frozen=True)
class Epoch:
    """One pass of `fit` over the examples, number `epoch` from 1.

    cost: the mean of the examples' costs, each taken at its turn; metrics: means over the examples likewise.
    validation_cost and validation_metrics: of the model after the epoch, in use, over all validation examples; None and
    empty without any. lr: the learning rate of the last step, None if the optimizer has none. seconds: what the epoch
    took; they do not count when epochs are compared.
    """

    epoch: int
    cost: float
    metrics: Mapping[str, float] = field(default_factory=dict)
    validation_cost: float | None = None
    validation_metrics: Mapping[str, float] = field(default_factory=dict)
    lr: float | None = None
    seconds: float = field(default=0.0, compare=False)

    @property
    def numbers(self) -> dict[str, float]:
        """The numbers it has, by the names of their columns: "cost", "accuracy", "validation cost", …"""
        numbers = {"cost": self.cost, **self.metrics}
        if self.validation_cost is not None:
            numbers["validation cost"] = self.validation_cost
        numbers |= {f"validation {name}": value for name, value in self.validation_metrics.items()}
        numbers |= {} if self.lr is None else {"lr": self.lr}
        return numbers | {"seconds": self.seconds}

    @property
    def judged(self) -> tuple[float, Mapping[str, float]]:
        """Cost and metrics that say how good the model is: of validation if there was any."""
        if self.validation_cost is None:
            return self.cost, self.metrics
        return self.validation_cost, self.validation_metrics


@final
@dataclass
class RunState:
    """Where a run is, as exactly as it takes to go on from there.

    epoch: the one begun last; batches: how many of it are done; cost, metrics (sums over examples), examples, seconds:
    what it has come to so far. steps: of the whole run. order: the state of the generator of orders before that epoch,
    order_now: after its order was drawn; split: before the validation examples were chosen. backend: of the steps.
    shape: the numbers of examples and of those in a batch. generators: the states of the model's, by path. best and
    latest: weights by path, where they are not the model's own.
    """

    epoch: int = 0
    batches: int = 0
    steps: int = 0
    cost: float = 0.0
    metrics: dict[str, float] = field(default_factory=dict)
    examples: int = 0
    seconds: float = 0.0
    order: str = ""
    order_now: str = ""
    split: str = ""
    backend: str = ""
    shape: tuple[int, ...] = ()
    generators: dict[str, str] = field(default_factory=dict)
    best: dict[str, Array] = field(default_factory=dict)
    latest: dict[str, Array] = field(default_factory=dict)
