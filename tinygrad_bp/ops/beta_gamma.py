"""Relatives of the gamma function by SciPy's names, elementwise: beta, incomplete gamma and beta functions and what is
made of them. They need the `scipy` extra."""

from __future__ import annotations

from math import pi, sqrt
from typing import Any

import numpy as np

from tinygrad_bp.calls import guarded
from tinygrad_bp.domains import Domain, Reals
from tinygrad_bp.ops.comparison import where
from tinygrad_bp.ops.exponential import exp, log, log1p
from tinygrad_bp.ops.linear_algebra import operand
from tinygrad_bp.ops.reductions import Axis, logsumexp as unweighted, max, sum
from tinygrad_bp.ops.rounding import absolute, floor, sign
from tinygrad_bp.ops.special import CANCELLING, STEEP, fixed, from_scipy, gamma, gammaln, psi, xlog1py, xlogy
from tinygrad_bp.ops.trigonometry import cos, sin
from tinygrad_bp.registry import op

_POSITIVE = Reals(0.5, 3, analytic=False, bounded=True)


@op(
    derivatives=(lambda y, a, b: y * (psi(a) - psi(a + b)), lambda y, a, b: y * (psi(b) - psi(a + b))),
    latex=r"\mathrm{B}({0}, {1})",
    domain=_POSITIVE,
    whole=True,
    traits=CANCELLING,
)
def beta(a: Any, b: Any) -> Any:
    """Beta function Γ(a)·Γ(b)/Γ(a + b), elementwise with broadcasting. ∂y/∂a = y·(ψ(a) − ψ(a + b)). Needs SciPy."""
    return from_scipy("beta", a, b)


@op(
    derivatives=(lambda y, a, b: psi(a) - psi(a + b), lambda y, a, b: psi(b) - psi(a + b)),
    latex=r"\log \mathrm{B}({0}, {1})",
    domain=_POSITIVE,
    whole=True,
    traits=CANCELLING,
)
def betaln(a: Any, b: Any) -> Any:
    """Logarithm of |B(a, b)|, elementwise with broadcasting. ∂y/∂a = ψ(a) − ψ(a + b). Needs SciPy."""
    return from_scipy("betaln", a, b)


def _rgamma_slope(y: Any, x: Any) -> Any:
    """−y·ψ(x), and below ½, where ψ has poles, what 1/Γ(x) = Γ(1 − x)·sin(πx)/π says."""
    low = x < 0.5
    u, v = where(low, x, 0.25), where(low, 1.0, x)
    return where(low, gamma(1.0 - u) * (cos(pi * u) - psi(1.0 - u) * (sin(pi * u) / pi)), -y * psi(v))


@op(
    derivatives=(_rgamma_slope,),
    latex=r"\frac1{\Gamma({0})}",
    domain=Reals(-2.5, 3, analytic=False, bounded=True),
    whole=True,
    traits=CANCELLING,
)
def rgamma(x: Any) -> Any:
    """1/Γ(x), elementwise, 0 at 0, −1, −2, … ∂y/∂x = −ψ(x)/Γ(x), (−1)ⁿ·n! at −n. Needs SciPy."""
    return from_scipy("rgamma", x)


@op(
    derivatives=(lambda y, x: (-0.5 * sqrt(pi)) * np.exp(y * y),),
    latex=r"\operatorname{erfcinv}({0})",
    domain=Reals(0.1, 1.9, analytic=False, bounded=True),
    convention="infinity at 0 and 2",
    whole=True,
    traits=STEEP,
)
def erfcinv(x: Any) -> Any:
    """Inverse of the complementary error function, of x in [0, 2], elementwise. ∂y/∂x = −√π/2·eʸ². Needs SciPy."""
    return from_scipy("erfcinv", x)


# --- incomplete functions ---------------------------------------------------------------------------------------------


def _gamma_density(a: Any, x: Any) -> Any:
    return exp(xlogy(a - 1.0, x) - x - gammaln(a))


_SHAPE_AND_POSITIVE = Domain(intervals=((1, 5), (0.3, 4)), kinds="if", analytic=False)


@op(
    internal=True,
    derivatives=(None, lambda y, a, x: _gamma_density(a, x)),
    latex=r"P({0}, {1})",
    domain=_SHAPE_AND_POSITIVE,
    whole=True,
)
def lower_gamma(a: Any, x: Any) -> Any:
    """Regularized lower incomplete gamma function, elementwise with broadcasting. ∂y/∂x = xᵃ⁻¹·e⁻ˣ/Γ(a)."""
    return from_scipy("gammainc", a, x)


