"""Exponentials that a compiler can do several elements at a time; the C library's are calls, one after the other.

Each is made of plain arithmetic on whatever numbers it is given to work with: those of a kernel that is being written,
or Numba's. At most two units off in the last place. Constants for tanh: S. L. Moshier, Cephes Mathematical Library.
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


FORMATS = {
    np.dtype(np.float64): Format(
        np.float64, np.int64, 52, 1023, 6.93147180369123816490e-01, 1.90821492927058770002e-10, -750.0, 710.0
    ),
    np.dtype(np.float32): Format(np.float32, np.int32, 23, 127, 0.693359375, log(2) - 0.693359375, -104.0, 89.0),
}


def exponential(numbers: Numbers) -> Function:
    r"""eˣ = 2ⁿ·eʳ with n = round(x/log 2), so that |r| ≤ log(2)/2 and a short series gives eʳ.

    Adding 1.5·2ᵏ for k stored bits rounds to an integer, which then stands in the last bits. 2ⁿ is made of two factors,
    as n itself may be too large or too small for an exponent.
    """
    form, bits, number, select = numbers.format, numbers.bits, numbers.number, numbers.select
    kind, whole = form.dtype, form.integer
    log2_e, half_log2_e, rounding = kind(1 / log(2)), kind(0.5 / log(2)), kind(1.5 * 2.0**form.significand)
    origin, bias, shift = whole(rounding.view(whole)), whole(form.bias), whole(form.significand)
    high, low, lowest, highest = kind(form.high), kind(form.low), kind(form.lowest), kind(form.highest)
    series = numbers.function(_SERIES[kind](kind, numbers.function))

    def exp(x: Any) -> Any:
        y = select(x < lowest, lowest, select(x > highest, highest, x))
        rounded = y * log2_e + rounding
        n = rounded - rounding
        r = (y - n * high) - n * low
        exponent = bits(rounded) - origin
        half = bits(y * half_log2_e + rounding) - origin
        return series(r) * number((half + bias) << shift) * number((exponent - half + bias) << shift)

    return numbers.function(exp)


def _series_of_8(kind: Any, function: Any) -> Any:
    """The first terms of eʳ = Σ rᵏ/k!, in pairs, so that a processor need not wait for one after the other."""
    c0, c1, c2, c3, c4, c5, c6, c7 = [kind(1 / factorial(k)) for k in range(8)]

    def series(r: Any) -> Any:
        r2 = r * r
        return ((c0 + r * c1) + r2 * (c2 + r * c3)) + (r2 * r2) * ((c4 + r * c5) + r2 * (c6 + r * c7))

    return series


def _series_of_14(kind: Any, function: Any) -> Any:
    """The same with six terms more."""
    c8, c9, c10, c11, c12, c13 = [kind(1 / factorial(k)) for k in range(8, 14)]
    first = function(_series_of_8(kind, function))

    def series(r: Any) -> Any:
        r2 = r * r
        r4 = r2 * r2
        return first(r) + (r4 * r4) * (((c8 + r * c9) + r2 * (c10 + r * c11)) + r4 * (c12 + r * c13))

    return series


def hyperbolic_tangent(numbers: Numbers) -> Function:
    """tanh x = 1 − 2/(e²ˣ + 1) for x > 0, which loses digits near 0."""
    kind, select = numbers.format.dtype, numbers.select
    one, two, zero, end = kind(1), kind(2), kind(0), kind(0.625)
    exp, near_zero = exponential(numbers), numbers.function(_NEAR_ZERO[kind](kind))

    def tanh(x: Any) -> Any:
        size = abs(x)
        far = one - two / (exp(size + size) + one)
        return select(size < end, near_zero(x), select(x < zero, -far, far))

    return numbers.function(tanh)


def _near_zero_single(kind: Any) -> Any:
    a, b, c, d, e = [
        kind(v) for v in (-5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1)
    ]

    def near_zero(x: Any) -> Any:
        s = x * x
        return ((((a * s + b) * s + c) * s + d) * s + e) * s * x + x

    return near_zero


def _near_zero_double(kind: Any) -> Any:
    a, b, c = -9.64399179425052238628e-1, -9.92877231001918586564e1, -1.61468768441708447952e3
    d, e, f = 1.12811678491632931402e2, 2.23548839060100448583e3, 4.84406305325125486048e3

    def near_zero(x: Any) -> Any:
        s = x * x
        return x + x * s * (((a * s + b) * s + c) / (((s + d) * s + e) * s + f))

    return near_zero


_SERIES = {np.float32: _series_of_8, np.float64: _series_of_14}
_NEAR_ZERO = {np.float32: _near_zero_single, np.float64: _near_zero_double}
