"""Bessel functions of a fixed order, by SciPy's names, elementwise. They need the `scipy` extra."""

from __future__ import annotations

from typing import Any

from tinygrad_bp.calls import guarded
from tinygrad_bp.domains import Domain
from tinygrad_bp.ops.rounding import sign
from tinygrad_bp.ops.special import bessel_i, fixed, from_scipy
from tinygrad_bp.registry import op

_EVERYWHERE = Domain(intervals=((0, 4), (-3, 3)), kinds="if", analytic=False)
_POSITIVE = Domain(intervals=((0, 4), (0.5, 3)), kinds="if", analytic=False)


@op(
    internal=True,
    derivatives=(None, lambda y, v, x: 0.5 * (bessel_j(v - 1, x) - bessel_j(v + 1, x))),
    latex=r"J_{{0}}({1})",
    domain=_EVERYWHERE,
    whole=True,
)
def bessel_j(v: Any, x: Any) -> Any:
    """Bessel function of the first kind and order v, elementwise with broadcasting. Needs SciPy.

    ∂y/∂x = (Jᵥ₋₁(x) − Jᵥ₊₁(x))/2.
    """
    return from_scipy("jv", v, x)


@op(
    internal=True,
    derivatives=(None, lambda y, v, x: 0.5 * (bessel_y(v - 1, x) - bessel_y(v + 1, x))),
    latex=r"Y_{{0}}({1})",
    domain=_POSITIVE,
    whole=True,
)
def bessel_y(v: Any, x: Any) -> Any:
    """Bessel function of the second kind and order v of x > 0, elementwise with broadcasting. Needs SciPy.

    ∂y/∂x = (Yᵥ₋₁(x) − Yᵥ₊₁(x))/2.
    """
    return from_scipy("yv", v, x)


@op(
    internal=True,
    derivatives=(None, lambda y, v, x: -0.5 * (bessel_k(v - 1, x) + bessel_k(v + 1, x))),
    latex=r"K_{{0}}({1})",
    domain=_POSITIVE,
    whole=True,
)
def bessel_k(v: Any, x: Any) -> Any:
    """Modified Bessel function of the second kind and order v of x > 0, elementwise with broadcasting. Needs SciPy.

    ∂y/∂x = −(Kᵥ₋₁(x) + Kᵥ₊₁(x))/2.
    """
    return from_scipy("kv", v, x)


@op(
    internal=True,
    derivatives=(None, lambda y, v, x: 0.5 * (scaled_i(v - 1, x) + scaled_i(v + 1, x)) - sign(x) * y),
    latex=r"e^{-\lvert {1} \rvert} \odot I_{{0}}({1})",
    domain=Domain(
        intervals=((0, 4), (-3, 3)), kinds="if", analytic=False, kink=lambda v, x: x + 0 * v
    ),
    convention="at 0 the slope of Iᵥ",
    whole=True,
)  # fmt: skip
def scaled_i(v: Any, x: Any) -> Any:
    """Modified Bessel function of the first kind times e^(−|x|), elementwise with broadcasting. Needs SciPy.

    ∂y/∂x = (yᵥ₋₁ + yᵥ₊₁)/2 − sign(x)·y.
    """
    return from_scipy("ive", v, x)


# --- by SciPy's names -------------------------------------------------------------------------------------------------


@guarded
def jv(v: Any, x: Any) -> Any:
    """Bessel function Jᵥ(x) of the first kind. ∂y/∂x = (Jᵥ₋₁ − Jᵥ₊₁)/2; MissingRuleError for a gradient of v."""
    return bessel_j(fixed("jv", "v", v), x)


@guarded
def yv(v: Any, x: Any) -> Any:
    """Bessel function Yᵥ(x) of the second kind. ∂y/∂x = (Yᵥ₋₁ − Yᵥ₊₁)/2; MissingRuleError for a gradient of v."""
    return bessel_y(fixed("yv", "v", v), x)


@guarded
def kv(v: Any, x: Any) -> Any:
    """Modified Bessel function Kᵥ(x) of the second kind. ∂y/∂x = −(Kᵥ₋₁ + Kᵥ₊₁)/2; MissingRuleError for one of v."""
    return bessel_k(fixed("kv", "v", v), x)


@guarded
def iv(v: Any, x: Any) -> Any:
    """Modified Bessel function Iᵥ(x) of the first kind. ∂y/∂x = (Iᵥ₋₁ + Iᵥ₊₁)/2; MissingRuleError for one of v."""
    return bessel_i(fixed("iv", "v", v), x)


@guarded
def ive(v: Any, x: Any) -> Any:
    """Iᵥ(x)·e^(−|x|), which does not overflow. ∂y/∂x = (yᵥ₋₁ + yᵥ₊₁)/2 − sign(x)·y; MissingRuleError for one of v."""
    return scaled_i(fixed("ive", "v", v), x)


@guarded
def j0(x: Any) -> Any:
    """Bessel function J₀(x) of the first kind and order 0. ∂y/∂x = −J₁(x)."""
    return bessel_j(0, x)


@guarded
def j1(x: Any) -> Any:
    """Bessel function J₁(x) of the first kind and order 1."""
    return bessel_j(1, x)


@guarded
def y0(x: Any) -> Any:
    """Bessel function Y₀(x) of the second kind and order 0, of x > 0. ∂y/∂x = −Y₁(x)."""
    return bessel_y(0, x)


@guarded
def y1(x: Any) -> Any:
    """Bessel function Y₁(x) of the second kind and order 1, of x > 0."""
    return bessel_y(1, x)


@guarded
def i1(x: Any) -> Any:
    """Modified Bessel function I₁(x) of the first kind and order 1."""
    return bessel_i(1, x)
