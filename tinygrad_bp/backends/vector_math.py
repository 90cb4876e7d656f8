"""Exponentials and logarithms that a compiler can do several elements at a time; the C library does them one by one.

Each is made of plain arithmetic on whatever numbers it is given to work with: those of a kernel that is being written,
or Numba's. Results are at most two units off in the last place. Constants for tanh: S. L. Moshier, Cephes Mathematical
Library; for log: Sun Microsystems, Freely Distributable Mathematical Library.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import factorial, log
from typing import Any, final

import numpy as np

Function = Callable[..., Any]


@final
@dataclass(frozen=True, slots=True)
class Numbers:
    """What the functions here need of numbers, besides operators.

    format: the floating-point format. bits: its bits as an integer; number: the number with these bits; select: the
    second argument where the first holds, else the third; function: makes a function of them of a Python function.
    """

    format: Format
    bits: Function
    number: Function
    select: Function
    function: Callable[[Function], Function] = lambda f: f


@final
@dataclass(frozen=True, slots=True)
class Format:
    """A floating-point format.

    significand: the bits stored of it; bias: of the exponent. high: the first digits of log 2, so few that products
    with exponents are exact; low: the others. lowest, highest: where eˣ has become 0 and infinity.
    """

    dtype: Any
    integer: Any
    significand: int
    bias: int
    high: float
    low: float
    lowest: float
    highest: float

    @property
    def rounding(self) -> float:
        """1.5·2ᵏ for k stored bits: what is added to it is rounded to an integer."""
        return 1.5 * 2.0**self.significand


FORMATS = {
    np.dtype(np.float64): Format(
        np.float64, np.int64, 52, 1023, 6.93147180369123816490e-01, 1.90821492927058770002e-10, -750.0, 710.0
    ),
    np.dtype(np.float32): Format(np.float32, np.int32, 23, 127, 0.693359375, log(2) - 0.693359375, -104.0, 89.0),
}


def _parts_of_power(numbers: Numbers) -> Function:
    r"""p, a, b with eˣ = (1 + p)·a·b: eˣ = 2ⁿ·eʳ with n = round(x/log 2), |r| ≤ log(2)/2, so that a short series does.

    Adding 1.5·2ᵏ for k stored bits rounds to an integer, which then stands in the last bits. 2ⁿ is made of two factors,
    as n itself may be too large or too small for an exponent.
    """
    form, bits, number, select = numbers.format, numbers.bits, numbers.number, numbers.select
    real, whole = form.dtype, form.integer
    log2_e, half_log2_e, rounding = real(1 / log(2)), real(0.5 / log(2)), real(form.rounding)
    origin, bias, shift = whole(rounding.view(whole)), whole(form.bias), whole(form.significand)
    high, low, lowest, highest = real(form.high), real(form.low), real(form.lowest), real(form.highest)
    series = numbers.function(_SERIES[real](real))

    def parts(x: Any) -> Any:
        y = select(x < lowest, lowest, select(x > highest, highest, x))
        rounded = y * log2_e + rounding
        n = rounded - rounding
        r = (y - n * high) - n * low
        exponent = bits(rounded) - origin
        half = bits(y * half_log2_e + rounding) - origin
        return series(r), number((half + bias) << shift), number((exponent - half + bias) << shift)

    return numbers.function(parts)


def _series_of_7(real: Any) -> Any:
    """The terms of eʳ − 1 = Σ rᵏ/k!, k ≥ 1, in pairs, so that a processor need not wait for one after the other."""
    c2, c3, c4, c5, c6, c7 = [real(1 / factorial(k)) for k in range(2, 8)]

    def series(r: Any) -> Any:
        r2 = r * r
        return r + r2 * ((c2 + r * c3) + r2 * ((c4 + r * c5) + r2 * (c6 + r * c7)))

    return series


def _series_of_13(real: Any) -> Any:
    """The same with six terms more."""
    c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13 = [real(1 / factorial(k)) for k in range(2, 14)]

    def series(r: Any) -> Any:
        r2 = r * r
        r4 = r2 * r2
        last = ((c8 + r * c9) + r2 * (c10 + r * c11)) + r4 * (c12 + r * c13)
        return r + r2 * (((c2 + r * c3) + r2 * (c4 + r * c5)) + r4 * ((c6 + r * c7) + r2 * last))

    return series


def exponential(numbers: Numbers) -> Function:
    """eˣ."""
    one, parts = numbers.format.dtype(1), _parts_of_power(numbers)

    def exp(x: Any) -> Any:
        p, a, b = parts(x)
        return (one + p) * a * b

    return numbers.function(exp)


def exponential_less_1(numbers: Numbers) -> Function:
    """eˣ − 1 with all digits where x is small."""
    real, select, parts = numbers.format.dtype, numbers.select, _parts_of_power(numbers)
    one, large = real(1), real(50)

    def expm1(x: Any) -> Any:
        p, a, b = parts(x)
        return select(x < large, p * a * b + (a * b - one), (one + p) * a * b)

    return numbers.function(expm1)


def hyperbolic_tangent(numbers: Numbers) -> Function:
    """tanh x = 1 − 2/(e²ˣ + 1) for x > 0, which loses digits near 0."""
    real, select = numbers.format.dtype, numbers.select
    one, two, zero, end = real(1), real(2), real(0), real(0.625)
    exp, near_zero = exponential(numbers), numbers.function(_NEAR_ZERO[real](real))

    def tanh(x: Any) -> Any:
        size = abs(x)
        far = one - two / (exp(size + size) + one)
        return select(size < end, near_zero(x), select(x < zero, -far, far))

    return numbers.function(tanh)


def _near_zero_single(real: Any) -> Any:
    a, b, c, d, e = [
        real(v) for v in (-5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1)
    ]

    def near_zero(x: Any) -> Any:
        s = x * x
        return ((((a * s + b) * s + c) * s + d) * s + e) * s * x + x

    return near_zero


def _near_zero_double(real: Any) -> Any:
    a, b, c = -9.64399179425052238628e-1, -9.92877231001918586564e1, -1.61468768441708447952e3
    d, e, f = 1.12811678491632931402e2, 2.23548839060100448583e3, 4.84406305325125486048e3

    def near_zero(x: Any) -> Any:
        s = x * x
        return x + x * s * (((a * s + b) * s + c) / (((s + d) * s + e) * s + f))

    return near_zero


def logarithm(numbers: Numbers) -> Function:
    """log x = k·log 2 + log m, m from √½ to √2, and log m = f − f²/2 + s·(f²/2 + R(s²)), f = m − 1, s = f/(2 + f)."""
    form, bits, number, select = numbers.format, numbers.bits, numbers.number, numbers.select
    real, whole = form.dtype, form.integer
    one, two, half, zero, infinity, nothing = [real(v) for v in (1, 2, 0.5, 0, np.inf, np.nan)]
    smallest, scale, shift = np.finfo(real).smallest_normal, real(2.0**form.significand), whole(form.significand)
    middle, bias = whole(real(0.5**0.5).view(whole)), whole(form.bias)
    rounding, high, low = real(form.rounding), real(form.high), real(form.low)
    origin = whole(rounding.view(whole))
    factor, start = bias << shift, rounding + real(bias)
    series = numbers.function(_LOG_SERIES[real](real))

    def log(x: Any) -> Any:
        normal = select(x < smallest, x * scale, x)
        word = bits(normal)
        exponent = (word - middle + factor) >> shift
        f = number(word - ((exponent - bias) << shift)) - one
        k = (number(exponent + origin) - start) - select(x < smallest, real(shift), zero)
        s = f / (two + f)
        square = half * f * f
        y = k * high + (f - (square - (s * (square + series(s * s)) + k * low)))
        return select(x > zero, select(x < infinity, y, x), select(x == zero, -infinity, nothing))

    return numbers.function(log)


def _log_series_single(real: Any) -> Any:
    a, b, c, d = [real(v) for v in (0.66666662693, 0.40000972152, 0.28498786688, 0.24279078841)]

    def series(z: Any) -> Any:
        w = z * z
        return w * (b + w * d) + z * (a + w * c)

    return series


def _log_series_double(real: Any) -> Any:
    a, b, c, d = 6.666666666666735130e-01, 3.999999999940941908e-01, 2.857142874366239149e-01, 2.222219843214978396e-01
    e, f, g = 1.818357216161805012e-01, 1.531383769920937332e-01, 1.479819860511658591e-01

    def series(z: Any) -> Any:
        w = z * z
        return w * (b + w * (d + w * f)) + z * (a + w * (c + w * (e + w * g)))

    return series


def logarithm_of_1_and(numbers: Numbers) -> Function:
    """log(1 + x) with all digits where x is small: what is lost in u = 1 + x, divided by u, is added."""
    real, select, log = numbers.format.dtype, numbers.select, logarithm(numbers)
    one, zero, infinity = real(1), real(0), real(np.inf)

    def log1p(x: Any) -> Any:
        u = one + x
        lost = select(x < one, x - (u - one), one - (u - x))
        return log(u) + select(u > zero, select(u < infinity, lost / u, zero), zero)

    return numbers.function(log1p)


def logarithm_of_sum(numbers: Numbers) -> Function:
    """log(eᵃ + eᵇ) = max(a, b) + log(1 + e^−|a − b|)."""
    select, exp, log1p = numbers.select, exponential(numbers), logarithm_of_1_and(numbers)
    log_2 = numbers.format.dtype(log(2))

    def logaddexp(a: Any, b: Any) -> Any:
        return select(a == b, a + log_2, select(a > b, a, b) + log1p(exp(-abs(a - b))))

    return numbers.function(logaddexp)


_SERIES = {np.float32: _series_of_7, np.float64: _series_of_13}
_LOG_SERIES = {np.float32: _log_series_single, np.float64: _log_series_double}
_NEAR_ZERO = {np.float32: _near_zero_single, np.float64: _near_zero_double}
