"""The gamma function and its logarithm's derivatives: recurrences up to where the asymptotic series are good."""

from __future__ import annotations

from math import log, pi
from typing import Any

import numpy as np

_BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798)
"""B₂, B₄, …"""

_FAR = 12
"""From here on the series has all digits."""


def gammaln(x: Any) -> Any:
    """log |Γ(x)|, by reflection below ½."""
    mirrored = x < 0.5
    z = np.where(mirrored, 1.0 - x, x)
    y = _gammaln(z)
    sine = np.absolute(np.sin(pi * (x - np.floor(x))))
    return np.where(mirrored, log(pi) - np.log(sine) - y, y)


def gamma(x: Any) -> Any:
    """Γ(x), by reflection below ½."""
    mirrored = x < 0.5
    y = np.exp(_gammaln(np.where(mirrored, 1.0 - x, x)))
    sine = np.sin(pi * (x - np.floor(x))) * _turned(x)
    return np.where(mirrored, pi / (sine * y), y)


def rgamma(x: Any) -> Any:
    """1/Γ(x), 0 at the poles of Γ."""
    mirrored = x < 0.5
    y = _gammaln(np.where(mirrored, 1.0 - x, x))
    sine = np.sin(pi * (x - np.floor(x))) * _turned(x)
    return np.where(mirrored, sine * np.exp(y) / pi, np.exp(-y))


def betaln(a: Any, b: Any) -> Any:
    """log |Γ(a)·Γ(b)/Γ(a + b)|."""
    return gammaln(a) + gammaln(b) - gammaln(a + b)


def beta(a: Any, b: Any) -> Any:
    """Γ(a)·Γ(b)/Γ(a + b)."""
    sign = (
        np.where(a < 0, _turned(a), 1.0) * np.where(b < 0, _turned(b), 1.0) * np.where(a + b < 0, _turned(a + b), 1.0)
    )
    return sign * np.exp(betaln(a, b))


def _turned(x: Any) -> Any:
    """(−1)^⌊x⌋."""
    return np.where(np.remainder(np.floor(x), 2.0) != 0.0, -1.0, 1.0)


def _gammaln(x: Any) -> Any:
    """log Γ(x) for x ≥ ½: a product takes small x far out, where Stirling's series is."""
    product, z = _moved(x)
    inverse = 1.0 / (z * z)
    series = 0.0 * z
    for k, b in reversed([*enumerate(_BERNOULLI, 1)]):
        series = series * inverse + b / (2 * k * (2 * k - 1))
    return (z - 0.5) * np.log(z) - z + 0.5 * log(2.0 * pi) + series / z - np.log(product)


def _moved(x: Any) -> tuple[Any, Any]:
    """x·(x + 1)·… and x + 12, where x is less than 12; else 1 and x."""
    near = x < _FAR
    product = np.where(near, x, 1.0)
    for k in range(1, _FAR):
        product = product * np.where(near, x + float(k), 1.0)
    return product, np.where(near, x + float(_FAR), x)


def psi(x: Any) -> Any:
    """ψ(x) = Γ′(x)/Γ(x), by reflection below ½."""
    mirrored = x < 0.5
    z = np.where(mirrored, 1.0 - x, x)
    near = z < _FAR
    total = 0.0 * z
    for k in range(_FAR):
        total = total + np.where(near, 1.0 / (z + float(k)), 0.0)
    z = np.where(near, z + float(_FAR), z)
    inverse = 1.0 / (z * z)
    series = 0.0 * z
    for k, b in reversed([*enumerate(_BERNOULLI, 1)]):
        series = (series + b / (2 * k)) * inverse
    y = np.log(z) - 0.5 / z - series - total
    return np.where(mirrored, y - pi / np.tan(pi * x), y)


def polygamma(n: Any, x: Any) -> Any:
    """ψ⁽ⁿ⁾(x) for x > 0: (−1)ⁿ⁺¹·n!·ζ(n + 1, x) by Euler's and Maclaurin's sum; ψ for n = 0."""
    s = np.maximum(n, 1.0) + 1.0
    total = 0.0 * x
    for k in range(_FAR):
        total = total + (x + float(k)) ** -s
    z = x + float(_FAR)
    last = z**-s
    total = total + z * last / (s - 1.0) + 0.5 * last
    factor, divisor = s * last / z, 2.0
    for k, b in enumerate(_BERNOULLI, 1):
        total = total + b / divisor * factor
        factor = factor * (s + (2.0 * k - 1.0)) * (s + 2.0 * k) / (z * z)
        divisor *= (2 * k + 1) * (2 * k + 2)
    sign = np.where(np.remainder(n, 2.0) == 0.0, -1.0, 1.0)
    return np.where(n == 0.0, psi(x), sign * np.exp(_gammaln(s)) * total)
