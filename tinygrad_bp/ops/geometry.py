"""Kernel sizes, strides, paddings and dilations as users write them, checked and put into one form."""

from __future__ import annotations

from collections.abc import Sequence
from operator import index
from typing import Any, Literal

from tinygrad_bp.domains import Shape
from tinygrad_bp.errors import ArgumentError, ShapeError, describe
from tinygrad_bp.ops.windows import Pairs

PerAxis = int | Sequence[int]
Padding = PerAxis | Sequence[tuple[int, int]] | Literal["same", "valid"]

_SPACE = {1: "length", 2: "height, width"}


def require_images(name: str, x: Any, space: int) -> None:
    """Raise ShapeError unless x is (examples, channels, *space)."""
    if x.ndim != space + 2:
        raise ShapeError(
            f"{name}: images are (examples, channels, {_SPACE[space]}); got {describe(x)}. "
            "Put an axis of length 1 where there is one example or one channel: x[None]."
        )


def each_axis(name: str, what: str, value: PerAxis, space: int, least: int = 1) -> Shape:
    """A whole number for each axis of space, from one for all or a sequence."""
    try:
        numbers = tuple([index(v) for v in value]) if isinstance(value, Sequence) else (index(value),) * space
    except TypeError:
        numbers = ()
    if len(numbers) != space or min(numbers) < least:
        wanted = "one whole number" if space == 1 else f"one whole number or {space}"
        raise ArgumentError(f"{name}: {what} is {wanted}, at least {least}; got {value!r}.")
    return numbers


def pairs(name: str, padding: Padding, size: Shape, kernel: Shape, stride: Shape, dilation: Shape) -> Pairs:
    """Zeros before and after along each axis, such that at least one window fits; else ShapeError.

    "valid" adds none; "same" as many as give ⌈n/stride⌉ windows, the odd one after.
    """
    extent = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    if padding == "same":
        totals = [max((n - 1) // s * s + e - n, 0) for n, e, s in zip(size, extent, stride, strict=True)]
        borders = tuple([(total // 2, total - total // 2) for total in totals])
    else:
        borders = _given(name, 0 if padding == "valid" else padding, len(size))
    full = tuple([n + low + high for n, (low, high) in zip(size, borders, strict=True)])
    if any(e > n for e, n in zip(extent, full, strict=True)):
        raise ShapeError(
            f"{name}: a window of {tuple(extent)} does not fit into images of {size} padded to {full}. "
            "Use a smaller kernel or dilation, or more padding."
        )
    return borders


def _given(name: str, padding: Any, space: int) -> Pairs:
    if isinstance(padding, str):
        raise ArgumentError(f"{name}: padding is 'same', 'valid' or how many zeros; got {padding!r}.")
    if isinstance(padding, Sequence) and len(padding) == space and all(isinstance(p, Sequence) for p in padding):
        sides = [each_axis(name, "a pair of paddings", pair, 2, least=0) for pair in padding]
        return tuple([(before, after) for before, after in sides])
    return tuple([(p, p) for p in each_axis(name, "padding", padding, space, least=0)])
