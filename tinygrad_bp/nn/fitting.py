"""Training of any model: passes over examples in batches, a step of an optimizer after each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import Any, Literal, Protocol

import numpy as np

from tinygrad_bp.backends import CHOICES
from tinygrad_bp.calls import guarded
from tinygrad_bp.errors import ArgumentError
from tinygrad_bp.nn.batches import Examples, Source, source, validation_source
from tinygrad_bp.nn.checks import positive, whole
from tinygrad_bp.nn.descent import backend_for
from tinygrad_bp.nn.evaluation import Evaluation, Metric, named_metrics
from tinygrad_bp.nn.generators import generator_of, set_state, state_of
from tinygrad_bp.nn.history import History
from tinygrad_bp.nn.init import Seed, generator
from tinygrad_bp.nn.lbfgs import LBFGS
from tinygrad_bp.nn.records import Epoch, RunState, Step
from tinygrad_bp.nn.run import Run
from tinygrad_bp.nn.stopping import EarlyStopping, stopping
from tinygrad_bp.nn.training_step import TrainingStep, paths_of
from tinygrad_bp.tensor import Tensor

FEW = 64
"""Up to so many steps making a program takes longer than it saves."""


class Optimizer(Protocol):
    """What `fit` needs of an optimizer: `step()` moves the tensors in `params` by their `.grad`."""

    @property
    def params(self) -> Sequence[Tensor]:
        """The tensors to train."""

    def step(self) -> None:
        """Move every parameter that has a gradient."""

    def zero_grad(self) -> None:
        """Forget the gradients."""


@guarded
def fit(
    model: Callable[[Any], Any],
    X: Any,
    y: Any,
    loss: Callable[[Any, Any], Any],
    optimizer: Optimizer | LBFGS,
    epochs: int = 100,
    batch: int = 32,
    seed: Seed = None,
    shuffle: bool = True,
    progress: Callable[[Epoch], Any] | bool | None = None,
    backend: Literal["auto", "numpy", "numba", "jax", "eager"] = "auto",
    *,
    validation: Any = None,
    metrics: Mapping[str, Metric] | Sequence[Metric] | None = None,
    early_stopping: EarlyStopping | int | None = None,
    callbacks: Sequence[Callable[[Epoch], Any]] = (),
    on_step: Callable[[Step], Any] | None = None,
    clip_norm: float | None = None,
    clip_value: float | None = None,
    resume: History | None = None,
    mesh: Any = None,
    sharded: Mapping[str, Any] | None = None,
) -> History:
    """Train a model: for every batch the gradients of `loss(model(x), y)`, one number, then `optimizer.step()`.

    X, y: m examples and their targets, rows, in the dtypes the model and the loss take; an epoch goes once over them,
    `batch` at a time, in a new order drawn from the seed, or with shuffle=False in theirs. With y=None X is an iterable
    of batches (x, y), or a function that returns one, gone over once an epoch. Large arrays are never copied.

    progress: True for a bar in a terminal or notebook and lines elsewhere, or a function that is called with the
    `Epoch`. validation: (X, y), an iterable of batches, or the share of the examples to keep for it; measured after
    each epoch, with the model as in use. metrics: functions of prediction and target, arrays, as a dict by their names
    or a sequence. early_stopping: the patience, or an `EarlyStopping`. callbacks: called with the Epoch, on_step with
    the `Step`; True ends training. clip_norm, clip_value: gradients are held within these, as `clip_grad_norm` and
    `clip_grad_value` do. Ctrl-C ends training after the step.

    resume: the history of an earlier call; the same call with it takes the steps up to `epochs` that are missing, and
    ends where one call would have ended, to the last bit. The model and the optimizer must be in the state it left.

    backend: "numpy", "numba" and "jax" run steps as programs, see `compile`, with the optimizer's step inside if it is
    one of `nn`'s, and with the buffers and the random generators that layers hold; "eager" runs the model as it is
    written; "auto" chooses by the number of steps, and in a run that is resumed stays with what was chosen. A model or
    loss that is no function of arrays (it branches on a value, draws from a generator that it does not hold, keeps
    something else in a layer) runs eagerly, and a RuntimeWarning names the line. What a program does not repeat is
    printing and writing to lists outside of the model. What layers draw on "jax" has other numbers.

    mesh: devices for "jax"; batches are split along its first axis where that divides them. sharded: by the paths of
    parameters the axes of the mesh that they and their optimizer's state are split along, {"layers.0.W": (None,
    "model")}; others are whole on every device.

    Raises ShapeError and DataError for examples that do not fit, ArgumentError if the cost stops being finite; the
    parameters are then those that gave it.

    >>> import tinygrad_bp as tg
    >>> X, y = tg.datasets.load_seeds()
    >>> (X,), y = tg.nn.standardise(X), y.reshape(-1, 1)
    >>> model = tg.nn.Sequential(tg.nn.Linear(7, 16, seed=0), tg.nn.Tanh(), tg.nn.Linear(16, 1, seed=1))
    >>> optimizer = tg.nn.SGD(model.parameters(), lr=0.1)
    >>> history = tg.nn.fit(model, X, y, tg.binary_cross_entropy_with_logits, optimizer, epochs=20, seed=0)
    >>> history[-1].epoch, history[-1].cost < 0.2 < history[0].cost
    (20, True)
    """
    epochs, batch = whole("epochs", epochs, 0), whole("batch", batch, 1)
    _require_functions(model, loss, progress, on_step, callbacks)
    _require_optimizer(optimizer)
    clip_norm, clip_value = _limit("clip_norm", clip_norm), _limit("clip_value", clip_value)
    examples, state = source(X, y, batch), _state(resume)
    order = generator(seed) if resume is None else _order(seed, state)
    examples, held_out = _parted(examples, validation, batch, order, state)
    _require_one_function(optimizer, examples, clip_norm or clip_value)
    chosen = state.backend = _chosen(backend, epochs, examples.count, state.backend, mesh)
    _require_paths(sharded or {}, model, optimizer, mesh)
    measures, orders = named_metrics(metrics), order if shuffle else None
    steps = TrainingStep(model, loss, optimizer, chosen, clip_norm, clip_value, bool(measures), mesh, sharded)
    evaluation = None if held_out is None else Evaluation(steps, held_out, measures)
    run = Run(steps, examples, evaluation, measures, stopping(early_stopping), orders, state, resume)
    run.hears, run.callbacks, run.on_step = progress if callable(progress) else None, callbacks, on_step
    return run.until(epochs, progress is True)


# --- what it is given -------------------------------------------------------------------------------------------------


def _state(resume: Any) -> RunState:
    """Where to begin: a copy of where the history ended."""
    if resume is None:
        return RunState()
    if not isinstance(resume, History):
        raise ArgumentError(f"resume is the History of an earlier call; got {type(resume).__name__}.")
    return replace(resume.run, metrics=dict(resume.run.metrics))


def _order(seed: Seed, state: RunState) -> np.random.Generator:
    """The generator of orders as it was; a generator that is given takes its state."""
    if not state.order_now:
        return generator(seed)
    if not isinstance(seed, np.random.Generator):
        return generator_of(state.order_now)
    set_state(seed, state.order_now)
    return seed


def _parted(
    examples: Source, validation: Any, batch: int, order: np.random.Generator, state: RunState
) -> tuple[Source, Source | None]:
    """The examples to learn from, and those for validation; what the resumed run had must be the same."""
    held_out: Source | None = None
    if isinstance(validation, float | np.floating):
        if not isinstance(examples, Examples):
            raise ArgumentError("a validation share is taken from arrays; pass the validation's batches by themselves.")
        chooser = generator_of(state.split) if state.split else order
        state.split = state_of(chooser)
        examples, held_out = examples.split(float(validation), chooser)
    elif validation is not None:
        held_out = validation_source(validation, batch)
    shape = (len(examples), batch) if isinstance(examples, Examples) else ()
    if state.shape not in ((), shape):
        raise ArgumentError(
            f"the run to resume had (examples, batch) = {state.shape}; this call has {shape}. Pass what it was given."
        )
    state.shape = shape
    return examples, held_out


def _chosen(backend: Any, epochs: int, batches: int | None, before: str, mesh: Any = None) -> Any:
    """The backend of the programs, "eager" for no programs; before: of the run to resume."""
    if mesh is not None and backend != "jax":
        raise ArgumentError(f"a mesh of devices is for backend='jax'; got backend={backend!r}.")
    if backend not in (*CHOICES, "eager"):
        raise ArgumentError(f"backend is one of {', '.join(CHOICES)}, eager; got {backend!r}.")
    if backend != "auto":
        return str(backend)
    if before:
        return before
    if batches is None:
        return "numpy"
    return "eager" if epochs * batches <= FEW else backend_for(epochs * batches)


def _require_paths(sharded: Mapping[str, Any], model: Any, optimizer: Optimizer | LBFGS, mesh: Any) -> None:
    """What is split is a parameter that the optimizer moves."""
    if sharded and mesh is None:
        raise ArgumentError("fit: sharded names axes of a mesh. Pass mesh=jax.make_mesh(…) too.")
    moved = {id(p) for p in optimizer.params}
    paths = {path.lower(): path for key, path in paths_of(model).items() if key in moved}
    for name in sharded:
        if name not in paths.values():
            nearest = get_close_matches(name.lower(), paths, n=1, cutoff=0.0)
            hint = f"The nearest is {paths[nearest[0]]!r}." if nearest else "Pass a layer as the model."
            raise ArgumentError(f"sharded: the optimizer moves no parameter {name!r} of the model. {hint}")


def _require_one_function(optimizer: Any, examples: Source, clipped: Any) -> None:
    """What L-BFGS minimises is one function of the parameters, and its gradients are that function's."""
    if not isinstance(optimizer, LBFGS):
        return
    if clipped:
        raise ArgumentError("LBFGS needs the gradients as they are. Leave clip_norm and clip_value out.")
    if examples.count not in (1, None):
        size = f"batch={len(examples)}" if isinstance(examples, Examples) else "one batch"
        raise ArgumentError(f"LBFGS minimises the cost of all examples at once. Pass {size}.")


