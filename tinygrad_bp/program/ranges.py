"""Value ranges: what is known of a program's numbers without running it, by interval arithmetic.

They tell where a cotangent of 0 could meet infinity or NaN, which `zeros` asks, and what NumPy could warn of.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import inf
from typing import Any, NamedTuple, final

import numpy as np

from tinygrad_bp.modes import ignoring, quietly
from tinygrad_bp.program.step import (
    CONSTANT,
    FUNCTION,
    SCALE,
    UFUNC,
    Step,
    is_plain_reduction,
    is_total,
    summed_axes,
    uniform,
)

_PIECEWISE = {
    np.add, np.subtract, np.multiply, np.divide, np.negative, np.positive, np.maximum, np.minimum, np.absolute,
    np.square, np.sqrt, np.cbrt, np.exp, np.exp2, np.expm1, np.log, np.log2, np.log10, np.log1p, np.logaddexp, np.sinh,
    np.cosh, np.tanh, np.arctan, np.arcsinh, np.sign, np.reciprocal,
}  # fmt: skip
"""Monotone in every argument between −1, 0 and 1 and beyond, and NaN wherever an argument is."""

ORDINARY = 1e6
"""Numbers up to this size are to give no warnings."""

WARNINGS = frozenset(["divide", "over", "invalid"])


class Range(NamedTuple):
    """What is known of a step: its smallest and largest number, and whether it can be NaN where no operand is."""

    low: float
    high: float
    makes_nan: bool = False

    @property
    def is_bounded(self) -> bool:
        """Whether no infinity is among the numbers."""
        return -inf < self.low <= self.high < inf


def warnings(steps: Sequence[Step]) -> set[str]:
    """What NumPy could warn of in a program although all numbers are of ordinary size, as `np.errstate` calls it."""
    ranges, found = Ranges(), set[str]()
    for step in steps:
        ranges.of(step)
        found |= ranges.warnings(step)
    return found


@final
class Ranges:
    """The ranges of a program's steps. Each is made of those of its operands, which have to be asked for before it."""

    def __init__(self) -> None:
        self._known: dict[Step, Range] = {}

    def of(self, x: Any) -> Range:
        """The range of a step, or of a number."""
        if not isinstance(x, Step) or x.opcode == CONSTANT:
            return _constant_range(x.value if isinstance(x, Step) else x)
        if x not in self._known:
            self._known[x] = self._found(x)
        return self._known[x]

    def warnings(self, x: Step) -> frozenset[str]:
        """What NumPy could warn of at a step."""
        if x.opcode != UFUNC or x.function.signature is not None:
            return frozenset(["invalid"] if x.function is SCALE else [])  # 0 · infinity
        if x.kwargs or len(x.args) > 2 or any(part.dtype.kind not in "biuf" for part in (x, *x.operands)):
            return WARNINGS
        return _warnings(x.function, *[self.of(part)[:2] for part in x.args])

    def _found(self, x: Step) -> Range:
        if x.dtype is None or x.dtype.kind != "f":
            return Range(0.0, 1.0) if x.dtype == np.bool_ else Range(-inf, inf)
        largest = 1e3 if x.dtype == np.float16 else 1e12
        parts = [self.of(part) for part in chosen(x)]
        if parts:
            low, high = min([r.low for r in parts]), max([r.high for r in parts])
            return Range(-_rounded_up(-low, largest), _rounded_up(high, largest))
        if replaces_nan(x):
            bound = self.of(x.args[1])
            return Range(min(self.of(x.args[0]).low, bound.low), bound.high)
        if not is_known(x):
            return Range(*self._other(x), True)
        if x.function is np.multiply and x.args[0] is x.args[1]:
            return _image(np.square, largest, self.of(x.args[0])[:2])
        found = _image(x.function, largest, *[self.of(part)[:2] for part in x.args])
        return found._replace(high=min(found.high, 0.0)) if _is_shifted(x) else found

    def _other(self, x: Step) -> tuple[float, float]:
        if x.function in (np.sin, np.cos):
            return -1.0, 1.0
        source = x.args[0] if is_total(x) else None
        if not isinstance(source, Step) or not self.of(source).low >= 0:
            return -inf, inf
        (y,) = source.args if source.function is np.exp else (None,)
        normal = isinstance(y, Step) and _is_shifted(y) and summed_axes(y.args[1]) == summed_axes(x)
        return float(normal), inf  # the largest element of each sum is 1


def _constant_range(value: Any) -> Range:
    if isinstance(value, np.ndarray | np.generic | bool | int | float) and np.size(value):
        low, high = float(np.min(np.real(value))), float(np.max(np.real(value)))
        if low <= high and not np.iscomplexobj(value):
            return Range(low, high)
    return Range(-inf, inf, True)


def chosen(x: Step) -> tuple[Any, ...]:
    """The arguments whose elements are the step's, as they are."""
    if x.opcode == FUNCTION and x.function is np.where and len(x.args) == 3:
        return x.args[1:]
    return x.args[:1] if x.called in ("astype", "broadcast_to") else ()


def is_known(x: Step) -> bool:
    """Whether the range of a step is that of its function over those of its operands."""
    if x.opcode != UFUNC or x.kwargs:
        return False
    return x.function in _PIECEWISE or (x.function is np.power and bool(uniform(x.args[1])))


def replaces_nan(x: Step) -> bool:
    """Whether a step is the smaller one of something and a number, and the number where that is NaN."""
    return x.function is np.fmin and not x.kwargs and uniform(x.args[1]) is not None


def _is_shifted(x: Step) -> bool:
    """Whether a step is y minus the largest of y along some axes."""
    top = x.args[1] if x.function is np.subtract else None
    if not isinstance(top, Step) or top.function is not np.max or not is_plain_reduction(top):
        return False
    return top.args[0] is x.args[0] and (top.kwargs.get("keepdims", False) or not top.shape)


def _points(low: float, high: float) -> list[float]:
    """Where a function of `_PIECEWISE` has its extremes, and makes NaN if it does so anywhere."""
    return [low, *[x for x in (-1.0, -0.0, 0.0, 1.0) if low < x < high or x == low == high == 0], high]


def _values(function: np.ufunc, points: list[list[float]]) -> Any:
    return function.outer(*points) if len(points) == 2 else function(points[0])


@lru_cache(1024)
def _image(function: np.ufunc, largest: float, *ends: tuple[float, float]) -> Range:
    """The range of a function over intervals.

    largest: what may be larger counts as unbounded, and what may be smaller than its reciprocal as 0.
    """
    values = quietly(_values, function, [_points(*pair) for pair in ends])
    low, high = np.fmin.reduce(values, None), np.fmax.reduce(values, None)
    return Range(-_rounded_up(-low, largest), _rounded_up(high, largest), bool(np.isnan(values).any()))


def _rounded_up(x: Any, largest: float) -> float:
    """An upper bound, moved up to where no rounding matters."""
    if x > 0 or np.isnan(x):
        return float(x) if x < largest else inf
    return float(max(x, -largest)) if x < -1 / largest else 0.0


@lru_cache(1024)
def _warnings(function: np.ufunc, *ends: tuple[float, float]) -> frozenset[str]:
    points = [_points(max(low, -ORDINARY), min(high, ORDINARY)) for low, high in ends]
    found: list[str] = []
    try:
        calling = ignoring(divide="call", over="call", invalid="call", call=lambda error, _: found.append(error))
        calling(_values)(function, points)
    except TypeError:  # a function of whole numbers
        return frozenset()
    return frozenset([kind for kind in WARNINGS if any(error.startswith(kind) for error in found)])
