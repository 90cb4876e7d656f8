"""The error function and the normal distribution, in functions that ONNX has, in double precision."""

from __future__ import annotations

from math import pi, sqrt
from typing import Any

import numpy as np

from tinygrad_bp.ops.erf import CENTRE, CENTRE_ENDS, UNDERFLOWS, UPPER


def _polynomial(coefficients: Any, x: Any) -> Any:
    total = coefficients[0] * x + coefficients[1]
    for c in coefficients[2:]:
        total = total * x + c
    return total


def erf(x: Any) -> Any:
    """The error function: see `ops.erf`."""
    size = np.minimum(np.absolute(x), CENTRE_ENDS)
    centre = x * (_polynomial(CENTRE[0], size * size) / _polynomial(CENTRE[1], size * size))
    return np.where(np.absolute(x) <= CENTRE_ENDS, centre, np.sign(x) * (1.0 - _upper(np.absolute(x))))


def erfc(x: Any) -> Any:
    """The complementary error function."""
    upper = _upper(np.absolute(x))
    return np.where(x < 0, 2.0 - upper, upper)


def _upper(x: Any) -> Any:
    """erfc x for x ≥ 0."""
    x = np.minimum(x, UNDERFLOWS)
    coarse = np.trunc(16.0 * x) / 16.0  # its square is exact
    return scaled_erfc(x) * np.exp(-coarse * coarse) * np.exp((coarse - x) * (coarse + x))


def scaled_erfc(x: Any) -> Any:
    """eˣ²·erfc x for 0 ≤ x ≤ 28."""
    return _polynomial(UPPER, (x - 3.0) / (x + 3.0)) / (1.0 + 2.0 * x)


def erfcx(x: Any) -> Any:
    """eˣ²·erfc x; a series in 1/x² where the polynomial ends."""
    size = np.absolute(x)
    near, far = scaled_erfc(np.minimum(size, UNDERFLOWS)), np.maximum(size, UNDERFLOWS)
    inverse = 1.0 / (far * far)
    beyond = (1.0 - inverse * (0.5 - inverse * (0.75 - inverse * 1.875))) / (far * sqrt(pi))
    y = np.where(size < UNDERFLOWS, near, beyond)
    return np.where(x < 0, 2.0 * np.exp(x * x) - y, y)


def log_ndtr(x: Any) -> Any:
    """Logarithm of the normal distribution function: below 0 −x²/2 stands apart, so that no digits are lost to it."""
    below = np.minimum(x, 0.0)
    tail = np.log(0.5 * erfcx(below * -sqrt(0.5))) - 0.5 * below * below
    return np.where(x < 0, tail, np.log1p(-0.5 * erfc(np.maximum(x, 0.0) * sqrt(0.5))))


def erfinv(x: Any) -> Any:
    """The inverse of erf."""
    size = np.absolute(x)
    y = _inverse(size, 1.0 - size)
    return np.sign(x) * np.where(size == 0.0, 0.0, y)


def erfcinv(x: Any) -> Any:
    """The inverse of erfc."""
    mirrored = x > 1.0
    rest = np.where(mirrored, 2.0 - x, x)
    y = np.where(rest == 1.0, 0.0, _inverse(1.0 - rest, rest))
    return np.where(mirrored, -y, y)


def _inverse(size: Any, rest: Any) -> Any:
    """y > 0 with erf y = size and erfc y = rest: S. Winitzki's approximation, and Halley's steps."""
    w = np.log(np.maximum(rest, 1e-300) * (1.0 + size))
    half = 2.0 / (pi * 0.147) + 0.5 * w
    y = np.sqrt(np.maximum(np.sqrt(half * half - w / 0.147) - half, 0.0))
    for _ in range(3):
        error = np.where(size < 0.5, erf(y) - size, rest - erfc(y)) * (0.5 * sqrt(pi)) * np.exp(y * y)
        y = y - error / (1.0 + y * error)
    return np.where(rest < 0.0, np.nan, np.where(rest == 0.0, np.inf, y))
