"""A history as numbers, texts and arrays, and back: what a checkpoint keeps of a run."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields, replace
from typing import Any

import numpy as np

from tinygrad_bp.errors import ArgumentError
from tinygrad_bp.nn.records import Epoch, RunState

FORMAT = 1
_WEIGHTS = ("best", "latest")
_Numbers = dict[str, float]


def state_of(epochs: Sequence[Epoch], stopped: str, best_epoch: int, run: RunState) -> dict[str, Any]:
    """Two JSON texts, which keep floats to the last bit, and an array for every weight that is kept."""
    plain = {name: value for name, value in asdict(replace(run, best={}, latest={})).items() if name not in _WEIGHTS}
    weights = {f"{kind}.{path}": np.array(a) for kind in _WEIGHTS for path, a in getattr(run, kind).items()}
    texts = {"epochs": json.dumps([asdict(epoch) for epoch in epochs]), "run": json.dumps(plain)}
    return {"format": FORMAT, "stopped": stopped, "best_epoch": best_epoch, **texts, **weights}


def loaded(state: Mapping[str, Any]) -> tuple[list[Epoch], str, int, RunState]:
    """What `state_of` was given; ArgumentError for anything else."""
    try:
        if state["format"] != FORMAT:
            raise ArgumentError(f"the history has format {state['format']!r}; this version reads {FORMAT}.")
        epochs = [Epoch(**_read(Epoch, numbers)) for numbers in json.loads(str(state["epochs"]))]
        run = RunState(**_read(RunState, json.loads(str(state["run"]))))
        for kind in _WEIGHTS:
            named = [name for name in state if name.startswith(f"{kind}.")]
            setattr(run, kind, {name.removeprefix(f"{kind}."): np.array(state[name]) for name in named})
        return epochs, str(state["stopped"]), int(state["best_epoch"]), run
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        if isinstance(error, ArgumentError):
            raise
        raise ArgumentError(
            f"no history gave this state: {error!r}. Pass what history.state_dict() returned."
        ) from error


def _read(record: Any, given: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a record, each of its type."""
    known = {field.name: _READERS[str(field.type)] for field in fields(record) if field.name not in _WEIGHTS}
    return {name: known[name](value) for name, value in given.items()}


def _numbers(given: Mapping[str, Any]) -> _Numbers:
    return {str(name): float(value) for name, value in given.items()}


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "int": int,
    "float": float,
    "str": str,
    "float | None": lambda x: None if x is None else float(x),
    "tuple[int, ...]": lambda x: tuple([int(n) for n in x]),
    "Mapping[str, float]": _numbers,
    "dict[str, float]": _numbers,
    "dict[str, str]": lambda x: {str(name): str(text) for name, text in x.items()},
}
