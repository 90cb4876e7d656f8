"""Functions along axes, for Numba: it has them for vectors only, kernels have them for the lines of any array."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from tinygrad_bp.backends.numba import kernels
from tinygrad_bp.backends.numba.steps import Lowering
from tinygrad_bp.ops.cumulative import linear_recurrence
from tinygrad_bp.program import Step
from tinygrad_bp.program.step import FUNCTION, METHOD, WHOLE
from tinygrad_bp.source.helpers import plain

_REDUCING = ("axis", "dtype", "out", "keepdims")

_FOLDS: Mapping[str, np.ufunc] = {
    "sum": np.add, "prod": np.multiply, "max": np.maximum, "amax": np.maximum, "min": np.minimum, "amin": np.minimum,
    "all": np.logical_and, "any": np.logical_or, "cumsum": np.add, "cumprod": np.multiply,
}  # fmt: skip


def _folding(step: Step) -> tuple[Any, bool]:
    """The ufunc that a step folds lines with, and whether it keeps what is on the way."""
    ufunc = getattr(step.function, "__self__", None)
    if step.opcode == FUNCTION and isinstance(ufunc, np.ufunc):
        return (ufunc if ufunc in _FOLDS.values() else None), step.called == "accumulate"
    return _FOLDS.get(step.called) if step.opcode in (FUNCTION, METHOD) else None, step.called.startswith("cum")


def _given(step: Step, *names: str) -> dict[str, Any]:
    """The arguments of a call after the first, by name."""
    return dict(zip(names, step.args[1:], strict=False)) | dict(step.kwargs)


def _start(ufunc: Any, dtype: Any) -> Any:
    """What a fold begins with."""
    if ufunc.identity is not None:
        return dtype.type(ufunc.identity)
    if dtype.kind == "b":
        return np.bool_(ufunc is np.minimum)
    info: Any = np.iinfo(dtype) if dtype.kind in "iu" else np.finfo(dtype)
    ends = (info.min, info.max) if dtype.kind in "iu" else (-np.inf, np.inf)
    return dtype.type(ends[ufunc is np.minimum])


def _in_lines(to: Lowering, x: Step, axis: Any) -> tuple[Step, tuple[int, int, int]]:
    """An array with the axes named beside one another, and the lengths before, along and after them."""
    x = to.array(x)
    axes = sorted(range(len(x.shape)) if axis is None else normalize_axis_tuple(axis, len(x.shape)))
    if axes and axes != list(range(axes[0], axes[-1] + 1)):
        rest = [i for i in range(len(x.shape)) if i not in axes]
        turned = np.arange(x.size).reshape(x.shape).transpose(*rest, *axes)
        x = to.kernel(x, kernels.gathered, x, to.constant(x, turned.copy()), x.dtype.type(0), shape=turned.shape)
        axes = list(range(len(rest), len(x.shape)))
    first, last = (axes[0], axes[-1] + 1) if axes else (0, 0)
    return x, (prod(x.shape[:first]), prod(x.shape[first:last]), prod(x.shape[last:]))


def along_axes(to: Lowering, step: Step) -> Step | None:
    """Reductions and running sums and products."""
    ufunc, running = _folding(step)
    if ufunc is None or is_simple_sum(step):
        return None
    given = _given(step, *_REDUCING)
    if given.keys() - {"axis", "keepdims"}:
        return None
    default = 0 if step.function in (ufunc.reduce, ufunc.accumulate) else None
    x, lines = _in_lines(to, step.args[0], given.get("axis", default))
    kernel = kernels.accumulate(ufunc) if running else kernels.fold(ufunc)
    return to.kernel(step, kernel, x, _start(ufunc, step.dtype), *lines)


def is_simple_sum(step: Step) -> bool:
    """Whether a step is a sum as `functions` has it, whose loops are done several elements at a time."""
    if step.function not in (np.add.reduce, np.sum):
        return False
    x, given = step.args[0], _given(step, *_REDUCING)
    if x.dtype == np.bool_ or len(x.shape) not in (1, 2) or given.keys() - {"axis", "keepdims"}:
        return False
    axis = given.get("axis", 0)
    if axis is None:
        return not given.get("keepdims")
    return len(x.shape) == 2 and (isinstance(axis, int) or len(axis) == 1)


def spread(to: Lowering, step: Step) -> Step | None:
    """Mean, variance and standard deviation."""
    if step.opcode != FUNCTION or step.function not in (np.var, np.std, np.mean):
        return None
    given = {"ddof": 0, "axis": None} | _given(step, "axis", "dtype", "out")
    x, lines = _in_lines(to, step.args[0], given["axis"])
    if step.function is np.mean:
        total = to.kernel(step, kernels.fold(np.add), x, 0.0, *lines)
        return to.ufunc(np.divide, step, total, float(lines[1]))
    total = to.kernel(step, kernels.squared_deviations, x, *lines)
    y = to.ufunc(np.divide, step, total, float(lines[1] - given["ddof"]))
    return to.ufunc(np.sqrt, step, y) if step.function is np.std else y


def sorting(to: Lowering, step: Step) -> Step | None:
    """Elements in ascending order, and what follows from that."""
    if step.opcode != FUNCTION or step.function not in (np.sort, np.argsort, np.partition, np.median):
        return None
    own = {"axis": None if step.function is np.median else -1}
    names = ("kth", "axis") if step.function is np.partition else ("axis",)
    axis = (own | _given(step, *names))["axis"]
    x, (before, n, after) = _in_lines(to, step.args[0], axis)
    shape = x.shape if step.function is np.median else step.shape
    places = to.kernel(step, kernels.sorted_places, x, before, n, after, shape=shape, dtype=np.dtype(np.int64))
    if step.function is np.argsort:
        line = to.ufunc(np.floor_divide, step, places, after) if after > 1 else places
        return to.ufunc(np.remainder, step, line, n)
    y = to.kernel(step, kernels.gathered, x, places, x.dtype.type(0), shape=shape)
    return _middle(to, step, y, before, n, after) if step.function is np.median else y


def best(to: Lowering, step: Step) -> Step | None:
    """Where the largest or smallest elements are."""
    if step.opcode not in (FUNCTION, METHOD) or step.called not in ("argmax", "argmin"):
        return None
    x, lines = _in_lines(to, step.args[0], _given(step, "axis").get("axis"))
    return to.kernel(step, kernels.place_of_largest, x, -1 if step.called == "argmin" else 1, *lines)


def _middle(to: Lowering, step: Step, y: Step, before: int, n: int, after: int) -> Step:
    """The mean of the middle two of sorted lines, or NaN, which comes last."""
    rows = np.arange(y.size).reshape(before, n, after)
    tables = [to.constant(y, rows[:, j].copy()) for j in ((n - 1) // 2, n // 2, n - 1)]
    low, high, last = [to.kernel(step, kernels.gathered, y, table, 0.0) for table in tables]
    middle = to.ufunc(np.multiply, step, to.ufunc(np.add, step, low, high), 0.5)
    lacks = to.ufunc(np.isnan, step, last, dtype=np.dtype(bool))
    return to.call(step, kernels.choice_of, lacks, last, middle)


def recurrence(to: Lowering, step: Step) -> Step | None:
    """The op of this name."""
    if step.opcode != WHOLE or step.function is not plain(linear_recurrence):
        return None
    lines = _in_lines(to, step.args[0], step.kwargs["axis"])[1]
    return to.kernel(step, kernels.recurrence, *step.args[:2], *lines)
