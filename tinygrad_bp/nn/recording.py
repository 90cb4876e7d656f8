"""A recording of training: what every epoch changed, for a picture that shows it happen."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, final

import numpy as np

from tinygrad_bp.annotations import Array
from tinygrad_bp.calls import guarded
from tinygrad_bp.draw.document import image, suited
from tinygrad_bp.errors import ArgumentError, ShapeError
from tinygrad_bp.files import write_whole
from tinygrad_bp.modes import no_grad, quietly
from tinygrad_bp.nn.checks import real, require_finite
from tinygrad_bp.nn.evaluation import in_use
from tinygrad_bp.nn.functional import restored
from tinygrad_bp.nn.layers import Layer
from tinygrad_bp.nn.recording_svg import drawn
from tinygrad_bp.nn.records import Epoch
from tinygrad_bp.tensor import Tensor, asarray

GRID = 24
"""So many places of the plane are coloured in each direction."""


class Frame(NamedTuple):
    """One epoch: its record, the norm of ∂C/∂p by the parameter's path, and the class at every place of the grid.

    classes: from 0 to k − 1, between two classes a number between theirs, how sure the model is: (GRID, GRID), or None.
    """

    epoch: Epoch
    norms: dict[str, float]
    classes: Array | None


@final
class Recording:
    """A callback of `fit` that keeps, after each epoch, gradient norms and the decision boundary; `.svg` shows them.

    model, X, y, loss: what `fit` is given, all of the examples or some. y may be classes (m,), or (m, 1) of 0 and 1;
    for targets of another kind there is no boundary. The plane is that of the features if they are two, else of the two
    principal components through the mean. Gradients are those of the cost of all examples here, in use.
    every: the epochs between two frames. `.frames` is the same as data.

    >>> import tinygrad_bp as tg
    >>> X, y = tg.datasets.load_seeds()
    >>> (X,), y = tg.nn.standardise(X), y.reshape(-1, 1)
    >>> model = tg.nn.Sequential(tg.nn.Linear(7, 2, seed=0), tg.nn.Sigmoid(), tg.nn.Linear(2, 1, seed=1))
    >>> recording = tg.nn.Recording(model, X, y, tg.binary_cross_entropy_with_logits)
    >>> optimizer = tg.nn.SGD(model.parameters(), lr=0.5)
    >>> _ = tg.nn.fit(model, X, y, tg.binary_cross_entropy_with_logits, optimizer, 3, seed=0, callbacks=[recording])
    >>> recording
    <Recording of 3 epochs, 4 parameters, 2 classes>
    """

    @guarded
    def __init__(self, model: Layer, X: Any, y: Any, loss: Callable[[Any, Any], Any], every: int = 1):
        self.model: Layer = model
        self.loss: Callable[[Any, Any], Any] = loss
        self.every: int = every
        self.X: Array = real("X", X)
        self.y: Array = real("y", y)
        require_finite("X", self.X)
        require_finite("y", self.y)
        if len(self.X) != len(self.y) or not len(self.X):
            raise ShapeError(f"X {self.X.shape} and y {self.y.shape} must have as many rows, one or more.")
        if every < 1:
            raise ArgumentError(f"every is a whole number from 1 on; got {every!r}.")
        self.frames: list[Frame] = []

    def __call__(self, epoch: Epoch) -> None:
        """Keep an epoch."""
        if (epoch.epoch - 1) % self.every == 0:
            with in_use([layer for _, layer in self.model.named_layers()]):
                self.frames.append(Frame(epoch, self._norms(), self._on_grid()))

    @cached_property
    def labels(self) -> Array | None:
        """The class of every example, None if the targets are no classes."""
        y = self.y[:, 0] if self.y.ndim == 2 and self.y.shape[1] == 1 else self.y
        is_class = y.ndim == 1 and bool(np.all(y == np.round(y))) and float(y.min()) >= 0 and len(np.unique(y)) <= 10
        return y.astype(np.int64) if is_class and self.X.ndim == 2 and self.X.shape[1] > 1 else None

    @cached_property
    def plane(self) -> tuple[Array, Array]:
        """The middle of the examples, and the two directions of the plane, as rows."""
        if self.X.shape[1] == 2:
            return np.zeros(2), np.eye(2)
        middle = self.X.mean(axis=0)
        directions = np.linalg.svd(self.X - middle, full_matrices=False)[2][:2]
        return middle, directions * np.where(directions.sum(axis=1) < 0, -1, 1)[:, None]

    @cached_property
    def points(self) -> Array:
        """The examples in the plane, (m, 2)."""
        middle, directions = self.plane
        return np.asarray((self.X - middle) @ directions.T)

    @cached_property
    def extent(self) -> tuple[Array, Array]:
        """The lower and the upper end of the part of the plane that is shown, with some room around the examples."""
        low, high = self.points.min(axis=0), self.points.max(axis=0)
        room = 0.08 * np.maximum(high - low, 1e-9)
        return low - room, high + room

    @property
    def svg(self) -> str:
        """An animation that needs nothing else: boundary, cost and metrics, gradient norms by parameter and epoch."""
        if not self.frames:
            raise ArgumentError("nothing is recorded yet. Pass the recording to fit: callbacks=[recording].")
        return drawn(self.frames, None if self.labels is None else (self.points, self.labels, *self.extent))

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the animation to a file, .svg. The file appears whole or not at all."""
        return write_whole(suited(path, "a recording", ".svg"), self.svg.encode())

    def _repr_svg_(self) -> str:
        return self.svg

    def _repr_html_(self) -> str:
        return image(self.svg)

    def __repr__(self) -> str:
        names = len(list(self.model.named_parameters()))
        classes = "" if self.labels is None else f", {self.labels.max() + 1} classes"
        return f"<Recording of {len(self.frames)} epochs, {names} parameters{classes}>"

    # --- what a frame is made of ---

    def _norms(self) -> dict[str, float]:
        parameters = dict(self.model.named_parameters())
        kept = {name: p.grad for name, p in parameters.items()}
        with restored(list(parameters.values())):
            for p in parameters.values():
                p.grad = None
            self.loss(self.model(asarray(self.X)), asarray(self.y)).backward()
            norms = {name: 0.0 if p.grad is None else float(np.linalg.norm(p.grad)) for name, p in parameters.items()}
        for name, p in parameters.items():
            p.grad = kept[name]
        return norms

    def _on_grid(self) -> Array | None:
        if self.labels is None:
            return None
        low, high = self.extent
        (middle, directions), steps = self.plane, (np.arange(GRID) + 0.5) / GRID
        across, down = np.meshgrid(low[0] + steps * (high - low)[0], high[1] - steps * (high - low)[1])
        places = middle + np.stack([across.ravel(), down.ravel()], axis=1) @ directions
        with no_grad():
            scores = quietly(self.model, asarray(places.astype(self.X.dtype)))
        values = np.asarray(scores.value if isinstance(scores, Tensor) else scores, np.float64).reshape(len(places), -1)
        return _sureness(values).reshape(GRID, GRID)


def _sureness(scores: Array) -> Array:
    """Of logits, or of probabilities, which are between 0 and 1: the class, with two of them P(class 1)."""
    is_probability = bool(np.all((scores >= 0) & (scores <= 1)))
    if scores.shape[1] == 1:
        return np.asarray(scores[:, 0] if is_probability else 1 / (1 + np.exp(-scores[:, 0])))
    return np.asarray(np.argmax(scores, axis=1), np.float64)
