"""Exponentials, logarithms, roots and hyperbolic functions, elementwise."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygrad_bp.blocks import by_ufunc
from tinygrad_bp.domains import Reals
from tinygrad_bp.registry import op
from tinygrad_bp.traits import ACTIVATION, Traits

_LOG_2, _LOG_10 = math.log(2.0), math.log(10.0)
_POSITIVE = Reals(0.3, 3)
_INSIDE_ONE = Reals(-0.9, 0.9, bounded=True)


@op(derivatives=(lambda y, x: y,), latex="e^{{0}}", domain=Reals(), traits=Traits(algebra=np.exp))
@by_ufunc(np.exp)
def exp(x: Any) -> Any:
    """Exponential eˣ, elementwise. ∂y/∂x = eˣ."""
    return np.exp(x)


@op(derivatives=(lambda y, x: y * _LOG_2,), latex="2^{{0}}", domain=Reals())
def exp2(x: Any) -> Any:
    """Power of two 2ˣ, elementwise. ∂y/∂x = 2ˣ·log 2."""
    return np.exp2(x)


@op(derivatives=(lambda y, x: np.exp(x),), latex="e^{{0}} - 1", domain=Reals())
def expm1(x: Any) -> Any:
    """eˣ − 1, elementwise, with all its digits near 0. ∂y/∂x = eˣ."""
    return np.expm1(x)


@op(derivatives=(lambda y, x: 1.0 / x,), latex=r"\log {0}", domain=_POSITIVE, traits=Traits(algebra=np.log))
def log(x: Any) -> Any:
    """Natural logarithm of x > 0, elementwise. ∂y/∂x = 1/x."""
    return np.log(x)


@op(derivatives=(lambda y, x: (1.0 / _LOG_2) / x,), latex=r"\operatorname{log2}({0})", domain=_POSITIVE)
def log2(x: Any) -> Any:
    """Logarithm to base 2 of x > 0, elementwise. ∂y/∂x = 1/(x·log 2)."""
    return np.log2(x)


@op(derivatives=(lambda y, x: (1.0 / _LOG_10) / x,), latex=r"\operatorname{log10}({0})", domain=_POSITIVE)
def log10(x: Any) -> Any:
    """Logarithm to base 10 of x > 0, elementwise. ∂y/∂x = 1/(x·log 10)."""
    return np.log10(x)


@op(derivatives=(lambda y, x: 1.0 / (1.0 + x),), latex=r"\log(1 + {0})", domain=Reals(-0.7, 3, bounded=True))
def log1p(x: Any) -> Any:
    """log(1 + x) of x > −1, elementwise, with all its digits near 0. ∂y/∂x = 1/(1 + x)."""
    return np.log1p(x)


@op(
    derivatives=(lambda y, x: 0.5 / y,),
    latex=r"\sqrt{{0}}",
    domain=_POSITIVE,
    convention="infinity at 0",
    traits=Traits(algebra=np.sqrt),
)
def sqrt(x: Any) -> Any:
    """Square root of x ≥ 0, elementwise. ∂y/∂x = 1/(2√x), infinite at 0."""
    return np.sqrt(x)


@op(
    internal=True,
    derivatives=(None, lambda d, y, x: (-2.0 / 3.0) * d / x),
    latex=r"\frac1{3 \cdot {0}^2}",
    domain=Reals(0.3, 3, analytic=False, prepare=lambda y, x: (cbrt(x), x), made=lambda x: cbrt(x)),
    convention="infinity at 0",
)
def cbrt_slope(y: Any, x: Any) -> Any:
    """1/(3y²) for y = ∛x, elementwise. ∂/∂x = −2/(9xy²); of y no derivative is taken: it depends on x."""
    return (1.0 / 3.0) / (y * y)


@op(
    derivatives=(lambda y, x: cbrt_slope(y, x),),
    latex=r"\operatorname{cbrt}({0})",
    domain=Reals(analytic=False, prepare=lambda x: (x + 0.3 * np.sign(x),)),
    convention="infinity at 0",
)
def cbrt(x: Any) -> Any:
    """Cube root, elementwise, negative for negative x. ∂y/∂x = 1/(3y²), infinite at 0."""
    return np.cbrt(x)


@op(derivatives=(lambda y, x: np.cosh(x),), latex=r"\sinh({0})", domain=Reals())
def sinh(x: Any) -> Any:
    """Hyperbolic sine, elementwise. ∂y/∂x = cosh x."""
    return np.sinh(x)


@op(derivatives=(lambda y, x: np.sinh(x),), latex=r"\cosh({0})", domain=Reals())
def cosh(x: Any) -> Any:
    """Hyperbolic cosine, elementwise. ∂y/∂x = sinh x."""
    return np.cosh(x)


@op(
    internal=True,
    derivatives=(None, lambda d, y, x: -2.0 * d * np.tanh(x)),
    latex="1 - {0}^2",
    domain=Reals(-0.5, 0.5, prepare=lambda y, x: (tanh(x), x), made=lambda x: tanh(x), analytic=False),
    traits=Traits(algebra=lambda y, x: 1 - y * y),
)
def tanh_slope(y: Any, x: Any) -> Any:
    """1 − y² for y = tanh x, elementwise, with all its digits: with s = e^(−2|x|) it is 4s/(1 + s)².

    ∂/∂x = −2·tanh x·(1 − y²). Of y no derivative is taken: it depends on x.
    """
    if x.dtype.kind == "c":
        return 1.0 - y * y
    s = np.exp(-2.0 * np.absolute(x))
    t = 1.0 + s
    return 4.0 * s / (t * t)


@op(derivatives=(lambda y, x: tanh_slope(y, x),), latex=r"\tanh({0})", domain=Reals(), traits=ACTIVATION)
@by_ufunc(np.tanh)
def tanh(x: Any) -> Any:
    """Hyperbolic tangent, elementwise. ∂y/∂x = 1 − tanh² x."""
    return np.tanh(x)


@op(
    internal=True,
    derivatives=(lambda d, x: -(x * d) * d * d,),
    latex=r"\frac1{\sqrt{{0}^2 + 1}}",
    domain=Reals(),
)
def arcsinh_slope(x: Any) -> Any:
    """1/√(x² + 1), elementwise, without overflow. ∂/∂x = −x/(x² + 1)^(3/2)."""
    return 1.0 / (np.sqrt(1.0 + x * x) if x.dtype.kind == "c" else np.hypot(x, 1.0))


@op(derivatives=(lambda y, x: arcsinh_slope(x),), latex=r"\operatorname{arsinh}({0})", domain=Reals())
def arcsinh(x: Any) -> Any:
    """Inverse hyperbolic sine, elementwise. ∂y/∂x = 1/√(x² + 1)."""
    return np.arcsinh(x)


@op(
    derivatives=(lambda y, x: 1.0 / (np.sqrt(x - 1.0) * np.sqrt(x + 1.0)),),
    latex=r"\operatorname{arcosh}({0})",
    domain=Reals(1.2, 4),
    convention="infinity at 1",
)
def arccosh(x: Any) -> Any:
    """Inverse hyperbolic cosine of x ≥ 1, elementwise, y ≥ 0. ∂y/∂x = 1/√(x² − 1), infinite at 1."""
    return np.arccosh(x)


@op(
    internal=True,
    derivatives=(lambda d, x: 2.0 * x * d * d,),
    latex=r"\frac1{1 - {0}^2}",
    domain=_INSIDE_ONE,
)
def arctanh_slope(x: Any) -> Any:
    """1/(1 − x²), elementwise, with all its digits near −1 and 1. ∂/∂x = 2x/(1 − x²)²."""
    return 1.0 / ((1.0 - x) * (1.0 + x))


@op(
    derivatives=(lambda y, x: arctanh_slope(x),),
    latex=r"\operatorname{artanh}({0})",
    domain=_INSIDE_ONE,
    convention="infinity at −1 and 1",
)
def arctanh(x: Any) -> Any:
    """Inverse hyperbolic tangent of x in (−1, 1), elementwise. ∂y/∂x = 1/(1 − x²), infinite at the ends."""
    return np.arctanh(x)
