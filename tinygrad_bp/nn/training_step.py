"""Steps of training, batch after batch: as the model is written, or as a program where that gives the same."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from traceback import walk_stack, walk_tb
from types import TracebackType
from typing import Any, Literal, final
from weakref import proxy

import numpy as np

from tinygrad_bp.backends import Arrays, Settled
from tinygrad_bp.errors import ArgumentError, TracingError, describe
from tinygrad_bp.modes import current_mode
from tinygrad_bp.nn.checks import Array
from tinygrad_bp.nn.clipping import clipped
from tinygrad_bp.nn.functional import gradients_of
from tinygrad_bp.nn.generators import state_of
from tinygrad_bp.nn.held import Moving, Roots, Snapshot, are_like, held_places, roots
from tinygrad_bp.nn.lbfgs import LBFGS
from tinygrad_bp.nn.optim import SGD, GradientDescent, for_each, trainable
from tinygrad_bp.nn.parts import Place
from tinygrad_bp.nn.programs import Devices, Programs
from tinygrad_bp.program.tracer import LIBRARIES
from tinygrad_bp.tensor import Tensor, asarray
from tinygrad_bp.trees import tree_map

Function = Callable[..., Any]


@final
class TrainingStep:
    """Call it with a batch: it returns the cost and leaves the gradients, clipped, in `.grad` of the parameters.

    `move` then takes the optimizer's step. The first batch goes through the model as it is written. If that shows a
    function of arrays, of the model's buffers and of its random generators, and `backend` is not "eager", it is taken
    back and taken again as a program, like all others, one for each shape of batch; else a warning names what stands
    against it. The step of an optimizer of this package is part of the program. prediction: of the latest batch, if
    `predicts`. On JAX, over a `mesh` if there is one, parameters and state stay its arrays until `settle`; sharded: how
    the parameters of these paths are split.
    """

    def __init__(
        self,
        model: Function,
        loss: Function,
        optimizer: Any,
        backend: Settled | Literal["eager"],
        clip_norm: float | None = None,
        clip_value: float | None = None,
        predicts: bool = False,
        mesh: Any = None,
        sharded: Mapping[str, Any] | None = None,
    ):
        self.model, self.loss, self.optimizer = model, loss, optimizer
        self.params: Sequence[Tensor] = trainable(optimizer.params)
        self.backend = None if backend == "eager" else backend
        self.mesh, self.sharded = mesh, sharded or {}
        self.clip_norm, self.clip_value = clip_norm, clip_value
        self.predicts = predicts
        self.prediction: Any = None
        self.held: Roots = roots(model, loss)
        self.state: Moving = Moving()
        self._trial: Sequence[Place] | None = None
        self._programs: Programs
        self._reached: Sequence[Tensor] = ()
        self._moving: Sequence[int] = ()
        self._moved: Sequence[Any] | None = None
        self._has_own = False  # whether parameters and state are arrays of the backend
        # A step that is the optimizer's `update` and nothing else
        self._has_rule = getattr(optimizer.step, "__func__", None) in (GradientDescent.step, SGD.step)
        self._minimises = isinstance(optimizer, LBFGS)
        self._step = TrainingStep._first  # not bound: a bound method would be a cycle
        trained = {id(p) for p in self.params}
        self._others = [(p, p.grad) for p in getattr(model, "parameters", list)() if id(p) not in trained]

    def __call__(self, x: Array, y: Array) -> float:
        """The cost of the batch."""
        self._moved = None
        if self._minimises:
            return self.optimizer.step(lambda: self._step(self, x, y))  # type: ignore[no-any-return]
        return self._step(self, x, y)

    def move(self) -> None:
        """The optimizer's step, down the gradients of the latest batch, unless that was taken with it."""
        if self._minimises:
            return
        if self._moved is None:
            self.optimizer.step()
        else:
            self.optimizer.take(self._moving, self._moved)

    def settle(self) -> None:
        """Give model and optimizer NumPy's arrays, if they have those of a backend."""
        if not self._has_own:
            return
        self._has_own, ours = False, _numpys(self._programs.arrays)
        held = [place.part for place in held_places(self.held) if isinstance(place.part, Tensor)]
        for t in [*self.params, *held]:
            t.value, t.grad = ours(t.value), ours(t.grad)
        if self._has_rule:
            self.optimizer.change_states(ours)
        self.prediction = tree_map(ours, self.prediction)

    def begin(self) -> None:
        """An epoch begins: if the model is another than before, as after `eval()`, programs are made anew."""
        if self._trial is not None and not are_like(self._trial, held_places(self.held)):
            self._step, self._trial = TrainingStep._first, None

    @property
    def compiled(self) -> bool:
        """Whether steps are programs."""
        return self._trial is not None

    # --- the ways to take a step ---

    def cost(self, x: Any, y: Any) -> tuple[Tensor, Any]:
        """The cost of a batch, and the prediction if it is of interest."""
        prediction = self.model(asarray(x))
        C = self.loss(prediction, asarray(y))
        if not isinstance(C, Tensor) or C.size != 1:
            raise ArgumentError(
                f"the loss returned {describe(C)}, expected a tensor of one number. "
                "Compute it from the prediction with the library's functions, and reduce it with sum() or mean()."
            )
        return C, prediction if self.predicts else None

    def _first(self, x: Array, y: Array) -> float:
        """An eager step; then the choice how to take it and the others."""
        before = Snapshot(self.held)
        cost = self._eager(x, y)
        self._moving = [i for i, p in enumerate(self.params) if p.grad is not None]
        self._reached = [self.params[i] for i in self._moving]
        if not self._reached:
            raise ArgumentError(
                "the cost depends on none of the optimizer's parameters. "
                "Make the optimizer of this model's: tg.nn.SGD(model.parameters(), lr=0.1)."
            )
        self._step = TrainingStep._eager
        return cost if self.backend is None else self._chosen(x, y, cost, before)

    def _eager(self, x: Array, y: Array) -> float:
        for p in self.params:
            p.grad = None
        C, prediction = self.cost(x, y)
        C.backward()
        for p, g in self._others:
            p.grad = g
        if self.clip_norm is not None or self.clip_value is not None:
            moving = [p for p in self.params if p.grad is not None]
            for p, g in zip(moving, clipped([p.grad for p in moving], self.clip_norm, self.clip_value), strict=True):
                p.grad = np.asarray(g)
        self.prediction = tree_map(plain, prediction)
        return float(C.item())

    def _program(self, x: Array, y: Array) -> float:
        try:
            return self._accept(self._run(x, y))
        except TracingError as error:
            self.settle()
            self._step, self._trial = TrainingStep._eager, None
            _warn(str(error), error.__traceback__)
            return self._eager(x, y)

    def _accept(self, result: Any) -> float:
        """Make the results of a program those of the step."""
        self._has_own = self._programs.arrays is not None and not self._minimises
        if self._minimises:  # which computes with the gradients itself
            result = tree_map(_numpys(self._programs.arrays), result)
        (cost, self.prediction), gradients, buffers, self._moved = result
        for p, g in zip(self._reached, gradients, strict=True):
            p.grad = g
        if buffers:
            self.state.take(buffers)
        return np.asarray(cost).item()  # type: ignore[no-any-return]  # JAX's own item() takes twice as long

    def _run(self, x: Array, y: Array) -> Any:
        """Cost and prediction, gradients, buffers, and what a step makes of parameters and state, None if the
        optimizer takes it by itself."""
        state = self.state
        generators = state.generators
        inputs = self.optimizer.inputs(self._moving) if self._has_rule else (None, None)
        values = tuple([p.value for p in self._reached])
        given = values, *inputs, state.buffers
        arrays = self._programs.arrays
        if arrays is not None and not (self._has_own or self._minimises):
            given = tree_map(lambda a: arrays.from_numpy(a) if isinstance(a, np.ndarray | np.generic) else a, given)
        return self._programs(generators, x, y, *given, generators)

    def _whole(self) -> Function:
        """All of a step, as a function of arrays and generators."""
        this = proxy(self)  # which holds the programs of this function: they must not hold it
        cost_and_gradients = gradients_of(lambda x, y: this.cost(x, y), self._reached, has_aux=True)
        state, update = self.state, self.optimizer.update if self._has_rule else None

        def training_step(x: Any, y: Any, values: Any, states: Any, rates: Any, buffers: Any, generators: Any) -> Any:
            with state.given(buffers, generators):
                cost, gradients = cost_and_gradients(values, x, y)
                new = tuple([Tensor(value) if current_mode().tracing else value for value in state.buffers])
            gradients = tuple(clipped(gradients, this.clip_norm, this.clip_value))
            if update is None:
                return cost, gradients, new, None
            given = zip(values, gradients, states, for_each(values, rates), strict=True)
            return cost, gradients, new, tuple([update(*each) for each in given])

        return training_step

    # --- whether a program would do the same ---

    def _chosen(self, x: Array, y: Array, cost: float, before: Snapshot) -> float:
        """Take this step again as a program, and the others too, unless a warning names what stands against it."""
        after = Snapshot(self.held)
        reason, buffers, generators = before.changes(after)
        where = None
        if reason:
            reason = f"{reason} changes while the cost is computed, which it would not do in a program."
        elif any(p.hooks for p in self._reached):
            reason = "a parameter has a hook, which a program would not call."
        else:
            self.state = Moving(buffers, generators)
            moved = [after.values[id(place.part)] for place in buffers]
            eager = cost, [p.grad for p in self._reached], moved
            result = None
            if self.backend == "jax" and generators:
                # It draws other numbers: that a step is a function, NumPy shows.
                _, reason, where = self._tried("numpy", x, y, eager, before, after)
            if not reason:
                result, reason, where = self._tried(self.backend or "numpy", x, y, eager, before, after)
            if not reason:
                self._step, self._trial = TrainingStep._program, before.places
                return self._accept(result)
            after.restore()
        _warn(reason, where)
        return cost

    def _tried(
        self, backend: Settled, x: Array, y: Array, eager: Any, before: Snapshot, after: Snapshot
    ) -> tuple[Any, str, TracebackType | None]:
        """The step as a program, from the state before it, what makes it another than the eager one, and where."""
        self._programs = Programs(self._whole(), backend, self._devices() if backend == "jax" else None)
        before.restore()
        try:
            result = self._run(x, y)
        except TracingError as error:
            return None, str(error), error.__traceback__
        draws_others = backend == "jax" and bool(self.state.generators)
        gathered = tree_map(_numpys(self._programs.arrays), result)  # its parts may lie on several hosts
        return result, "" if draws_others else self._difference(eager, gathered, after), None

    def _devices(self) -> Devices | None:
        if self.mesh is None:
            return None
        paths = paths_of(self.model)
        return Devices(self.mesh, self.sharded, [paths.get(id(p), "") for p in self._reached])

    def _difference(self, eager: tuple[Any, Any, Any], result: Any, after: Snapshot) -> str:
        """How the program's step is another than the eager one, which gave `eager`; empty but for rounding."""
        (cost, _), gradients, buffers, _ = result
        # All gradients together, as one may be rounding alone: that of a bias before a BatchNorm.
        alone = zip((eager[0], *eager[2]), (cost, *buffers), strict=True)
        same = _are_close(eager[1], gradients) and all(_are_close([a], [b]) for a, b in alone)
        if not same or any(after.states[id(g)] != state_of(g) for g in self.state.generators):
            return "the same batch gave another cost, as it does where random numbers are drawn."
        return ""


