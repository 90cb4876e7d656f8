"""Padding in every mode of NumPy: the linear ones are one op, borders of a statistic are computed and joined on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np

from tinygrad_bp.calls import guarded
from tinygrad_bp.errors import ArgumentError
from tinygrad_bp.ops.joining import concatenate
from tinygrad_bp.ops.linear_algebra import operand
from tinygrad_bp.ops.padding import Mode, Values, Widths, linear_padding, pairs
from tinygrad_bp.ops.reductions import max, min
from tinygrad_bp.ops.shaping import broadcast_to
from tinygrad_bp.ops.sizes import require_size
from tinygrad_bp.ops.statistics import median

_STATISTICS: dict[str, Callable[..., Any]] = {"maximum": max, "minimum": min, "median": median}


@guarded
def pad(
    x: Any,
    pad_width: Widths,
    mode: Mode | Literal["maximum", "minimum", "median"] = "constant",
    constant_values: Values = 0,
    end_values: Values = 0,
    reflect_type: Literal["even", "odd"] = "even",
    stat_length: int | Sequence[int] | Sequence[Sequence[int]] | None = None,
) -> Any:
    """x with a border of so many elements: one number, a pair (before, after), such a pair for each axis, or a dict.

    mode: "constant" (`constant_values`), "edge", "reflect" and "symmetric" (`reflect_type` "even" or "odd"), "wrap",
    "linear_ramp" (to `end_values`), or "mean", "median", "maximum" and "minimum" of the `stat_length` elements next to
    the border, all of them if None. VJP: every element of the border adds its cotangent to the elements it was made of.
    Raises ArgumentError for other modes.
    """
    if mode not in _STATISTICS:
        return linear_padding(
            x, pad_width=pad_width, mode=mode, constant_values=constant_values, end_values=end_values,
            reflect_type=reflect_type, stat_length=stat_length,
        )  # fmt: skip
    x = operand(x)
    widths = pairs(pad_width, x.ndim)
    require_size("pad", [n + int(a) + int(b) for n, (a, b) in zip(x.shape, widths, strict=True)], x)
    lengths = [(None, None)] * x.ndim if stat_length is None else pairs(stat_length, x.ndim).tolist()
    for axis, ((before, after), taken) in enumerate(zip(widths.tolist(), lengths, strict=True)):
        if before or after:
            ends = [_end(_STATISTICS[mode], x, axis, side, taken[side], n) for side, n in enumerate((before, after))]
            x = concatenate([ends[0], x, ends[1]], axis)
    return x


def _end(statistic: Callable[..., Any], x: Any, axis: int, side: int, taken: int | None, width: int) -> Any:
    """The border on one side of an axis: a statistic of the elements next to it, so many times."""
    n = x.shape[axis] if taken is None else np.minimum(taken, x.shape[axis])
    if n < 1:
        raise ArgumentError("pad: stat_length, of how many elements the border is made, is 1 or more; got 0.")
    near = slice(0, n) if side == 0 else slice(x.shape[axis] - n, None)
    row = statistic(x[(*[slice(None)] * axis, near)], axis=axis, keepdims=True)
    return broadcast_to(row, shape=(*x.shape[:axis], width, *x.shape[axis + 1 :]))
