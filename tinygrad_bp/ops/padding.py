"""Padding: every mode of NumPy in which the border depends linearly on the array."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from tinygrad_bp.annotations import Array
from tinygrad_bp.domains import ANY_SHAPE, Parameters, Shape, Shapes
from tinygrad_bp.errors import ArgumentError
from tinygrad_bp.ops.indexing import ARRAY, scatter_add
from tinygrad_bp.ops.joining import called
from tinygrad_bp.ops.linear_algebra import operand
from tinygrad_bp.ops.sizes import require_size
from tinygrad_bp.registry import op

Mode = Literal["constant", "edge", "reflect", "symmetric", "wrap", "linear_ramp", "mean"]
Widths = int | Sequence[int] | Sequence[Sequence[int]] | Mapping[int, int | Sequence[int]] | Array
Values = complex | Sequence[complex] | Sequence[Sequence[complex]] | Array

_SETTING = {
    "constant": "constant_values", "edge": None, "reflect": "reflect_type", "symmetric": "reflect_type", "wrap": None,
    "linear_ramp": "end_values", "mean": "stat_length",
}  # fmt: skip
"""The modes, and the argument that belongs to each."""


def pairs(given: Any, ndim: int) -> Any:
    """A number before and one after for every axis; in a dict for some axes, 0 for the others."""
    if isinstance(given, dict):
        pairs = np.zeros((ndim, 2), int)
        for axis, pair in given.items():
            pairs[axis] = pair
        return pairs
    return np.broadcast_to(given, (ndim, 2))


def _settings(mode: str, settings: dict[str, Any]) -> dict[str, Any]:
    if mode not in _SETTING:
        raise ArgumentError(
            f"pad: mode is one of {', '.join(map(repr, _SETTING))}, 'maximum', 'minimum' and 'median'; got {mode!r}. "
            "Compute another border from x and put it there with concatenate."
        )
    name = _SETTING[mode]
    return {name: settings[name]} if name else {}


def _transposed(g: Any, x: Any, pad_width: Any, mode: str, settings: dict[str, Any]) -> Any:
    widths = pairs(pad_width, x.ndim)
    if mode == "constant":
        return g[tuple([slice(low, low + n) for n, (low, _) in zip(x.shape, widths, strict=True)])]
    if mode in ("edge", "wrap") or settings.get("reflect_type") == "even":
        read = [np.pad(np.arange(n), pair, mode) for n, pair in zip(x.shape, widths, strict=True)]  # type: ignore[call-overload]
        return scatter_add(g, *np.ix_(*read), index=(ARRAY,) * x.ndim, shape=x.shape)
    for axis, n in enumerate(x.shape):
        matrix = _matrix(n, axis, x.ndim, widths, mode, settings).astype(g.dtype)
        g = (g.swapaxes(axis, -1) @ matrix).swapaxes(axis, -1)
    return g


def _matrix(n: int, axis: int, ndim: int, widths: Any, mode: str, settings: dict[str, Any]) -> Any:
    """Padding one axis is a product with this matrix."""
    if settings.get("stat_length") is not None:
        settings = {"stat_length": (pairs(settings["stat_length"], ndim)[axis], (1, 1))}
    return np.pad(np.eye(n), (widths[axis], (0, 0)), mode, **settings)  # type: ignore[call-overload]


def _vjp(g: Any, y: Any, x: Any, pad_width: Any, mode: str, **settings: Any) -> Any:
    return _transposed(g, x, pad_width, mode, _settings(mode, {**settings, "end_values": 0}))


def _jvp(t: Any, y: Any, x: Any, pad_width: Any, mode: str, **settings: Any) -> Any:
    return linear_padding(t, pad_width=pad_width, mode=mode, **{**settings, "constant_values": 0, "end_values": 0})


def _paddings(shape: Shape) -> Parameters:
    widths = [1, (2, 0), tuple([(i, 2) for i in range(len(shape))])]
    modes: list[dict[str, Any]] = [
        {"mode": "constant", "constant_values": 2.0}, {"mode": "edge"}, {"mode": "wrap"},
        {"mode": "reflect"}, {"mode": "reflect", "reflect_type": "odd"},
        {"mode": "symmetric"}, {"mode": "symmetric", "reflect_type": "odd"},
        {"mode": "linear_ramp", "end_values": ((1.0, -1.0),)}, {"mode": "mean"}, {"mode": "mean", "stat_length": 2},
    ]  # fmt: skip
    return [{"pad_width": width, **mode} for width in widths for mode in modes]


@op(
    internal=True,
    vjps=(_vjp,),
    jvp=_jvp,
    latex=r"\operatorname{pad}({0})",
    domain=Shapes(*ANY_SHAPE[1:], smallest=1, params=_paddings),
)
@called("pad")
def linear_padding(
    x: Any,
    pad_width: Widths,
    mode: Mode = "constant",
    constant_values: Values = 0,
    end_values: Values = 0,
    reflect_type: Literal["even", "odd"] = "even",
    stat_length: int | Sequence[int] | Sequence[Sequence[int]] | None = None,
) -> Any:
    """x with a border of so many elements: one number, a pair (before, after), such a pair for each axis, or a dict.

    mode: "constant" (`constant_values`), "edge", "reflect" and "symmetric" (`reflect_type` "even" or "odd"), "wrap",
    "linear_ramp" (to `end_values`), "mean" (of `stat_length` elements). Linear but for the values that are given; VJP:
    every element of the border adds its cotangent to the elements it was made of. `pad` has the modes that are not
    linear too. Raises ArgumentError for others.
    """
    given = {
        "constant_values": constant_values, "end_values": end_values, "reflect_type": reflect_type,
        "stat_length": stat_length,
    }  # fmt: skip
    x = operand(x)
    widths = pairs(pad_width, x.ndim)
    require_size("pad", [n + int(before) + int(after) for n, (before, after) in zip(x.shape, widths, strict=True)], x)
    return np.pad(x, widths, mode, **_settings(mode, given))
