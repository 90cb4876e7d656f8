"""A layer as text: its settings, the shapes of its tensors, and the layers inside, one a line."""

from __future__ import annotations

from collections.abc import Iterator
from inspect import Parameter, signature
from typing import Any

import numpy as np

from tinygrad_bp.nn.parts import Composite, joined
from tinygrad_bp.tensor import Tensor

_USUAL = (np.float64, np.int64, np.bool_)


def outline(layer: Composite, around: tuple[Composite, ...] = ()) -> str:
    """`Linear(W (3, 4), b (4,))`; a layer with others inside has a line for each, named by the path to it.

    Left out are settings that have their default value, generators, and attributes that start with an underscore.
    around: the layers that this one is in; one that holds a layer around it is not written out again.
    """
    if any(layer is outer for outer in around):
        return f"{type(layer).__name__}(…)"
    settings, inside = [], []
    for attribute, value in _shown(layer):
        held = list(_held(attribute, value))
        if any(isinstance(part, Composite) for _, part in held):
            inside += [f"{path}: {_text(part, (*around, layer))}" for path, part in held]
        else:
            settings.append(setting(attribute, value))
    if not inside:
        return f"{type(layer).__name__}({', '.join(settings)})"
    lines = "\n".join([*filter(None, [", ".join(settings)]), *inside]).replace("\n", "\n  ")
    return f"{type(layer).__name__}(\n  {lines}\n)"


def setting(name: str, value: Any) -> str:
    """`W (3, 4)` for a tensor, `stride=2` for what can be written."""
    if isinstance(value, Tensor | np.ndarray):
        return f"{name} {value.shape}{'' if value.dtype in _USUAL else f' {value.dtype}'}"
    return f"{name}={_text(value, ())}"


def _shown(layer: Composite) -> Iterator[tuple[str, Any]]:
    defaults = {name: p.default for name, p in signature(type(layer)).parameters.items()}
    for name, value in vars(layer).items():
        usual = defaults.get(name, Parameter.empty)
        as_usual = isinstance(value, int | float | str | tuple | None) and value == usual
        hidden = name.startswith("_") or name in ("name", "training") or isinstance(value, np.random.Generator)
        if not (hidden or as_usual):
            yield name, value


def _held(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    """What an attribute holds, taken out of lists, tuples and dicts."""
    if not isinstance(value, dict | list | tuple):
        yield path, value
        return
    for key, part in value.items() if isinstance(value, dict) else enumerate(value):
        yield from _held(joined(path, key), part)


def _text(value: Any, around: tuple[Composite, ...]) -> str:
    if isinstance(value, Composite):
        return outline(value, around)
    return getattr(value, "__name__", None) or repr(value)
