"""A run of training: the loop over epochs and batches, and where it is, so that another run can go on from there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from time import perf_counter
from typing import Any, final

import numpy as np

from tinygrad_bp.errors import ArgumentError, DataError
from tinygrad_bp.nn.batches import Source
from tinygrad_bp.nn.checks import Array
from tinygrad_bp.nn.evaluation import Evaluation, Metric, measured
from tinygrad_bp.nn.generators import generator_of, set_state, state_of, text_of
from tinygrad_bp.nn.held import held_places
from tinygrad_bp.nn.history import History, Stopped
from tinygrad_bp.nn.interrupts import Interrupts, interruptible
from tinygrad_bp.nn.layers import Layer
from tinygrad_bp.nn.progress import Bar
from tinygrad_bp.nn.records import Epoch, RunState, Step
from tinygrad_bp.nn.state import tensors
from tinygrad_bp.nn.stopping import EarlyStopping
from tinygrad_bp.nn.training_step import TrainingStep
from tinygrad_bp.tensor import Tensor


@final
class Run:
    """Steps over the batches of `source` from where `state` says; order: the generator of orders, None for none."""

    hears: Callable[[Epoch], Any] | None = None
    callbacks: Sequence[Callable[[Epoch], Any]] = ()
    on_step: Callable[[Step], Any] | None = None

    def __init__(
        self,
        steps: TrainingStep,
        source: Source,
        evaluation: Evaluation | None,
        metrics: Mapping[str, Metric],
        stopping: EarlyStopping | None,
        order: np.random.Generator | None,
        state: RunState,
        before: History | None,
    ):
        self.steps, self.source, self.evaluation, self.metrics = steps, source, evaluation, metrics
        self.stopping, self.order, self.state = stopping, order, state
        self.done: list[Epoch] = [*before] if before is not None else []
        self.best: int = before.best_number if before is not None else 0
        self._asked = Interrupts()
        self._bar: Bar | None = None
        self._order_before: Any = None

    def until(self, epochs: int, shows: bool) -> History:
        """Take the steps that are missing; shows: with a bar."""
        self._restore()
        with interruptible() as self._asked:
            self._bar = Bar(epochs, self.source.count, self.state) if shows and epochs else None
            try:
                stopped = self._ended(epochs)
            finally:
                self.steps.settle()
                if self._bar is not None:
                    self._bar.display.close()
        self.steps.optimizer.zero_grad()
        self._keep()
        return History(self.done, stopped, self.best, self.state)

    @property
    def _is_heard(self) -> bool:
        """Whether anybody could change the model on the way."""
        return bool(self.hears or self.callbacks or self.on_step)

    # --- the loop ---

    def _ended(self, epochs: int) -> Stopped:
        """Go over the examples until there is a reason to end."""
        while True:
            if self.stopping is not None and self.best and len(self.done) - self.best >= self.stopping.patience:
                return "early stopping"
            if len(self.done) >= epochs:
                return "epochs"
            stopped = self._epoch()
            if stopped is not None:
                return stopped

    def _epoch(self) -> Stopped | None:
        """One epoch, or what is left of it."""
        start = perf_counter()
        order = self._begun()
        with np.errstate(all="ignore"):  # the cost says whether they mattered
            stopped = self._over(order)
            self.steps.settle()
            measured = None
            if stopped is None and self.evaluation is not None:
                measured = self.evaluation(self._asked)
                stopped = "interrupted" if measured is None else None
        self.state.seconds += perf_counter() - start
        return stopped or self._closed(*measured or (None, {}))

    def _begun(self) -> np.random.Generator | None:
        """The generator of this epoch's order; if the epoch was begun before, as it was then."""
        state = self.state
        if self._is_heard:
            self.steps.begin()
        if state.epoch > len(self.done):
            return generator_of(state.order) if self.order is not None else None
        state.epoch, state.batches, state.examples = len(self.done) + 1, 0, 0
        state.cost, state.seconds, state.metrics = 0.0, 0.0, {}
        if self.order is not None:
            self._order_before = self.order.bit_generator.state
        return self.order

    def _over(self, order: np.random.Generator | None) -> Stopped | None:
        """Steps over the batches that are left."""
        steps, state, asked = self.steps, self.state, self._asked
        watched = bool(self.metrics or self.on_step or self._bar)
        for x, y in self.source.batches(order, state.batches):
            cost = steps(x, y)
            if not isfinite(cost):
                raise ArgumentError(
                    f"the cost is {cost} in epoch {state.epoch}: training diverged. "
                    "Choose a smaller learning rate, or standardise X."
                )
            steps.move()
            m = len(x)
            state.cost += cost * m
            state.examples += m
            state.batches += 1
            state.steps += 1
            if watched and self._watched(cost, y):
                return "callback"
            if asked.requested:
                return "interrupted"
        if not state.examples:
            raise DataError(
                f"there are no batches in epoch {state.epoch}. An iterator can be gone over only once: pass a list, or "
                "a function that returns a new iterator."
            )
        return None

    def _watched(self, cost: float, y: Array) -> bool:
        """What else there is to do after a step; whether training is to end."""
        state = self.state
        self.steps.settle()
        for name, number in measured(self.metrics, self.steps.prediction, y).items():
            state.metrics[name] = state.metrics.get(name, 0.0) + number * len(y)
        if self._bar is not None:
            self._bar.step(state, cost)
        return self.on_step is not None and self.on_step(Step(state.epoch, state.batches, state.steps, cost)) is True

    def _closed(self, validation_cost: float | None, validation_metrics: Mapping[str, float]) -> Stopped | None:
        """Write the epoch down, and tell everybody."""
        state = self.state
        metrics = {name: total / state.examples for name, total in state.metrics.items()}
        cost, rate = state.cost / state.examples, _rate(self.steps.optimizer)
        epoch = Epoch(state.epoch, cost, metrics, validation_cost, validation_metrics, rate, state.seconds)
        self.done.append(epoch)
        self._judge(epoch)
        if self._bar is not None:
            self._bar.epoch(epoch)
        if self.hears is not None:
            self.hears(epoch)
        answers = [f(epoch) for f in self.callbacks]
        if any(answer is True for answer in answers):
            return "callback"
        return "interrupted" if self._asked.requested else None

    def _judge(self, epoch: Epoch) -> None:
        """Note the best epoch, and its weights if they may be wanted again."""
        if self.stopping is None:
            return
        if self.stopping.improves(epoch, self.done[self.best - 1] if self.best else None):
            self.best = epoch.epoch
            if self.stopping.restore:
                self.state.best = self._weights()

    # --- what a run needs to go on ---

    def _restore(self) -> None:
        """Put back what the history has that the model does not show: its latest weights, its generators' states."""
        held = self._tensors()
        for path, value in self.state.latest.items():
            if path not in held or held[path].shape != value.shape:
                raise ArgumentError(f"the history is of another model: {path} {value.shape} is not in this one.")
            held[path].value = value[()]
        self.state.latest = {}
        generators = self._generators()
        for path, text in self.state.generators.items():
            if path not in generators:
                raise ArgumentError(f"the history is of another model: there is no generator {path} in this one.")
            set_state(generators[path], text)

    def _keep(self) -> None:
        """Note what a run has to begin with that goes on from here, and give the model its best weights."""
        state = self.state
        state.generators = {path: state_of(g) for path, g in self._generators().items()}
        state.order_now = state_of(self.order) if self.order is not None else ""
        if self._order_before is not None:
            state.order = text_of(self._order_before)
        if state.best and not self.best == state.epoch == len(self.done):
            state.latest = self._weights()
            held = self._tensors()
            for path, value in state.best.items():
                held[path].value = value[()]

    def _weights(self) -> dict[str, Array]:
        """The arrays that tensors have now, which nobody writes to."""
        return {path: tensor.value for path, tensor in self._tensors().items()}

    def _tensors(self) -> dict[str, Tensor]:
        """Every tensor of the model and of the optimizer, by path."""
        model, params = self.steps.model, self.steps.params
        held = dict(tensors(model)) if isinstance(model, Layer) else {}
        known = {id(t) for t in held.values()}
        return held | {f"optimizer.{i}": p for i, p in enumerate(params) if id(p) not in known}

    def _generators(self) -> dict[str, np.random.Generator]:
        """Every random generator of model and loss, by path."""
        places = held_places(self.steps.held)
        return {p.path: p.part for p in places if isinstance(p.part, np.random.Generator)}


def _rate(optimizer: Any) -> float | None:
    """The learning rate of the latest step."""
    lr = getattr(optimizer, "lr", None)
    if callable(lr):
        lr = lr(max(getattr(optimizer, "steps", 1) - 1, 0))
    return None if lr is None else float(lr)