@op(
    internal=True,
    derivatives=(None, lambda y, a, x: -_gamma_density(a, x)),
    latex=r"Q({0}, {1})",
    domain=_SHAPE_AND_POSITIVE,
    whole=True,
)
def upper_gamma(a: Any, x: Any) -> Any:
    """Regularized upper incomplete gamma function, elementwise with broadcasting. ∂y/∂x = −xᵃ⁻¹·e⁻ˣ/Γ(a)."""
    return from_scipy("gammaincc", a, x)


@op(
    internal=True,
    derivatives=(
        None, None,
        lambda y, a, b, x: exp(xlogy(a - 1.0, x) + xlog1py(b - 1.0, -x) - betaln(a, b)),
    ),
    latex=r"I_{{2}}({0}, {1})",
    domain=Domain(intervals=((1, 5), (1, 5), (0.1, 0.9)), kinds="iif", analytic=False, bounded=True),
    whole=True,
)  # fmt: skip
def lower_beta(a: Any, b: Any, x: Any) -> Any:
    """Regularized incomplete beta function of x in [0, 1], elementwise. ∂y/∂x = xᵃ⁻¹·(1 − x)ᵇ⁻¹/B(a, b)."""
    return from_scipy("betainc", a, b, x)


def log_t_density(df: Any, x: Any) -> Any:
    """Logarithm of the density of Student's t distribution with df degrees of freedom."""
    half = 0.5 * (df + 1.0)
    return gammaln(half) - gammaln(0.5 * df) - 0.5 * log(df * pi) - half * log1p(x * x / df)


@op(
    internal=True,
    derivatives=(None, lambda y, df, x: exp(log_t_density(df, x))),
    latex=r"\operatorname{stdtr}({0}, {1})",
    domain=Domain(intervals=((1, 6), (-3, 3)), kinds="if", analytic=False),
    whole=True,
)
def lower_t(df: Any, x: Any) -> Any:
    """Distribution function of Student's t with df degrees of freedom, elementwise. ∂y/∂x is its density."""
    return from_scipy("stdtr", df, x)


# --- by SciPy's names -------------------------------------------------------------------------------------------------


@guarded
def gammainc(a: Any, x: Any) -> Any:
    """P(a, x) = ∫₀ˣ tᵃ⁻¹·e⁻ᵗ dt/Γ(a), elementwise. ∂y/∂x = xᵃ⁻¹·e⁻ˣ/Γ(a); MissingRuleError for a gradient of a."""
    return lower_gamma(fixed("gammainc", "a", a), x)


@guarded
def gammaincc(a: Any, x: Any) -> Any:
    """1 − P(a, x) with all its digits, elementwise. ∂y/∂x = −xᵃ⁻¹·e⁻ˣ/Γ(a); MissingRuleError for a gradient of a."""
    return upper_gamma(fixed("gammaincc", "a", a), x)


@guarded
def betainc(a: Any, b: Any, x: Any) -> Any:
    """∫₀ˣ tᵃ⁻¹·(1 − t)ᵇ⁻¹ dt/B(a, b), elementwise. MissingRuleError for a gradient of a or b."""
    return lower_beta(fixed("betainc", "a", a), fixed("betainc", "b", b), x)


@guarded
def stdtr(df: Any, t: Any) -> Any:
    """Distribution function of Student's t, elementwise. MissingRuleError for a gradient of df."""
    return lower_t(fixed("stdtr", "df", df), t)


@guarded
def logsumexp(a: Any, axis: Axis = None, b: Any = None, keepdims: bool = False, return_sign: bool = False) -> Any:
    """log Σ b·eᵃ over `axis`, without overflow; differentiable for a and the weights b, which may be 0 or negative.

    return_sign: the pair of the logarithm of the absolute value and the sign; without it a negative sum gives NaN.
    """
    a = operand(a)
    if b is None:
        y = unweighted(a, axis=axis, keepdims=keepdims)
        return (y, sign(exp(y))) if return_sign else y
    b = operand(b)
    largest = floor(max(where(b != 0, a, -np.inf), axis=axis, keepdims=True))  # floor: the result does not depend on it
    largest = where(absolute(largest) < np.inf, largest, 0.0)
    total = sum(b * exp(where(b != 0, a - largest, 0.0)), axis=axis, keepdims=keepdims)
    shift = largest if keepdims else sum(largest, axis=axis)
    if return_sign:
        return log(absolute(total)) + shift, sign(total)
    return log(total) + shift