def _limit(name: str, limit: float | None) -> float | None:
    return None if limit is None else positive(name, limit)


def _require_functions(model: Any, loss: Any, progress: Any, on_step: Any, callbacks: Any) -> None:
    if not isinstance(callbacks, list | tuple):
        raise ArgumentError(f"callbacks are a sequence of functions of an Epoch; got {callbacks!r}.")
    expected = [
        ("model", model, "a layer, or a function of a tensor"),
        ("loss", loss, "a function of prediction and target"),
        *[("progress", progress, "True, or a function of an Epoch")] * (progress not in (None, True, False)),
        *[("on_step", on_step, "a function of a Step")] * (on_step is not None),
        *[(f"callback {i}", f, "a function of an Epoch") for i, f in enumerate(callbacks, 1)],
    ]
    for name, f, what in expected:
        if not callable(f):
            raise ArgumentError(f"{name} is {what}; got {f!r}.")


def _require_optimizer(optimizer: Any) -> None:
    missing = [name for name in ("params", "step", "zero_grad") if not hasattr(optimizer, name)]
    if missing:
        raise ArgumentError(
            f"an optimizer has params, step() and zero_grad(); {type(optimizer).__name__} lacks {', '.join(missing)}. "
            "Pass an object such as tg.nn.SGD(model.parameters(), lr=0.1)."
        )
