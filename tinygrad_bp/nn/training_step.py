"""Steps of training, batch after batch: as the model is written, or as a program where that gives the same."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Sequence
from traceback import walk_stack, walk_tb
from types import TracebackType
from typing import Any, final

import numpy as np

from tinygrad_bp.backends import Settled
from tinygrad_bp.compile import Compiled
from tinygrad_bp.errors import ArgumentError, TracingError, describe
from tinygrad_bp.nn.checks import Array
from tinygrad_bp.nn.functional import gradients_of
from tinygrad_bp.nn.layers import Layer, parts
from tinygrad_bp.nn.optim import SGD, GradientDescent, for_each, trainable
from tinygrad_bp.program.tracer import LIBRARIES
from tinygrad_bp.tensor import Tensor, asarray

Function = Callable[..., Any]


@final
class TrainingStep:
    """Call it with a batch: it returns the cost and leaves the gradients in `.grad` of the parameters to train.

    `move` then takes the optimizer's step. The first batch goes through the model as it is written. If that shows a
    pure function, and `backend` is not None, the others run as programs, one for each size of batch; else a warning
    names what stands against it. The step of an optimizer of this package is part of the program.
    """

    def __init__(self, model: Function, loss: Function, optimizer: Any, backend: Settled | None):
        self.model: Function = model
        self.loss: Function = loss
        self.optimizer: Any = optimizer
        self.params: Sequence[Tensor] = trainable(optimizer.params)
        self.backend: Settled | None = backend
        self._programs: dict[int, Compiled] = {}
        self._reached: Sequence[Tensor] = ()
        self._moving: Sequence[int] = ()
        self._moved: Sequence[Any] | None = None
        # A step that is the optimizer's `update` and nothing else
        self._has_rule = getattr(optimizer.step, "__func__", None) in (GradientDescent.step, SGD.step)
        self._step = self._first
        trained = {id(p) for p in self.params}
        self._others = [(p, p.grad) for p in getattr(model, "parameters", list)() if id(p) not in trained]

    def __call__(self, x: Array, y: Array) -> float:
        """The cost of the batch."""
        self._moved = None
        return self._step(x, y)

    def move(self) -> None:
        """The optimizer's step, down the gradients of the latest batch."""
        if self._moved is None:
            self.optimizer.step()
        else:
            self.optimizer.take(self._moving, self._moved)

    # --- the ways to take a step ---

    def _cost(self, x: Any, y: Any) -> Tensor:
        C = self.loss(self.model(asarray(x)), asarray(y))
        if not isinstance(C, Tensor) or C.size != 1:
            raise ArgumentError(
                f"the loss returned {describe(C)}, expected a tensor of one number. "
                "Compute it from the prediction with the library's functions, and reduce it with sum() or mean()."
            )
        return C

    def _first(self, x: Array, y: Array) -> float:
        """An eager step, then the choice how to take the others."""
        before = self._state()
        cost = self._eager(x, y)
        self._moving = [i for i, p in enumerate(self.params) if p.grad is not None]
        self._reached = [self.params[i] for i in self._moving]
        if not self._reached:
            raise ArgumentError(
                "the cost depends on none of the optimizer's parameters. "
                "Make the optimizer of this model's: tg.nn.SGD(model.parameters(), lr=0.1)."
            )
        self._step = self._eager
        if self.backend is not None:
            self._choose(x, y, cost, _difference(before, self._state()))
        return cost

    def _eager(self, x: Array, y: Array) -> float:
        for p in self.params:
            p.grad = None
        C = self._cost(x, y)
        C.backward()
        for p, g in self._others:
            p.grad = g
        return float(C.item())

    def _program(self, x: Array, y: Array) -> float:
        try:
            cost, gradients, moved = self._run(x, y)
        except TracingError as error:
            self._step = self._eager
            _warn(str(error), error.__traceback__)
            return self._eager(x, y)
        for p, g in zip(self._reached, gradients, strict=True):
            p.grad = g
        self._moved = moved
        return float(cost)

    def _run(self, x: Array, y: Array) -> Any:
        """Cost, gradients, and what a step makes of parameters and state, None if the optimizer takes it by itself."""
        # A program each, as a compiled function is quickest at calls that are like the one before.
        if len(x) not in self._programs:
            self._programs[len(x)] = Compiled(self._whole(), self.backend or "numpy")
        inputs = self.optimizer.inputs(self._moving) if self._has_rule else (None, None)
        return self._programs[len(x)](tuple([p.value for p in self._reached]), *inputs, x, y)

    def _whole(self) -> Function:
        """All of a step, as a function of arrays."""
        cost_and_gradients = gradients_of(self._cost, self._reached)

        def training_step(values: Any, states: Any, rates: Any, x: Any, y: Any) -> Any:
            cost, gradients = cost_and_gradients(values, x, y)
            if not self._has_rule:
                return cost, gradients, None
            given = zip(values, gradients, states, for_each(values, rates), strict=True)
            return cost, gradients, tuple([self.optimizer.update(*each) for each in given])

        return training_step

    # --- whether a program would do the same ---

    def _choose(self, x: Array, y: Array, cost: float, changed: str) -> None:
        """Take the other steps as programs unless something stands against it, which a warning then names."""
        try:
            reason, where = self._obstacle(x, y, cost, changed), None
        except TracingError as error:
            reason, where = str(error), error.__traceback__
        if reason:
            _warn(reason, where)
        else:
            self._step = self._program

    def _obstacle(self, x: Array, y: Array, cost: float, changed: str) -> str:
        """Why programs are out of the question; the batch has just been computed, its gradients stay. Empty if none."""
        if changed:
            return f"{changed} changes while the cost is computed, which it would not do in a program."
        if any(p.hooks for p in self._reached):
            return "a parameter has a hook, which a program would not call."
        if not _same_numbers((cost, [p.grad for p in self._reached]), self._run(x, y)[:2]):
            return "the same batch gave another cost, as it does where random numbers are drawn."
        return ""

    def _state(self) -> list[tuple[str, Any]]:
        """What model and loss hold, by the path to it."""
        held = {
            name: f if isinstance(f, Layer) else getattr(f, "__dict__", None)
            for name, f in (("model", self.model), ("loss", self.loss))
        }
        return [(path, _face(part)) for path, part in parts("", held)][1:]


