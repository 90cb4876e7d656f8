"""Elementwise functions that ONNX, or its runtime in double precision, does not have, in functions that it has.

Each is written in NumPy, is right to a few units in the last place, and becomes a function of the model.
"""

from __future__ import annotations

from math import factorial, log, pi
from typing import Any

import numpy as np

LN2 = log(2.0)


# --- exponentials and logarithms --------------------------------------------------------------------------------------


def expm1(x: Any) -> Any:
    """eˣ − 1: what rounding did to eˣ, its logarithm tells (W. Kahan)."""
    y = np.exp(x)
    usual = np.where(np.isinf(y), y, (y - 1.0) * (x / np.log(np.where((y == 1.0) | (y == 0.0), 2.0, y))))
    return np.where(y == 1.0, x, np.where(y - 1.0 == -1.0, -1.0, usual))


def log1p(x: Any) -> Any:
    """log(1 + x): the quotient log y/(y − 1) varies so little that y may be 1 + x rounded (W. Kahan)."""
    y = 1.0 + x
    usual = np.log(y) * (x / np.where(y == 1.0, 1.0, y - 1.0))
    return np.where(y == 1.0, x, np.where(y == np.inf, y, usual))


def exp2(x: Any) -> Any:
    """2ˣ."""
    return np.power(2.0, x)


def log2(x: Any) -> Any:
    """Logarithm to base 2."""
    return np.log(x) / LN2


def log10(x: Any) -> Any:
    """Logarithm to base 10."""
    return np.log(x) / log(10.0)


def logaddexp(a: Any, b: Any) -> Any:
    """log(eᵃ + eᵇ)."""
    return np.where(a == b, a + LN2, np.maximum(a, b) + np.log1p(np.exp(-np.absolute(a - b))))


def logaddexp2(a: Any, b: Any) -> Any:
    """log₂(2ᵃ + 2ᵇ)."""
    return np.where(a == b, a + 1.0, np.maximum(a, b) + np.log1p(np.exp(LN2 * -np.absolute(a - b))) / LN2)


def cbrt(x: Any) -> Any:
    """Cube root."""
    return np.sign(x) * np.power(np.absolute(x), 1.0 / 3.0)


def hypot(a: Any, b: Any) -> Any:
    """√(a² + b²); the larger one stands apart, so that no square overflows."""
    a, b = np.absolute(a), np.absolute(b)
    large, small = np.maximum(a, b), np.minimum(a, b)
    ratio = np.where(large == 0.0, 0.0, small / np.where(large == 0.0, 1.0, large))
    return np.where(np.isinf(large), large, large * np.sqrt(1.0 + ratio * ratio))


def square(x: Any) -> Any:
    """x²."""
    return x * x


# --- trigonometry -----------------------------------------------------------------------------------------------------


def tan(x: Any) -> Any:
    """sin x/cos x."""
    return np.sin(x) / np.cos(x)


def arctan(x: Any) -> Any:
    """The angle y in single precision, and what is missing: tan(arctan u − y) = (u·cos y − sin y)/(cos y + u·sin y)."""
    size = np.absolute(x)
    u = np.where(size > 1.0, 1.0 / np.where(size > 1.0, size, 1.0), size)
    y = np.arctan(u.astype(np.float32)).astype(x.dtype)
    sine, cosine = np.sin(y), np.cos(y)
    y = y + (u * cosine - sine) / (cosine + u * sine)
    return np.sign(x) * np.where(size > 1.0, pi / 2 - y, y)


def arcsin(x: Any) -> Any:
    """arctan(x/√(1 − x²))."""
    return np.arctan(x / np.sqrt((1.0 - x) * (1.0 + x)))


def arccos(x: Any) -> Any:
    """2·arctan√((1 − x)/(1 + x))."""
    return 2.0 * np.arctan(np.sqrt((1.0 - x) / (1.0 + x)))


def arctan2(y: Any, x: Any) -> Any:
    """The angle of the point (x, y), from the smaller quotient of the two."""
    across, along = np.absolute(y), np.absolute(x)
    large, small = np.maximum(across, along), np.minimum(across, along)
    both = np.isinf(small)
    ratio = np.where(large == 0.0, 0.0, np.where(both, 1.0, small / np.where((large == 0.0) | both, 1.0, large)))
    angle = np.arctan(ratio)
    angle = np.where(across > along, pi / 2 - angle, angle)
    angle = np.where(np.signbit(x), pi - angle, angle)
    return np.where(np.signbit(y), -angle, angle)


def sinh(x: Any) -> Any:
    """(eˣ − e⁻ˣ)/2, of e^|x| − 1, and of e^(|x|/2) twice where eˣ overflows."""
    size = np.absolute(x)
    m = np.expm1(np.minimum(size, 30.0))
    half = np.exp(0.5 * size)
    return np.sign(x) * np.where(size < 30.0, 0.5 * (m + m / (m + 1.0)), 0.5 * half * half)


def cosh(x: Any) -> Any:
    """(eˣ + e⁻ˣ)/2."""
    half = np.exp(0.5 * np.absolute(x))
    return 0.5 * half * half + 0.5 / half / half


