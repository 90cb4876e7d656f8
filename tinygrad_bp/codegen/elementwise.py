"""What is known of elementwise steps without running them: where they can be infinite or NaN."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_bp.codegen.symbolic import CONSTANT, FUNCTION, UFUNC, Step

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


def is_total(step: Step) -> bool:
    """Whether a step adds up elements."""
    return step.kind == FUNCTION and step.function == np.add.reduce


def shields(g: Any, d: Any) -> bool:
    """Whether 0·d could be anything but 0 where g is 0, so that the product needs the rule that zero wins.

    It does not if g is a constant without zeros, if d is always finite, or if d is finite but for NaN that g shares.
    """
    if _is_nonzero(g):
        return False
    bounded = _range(d)
    return bounded is None or not _sources(d) <= _carried(g, getattr(d, "shape", ()))


def _is_nonzero(x: Any) -> bool:
    value = x.value if isinstance(x, Step) and x.kind == CONSTANT else x
    return not isinstance(value, Step) and bool(np.all(value != 0) and np.all(np.isfinite(value)))


def _constant(x: Any) -> Any:
    return x.value if isinstance(x, Step) and x.kind == CONSTANT else None if isinstance(x, Step) else x


def _range(x: Any) -> float | None:
    """A bound on |x| that holds wherever x is not NaN; None if there is none."""
    value = _constant(x)
    if value is not None:
        return float(np.max(np.absolute(value), initial=0)) if np.all(np.isfinite(value)) else None
    if x.dtype.kind == "b":
        return 1.0
    if x.kind != UFUNC:
        return None
    if x.function in _BOUNDED:
        return 2.0
    if is_logistic(x):
        return 1.0
    parts = [_range(part) for part in x.args] if x.function in _RING else [None]
    if None in parts:
        return None
    a, b = (float(part or 0) for part in (*parts, 0)[:2])
    bound = a * b if x.function is np.multiply else a + b
    return bound if bound < 1e3 else None


def is_logistic(x: Step) -> bool:
    """Whether x is 1/(1 + e), for e = exp of anything: between 0 and 1 even where e overflows."""
    if x.function is not np.divide or _constant(x.args[0]) != 1:
        return False
    below = x.args[1]
    if not isinstance(below, Step) or below.function is not np.add:
        return False
    one, e = below.args if _constant(below.args[0]) is not None else below.args[::-1]
    return _constant(one) == 1 and isinstance(e, Step) and e.function is np.exp


def _sources(x: Any) -> set[Step]:
    """The steps, not elementwise themselves, whose NaN makes x NaN; none for truths, which never are."""
    if not isinstance(x, Step) or x.kind == CONSTANT or x.dtype.kind == "b":
        return set()
    if x.kind != UFUNC:
        return {x}
    return set().union(*[_sources(part) for part in x.args])


def _carried(x: Any, shape: tuple[int, ...]) -> set[Step]:
    """The steps of this shape whose NaN, element by element, is sure to be in x."""
    if not isinstance(x, Step) or x.shape != shape:
        return set()
    if x.kind == UFUNC and x.function in _CARRYING:
        return set().union(*[_carried(part, shape) for part in x.args])
    return {x}
