"""Trigonometric functions and their inverses, in radians, elementwise."""

from __future__ import annotations

from math import factorial, pi
from typing import Any

import numpy as np

from tinygrad_bp.domains import Reals
from tinygrad_bp.ops.comparison import where
from tinygrad_bp.registry import op
from tinygrad_bp.traits import ACTIVATION, Limit, Traits

_INSIDE_ONE = Reals(-0.9, 0.9, bounded=True)


@op(derivatives=(lambda y, x: np.cos(x),), latex=r"\sin({0})", domain=Reals())
def sin(x: Any) -> Any:
    """Sine of x radians, elementwise. ∂y/∂x = cos x."""
    return np.sin(x)


@op(derivatives=(lambda y, x: -np.sin(x),), latex=r"\cos({0})", domain=Reals())
def cos(x: Any) -> Any:
    """Cosine of x radians, elementwise. ∂y/∂x = −sin x."""
    return np.cos(x)


@op(derivatives=(lambda y, x: 1.0 + y * y,), latex=r"\tan({0})", domain=Reals(-1.2, 1.2, bounded=True))
def tan(x: Any) -> Any:
    """Tangent of x radians, elementwise. ∂y/∂x = 1 + tan² x."""
    return np.tan(x)


@op(
    internal=True,
    derivatives=(lambda d, x: x * d * d * d,),
    latex=r"\frac1{\sqrt{1 - {0}^2}}",
    domain=_INSIDE_ONE,
)
def arcsin_slope(x: Any) -> Any:
    """1/√(1 − x²), elementwise, with all its digits near −1 and 1. ∂/∂x = x/(1 − x²)^(3/2)."""
    return 1.0 / np.sqrt((1.0 - x) * (1.0 + x))


@op(
    derivatives=(lambda y, x: arcsin_slope(x),),
    latex=r"\arcsin({0})",
    domain=_INSIDE_ONE,
    convention="infinity at −1 and 1",
)
def arcsin(x: Any) -> Any:
    """Inverse sine in radians of x in [−1, 1], elementwise. ∂y/∂x = 1/√(1 − x²), infinite at the ends."""
    return np.arcsin(x)


@op(
    derivatives=(lambda y, x: -arcsin_slope(x),),
    latex=r"\arccos({0})",
    domain=_INSIDE_ONE,
    convention="−infinity at −1 and 1",
)
def arccos(x: Any) -> Any:
    """Inverse cosine in radians of x in [−1, 1], elementwise. ∂y/∂x = −1/√(1 − x²), −infinity at the ends."""
    return np.arccos(x)


@op(internal=True, derivatives=(lambda d, x: -2.0 * (x * d) * d,), latex=r"\frac1{1 + {0}^2}", domain=Reals())
def arctan_slope(x: Any) -> Any:
    """1/(1 + x²), elementwise, without overflow. ∂/∂x = −2x/(1 + x²)²."""
    if x.dtype.kind == "c":
        return 1.0 / (1.0 + x * x)
    size = np.hypot(x, 1.0)
    return 1.0 / size / size


@op(derivatives=(lambda y, x: arctan_slope(x),), latex=r"\arctan({0})", domain=Reals(), traits=ACTIVATION)
def arctan(x: Any) -> Any:
    """Inverse tangent in radians, elementwise, in (−π/2, π/2). ∂y/∂x = 1/(1 + x²)."""
    return np.arctan(x)


def _radius(a: Any, b: Any) -> Any:
    """√(a² + b²), and 1 at the origin."""
    radius = np.hypot(a, b)
    return where(radius == 0, 1.0, radius)


_LIMITS = Traits(limits=(Limit.UNDERFLOW,))
_APART = Reals(kink=lambda a, b: np.hypot(a, b), analytic=False)


def _inverted_derivatives(a: Any, b: Any) -> tuple[Any, Any]:
    radius = _radius(a, b)
    x, y = a / radius, b / radius
    return ((b - a) / radius) * ((b + a) / radius) / radius / radius, -2.0 * x * y / radius / radius


@op(
    internal=True,
    derivatives=(lambda y, a, b: _inverted_derivatives(a, b)[0], lambda y, a, b: _inverted_derivatives(a, b)[1]),
    latex=r"\frac{{0}}{{0}^2 + {1}^2}",
    traits=_LIMITS,
    domain=_APART,
    convention="0 at the origin",
)
def inverted(a: Any, b: Any) -> Any:
    """a/(a² + b²), elementwise with broadcasting, without overflow; 0 at the origin.

    ∂y/∂a = (b² − a²)/(a² + b²)², ∂y/∂b = −2ab/(a² + b²)².
    """
    radius = np.hypot(a, b)
    radius = np.where(radius == 0, 1.0, radius).astype(radius.dtype)
    return a / radius / radius


@op(
    derivatives=(lambda y, a, b: inverted(b, a), lambda y, a, b: -inverted(a, b)),
    latex=r"\operatorname{atan2}({0}, {1})",
    traits=_LIMITS,
    domain=Reals(kink=lambda a, b: np.where(b < 0, a, np.hypot(a, b)), analytic=False),
    convention="0, 0 at the origin",
)
def arctan2(a: Any, b: Any) -> Any:
    """Angle of the point (b, a) in radians, in (−π, π], elementwise with broadcasting.

    ∂y/∂a = b/(a² + b²), ∂y/∂b = −a/(a² + b²); both 0 at the origin.
    """
    return np.arctan2(a, b)


