"""Convolution, found where programs multiply with windows of images: XLA has one of its own."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from tinygrad_bp.backends.jax import windows
from tinygrad_bp.backends.jax.steps import Lowering
from tinygrad_bp.program import Step
from tinygrad_bp.program.step import FUNCTION, METHOD


def convolution(to: Lowering, step: Step) -> Step | None:
    """A product of rows with the windows of images, or of cotangents with such windows turned."""
    rows, columns = step.args
    turned = columns if columns.called in ("transpose", "swapaxes") and _turns(columns) else None
    matrices = turned.args[0] if turned else columns
    windowed = _unshaped(matrices)
    if windowed.function is not windows.unfold or len(rows.shape) != 3 or rows.shape[0] != columns.shape[0]:
        return None
    if matrices.shape[2] != prod(windowed.shape[len(windowed.shape) // 2 :]):
        return None
    call = windows.times_windows_turned if turned else windows.rows_times_windows
    return to.call(step, call, rows, windowed.args[0], kwargs=_kind(windowed))


def transposed_convolution(to: Lowering, step: Step) -> Step:
    """Products of filters with cotangents, folded; or other windows."""
    product = _unshaped(step.args[0])
    places = prod(step.args[0].shape[len(step.args[0].shape) // 2 :])
    shapes = [x.shape[:1] for x in product.operands if len(x.shape) == 3]
    if product.function is not np.matmul or product.shape[2:] != (places,) or shapes != [product.shape[:1]] * 2:
        return to.call(step, windows.fold, *step.args, kwargs=step.kwargs)
    size, stride, padding, dilation = [*step.args[1:], *step.kwargs.values()]
    kernel = step.args[0].shape[1 : 1 + len(size)]
    kind = {"kernel": kernel, "stride": stride, "padding": padding, "dilation": dilation}
    examples, channels = step.shape[:2]
    whole = {"channels": channels, "examples": examples, "size": size, **kind}
    return to.call(step, windows.folded, *product.args, kwargs=whole)


def _unshaped(step: Step) -> Step:
    """What a step only gives another shape."""
    while step.called == "reshape" and step.opcode in (METHOD, FUNCTION):
        step = step.args[0]
    return step


def _turns(step: Step) -> bool:
    """Whether a step exchanges the last two of three axes."""
    x, axes = step.args[0], step.args[1:] or tuple(step.kwargs.values())
    given = tuple(axes[0]) if len(axes) == 1 and isinstance(axes[0], tuple) else axes
    if len(x.shape) != 3 or not all(isinstance(axis, int) for axis in given):
        return False
    return [axis % 3 for axis in given] in ([0, 2, 1], [1, 2], [2, 1])


def _kind(unfolding: Step) -> dict[str, Any]:
    """Kernel, stride, padding and dilation of windows."""
    return {
        **dict(zip(("kernel", "stride", "padding", "dilation"), unfolding.args[1:], strict=False)),
        **unfolding.kwargs,
    }
