"""What NumPy has and the Array API standard lacks, made of what it has: programs contain these functions as they stand.

`xp` is the module of arrays, as the program imports it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_bp.ops.cumulative import linear_recurrence as _linear_recurrence
from tinygrad_bp.ops.systems import independent as _independent
from tinygrad_bp.ops.ties import distinct as _distinct
from tinygrad_bp.program.step import SCALE
from tinygrad_bp.source.helpers import plain

if TYPE_CHECKING:
    import numpy as xp


def scale(g: Any, d: Any) -> Any:
    """Cotangent times derivative; a cotangent of 0 wins, even against infinity."""
    return xp.where(g == 0, 0.0, g * d)


def fmod(a: Any, b: Any) -> Any:
    """The remainder that has the sign of a."""
    return xp.copysign(xp.abs(a) % xp.abs(b), a)


def fmax(a: Any, b: Any) -> Any:
    """The larger of a and b, the number if the other is NaN."""
    return xp.where(xp.isnan(a), b, xp.where(xp.isnan(b), a, xp.maximum(a, b)))


def fmin(a: Any, b: Any) -> Any:
    """The smaller of a and b, the number if the other is NaN."""
    return xp.where(xp.isnan(a), b, xp.where(xp.isnan(b), a, xp.minimum(a, b)))


def cbrt(x: Any) -> Any:
    """The cube root."""
    return xp.sign(x) * xp.abs(x) ** (1 / 3)


def heaviside(x: Any, at_0: Any) -> Any:
    """0 below 0, 1 above, at_0 at 0, and NaN at NaN."""
    return xp.where(x == 0, at_0, xp.where(xp.isnan(x), x, xp.astype(x > 0, x.dtype)))


def logaddexp2(a: Any, b: Any) -> Any:
    """log₂(2ᵃ + 2ᵇ)."""
    return xp.logaddexp(a * 0.6931471805599453, b * 0.6931471805599453) * 1.4426950408889634


def pad(x: Any, widths: Any, mode: Any = "constant", constant_values: Any = 0) -> Any:
    """One value around an array, as often before and after it along each axis as widths say."""
    for axis in range(x.ndim):
        start, end, counts = x.shape[:axis], x.shape[axis + 1 :], (int(widths[axis, 0]), int(widths[axis, 1]))
        borders = [xp.full((*start, n, *end), constant_values, dtype=x.dtype) for n in counts]
        x = xp.concat([borders[0], x, borders[1]], axis=axis)
    return x


def linear_recurrence(a: Any, b: Any, axis: int = -1) -> Any:
    """y[k] = a[k]·y[k−1] + b[k] along an axis, in log₂ n steps."""
    a, y = xp.moveaxis(a, axis, 0), xp.moveaxis(b, axis, 0)
    step = 1
    while step < y.shape[0]:
        y = xp.concat([y[:step, ...], y[step:, ...] + a[step:, ...] * y[:-step, ...]])
        a = xp.concat([a[:step, ...], a[step:, ...] * a[:-step, ...]])
        step *= 2
    return xp.moveaxis(y, 0, axis)


def distinct(x: Any, tied: Any, of: str) -> Any:
    """x, a cotangent, if it is 0 for every matrix of which `tied` holds; else an error."""
    if xp.any(xp.reshape(tied, tied.shape + (1,) * (x.ndim - tied.ndim)) & (x != 0)):
        raise ValueError(of + " takes more than the vectors tell: move the equal values apart")
    return x


def independent(a: Any) -> Any:
    """Matrices themselves, if their columns are independent; else an error."""
    r = xp.linalg.qr(a)[1]
    added, lengths = xp.abs(xp.linalg.diagonal(r)), xp.sqrt(xp.sum(xp.abs(r) ** 2, axis=-2))
    if xp.any(added <= 16 * a.shape[-1] * xp.finfo(a.dtype).eps * lengths):
        raise ValueError("the derivative needs independent columns, and one adds only rounding errors to the others")
    return a


FUNCTIONS: Mapping[Any, Any] = {
    SCALE: scale, np.fmod: fmod, np.fmax: fmax, np.fmin: fmin, np.cbrt: cbrt, np.heaviside: heaviside,
    np.logaddexp2: logaddexp2, np.pad: pad,
    plain(_linear_recurrence): linear_recurrence, plain(_distinct): distinct, plain(_independent): independent,
}  # fmt: skip
"""By the functions in whose places they stand."""