@op(
    internal=True,
    derivatives=(
        lambda y, a, b: direction(b, a) * (direction(b, a) / _radius(a, b)),
        lambda y, a, b: -y * (direction(b, a) / _radius(a, b)),
    ),
    latex=r"\frac{{0}}{\sqrt{{0}^2 + {1}^2}}",
    traits=_LIMITS,
    domain=_APART,
    convention="0 at the origin",
)
def direction(a: Any, b: Any) -> Any:
    """a/√(a² + b²), elementwise with broadcasting, without overflow; 0 at the origin.

    ∂y/∂a = b²/(a² + b²)^(3/2), ∂y/∂b = −ab/(a² + b²)^(3/2).
    """
    radius = np.hypot(1.0 * a, 1.0 * b)  # of truths NumPy's is in half precision
    return a / np.where(radius == 0, 1.0, radius).astype(radius.dtype)


@op(
    derivatives=(lambda y, a, b: direction(a, b), lambda y, a, b: direction(b, a)),
    latex=r"\sqrt{{0}^2 + {1}^2}",
    traits=_LIMITS,
    domain=_APART,
    convention="0, 0 at the origin",
)
def hypot(a: Any, b: Any) -> Any:
    """Length √(a² + b²) of the vector (a, b), elementwise with broadcasting, without overflow.

    ∂y/∂a = a/y, ∂y/∂b = b/y; both 0 at the origin.
    """
    return np.hypot(a, b)


@op(
    derivatives=(lambda y, x: sinc_derivative(x, 1),),
    latex=r"\operatorname{sinc}({0})",
    domain=Reals(),
    convention="0 at 0",
    traits=Traits(limits=(Limit.UNDERFLOW, Limit.ZEROS)),
)
def sinc(x: Any) -> Any:
    """sin(πx)/(πx), 1 at 0, elementwise. ∂y/∂x = (cos(πx) − y)/x, 0 at 0."""
    if getattr(x, "dtype", None) == np.float16:  # where older NumPys give NaN at 0
        return np.sinc(x.astype(np.float32)).astype(np.float16)
    return np.sinc(x)


@op(
    internal=True,
    derivatives=(lambda y, x, order: sinc_derivative(x, order + 1),),
    latex=r"\operatorname{sinc}^{(n)}({0})",
    domain=Reals(params=lambda *_: [{"order": n} for n in (1, 2, 5)]),
    whole=True,
)
def sinc_derivative(x: Any, order: int) -> Any:
    """Derivative of the given order n of sinc, elementwise, with all its digits near 0 too.

    With u = πx and s = sin u/u, u·s⁽ⁿ⁾ + n·s⁽ⁿ⁻¹⁾ = sin⁽ⁿ⁾u; for |u| ≤ n + 1, where that loses digits, the power series
    s⁽ⁿ⁾ = Σ ±uᵐ/(m!·(m + n + 1)) over all m ≥ 0 with m + n even.
    """
    dtype = np.asarray(x).dtype
    u = pi * np.asarray(x, np.result_type(dtype, np.float64))  # powers of it overflow in less
    near = np.absolute(u) <= order + 1
    small, large = np.where(near, u, 0.0), np.where(near, 1.0, u)
    series = sum(
        (-1) ** ((m + order) // 2) / (factorial(m) * (m + order + 1)) * small**m
        for m in range(order % 2, 4 * order + 24, 2)
    )
    sine, cosine = np.sin(large), np.cos(large)
    if u.dtype.kind == "f":  # what is left of x without its whole part is exact, unlike πx
        wide = np.asarray(x, u.dtype)
        whole = np.rint(wide)
        sign, rest = 1.0 - 2.0 * np.remainder(whole, 2.0), pi * (wide - whole)
        sine, cosine = sign * np.sin(rest), sign * np.cos(rest)
    s = sine / large
    for n in range(1, order + 1):
        s = ((sine, cosine, -sine, -cosine)[n % 4] - n * s) / large
    return (pi**order * np.where(near, series, s)).astype(dtype)[()]


@op(derivatives=(lambda y, x: pi / 180.0,), latex=r"\operatorname{radians}({0})", domain=Reals(analytic=False))
def deg2rad(x: Any) -> Any:
    """Degrees to radians, x·π/180, elementwise. ∂y/∂x = π/180."""
    return np.deg2rad(x)


@op(derivatives=(lambda y, x: pi / 180.0,), latex=r"\operatorname{radians}({0})", domain=Reals(analytic=False))
def radians(x: Any) -> Any:
    """Degrees to radians, x·π/180, elementwise; NumPy's other name of `deg2rad`. ∂y/∂x = π/180."""
    return np.radians(x)


@op(derivatives=(lambda y, x: 180.0 / pi,), latex=r"\operatorname{degrees}({0})", domain=Reals(analytic=False))
def rad2deg(x: Any) -> Any:
    """Radians to degrees, x·180/π, elementwise. ∂y/∂x = 180/π."""
    return np.rad2deg(x)


@op(derivatives=(lambda y, x: 180.0 / pi,), latex=r"\operatorname{degrees}({0})", domain=Reals(analytic=False))
def degrees(x: Any) -> Any:
    """Radians to degrees, x·180/π, elementwise; NumPy's other name of `rad2deg`. ∂y/∂x = 180/π."""
    return np.degrees(x)
