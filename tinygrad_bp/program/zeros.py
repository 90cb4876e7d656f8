"""Where 0 · d is not 0: the products of a cotangent and a derivative in which a zero has to win by rule.

A derivative that is infinite or NaN was made so by some step. If that shows in the cotangent beside it, that is not 0
there; if it shows in the cost, the derivatives of that are not asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from tinygrad_bp.program.ranges import Ranges, chosen, is_known, replaces_nan
from tinygrad_bp.program.step import CONSTANT, SCALE, UFUNC, Step, is_reversal, is_total, summed_axes, uniform

_UNBOUNDED = {
    np.add, np.subtract, np.multiply, np.negative, np.positive, np.absolute, np.square, np.sqrt, np.cbrt, np.log,
    np.log2, np.log10, np.log1p, np.sinh, np.cosh, np.arcsinh,
}  # fmt: skip
"""Infinite or NaN wherever an argument is infinite."""

_FINITE = {np.add, np.subtract, np.negative, np.positive, np.absolute, np.maximum, np.minimum}
"""Finite for finite arguments of ordinary size."""

_KEEPING = {"reshape", "ravel", "transpose", "swapaxes", "moveaxis", "squeeze", "expand_dims", "concatenate", "stack"}
"""All elements of their arguments are in the result."""

FEW, FAR = 16, 4096
"""So many steps are asked for what made them NaN, and so many looked at for where that shows."""

Axes = tuple[int | None, ...]
"""A place in an array: of each axis its number in another array, from the end, or None for anywhere along it."""


def shields(g: Any, d: Any, ranges: Ranges, cost: Step | None) -> bool:
    """Whether 0·d could be anything but 0 where g is 0, so that the product needs the rule that zero wins.

    It does not if g has no zeros, if d is always finite, or if what makes it infinite or NaN shows in g, or in the
    cost, the number that is differentiated: then there is nothing to be right about.
    """
    if ranges.of(g).low > 0 or ranges.of(g).high < 0:
        return False
    places: list[tuple[Step, Axes]] = []
    if isinstance(g, Step) and g.shape == getattr(d, "shape", ()):
        places += [(g, tuple(range(-len(g.shape), 0)))]
    if cost is not None:
        places += [(cost, (None,) * len(cost.shape))]
    blamed = [(d, False), (d, True)]
    for x, infinite in blamed:
        if isinstance(x, Step) and any(_spreads(x, infinite, *place) for place in places):
            continue
        causes = _causes(x, infinite, ranges)
        if causes is None or len(blamed) > FEW:
            return True
        blamed += [cause for cause in causes if cause not in blamed]
    return False


def _causes(x: Any, infinite: bool, ranges: Ranges) -> Sequence[tuple[Any, bool]] | None:
    """What has to be NaN, or infinite, where x is NaN, or infinite; None if x can be so by itself."""
    r = ranges.of(x)
    if not isinstance(x, Step) or x.opcode == CONSTANT:
        return () if r.is_bounded else None
    if (r.is_bounded and (infinite or replaces_nan(x))) or (x.dtype is not None and x.dtype.kind in "biu"):
        return ()
    if chosen(x):
        return [(part, infinite) for part in chosen(x)]
    divisor = ranges.of(x.args[-1]) if x.function is np.divide else None
    if divisor is not None and (divisor.low > 0 or divisor.high < 0):
        large = x.args[:1]  # infinity / infinity is NaN, a number / infinity is 0
    else:
        large = x.args if x.function in _FINITE or x.function is np.multiply else ()
    if infinite:
        grows = x.function is np.multiply and not any(ranges.of(part).is_bounded for part in x.args)
        return None if grows or not large else [(part, True) for part in large]
    if not is_known(x) or (r.makes_nan and not large):  # as 0 / 0, which needs no infinity
        return None
    return [*[(part, False) for part in x.args], *[(part, True) for part in large if r.makes_nan]]


def _spreads(source: Step, odd: bool, g: Step, axes: Axes) -> bool:
    """Whether an element of g is NaN wherever that of the source is which is broadcast to it.

    odd: the same of infinity or NaN. axes: of each axis of g its number, counted from the end, or None for an element
    anywhere along it.
    """
    seen: set[tuple[Step, Axes]] = set()
    pending = [(g, axes)]
    while pending and len(seen) < FAR:
        x, axes = found = pending.pop()
        if x is source and all(a is None or a == i - len(axes) for i, a in enumerate(axes)):
            return True
        if found not in seen and x.place >= source.place:
            seen.add(found)
            pending += [(part, at) for part, at in _spreading(x, axes, odd) if isinstance(part, Step)]
    return False


def _spreading(x: Step, axes: Axes, odd: bool) -> Iterator[tuple[Any, Axes]]:
    """The operands whose NaN, or infinity, is sure to make x NaN or infinite, and the places of it, in the same way."""
    for part in _spread_elementwise(x, odd):
        yield part, _aligned(getattr(part, "shape", ()), x.shape, axes)
    if x.called in ("dot", "matmul") and all(0 < len(o.shape) < 3 for o in x.operands):
        a, b = x.args
        yield a, (*axes[: len(a.shape) - 1], None)
        yield b, (None, *axes[len(axes) - len(b.shape) + 1 :])
    elif x.function is np.matmul and all(len(o.shape) > 1 for o in x.operands):
        (*batch, row, column), to = axes, x.shape[:-2]
        yield x.args[0], (*_aligned(x.args[0].shape[:-2], to, tuple(batch)), row, None)
        yield x.args[1], (*_aligned(x.args[1].shape[:-2], to, tuple(batch)), None, column)
    elif is_total(x):
        summed, kept, keepdims = summed_axes(x), iter(axes), x.kwargs.get("keepdims")
        places = [None if i in summed and not keepdims else next(kept) for i, _ in enumerate(x.args[0].shape)]
        yield x.args[0], tuple([None if i in summed else a for i, a in enumerate(places)])
    elif is_reversal(x):
        yield x.args[0], axes[::-1]
    elif x.called in _KEEPING and all(a is None for a in axes):
        yield from [(part, (None,) * len(part.shape)) for part in x.operands]


def _spread_elementwise(x: Step, odd: bool) -> Iterable[Any]:
    if x.function is np.where and len(x.args) == 3:
        return _history(x.args[1], odd) & _history(x.args[2], odd)
    if x.function is SCALE or x.called == "broadcast_to":
        return x.args[:1]
    if not odd:
        return x.args if is_known(x) or x.function in (np.sin, np.cos) else ()
    if x.opcode != UFUNC or x.function in _UNBOUNDED:
        return x.args if x.opcode == UFUNC else ()
    grows = x.function is np.divide or (x.function is np.power and (uniform(x.args[1]) or 0) > 0)
    return x.args[:1] if grows else ()


def _history(x: Any, odd: bool) -> set[Step]:
    """Steps of x's shape whose NaN, or infinity, is sure to be in x, at its place."""
    found = [x] if isinstance(x, Step) else []
    for step in found:
        if len(found) < FEW and step.function is not np.where:
            found += [p for p in _spread_elementwise(step, odd) if getattr(p, "shape", None) == x.shape]
    return {step for step in found if isinstance(step, Step)}


def _aligned(shape: tuple[int, ...], to: tuple[int, ...], axes: Axes) -> Axes:
    """The axes of an operand, given those of what it is broadcast to."""
    skipped = len(to) - len(shape)
    return tuple([None if n != to[i + skipped] else axes[i + skipped] for i, n in enumerate(shape)])
