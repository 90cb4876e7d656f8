"""What shape a layer's input has to have, and the message if it has another."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_bp.errors import ShapeError, describe
from tinygrad_bp.modes import current_mode
from tinygrad_bp.tensor import Tensor

Axis = int | str
"""The length of an axis, or what it is called where any length will do; "…" stands for any number of axes."""


def shaped(x: Any, *axes: Axis, fits: Tensor | None = None, what: str = "x") -> Tensor:
    """x, if its shape is as `axes` say; else ShapeError, with the path of the layer that is called.

    fits: the parameter on account of which x has to be like that; what: how the message calls x. An array stays an
    array, so that the op it goes into can keep a copy; to a type checker it is a tensor, as it soon is one.
    """
    x = x if hasattr(x, "shape") else np.asarray(x)
    if not _fit(x.shape, axes):
        wanted = ", ".join(map(str, axes)) + "," * (len(axes) == 1)
        to_fit = f" to fit {describe(fits)}" if fits is not None else ""
        raise ShapeError(f"{place()}{what} has to be ({wanted}){to_fit}; got {describe(x)}. {_fix(x.shape, axes)}")
    return x  # type: ignore[no-any-return]


def place() -> str:
    """The path of the layer that is called, for the start of a message."""
    scope = current_mode().scope
    return f"{scope}: " if scope else ""


def _fit(shape: tuple[int, ...], axes: tuple[Axis, ...]) -> bool:
    return _enough(shape, axes) and not _wrong(shape, axes)


def _enough(shape: tuple[int, ...], axes: tuple[Axis, ...]) -> bool:
    return len(shape) >= len(axes) - 1 if "…" in axes else len(shape) == len(axes)


def _wrong(shape: tuple[int, ...], axes: tuple[Axis, ...]) -> list[tuple[int, int, Axis]]:
    """The axes that have another length than they should: (axis, length, wanted)."""
    first = axes.index("…") if "…" in axes else len(axes)
    last = len(axes) - first - 1
    places = [*[(i, axes[i]) for i in range(first)], *[(-i, axes[-i]) for i in range(last, 0, -1)]]
    return [(i, shape[i], wanted) for i, wanted in places if not isinstance(wanted, str) and shape[i] != wanted]


def _fix(shape: tuple[int, ...], axes: tuple[Axis, ...]) -> str:
    if len(shape) < len(axes) - ("…" in axes):
        return "Put an axis of length 1 where there is one example, x[None], or one feature, x[..., None]."
    if not _enough(shape, axes):
        return "Bring it into that form with reshape, or put a Flatten before the layer."
    i, n, wanted = _wrong(shape, axes)[0]
    return f"Axis {i} has length {n}, not {wanted}: change the sizes of the layers, or transpose."