def paths_of(model: Function) -> dict[int, str]:
    """The paths of a model's parameters by their ids; of a function that is no layer, none are known."""
    return {id(p): path for path, p in getattr(model, "named_parameters", tuple)()}


def _numpys(arrays: Arrays | None) -> Callable[[Any], Any]:
    """The function that turns an array of a backend into NumPy's, and leaves everything else."""
    if arrays is None:
        return lambda x: x
    return lambda x: arrays.to_numpy(x)[()] if arrays.owns(x) else x


def plain(leaf: Any) -> Any:
    """What a metric gets of a prediction: arrays."""
    return leaf.data if isinstance(leaf, Tensor) else leaf


def _are_close(eager: Sequence[Any], again: Sequence[Any]) -> bool:
    """Whether arrays are the same but for rounding, that of the largest number in any of them."""
    size = max([float(np.max(np.abs(a), initial=0.0)) for a in eager], default=0.0)
    return all(
        np.allclose(a, b, rtol=0.0, atol=_rounding(np.asarray(b).dtype) * size, equal_nan=True)
        for a, b in zip(eager, again, strict=True)
    )


def _rounding(dtype: np.dtype[Any]) -> float:
    return float(np.sqrt(np.finfo(dtype).eps)) if dtype.kind in "fc" else 0.0


def _warn(reason: str, traceback: TracebackType | None = None) -> None:
    """Say that steps are not compiled, at the user's line that is the reason, else at the call of `fit`."""
    within = [(frame.f_code.co_filename, line) for frame, line in walk_tb(traceback)][::-1]
    around = [(frame.f_code.co_filename, line) for frame, line in walk_stack(sys._getframe())]
    file, line = next((file, line) for file, line in within + around if not file.startswith(LIBRARIES))
    message = f"fit takes its steps eagerly, not as a program: {reason} Pass backend='eager' if that is meant."
    warnings.warn_explicit(message, RuntimeWarning, file, line)
