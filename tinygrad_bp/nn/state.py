"""The state of a model: its tensors by path, taken out as arrays and put back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from tinygrad_bp.annotations import Array
from tinygrad_bp.errors import ArgumentError, DTypeError, ShapeError
from tinygrad_bp.nn.parts import Composite, found
from tinygrad_bp.tensor import Tensor


def tensors(model: Composite) -> Iterator[tuple[str, Tensor]]:
    """Parameters and buffers: every tensor that was not computed from others, by its path."""
    return ((path, tensor) for path, tensor in found(model, Tensor) if tensor.is_leaf)


def load(model: Composite, state: Mapping[str, Any]) -> None:
    """Give the model's tensors copies of the arrays in `state`, all of them or, where one does not fit, none."""
    held = dict(tensors(model))
    arrays = fitting(held, state)
    for path, tensor in held.items():
        tensor.value = arrays[path][()]


def fitting(held: Mapping[str, Tensor | Array], state: Mapping[str, Any]) -> dict[str, Array]:
    """Copies of the arrays in `state`; ArgumentError, ShapeError or DTypeError unless they are as those held."""
    _require_names(held, state)
    return {path: _fitting(path, own, state[path]) for path, own in held.items()}


def _require_names(held: Mapping[str, Any], state: Mapping[str, Any]) -> None:
    missing = [path for path in held if path not in state]
    unexpected = [path for path in state if path not in held]
    if missing or unexpected:
        lists = [f"{what}: {', '.join(paths)}" for what, paths in (("missing", missing), ("unexpected", unexpected))
                 if paths]  # fmt: skip
        raise ArgumentError(
            f"load_state_dict: the names differ from the model's. {'; '.join(lists)}. "
            "Build the model as it was when the state was taken, or merge: model.state_dict() | state."
        )


def _fitting(path: str, own: Tensor | Array, value: Any) -> Array:
    array = np.array(value.value if isinstance(value, Tensor) else value, order="C")
    if array.shape != own.shape:
        raise ShapeError(
            f"load_state_dict: {path} is {own.shape}, got {array.shape}. Build the model with the sizes it had, or "
            "use from_torch for weights in PyTorch's layout."
        )
    if array.dtype != own.dtype:
        raise DTypeError(
            f"load_state_dict: {path} is {own.dtype}, got {array.dtype}. "
            f"Convert the array, astype({str(own.dtype)!r}), or build the model with that dtype."
        )
    return array
