"""Numerical derivatives of plain functions: complex step, central and one-sided differences.

Nothing here knows the library. A function comes as `along`: from a step s to the array of terms of f(x + s·t), whose
sum is differentiated at s = 0. Terms are subtracted before they are summed, so large ones that do not depend on s cost
the others no digits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Along = Callable[[Any], Array]

ANALYTIC_TOLERANCE = 1e-9
DIFFERENCE_TOLERANCE = 1e-7
KINK_TOLERANCE = 1e-6
LARGEST_DOUBT = 5e-5
"""A central difference may itself be off by its estimated error, but no more than this is believed."""

COMPLEX_STEP = 1e-200
"""The step along the imaginary axis; nothing is subtracted, so it may be as small as it likes."""

STEPS = (3e-3, 1e-3, 3e-4, 1e-4)
"""Steps of central differences. The second is right for most functions; the others settle doubts."""

SIDE_STEPS = (1e-4, 1e-6)
"""One-sided differences are taken with both: the slope of a jump or a root grows as the step shrinks."""

EPSILON = float(np.finfo(np.float64).eps)


def mismatch(
    along: Along, found: float, size: float, reach: float, analytic: bool, tolerance: float | None = None
) -> float | None:
    """None if `found`, a sum of terms of the given size, is the derivative; else what it should have been.

    reach: what steps are relative to. tolerance: relative to the size, instead of what is usual here.
    """
    if analytic:
        expected, terms = complex_step(along)
        allowed = tolerance or ANALYTIC_TOLERANCE
        return None if abs(found - expected) <= allowed * max(1e-2, size, terms) else expected
    size = max(1e-2, size)
    estimates = {}
    for step in (STEPS[1], *STEPS):
        if step not in estimates:
            estimates[step], noise = central_difference(along, step * reach)
            if abs(found - estimates[step]) <= (tolerance or DIFFERENCE_TOLERANCE) * size + noise:
                return None
    expected, doubt = _agreeing([estimates[step] for step in STEPS])
    if abs(found - expected) <= min(doubt, LARGEST_DOUBT * size):
        return None
    low, high, terms = one_sided(along, reach)
    return None if low - KINK_TOLERANCE * terms <= found <= high + KINK_TOLERANCE * terms else expected


def complex_step(along: Along) -> tuple[float, float]:
    """The derivative of an analytic function, Im f(x + ih·t)/h, to the last digits; and the size of its terms."""
    terms = np.imag(along(1j * COMPLEX_STEP)) / COMPLEX_STEP
    return float(np.sum(terms)), float(np.sum(np.abs(terms)))


def central_difference(along: Along, step: float) -> tuple[float, float]:
    """The derivative by a difference of fourth order, and how much of it may be rounding."""
    above, below, far_above, far_below = along(step), along(-step), along(2 * step), along(-2 * step)
    changed = np.where(above == below, 0.0, np.abs(above))
    estimate = float(np.sum(8 * (above - below) - (far_above - far_below))) / (12 * step)
    return estimate, 4 * _epsilon(above) * float(np.sum(changed)) / step


def _epsilon(terms: Array) -> float:
    """What a function rounds to: that of single precision, if it returned such."""
    return float(np.finfo(terms.dtype).eps) if terms.dtype.kind in "fc" else EPSILON


def gradient(terms: Callable[[list[Array]], Array], values: Sequence[Array], k: int) -> Array:
    """The gradient of the sum of terms for the k-th of the values, entry by entry."""
    result = np.zeros(values[k].shape)
    for index in np.ndindex(result.shape):
        t = np.zeros(result.shape)
        t[index] = 1.0

        def along(step: float, t: Array = t) -> Array:
            return terms([*values[:k], values[k] + step * t, *values[k + 1 :]])

        result[index] = central_difference(along, STEPS[1])[0]
    return result


def _agreeing(estimates: list[float]) -> tuple[float, float]:
    """Of estimates by shorter and shorter steps the one that agrees best with its neighbour, and how well.

    Too long a step meets curvature or a kink, too short a one cancellation.
    """
    gaps = [abs(a - b) for a, b in pairwise(estimates)]
    best = int(np.argmin(gaps))
    return estimates[best + 1], gaps[best]


def one_sided(along: Along, reach: float) -> tuple[float, float, float]:
    """Between which numbers a derivative at a kink lies, and the size of its terms.

    A term with different slopes to the left and to the right may have any derivative between them; one that jumps, or
    is not defined on one side, any at all.
    """
    start = along(0.0)
    noise = 1 + 10 * _epsilon(start) / SIDE_STEPS[1] * np.abs(start)
    sides = []
    for side in (reach, -reach):
        wide, narrow = [(4 * along(side * h) - along(2 * side * h) - 3 * start) / (2 * side * h) for h in SIDE_STEPS]
        sides.append(np.where(np.abs(narrow) <= 5 * np.abs(wide) + noise, wide, np.nan))
    size = np.fmax(np.abs(sides[0]), np.abs(sides[1]))
    unbounded = np.isnan(sides[0]) | np.isnan(sides[1])
    low, high = np.where(unbounded, -np.inf, np.fmin(*sides)), np.where(unbounded, np.inf, np.fmax(*sides))
    return float(np.sum(low)), float(np.sum(high)), max(1.0, float(np.nansum(size)))
