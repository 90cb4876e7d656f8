"""The error function and its complement on arrays, in plain NumPy, right to the last digits.

erfc x = e^(−x²)·P(t)/(1 + 2x) with t = (x − 3)/(x + 3) for x ≥ 0: P varies so little that it is a polynomial, an
expansion of Chebyshev's written in powers, for single precision up to x = 10.3 and for double up to 28, where the
result is 0. Near 0 erf x may lose no digits to 1 − erfc x: there it is x times a quotient of polynomials: W. J. Cody,
"Rational Chebyshev approximations for the error function", Mathematics of Computation 23 (1969). Coefficients run from
the highest power down.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygrad_bp.blocks import blockwise, cachewise

_Coefficients = Sequence[float]

# erf(x)/x in x²
_CENTRE = (
    (1.85777706184603153e-1, 3.16112374387056560, 1.13864154151050156e2, 3.77485237685302021e2, 3.20937758913846947e3),
    (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3),
)
# (1 + 2x)·exp(x²)·erfc(x) in (x − 3)/(x + 3)
_SINGLE = (
    -0.000270422902, -0.000781925146, 0.00200199187, 0.00257145603, -0.023796405, 0.0682945552, -0.119271363,
    0.129646551, -0.0475623658, -0.135621144, 1.25300806,
)  # fmt: skip
_DOUBLE = (
    5.72724351626834213e-10, 3.3405595604155014e-10, -7.63356280717117101e-9, -1.08423359318096089e-8,
    4.10442617323770489e-8, 9.77765576477302101e-8, -1.41669126794812723e-7, -6.12813653524726059e-7,
    3.57462725467537764e-7, 3.47016613040990027e-6, -7.32032881240472909e-7, -2.00997136266609882e-5,
    4.94970535618112749e-6, 0.000125099141394972072, -0.000105159853035001664, -0.00077983223905946756,
    0.00188869036644630158, 0.00252939181295718335, -0.0237705149191609242, 0.068308027344137112,
    -0.11927366341529245, 0.129645158702757006, -0.0475622943534509146, -0.135621106124581149, 1.25300805826972965,
)  # fmt: skip

_CENTRE_ENDS = 0.46875
_UNDERFLOWS = 28.0


@blockwise
@cachewise
def erf_values(x: Any) -> Any:
    """Error function erf x = 2/√π·∫₀ˣ e⁻ᵗ² dt of a real array, in its dtype."""
    x, dtype = _working(x)
    size = np.minimum(np.abs(x), _UNDERFLOWS)
    return np.where(size <= _CENTRE_ENDS, _centre(x, size), np.copysign(1.0 - _upper(size), x)).astype(dtype)[()]


@blockwise
@cachewise
def erfc_values(x: Any) -> Any:
    """Complementary error function 1 − erf x of a real array, in its dtype; small values keep all their digits."""
    x, dtype = _working(x)
    size = np.minimum(np.abs(x), _UNDERFLOWS)
    upper = _upper(size)
    return np.where(x < 0, 2.0 - upper, upper).astype(dtype)[()]


def _working(x: Any) -> tuple[Any, Any]:
    """x in the precision to compute in, at least single, and the dtype of the result."""
    x = np.asarray(x)
    dtype = x.dtype if x.dtype.kind == "f" else np.dtype(float)
    return x.astype(np.result_type(dtype, np.float32), copy=False), dtype


def _centre(x: Any, size: Any) -> Any:
    """erf x for |x| ≤ 0.46875."""
    square = size * size
    return x * (_polynomial(_CENTRE[0], square) / _polynomial(_CENTRE[1], square))


def _upper(x: Any) -> Any:
    """erfc x for x ≥ 0."""
    y = _polynomial(_SINGLE if x.dtype == np.float32 else _DOUBLE, (x - 3.0) / (x + 3.0))
    coarse = np.trunc(16.0 * x) / 16.0  # its square is exact, and so e⁻ˣ² loses no digits to rounding x²
    y *= np.exp(-coarse * coarse)
    y *= np.exp((coarse - x) * (coarse + x))
    return y / (1.0 + 2.0 * x)


def scaled_erfc(x: Any) -> Any:
    """eˣ²·erfc x in double precision for 0 ≤ x ≤ 28, of any array library's numbers."""
    return _polynomial(_DOUBLE, (x - 3.0) / (x + 3.0)) / (1.0 + 2.0 * x)


def _polynomial(coefficients: _Coefficients, x: Any) -> Any:
    total = coefficients[0] * x + coefficients[1]
    for c in coefficients[2:]:
        total *= x
        total += c
    return total
