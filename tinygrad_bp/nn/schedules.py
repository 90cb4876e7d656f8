"""Learning rates as functions of the step, from 0: any optimizer takes one as `lr`, or any other such function."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, pi, pow
from typing import Any, final

from tinygrad_bp.nn.checks import fraction, nonnegative, positive, whole
from tinygrad_bp.nn.optim import Rate


@final
@dataclass(frozen=True)
class StepDecay:
    """lr·gammaᵏ with k = ⌊step/every⌋: the rate falls by a factor after every so many steps.

    >>> rate = StepDecay(lr=0.1, every=30, gamma=0.5)
    >>> rate(0), rate(29), rate(30), rate(60)
    (0.1, 0.1, 0.05, 0.025)
    """

    lr: float
    every: int
    gamma: float = 0.1

    def __post_init__(self) -> None:
        _check(self, positive, "lr", "gamma")
        whole("every", self.every, 1)

    def __call__(self, step: int) -> float:
        """The rate of a step."""
        return self.lr * pow(self.gamma, step // self.every)


@final
@dataclass(frozen=True)
class CosineDecay:
    """end + (lr − end)·(1 + cos(π·step/steps))/2: half a wave from lr down to end, and end from then on.

    Loshchilov and Hutter 2017, without restarts.

    >>> rate = CosineDecay(lr=0.1, steps=100)
    >>> rate(0), round(rate(50), 6), rate(100), rate(1000)
    (0.1, 0.05, 0.0, 0.0)
    """

    lr: float
    steps: int
    end: float = 0.0

    def __post_init__(self) -> None:
        _check(self, positive, "lr")
        _check(self, nonnegative, "end")
        whole("steps", self.steps, 1)

    def __call__(self, step: int) -> float:
        """The rate of a step."""
        return _wave(self.lr, self.end, step / self.steps)


@final
@dataclass(frozen=True)
class OneCycle:
    """Half a cosine wave up to max_lr in the first pct_start of the steps, then half a wave down to almost nothing.

    It begins at max_lr/div_factor and ends, in the last of the steps, at max_lr/div_factor/final_div_factor.
    Smith and Topin 2018.

    >>> rate = OneCycle(max_lr=1.0, steps=101)
    >>> rate(0), rate(29), rate(100)
    (0.04, 0.999..., 4e-06)
    """

    max_lr: float
    steps: int
    pct_start: float = 0.3
    div_factor: float = 25.0
    final_div_factor: float = 1e4

    def __post_init__(self) -> None:
        _check(self, positive, "max_lr", "div_factor", "final_div_factor")
        _check(self, fraction, "pct_start")
        whole("steps", self.steps, 2)

    def __call__(self, step: int) -> float:
        """The rate of a step."""
        start = self.max_lr / self.div_factor
        peak, last = self.pct_start * self.steps - 1.0, self.steps - 1.0
        if step < peak:
            return _wave(start, self.max_lr, step / peak)
        return _wave(self.max_lr, start / self.final_div_factor, (step - peak) / (last - peak))


@final
@dataclass(frozen=True)
class WarmUp:
    """(step + 1)/steps of the rate in the first steps, a straight line up to all of it, and all of it from then on.

    lr: a number, or a schedule that begins after the warm-up.

    >>> rate = WarmUp(CosineDecay(lr=0.1, steps=100), steps=4)
    >>> rate(0), rate(3), rate(4), rate(104)
    (0.025, 0.1, 0.1, 0.0)
    """

    lr: Rate
    steps: int

    def __post_init__(self) -> None:
        if not callable(self.lr):
            _check(self, positive, "lr")
        whole("steps", self.steps, 1)

    def __call__(self, step: int) -> float:
        """The rate of a step."""
        after = max(step - self.steps, 0)
        rate = self.lr(after) if callable(self.lr) else self.lr
        return rate * min((step + 1) / self.steps, 1.0)


def _wave(start: float, end: float, part: float) -> float:
    """From start to end along half a cosine wave, of which so much has passed."""
    return end + (start - end) * (1.0 + cos(pi * min(part, 1.0))) / 2.0


def _check(schedule: Any, check: Any, *names: str) -> None:
    for name in names:
        check(name, getattr(schedule, name))
