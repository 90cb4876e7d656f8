"""Rounding, signs and steps, elementwise: functions made of straight pieces."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_bp.domains import Domain, Reals
from tinygrad_bp.ops.comparison import where
from tinygrad_bp.ops.complex import require_real
from tinygrad_bp.registry import op


def _kinked(kink: Any, **options: Any) -> Domain:
    return Reals(kink=kink, analytic=False, **options)


_AT_ZERO = _kinked(lambda x: x)
_AT_INTEGERS = _kinked(lambda x: x - np.rint(x))


def _direction(y: Any, x: Any) -> Any:
    """sign x; of complex x the conjugate of x/|x|, which the real part of a product with the tangent is taken of."""
    if x.dtype.kind != "c":
        return np.sign(x)
    return where(y == 0, 0.0, np.conjugate(x) / where(y == 0, 1.0, y))


@op(
    derivatives=(_direction,),
    latex=r"\lvert {0} \rvert",
    domain=_AT_ZERO,
    convention="0 at 0",
)
def absolute(x: Any) -> Any:
    """Absolute value, elementwise. ∂y/∂x = sign x, 0 at 0."""
    return np.absolute(x)


abs = absolute


@op(
    derivatives=(lambda y, x: np.sign(x),),
    latex=r"\lvert {0} \rvert",
    domain=_AT_ZERO,
    convention="0 at 0",
)
def fabs(x: Any) -> Any:
    """Absolute value as a floating number, elementwise. ∂y/∂x = sign x, 0 at 0."""
    return np.fabs(x)


def _flat(y: Any, x: Any) -> float:
    require_real("sign", x)
    return 0.0


@op(
    derivatives=(_flat,),
    latex=r"\operatorname{sign}({0})",
    domain=_AT_ZERO,
    convention="0 everywhere",
)
def sign(x: Any) -> Any:
    """Sign of x: −1, 0 or 1, elementwise. Its derivative is 0 where there is one, and 0 at 0; of complex x an error."""
    return np.sign(x)


@op(
    derivatives=(lambda y, a, b: np.sign(y) * np.sign(a), lambda y, a, b: 0.0),
    latex=r"\operatorname{copysign}({0}, {1})",
    domain=_kinked(lambda a, b: np.minimum(np.absolute(a), np.absolute(b))),
    convention="0 at a = 0; 0 everywhere for the sign's owner",
)
def copysign(a: Any, b: Any) -> Any:
    """|a| with the sign of b, elementwise with broadcasting. ∂y/∂a = ±1, 0 at a = 0; ∂y/∂b = 0."""
    return np.copysign(a, b)


@op(
    derivatives=(lambda y, x, at_zero: 0.0, lambda y, x, at_zero: x == 0),
    latex=r"\operatorname{heaviside}({0}, {1})",
    domain=_kinked(lambda x, at_zero: x),
    convention="0 everywhere for x",
)
def heaviside(x: Any, at_zero: Any) -> Any:
    """Step: 0 for x < 0, 1 for x > 0, `at_zero` for x = 0, elementwise with broadcasting.

    ∂y/∂x = 0, at the step too; ∂y/∂at_zero = 1 where x = 0, else 0.
    """
    return np.heaviside(x, at_zero)


@op(derivatives=(lambda y, x: 0.0,), latex=r"\lfloor {0} \rfloor", domain=_AT_INTEGERS, convention="0 everywhere")
def floor(x: Any) -> Any:
    """Largest integer ≤ x, elementwise. Its derivative is 0 where there is one, and 0 at the jumps."""
    return np.floor(x)


@op(derivatives=(lambda y, x: 0.0,), latex=r"\lceil {0} \rceil", domain=_AT_INTEGERS, convention="0 everywhere")
def ceil(x: Any) -> Any:
    """Smallest integer ≥ x, elementwise. Its derivative is 0 where there is one, and 0 at the jumps."""
    return np.ceil(x)


@op(
    derivatives=(lambda y, x: 0.0,),
    latex=r"\operatorname{trunc}({0})",
    domain=_AT_INTEGERS,
    convention="0 everywhere",
)
def trunc(x: Any) -> Any:
    """x without its fractional part, elementwise. Its derivative is 0 where there is one, and 0 at the jumps."""
    return np.trunc(x)


fix = trunc


def _to_half(x: Any, decimals: int = 0) -> Any:
    """Distance from the nearest number halfway between two that `round` may give."""
    unit = 10.0**-decimals
    place = x / unit - 0.5
    return (place - np.rint(place)) * unit


@op(
    derivatives=(lambda y, x: 0.0,),
    latex=r"\operatorname{rint}({0})",
    domain=_kinked(_to_half),
    convention="0 everywhere",
)
def rint(x: Any) -> Any:
    """Nearest integer, the even one of two, elementwise. Its derivative is 0 where there is one, and 0 at the jumps."""
    return np.rint(x)


@op(
    derivatives=(lambda y, x, decimals: 0.0,),
    latex=r"\operatorname{round}({0})",
    domain=_kinked(_to_half, params=lambda *_: ({}, {"decimals": -1})),
    convention="0 everywhere",
)
def round(x: Any, decimals: int = 0) -> Any:
    """x rounded to so many decimals, to the even digit of two, elementwise.

    Its derivative is 0 where there is one, and 0 at the jumps.
    """
    return np.round(x, decimals)


around = round


@op(
    derivatives=(lambda y, x, copy, nan, posinf, neginf: np.isfinite(x),),
    latex=r"\operatorname{finite}({0})",
    domain=Reals(analytic=False, params=lambda *_: ({}, {"nan": 1.0, "posinf": 2.0, "neginf": -2.0})),
    convention="0 where x is replaced",
)
def nan_to_num(
    x: Any, copy: bool = True, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None
) -> Any:
    """x with NaN, ∞ and −∞ replaced by numbers, elementwise. ∂y/∂x = 1 for finite x, else 0.

    posinf, neginf: the largest and the smallest number of x's dtype by default. `copy` is NumPy's; x is always copied.
    """
    return np.nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf)
