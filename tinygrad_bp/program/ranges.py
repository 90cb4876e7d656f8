"""Value ranges: what is known of elementwise steps without running them, where they can be infinite or NaN."""

from __future__ import annotations

from typing import Any, NamedTuple, final

import numpy as np

from tinygrad_bp.program.step import CONSTANT, UFUNC, Step, uniform

_BOUNDED = {np.tanh, np.sin, np.cos, np.arctan, np.sign, np.greater, np.less, np.equal, np.not_equal,
            np.greater_equal, np.less_equal, np.isnan, np.isfinite, np.isinf, np.signbit}  # fmt: skip
"""Finite for everything but NaN."""

_RING = {np.add, np.subtract, np.multiply, np.negative, np.positive}
"""Finite if their operands are, as far as those are small numbers."""

_CARRYING = {
    np.add, np.subtract, np.multiply, np.divide, np.negative, np.positive, np.exp, np.expm1, np.tanh, np.sin, np.cos,
    np.arctan, np.square, np.sqrt, np.log, np.log1p, np.absolute, np.maximum, np.minimum, np.logaddexp,
}  # fmt: skip
"""NaN wherever an operand is."""

LARGEST_BOUND = 1e3
"""Sums and products of bounded numbers that may be larger count as unbounded."""

FEW = 16
"""So many steps are told apart as sources of NaN; what depends on more is not known, which keeps every fact small."""


class Range(NamedTuple):
    """What is known of a step.

    bound: on |x|, wherever x is not NaN; None if there is none. sources: the steps, not elementwise themselves, whose
    NaN makes x NaN; None if they are too many. carried: steps of x's shape whose NaN is sure to be in x, at its place.
    """

    bound: float | None
    sources: frozenset[Step] | None
    carried: frozenset[Step]


_NOWHERE: frozenset[Step] = frozenset()


@final
class Ranges:
    """The ranges of a program's steps. Each is made of those of its operands, which have to be asked for before it."""

    def __init__(self) -> None:
        self._known: dict[Step, Range] = {}

    def of(self, x: Any) -> Range:
        """The range of a step, or of a number."""
        if not isinstance(x, Step) or x.opcode == CONSTANT:
            value = _constant(x)
            finite = value is not None and bool(np.all(np.isfinite(value)))
            carried = frozenset([x]) if isinstance(x, Step) else _NOWHERE
            return Range(float(np.max(np.absolute(value), initial=0)) if finite else None, _NOWHERE, carried)
        if x not in self._known:
            self._known[x] = self._found(x)
        return self._known[x]

    def _found(self, x: Step) -> Range:
        only = frozenset([x])
        if x.opcode != UFUNC or x.dtype is None:
            return Range(1.0 if x.dtype is not None and x.dtype.kind == "b" else None, _without_truths(x, only), only)
        parts = [self.of(part) for part in x.args]
        carried = only
        if x.function in _CARRYING:
            alike = [
                r.carried for part, r in zip(x.args, parts, strict=True) if getattr(part, "shape", None) == x.shape
            ]
            carried = frozenset(sorted(frozenset().union(*alike), key=lambda s: -s.place)[:FEW])
        sources = [r.sources for r in parts if r.sources is not None]
        every = frozenset().union(*sources) if len(sources) == len(parts) else None
        return Range(
            _bound(x, parts), _without_truths(x, every if every is None or len(every) <= FEW else None), carried
        )


def _without_truths(x: Step, sources: frozenset[Step] | None) -> frozenset[Step] | None:
    """The sources of a step; none for truths, which never are NaN."""
    return _NOWHERE if x.dtype is not None and x.dtype.kind == "b" else sources


def _bound(x: Step, parts: list[Range]) -> float | None:
    if x.dtype.kind == "b":
        return 1.0
    if x.function in _BOUNDED:
        return 2.0
    if is_logistic(x):
        return 1.0
    bounds = [r.bound for r in parts if r.bound is not None]
    if x.function not in _RING or len(bounds) < len(parts):
        return None
    a, b = (*bounds, 0.0)[:2]
    bound = a * b if x.function is np.multiply else a + b
    return bound if bound < LARGEST_BOUND else None


def _constant(x: Any) -> Any:
    return x.value if isinstance(x, Step) and x.opcode == CONSTANT else None if isinstance(x, Step) else x


def is_logistic(x: Step) -> bool:
    """Whether x is 1/(1 + e), for e = exp of anything: between 0 and 1 even where e overflows."""
    if x.function is not np.divide or uniform(x.args[0]) != 1:
        return False
    below = x.args[1]
    if not isinstance(below, Step) or below.function is not np.add:
        return False
    one, e = below.args if _constant(below.args[0]) is not None else below.args[::-1]
    return uniform(one) == 1 and isinstance(e, Step) and e.function is np.exp


def shields(g: Any, d: Any, ranges: Ranges) -> bool:
    """Whether 0·d could be anything but 0 where g is 0, so that the product needs the rule that zero wins.

    It does not if g is a constant without zeros, if d is always finite, or if d is finite but for NaN that g shares.
    """
    value = _constant(g)
    if value is not None and bool(np.all(value != 0) and np.all(np.isfinite(value))):
        return False
    bound, sources, _ = ranges.of(d)
    carried = ranges.of(g).carried if getattr(g, "shape", None) == getattr(d, "shape", ()) else _NOWHERE
    return bound is None or sources is None or not sources <= carried