def arcsinh(x: Any) -> Any:
    """±log(|x| + √(x² + 1))."""
    size = np.absolute(x)
    near = np.minimum(size, 1e8)
    y = np.log1p(near + near * near / (1.0 + np.sqrt(1.0 + near * near)))
    return np.sign(x) * np.where(size > 1e8, np.log(np.maximum(size, 1.0)) + LN2, y)


def arccosh(x: Any) -> Any:
    """log(x + √(x² − 1))."""
    beyond = np.minimum(x, 1e8) - 1.0
    return np.where(x > 1e8, np.log(x) + LN2, np.log1p(beyond + np.sqrt(beyond) * np.sqrt(beyond + 2.0)))


def arctanh(x: Any) -> Any:
    """log((1 + x)/(1 − x))/2."""
    size = np.absolute(x)
    return np.sign(x) * 0.5 * np.log1p(2.0 * size / (1.0 - size))


def sinc(x: Any) -> Any:
    """sin(πx)/(πx), 1 at 0."""
    u = pi * np.where(x == 0.0, 1e-20, x)
    return np.sin(u) / u


def sinc_derivative(x: Any, order: int) -> Any:
    """See the op: a power series near 0, a recurrence elsewhere."""
    u = pi * x
    near = np.absolute(u) <= order + 1
    small, large = np.where(near, u, 0.0), np.where(near, 1.0, u)
    series = 0.0 * small
    for m in reversed(range(order % 2, 4 * order + 24, 2)):
        coefficient = (-1) ** ((m + order) // 2) / (factorial(m) * (m + order + 1))
        series = series * (small * small) + coefficient
    series = series * small if order % 2 else series
    sine, cosine = np.sin(large), np.cos(large)
    s = sine / large
    for n in range(1, order + 1):
        s = ((sine, cosine, -sine, -cosine)[n % 4] - n * s) / large
    return pi**order * np.where(near, series, s)


# --- rounding and signs -----------------------------------------------------------------------------------------------


def trunc(x: Any) -> Any:
    """Rounded toward 0."""
    return np.sign(x) * np.floor(np.absolute(x))


def remainder(a: Any, b: Any) -> Any:
    """a − b·⌊a/b⌋, exactly, with the sign of b."""
    rest = np.fmod(a, b)
    return np.where((rest != 0) & ((rest < 0) != (b < 0)), rest + b, rest)


def floor_divide(a: Any, b: Any) -> Any:
    """⌊a/b⌋, exactly."""
    quotient = np.rint((a - np.remainder(a, b)) / b)
    return np.where(b == 0, a / b, quotient)


def round_to(x: Any, decimals: int = 0) -> Any:
    """Rounded to so many decimal places."""
    power = 10.0 ** abs(decimals)
    return np.rint(x * power) / power if decimals >= 0 else np.rint(x / power) * power


def signbit(x: Any) -> Any:
    """Whether a number is below 0, or is −0."""
    return (x < 0) | (1.0 / x < 0)


def copysign(x: Any, y: Any) -> Any:
    """|x| with the sign of y."""
    return np.where(np.signbit(y), -np.absolute(x), np.absolute(x))


def heaviside(x: Any, at_0: Any) -> Any:
    """0 below 0, 1 above, at_0 at 0."""
    return np.where(np.isnan(x), x, np.where(x == 0, at_0, np.where(x < 0, 0.0 * at_0, 0.0 * at_0 + 1.0)))


def fmax(a: Any, b: Any) -> Any:
    """The larger one; NaN only if both are."""
    return np.where(np.isnan(a), b, np.where(np.isnan(b), a, np.maximum(a, b)))


def fmin(a: Any, b: Any) -> Any:
    """The smaller one; NaN only if both are."""
    return np.where(np.isnan(a), b, np.where(np.isnan(b), a, np.minimum(a, b)))


def isfinite(x: Any) -> Any:
    """Whether a number is neither infinite nor NaN."""
    return np.absolute(x) < np.inf


def nan_to_num(x: Any, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None) -> Any:
    """Numbers in the place of NaN and the infinities."""
    limit = float(np.finfo(x.dtype).max)
    high, low = limit if posinf is None else posinf, -limit if neginf is None else neginf
    return np.where(np.isnan(x), nan, np.where(x == np.inf, high, np.where(x == -np.inf, low, x)))


def isclose(a: Any, b: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
    """Whether |a − b| ≤ atol + rtol·|b|."""
    near = (np.absolute(a - b) <= atol + rtol * np.absolute(b)) & np.isfinite(b)
    same = near | (a == b)
    return same | (np.isnan(a) & np.isnan(b)) if equal_nan else same


def clip(x: Any, low: Any, high: Any) -> Any:
    """Between two numbers."""
    return np.minimum(np.maximum(x, low), high)


def scale(g: Any, d: Any) -> Any:
    """Cotangent times derivative; a cotangent of 0 wins, even against infinity."""
    return np.where(g == 0.0, 0.0, g * d)


def radians(x: Any) -> Any:
    """Degrees to radians."""
    return x * (pi / 180.0)


def degrees(x: Any) -> Any:
    """Radians to degrees."""
    return x * (180.0 / pi)
