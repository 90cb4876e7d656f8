"""`save` and `load`: what a checkpoint is made of, and how a model takes it up again."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, final

import numpy as np

from tinygrad_bp.annotations import Array
from tinygrad_bp.calls import guarded
from tinygrad_bp.errors import ArgumentError, CheckpointError, MissingExtraError, kind_of
from tinygrad_bp.files import replacing
from tinygrad_bp.nn.checkpoints import npz, safetensors
from tinygrad_bp.nn.checkpoints.content import opened, packed, sealed, specs, unpacked
from tinygrad_bp.nn.checkpoints.generators import matched, states
from tinygrad_bp.nn.network import NeuralNetwork

FORMAT = 1
"""The version of what this page writes and reads."""

_CONTAINERS: dict[str, Any] = {".npz": npz, ".safetensors": safetensors}

Path_ = str | os.PathLike[str]
Generators = Mapping[str, np.random.Generator]


class Stateful(Protocol):
    """What has a state: layers, networks, optimizers."""

    def state_dict(self) -> dict[str, Any]:
        """A copy of the state."""

    def load_state_dict(self, state: Mapping[str, Any], /) -> None:
        """Take up a state, or raise and change nothing."""


@final
@dataclass(frozen=True, eq=False, repr=False)
class Checkpoint:
    """What `load` found: the parts that `save` was given, as arrays, numbers, texts and containers of them.

    model: parameters and buffers by path. optimizer, history: what their `state_dict` gave, None if not saved.
    scaling: mean and deviation of the inputs. classes: a list, or an array if it was one. generators: the states of the
    generators that were saved, model_generators: of those that the model's layers draw from. settings: what a
    `NeuralNetwork` is built with. format: the version of the file.
    """

    format: int
    model: dict[str, Array]
    settings: dict[str, Any] | None
    model_generators: dict[str, Any]
    optimizer_class: str | None
    optimizer: dict[str, Any] | None
    history: Any
    scaling: tuple[Array, Array] | None
    classes: Any
    generators: dict[str, Any]
    notes: dict[str, Any]

    def network(self) -> NeuralNetwork:
        """The `NeuralNetwork` that was saved, built again. ArgumentError if it was another model."""
        if self.settings is None:
            raise ArgumentError(
                "this checkpoint is not of a NeuralNetwork with an activation by name. Build the model and pass it to "
                "load(path, model)."
            )
        network = NeuralNetwork(**self.settings)
        network.load_state_dict(self.model)
        return network

    def __repr__(self) -> str:
        numbers = sum(array.size for array in self.model.values())
        others = ("optimizer_class", "history", "scaling", "classes", "notes")
        said = [name.removesuffix("_class") for name in others if getattr(self, name) is not None]
        return f"Checkpoint({len(self.model)} arrays of {numbers:,} numbers, with {', '.join(said)})"


@guarded
def save(
    path: Path_,
    model: Stateful,
    optimizer: Stateful | None = None,
    history: Any = None,
    *,
    scaling: tuple[Any, Any] | None = None,
    classes: Any = None,
    generators: Generators | None = None,
    **notes: Any,
) -> Path:
    """Write a checkpoint, `.npz` or `.safetensors` (extra `checkpoint`): the old file stays until the new one is whole.

    model: a layer, with the states of the generators in it, or a `NeuralNetwork`. history: anything with a
    `state_dict()`. scaling: mean and deviation of the inputs. classes: names of the classes. notes: numbers, texts,
    arrays, and lists and dicts of them. Nothing is pickled; every array has a checksum. Returns the path. Raises
    ArgumentError, DTypeError, OSError.

    >>> import tempfile
    >>> import tinygrad_bp as tg
    >>> path = Path(tempfile.mkdtemp(), "model.npz")
    >>> model = tg.nn.Linear(2, 1, seed=0)
    >>> _ = tg.nn.save(path, model, tg.nn.SGD(model.parameters(), lr=0.1), classes=["rye", "wheat"], place="Lublin")
    >>> other = tg.nn.Linear(2, 1, seed=1)
    >>> checkpoint = tg.nn.load(path, other)
    >>> checkpoint.classes, checkpoint.notes, (other.W.data == model.W.data).all()
    (['rye', 'wheat'], {'place': 'Lublin'}, np.True_)
    """
    path, container = _container("save", path)
    arrays: dict[str, Array] = {}
    content = {
        "format": FORMAT,
        "model": _state(model),
        "settings": model.settings if isinstance(model, NeuralNetwork) else None,
        "model_generators": states(_generators(model)),
        "optimizer_class": None if optimizer is None else type(optimizer).__name__,
        "optimizer": None if optimizer is None else _state(optimizer),
        "history": None if history is None else _state(history),
        "scaling": None if scaling is None else _scaling(scaling),
        "classes": _classes(classes),
        "generators": states(generators or {}),
        "notes": notes,
    }
    try:
        header = sealed({key: packed(part, key, arrays) for key, part in content.items()})
    except RecursionError as error:
        raise ArgumentError("save: a list or dict in the notes holds itself, or is nested too deep.") from error
    with replacing(path, "w+b") as file:
        container.write(file, header, arrays)
    return path


@guarded
def load(
    path: Path_,
    model: Stateful | None = None,
    optimizer: Stateful | None = None,
    *,
    generators: Generators | None = None,
) -> Checkpoint:
    """Read a checkpoint, and give model, optimizer and generators, if given, the states they had: all of them, or none.

    Names, shapes, dtypes and sizes are checked before memory is taken, then every checksum. Raises CheckpointError for
    a file that is damaged or no checkpoint; ArgumentError, ShapeError or DTypeError for one that does not fit; OSError.
    """
    path, container = _container("load", path)
    if path.exists() and not path.is_file():
        raise CheckpointError(f"{path} is no file, but a folder or a device.")
    checkpoint = _read(path, container)
    taken = [] if model is None else matched("the model", _generators(model), checkpoint.model_generators)
    taken += matched("generators", generators or {}, checkpoint.generators)
    _restore(checkpoint, model, optimizer)
    for generator, state in taken:
        generator.bit_generator.state = state
    return checkpoint


# --- writing ----------------------------------------------------------------------------------------------------------


def _container(function: str, path: Path_) -> tuple[Path, Any]:
    path = Path(path)
    if path.suffix not in _CONTAINERS:
        raise ArgumentError(f"{function}: the suffix is one of {', '.join(_CONTAINERS)}; got {path.name!r}.")
    return path, _CONTAINERS[path.suffix]


def _state(part: Any) -> Any:
    if not hasattr(part, "state_dict"):
        raise ArgumentError(f"save: {kind_of(part)} has no state_dict(). Pass a model, an optimizer, what fit gives.")
    return part.state_dict()


def _generators(model: Any) -> Generators:
    return dict(model.named_generators()) if hasattr(model, "named_generators") else {}


def _scaling(scaling: Any) -> list[Array]:
    if not isinstance(scaling, tuple | list) or len(scaling) != 2:
        raise ArgumentError("save: scaling is a pair, mean and deviation of the inputs.")
    return [np.asarray(part) for part in scaling]


def _classes(classes: Any) -> Any:
    """Names in an array of objects, as tables of texts have them, are a list."""
    return classes.tolist() if isinstance(classes, np.ndarray) and classes.dtype == object else classes


# --- reading ----------------------------------------------------------------------------------------------------------

_KINDS: dict[str, Any] = {
    "format": int,
    "model": dict,
    "settings": dict | None,
    "model_generators": dict,
    "optimizer_class": str | None,
    "optimizer": dict | None,
    "history": object,
    "scaling": list | None,
    "classes": list | np.ndarray | None,
    "generators": dict,
    "notes": dict,
}


def _read(path: Path, container: Any) -> Checkpoint:
    """What the file says; whatever is wrong with it is a CheckpointError."""
    content = path.read_bytes()
    try:
        return _checkpoint(content, container)
    except CheckpointError as error:
        raise CheckpointError(f"{path} cannot be loaded: {error}.") from None
    except MissingExtraError:
        raise
    except Exception as error:  # a parser's own, of what it did not expect
        raise CheckpointError(f"{path} cannot be loaded, it is damaged or no checkpoint: {error}.") from error


def _checkpoint(content: bytes, container: Any) -> Checkpoint:
    said = opened(container.header(content))
    if said.get("format") != FORMAT:
        raise CheckpointError(
            f"it is of format {said.get('format')!r}, this version reads {FORMAT}. Update tinygrad_bp"
        )
    wanted = specs(said)
    arrays = container.read(content, wanted)
    for name, spec in wanted.items():
        spec.require(name, arrays[name])
    parts = unpacked(said, arrays)
    wrong = [name for name, kind in _KINDS.items() if not isinstance(parts.get(name), kind)]
    if wrong or parts.keys() != _KINDS.keys():
        raise CheckpointError(f"its parts are others: {', '.join(wrong or parts)[:200]}")
    mean_and_deviation = parts.pop("scaling")
    if mean_and_deviation is not None:
        mean, deviation = mean_and_deviation
        mean_and_deviation = mean, deviation
    return Checkpoint(scaling=mean_and_deviation, **parts)


def _restore(checkpoint: Checkpoint, model: Stateful | None, optimizer: Stateful | None) -> None:
    """Give model and optimizer their states. The model takes all or nothing; if nothing, the optimizer goes back."""
    before = None if optimizer is None else optimizer.state_dict()
    if optimizer is not None:
        optimizer.load_state_dict(_optimizer_state(checkpoint, optimizer))
    try:
        if model is not None:
            model.load_state_dict(checkpoint.model)
    except BaseException:
        if optimizer is not None and before is not None:
            optimizer.load_state_dict(before)
        raise


def _optimizer_state(checkpoint: Checkpoint, optimizer: Stateful) -> dict[str, Any]:
    kind = type(optimizer).__name__
    if checkpoint.optimizer is None:
        raise ArgumentError("the checkpoint has no optimizer. Load it without one, or save(path, model, optimizer).")
    if checkpoint.optimizer_class != kind:
        raise ArgumentError(
            f"the checkpoint is of {checkpoint.optimizer_class}, the optimizer given is {kind}. Use it."
        )
    return checkpoint.optimizer
