"""The error function and its complement on arrays, in plain NumPy, right to the last digits.

W. J. Cody, "Rational Chebyshev approximations for the error function", Mathematics of Computation 23 (1969): one
quotient of polynomials for each of |x| ≤ 0.46875, |x| ≤ 4 and beyond. Coefficients run from the highest power down.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygrad_bp.blocks import blockwise

_Coefficients = Sequence[float]

# erf(x)/x in x²
_CENTRE = (
    (1.85777706184603153e-1, 3.16112374387056560, 1.13864154151050156e2, 3.77485237685302021e2, 3.20937758913846947e3),
    (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3),
)
# exp(x²)·erfc(x) in x
_SHOULDER = (
    (
        2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594, 6.61191906371416295e1,
        2.98635138197400131e2, 8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3,
        1.23033935479799725e3,
    ),
    (
        1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2, 1.62138957456669019e3,
        3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3, 1.23033935480374942e3,
    ),
)  # fmt: skip
# x²·(1/√π − x·exp(x²)·erfc(x)) in 1/x²
_TAIL = (
    (
        1.63153871373020978e-2, 3.05326634961232344e-1, 3.60344899949804439e-1, 1.25781726111229246e-1,
        1.60837851487422766e-2, 6.58749161529837803e-4,
    ),
    (
        1.0, 2.56852019228982242, 1.87295284992346725, 5.27905102951428412e-1, 6.05183413124413191e-2,
        2.33520497626869185e-3,
    ),
)  # fmt: skip

_CENTRE_ENDS, _SHOULDER_ENDS = 0.46875, 4.0
_UNDERFLOWS = 28.0
_ROOT_PI = 0.5641895835477563
"""1/√π."""


@blockwise
def erf_values(x: Any) -> Any:
    """Error function erf x = 2/√π·∫₀ˣ e⁻ᵗ² dt of a real array, in its dtype."""
    x, dtype = _working(x)
    size = np.minimum(np.abs(x), _UNDERFLOWS)
    return np.where(size <= _CENTRE_ENDS, _centre(x, size), np.copysign(1.0 - _upper(size), x)).astype(dtype)[()]


@blockwise
def erfc_values(x: Any) -> Any:
    """Complementary error function 1 − erf x of a real array, in its dtype; small values keep all their digits."""
    x, dtype = _working(x)
    size = np.minimum(np.abs(x), _UNDERFLOWS)
    upper = _upper(size)
    outer = np.where(x < 0, 2.0 - upper, upper)
    return np.where(size <= _CENTRE_ENDS, 1.0 - _centre(x, size), outer).astype(dtype)[()]


def _working(x: Any) -> tuple[Any, Any]:
    """x in the precision to compute in, at least single, and the dtype of the result."""
    x = np.asarray(x)
    dtype = x.dtype if x.dtype.kind == "f" else np.dtype(float)
    return x.astype(np.result_type(dtype, np.float32), copy=False), dtype


def _centre(x: Any, size: Any) -> Any:
    """erf x for |x| ≤ 0.46875."""
    return x * _quotient(_CENTRE, size * size)


def _upper(x: Any) -> Any:
    """erfc x for x > 0.46875."""
    y = _quotient(_SHOULDER, x)
    far = x > _SHOULDER_ENDS
    if np.any(far):
        beyond = np.maximum(x, _SHOULDER_ENDS)
        inverse = 1.0 / (beyond * beyond)
        y = np.where(far, (_ROOT_PI - inverse * _quotient(_TAIL, inverse)) / beyond, y)
    coarse = np.trunc(16.0 * x) / 16.0  # its square is exact, and so e⁻ˣ² loses no digits to rounding x²
    return y * np.exp(-coarse * coarse) * np.exp((coarse - x) * (coarse + x))


def _quotient(pair: tuple[_Coefficients, _Coefficients], x: Any) -> Any:
    return _polynomial(pair[0], x) / _polynomial(pair[1], x)


def _polynomial(coefficients: _Coefficients, x: Any) -> Any:
    total = coefficients[0] * x + coefficients[1]
    for c in coefficients[2:]:
        total *= x
        total += c
    return total
