"""A model measured on examples: as in use, without recording."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, final

import numpy as np

from tinygrad_bp.calls import described
from tinygrad_bp.errors import ArgumentError, DataError, TracingError
from tinygrad_bp.modes import no_grad
from tinygrad_bp.nn.batches import Source
from tinygrad_bp.nn.checks import Array
from tinygrad_bp.nn.functional import restored, stand_in
from tinygrad_bp.nn.held import Snapshot
from tinygrad_bp.nn.interrupts import Interrupts
from tinygrad_bp.nn.layers import Layer
from tinygrad_bp.nn.programs import Programs
from tinygrad_bp.nn.training_step import TrainingStep, plain
from tinygrad_bp.tensor import Tensor
from tinygrad_bp.trees import flatten, tree_map

Metric = Callable[[Any, Array], Any]


def named_metrics(given: Any) -> dict[str, Metric]:
    """Metrics by name; those of a sequence have their own."""
    if given is None:
        return {}
    if isinstance(given, str) or callable(given):
        raise ArgumentError(f"metrics is a list of functions, or a dict of them; got {described(given)}. Put it in [].")
    if not isinstance(given, Mapping):
        given = {getattr(f, "__name__", type(f).__name__): f for f in given}
    for name, f in given.items():
        if not callable(f):
            raise ArgumentError(f"the metric {name!r} is a function of prediction and target, arrays; got {f!r}.")
    return dict(given)


def measured(metrics: Mapping[str, Metric], prediction: Any, y: Array) -> dict[str, float]:
    """The metrics of a prediction."""
    return {name: _number(name, f(prediction, y)) for name, f in metrics.items()}


@final
class Evaluation:
    """Cost and metrics over all the examples of a source, with the model as in use, and as it was afterwards.

    The cost is the mean of the examples' costs. Metrics are given all predictions at once. Batches go through programs
    where training steps do.
    """

    def __init__(self, steps: TrainingStep, source: Source, metrics: Mapping[str, Metric]):
        self.steps, self.source, self.metrics = steps, source, metrics
        self._programs = Programs(self._as_function, steps.backend or "numpy")
        self._tensors: list[Tensor] = []
        self._traceable = True

    def __call__(self, asked: Interrupts) -> tuple[float, dict[str, float]] | None:
        """The cost and the metrics; None if Ctrl-C was pressed before they were known."""
        before = Snapshot(self.steps.held)
        parts = {id(place.part): place.part for place in before.places}.values()
        self._tensors = [t for t in parts if isinstance(t, Tensor)]
        self._tensors += [p for p in self.steps.params if not any(p is t for t in self._tensors)]
        try:
            with in_use([layer for layer in parts if isinstance(layer, Layer)]), no_grad():
                return self._over_all(asked)
        finally:
            before.restore()

    def _over_all(self, asked: Interrupts) -> tuple[float, dict[str, float]] | None:
        total, examples = 0.0, 0
        predictions: list[Any] = []
        targets: list[Array] = []
        for x, y in self.source.batches():
            if asked.requested:
                return None
            cost, prediction = self._measured(x, y)
            total += cost * len(x)
            examples += len(x)
            if self.metrics:
                predictions.append(prediction)
                targets.append(y)
        if not examples:
            raise DataError("the validation has no batches. Give it at least one.")
        if not self.metrics:
            return total / examples, {}
        return total / examples, measured(self.metrics, _joined(predictions), np.concatenate(targets))

    def _measured(self, x: Array, y: Array) -> tuple[float, Any]:
        """Cost and prediction of a batch."""
        if self.steps.compiled and self._traceable:
            values, generators = tuple([t.value for t in self._tensors]), self.steps.state.generators
            try:
                cost, prediction = self._programs(generators, x, y, values, generators)
                return cost.item(), prediction
            except TracingError:  # in use it does what no program does
                self._traceable = False
        C, prediction = self.steps.cost(x, y)
        return C.item(), tree_map(plain, prediction)

    def _as_function(self, x: Any, y: Any, values: Any, generators: Any) -> Any:
        """The cost and the prediction, as a function of all tensors of the model."""
        before = Snapshot(self.steps.held)
        try:
            with restored(self._tensors), self.steps.state.given(self.steps.state.buffers, generators):
                stand_in(self._tensors, values)
                return self.steps.cost(x, y)
        finally:
            before.restore()


@contextmanager
def in_use(layers: Sequence[Layer]) -> Iterator[None]:
    """In the body the layers are as in use, afterwards each is as it was."""
    before = [layer.training for layer in layers]
    for layer in layers:
        layer.training = False
    try:
        yield
    finally:
        for layer, training in zip(layers, before, strict=True):
            layer.training = training


def _joined(predictions: Sequence[Any]) -> Any:
    """The predictions of all batches as one, each array of a container joined by itself."""
    parts = [flatten(prediction)[0] for prediction in predictions]
    rebuild = flatten(predictions[0])[1]
    return rebuild(iter([np.concatenate(arrays) for arrays in zip(*parts, strict=True)]))


def _number(name: str, value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise ArgumentError(f"the metric {name!r} returned {value!r}, expected one number.") from error