def _face(part: Any) -> tuple[Any, ...]:
    """What of a part is other than before if the part has changed."""
    if isinstance(part, np.random.Generator):
        return part, repr(part.bit_generator.state)
    if isinstance(part, Tensor):
        return part, part.value
    return (part,)


def _difference(before: Sequence[tuple[str, Any]], after: Sequence[tuple[str, Any]]) -> str:
    """The path to the first part that is not what it was; empty if all are."""
    for (old_path, old), (path, new) in zip(before, after, strict=False):
        if old_path != path or not all(map(_is_same, old, new)):
            return path
    return "" if len(before) == len(after) else max(before, after, key=len)[-1][0]


def _is_same(old: Any, new: Any) -> bool:
    return old is new or (isinstance(old, int | float | str) and type(old) is type(new) and old == new)


def _same_numbers(eager: tuple[Any, Any], again: tuple[Any, Any]) -> bool:
    """Whether a step repeated gives the same but for rounding."""
    pairs = zip([eager[0], *eager[1]], [again[0], *again[1]], strict=True)
    return all(_is_close(np.asarray(a), np.asarray(b)) for a, b in pairs)


def _is_close(a: Array, b: Array) -> bool:
    tolerance = float(np.sqrt(np.finfo(b.dtype).eps))
    size = float(np.max(np.abs(a), initial=0.0))
    return np.allclose(a, b, rtol=0.0, atol=tolerance * size, equal_nan=True)


def _warn(reason: str, traceback: TracebackType | None = None) -> None:
    """Say that steps are not compiled, at the user's line that is the reason, else at the call of `fit`."""
    within = [(frame.f_code.co_filename, line) for frame, line in walk_tb(traceback)][::-1]
    around = [(frame.f_code.co_filename, line) for frame, line in walk_stack(sys._getframe())]
    file, line = next((file, line) for file, line in within + around if not file.startswith(LIBRARIES))
    message = f"fit takes its steps eagerly, not as a program: {reason} Pass backend='eager' if that is meant."
    warnings.warn_explicit(message, RuntimeWarning, file, line)
