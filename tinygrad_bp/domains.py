"""Test domains: where an op is defined, as data that stands beside its record.

A domain says which inputs an op takes; the public checker turns it into arrays. Shapes are written as letters, one
for each axis, operands separated by commas: `"ij,jk"` are two matrices whose inner dimensions agree, `""` is a
0-d array. A letter may stand for any length, 0 and 1 included, unless `smallest` says more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Interval = tuple[float, float]
Shape = tuple[int, ...]
Parameters = Sequence[Mapping[str, Any]]

BROADCAST = "broadcast"


@dataclass(frozen=True, slots=True)
class Domain:
    """Inputs an op accepts.

    intervals: the open interval each input is drawn from (the last one serves the inputs that follow).
    shapes: `BROADCAST` (any shapes that broadcast together) or a choice of letter shapes.
    params: from the drawn shapes to the keyword arguments worth trying.
    kink: from inputs and keyword arguments to signed distances from the points without a derivative.
    analytic: whether the forward function continues to complex arguments.
    smallest: the least length of an axis.
    kinds: dtype kind of each input, "f" floating, "c" complex, "b" boolean, "i" integer (the last one serves those that
        follow).
    bounded: whether the function ends where the intervals do, so that larger inputs make no sense.
    prepare: from the drawn inputs to valid ones (positive definite, sorted, a probability …); it must be smooth.
    made: from the other inputs to the first, where that is a value made of them and is not varied by itself.
    ordered: whether equal elements are told apart by their order, as sorting does, instead of sharing a gradient.
    """

    intervals: tuple[Interval, ...] = ((-3.0, 3.0),)
    shapes: str | tuple[str, ...] = BROADCAST
    params: Callable[..., Parameters] = lambda *shapes: ({},)
    kink: Callable[..., Any] | None = None
    analytic: bool = True
    smallest: int = 0
    kinds: str = "f"
    prepare: Callable[..., tuple[Any, ...]] | None = None
    bounded: bool = False
    made: Callable[..., Any] | None = None
    ordered: bool = False


def Reals(low: float = -3.0, high: float = 3.0, **options: Any) -> Domain:
    """Elementwise inputs from the open interval (low, high); several inputs broadcast together."""
    return Domain(intervals=((low, high),), **options)


def Intervals(*intervals: Interval, **options: Any) -> Domain:
    """Elementwise inputs, each from its own interval."""
    return Domain(intervals=intervals, **options)


def Shapes(*shapes: str, **options: Any) -> Domain:
    """Real inputs of the given letter shapes."""
    return Domain(shapes=shapes, **options)


ANY_SHAPE = ("", "i", "ij", "ijk")


def axis_params(*shapes: Shape) -> Parameters:
    """Every `axis` of the first shape, a pair of axes, none, each with and without `keepdims`."""
    ndim = len(shapes[0])
    axes: list[Any] = [None, *range(-ndim, ndim)]
    if ndim > 1:
        axes.append((0, -1))
    return [{"axis": axis, "keepdims": keep} for axis in axes for keep in (False, True)]
