"""Special functions by SciPy's names, elementwise. Those that plain NumPy cannot compute ask for the `scipy` extra."""

from __future__ import annotations

from math import pi, sqrt
from typing import Any

import numpy as np

from tinygrad_bp.calls import guarded
from tinygrad_bp.domains import Domain, Intervals, Reals
from tinygrad_bp.engine import Node
from tinygrad_bp.errors import MissingRuleError, describe, missing_extra
from tinygrad_bp.modes import ignoring
from tinygrad_bp.ops.activations import sigmoid
from tinygrad_bp.ops.erf import erf_values, erfc_values
from tinygrad_bp.ops.joining import called
from tinygrad_bp.registry import op, scale
from tinygrad_bp.traits import Limit, Traits

_ROOT_PI = sqrt(pi)
FROM_SCIPY = Traits(limits=(Limit.SCIPY,))
CANCELLING = Traits(limits=(Limit.SCIPY, Limit.TERMS))
STEEP = Traits(limits=(Limit.SCIPY, Limit.ARGUMENTS))
_POSITIVE = Reals(0.5, 3, analytic=False)


def scipys(page: str, name: str) -> Any:
    """SciPy's function of that name in its module `page`, imported when needed. Raises MissingExtraError."""
    try:
        return getattr(getattr(__import__("scipy", fromlist=[page]), page), name)
    except ImportError as error:
        raise missing_extra("scipy", "scipy") from error


def from_scipy(name: str, *inputs: Any) -> Any:
    """SciPy's special function of that name in the dtype of its floating inputs."""
    inputs = tuple([x * 1.0 if np.asarray(x).dtype.kind == "b" else x for x in inputs])  # else in single precision
    y, floating = np.asarray(scipys("special", name)(*inputs)), [x for x in inputs if np.asarray(x).dtype.kind == "f"]
    return (y.astype(np.result_type(*floating), copy=False) if floating and y.dtype.kind == "f" else y)[()]


def fixed(function: str, name: str, value: Any) -> Any:
    """An argument for which a function has no derivative. Raises MissingRuleError if a gradient is asked of it."""
    if isinstance(value, Node) and value.requires_grad:
        raise MissingRuleError(
            f"{function} has no derivative for {name}, and {describe(value)} requires a gradient. Pass its .detach()."
        )
    return value


# --- the error function and the normal distribution -------------------------------------------------------------------


def _gaussian(x: Any, factor: float) -> Any:
    """e^(−factor·x²) with all its digits: the square of the coarse part is exact, and what remains is small."""
    if x.dtype.kind == "c":
        return np.exp(-factor * x * x)
    coarse = np.trunc(16.0 * np.minimum(np.maximum(x, -100.0), 100.0)) / 16.0
    return np.exp(-factor * coarse * coarse) * np.exp(factor * (coarse - x) * (coarse + x))


@op(internal=True, derivatives=(lambda y, x: -2.0 * (x * y),), latex="e^{-{0}^2}", domain=Reals())
@ignoring(over="ignore")
def squared_exponential(x: Any) -> Any:
    """e^(−x²), elementwise, with all its digits. ∂y/∂x = −2xy."""
    return _gaussian(x, 1.0)


@op(internal=True, derivatives=(lambda y, x: -x * y,), latex=r"e^{-0.5 \cdot {0}^2}", domain=Reals())
@ignoring(over="ignore")
def bell(x: Any) -> Any:
    """e^(−x²/2), elementwise, with all its digits. ∂y/∂x = −xy."""
    return _gaussian(x, 0.5)


@op(
    derivatives=(lambda y, x: (2.0 / _ROOT_PI) * squared_exponential(x),),
    latex=r"\operatorname{erf}({0})",
    domain=Reals(),
    whole=True,
)
def erf(x: Any) -> Any:
    """Error function 2/√π·∫₀ˣ e⁻ᵗ² dt, elementwise; of complex x it needs SciPy. ∂y/∂x = 2/√π·e⁻ˣ²."""
    return from_scipy("erf", x) if np.iscomplexobj(x) else erf_values(x)


@op(
    derivatives=(lambda y, x: (-2.0 / _ROOT_PI) * squared_exponential(x),),
    latex=r"\operatorname{erfc}({0})",
    domain=Reals(),
    whole=True,
)
def erfc(x: Any) -> Any:
    """Complementary error function 1 − erf x, elementwise, with all its digits for large x. ∂y/∂x = −2/√π·e⁻ˣ².

    Of complex x it needs SciPy.
    """
    return from_scipy("erfc", x) if np.iscomplexobj(x) else erfc_values(x)


@op(
    derivatives=(lambda y, x: 2.0 * x * y - 2.0 / _ROOT_PI,),
    latex=r"\operatorname{erfcx}({0})",
    domain=Reals(analytic=False, bounded=True),
    whole=True,
    traits=CANCELLING,
)
def erfcx(x: Any) -> Any:
    """Scaled complementary error function eˣ²·erfc x, elementwise. ∂y/∂x = 2xy − 2/√π. Needs SciPy."""
    return from_scipy("erfcx", x)


@op(
    derivatives=(lambda y, x: (0.5 * _ROOT_PI) * np.exp(y * y),),
    latex=r"\operatorname{erfinv}({0})",
    domain=Reals(-0.9, 0.9, analytic=False, bounded=True),
    convention="infinity at −1 and 1",
    whole=True,
    traits=STEEP,
)
def erfinv(x: Any) -> Any:
    """Inverse of the error function, of x in [−1, 1], elementwise. ∂y/∂x = √π/2·eʸ². Needs SciPy."""
    return from_scipy("erfinv", x)


@guarded
def ndtr(x: Any) -> Any:
    """Distribution function of the standard normal distribution, Φ(x) = erfc(−x/√2)/2, elementwise."""
    return 0.5 * erfc(x * -sqrt(0.5))


@op(
    derivatives=(lambda y, x: sqrt(2.0 / pi) / erfcx(x * -sqrt(0.5)),),
    latex=r"\log \Phi({0})",
    domain=Reals(analytic=False),
    whole=True,
    traits=STEEP,
)
def log_ndtr(x: Any) -> Any:
    """Logarithm of the normal distribution function Φ, elementwise, finite far below 0. Needs SciPy.

    ∂y/∂x = φ(x)/Φ(x) = √(2/π)/erfcx(−x/√2).
    """
    return from_scipy("log_ndtr", x)


# --- logits and products with logarithms ------------------------------------------------------------------------------


expit = sigmoid


@op(
    internal=True,
    derivatives=(lambda d, p: d * d * (2.0 * p - 1.0),),
    latex=r"\frac1{{0} \odot (1 - {0})}",
    domain=Reals(0.05, 0.95, bounded=True),
)
def logit_slope(p: Any) -> Any:
    """1/(p·(1 − p)), elementwise. ∂/∂p = (2p − 1)/(p·(1 − p))²."""
    return 1.0 / (p * (1.0 - p))


@op(
    derivatives=(lambda y, p: logit_slope(p),),
    latex=r"\operatorname{logit}({0})",
    domain=Reals(0.05, 0.95, bounded=True),
    convention="infinity at 0 and 1",
)
def logit(p: Any) -> Any:
    """Log-odds log(p/(1 − p)) of p in (0, 1), elementwise: the inverse of the sigmoid. ∂y/∂p = 1/(p·(1 − p))."""
    return np.log(p) - np.log1p(-p)


def _harmless(a: Any, b: Any, instead: float) -> Any:
    """b, with `instead` where a = 0 makes the product 0 whatever number b is."""
    return np.where(np.equal(a, 0) & ~np.isnan(b), instead, b)


@op(
    derivatives=(lambda y, a, b: np.log(b), lambda y, a, b: scale(a, 1.0 / b)),
    latex=r"{0} \odot \log {1}",
    domain=Intervals((-3, 3), (0.3, 3)),
    convention="∂y/∂b at a = 0 is 0",
    traits=Traits(limits=(Limit.UNDERFLOW, Limit.OVERFLOW)),
)
def xlogy(a: Any, b: Any) -> Any:
    """a·log b, and 0 where a = 0, elementwise with broadcasting. ∂y/∂a = log b, ∂y/∂b = a/b, 0 where a = 0."""
    return a * np.log(_harmless(a, b, 1.0))


@op(
    derivatives=(lambda y, a, b: np.log1p(b), lambda y, a, b: scale(a, 1.0 / (1.0 + b))),
    latex=r"{0} \odot \log(1 + {1})",
    domain=Intervals((-3, 3), (-0.7, 3), bounded=True),
    convention="∂y/∂b at a = 0 is 0",
    traits=Traits(limits=(Limit.UNDERFLOW, Limit.OVERFLOW)),
)
def xlog1py(a: Any, b: Any) -> Any:
    """a·log(1 + b), and 0 where a = 0, elementwise with broadcasting.

    ∂y/∂a = log(1 + b), ∂y/∂b = a/(1 + b), 0 where a = 0.
    """
    return a * np.log1p(_harmless(a, b, 0.0))


# --- gamma and Bessel functions ---------------------------------------------------------------------------------------


@op(
    derivatives=(lambda y, x: y * psi(x),),
    latex=r"\Gamma({0})",
    domain=Reals(0.5, 3, analytic=False, bounded=True),
    whole=True,
    traits=FROM_SCIPY,
)
def gamma(x: Any) -> Any:
    """Gamma function Γ(x) = ∫₀^∞ tˣ⁻¹e⁻ᵗ dt, (x − 1)! for integers, elementwise. ∂y/∂x = Γ(x)·ψ(x). Needs SciPy."""
    return from_scipy("gamma", x)


@op(
    derivatives=(lambda y, x: psi(x),),
    latex=r"\log \lvert \Gamma({0}) \rvert",
    domain=_POSITIVE,
    whole=True,
    traits=FROM_SCIPY,
)
def gammaln(x: Any) -> Any:
    """Logarithm of |Γ(x)|, elementwise. ∂y/∂x = ψ(x). Needs SciPy."""
    return from_scipy("gammaln", x)


@op(derivatives=(lambda y, x: polygamma(1, x),), latex=r"\psi({0})", domain=_POSITIVE, whole=True, traits=FROM_SCIPY)
def psi(x: Any) -> Any:
    """Digamma function ψ(x), the derivative of log Γ(x), elementwise. ∂y/∂x = ψ′(x). Needs SciPy."""
    return from_scipy("psi", x)


digamma = psi


@op(
    derivatives=(None, lambda y, n, x: polygamma(n + 1, x)),
    latex=r"\psi^{({0})}({1})",
    domain=Domain(intervals=((0, 4), (0.5, 3)), kinds="if", analytic=False),
    whole=True,
    traits=FROM_SCIPY,
)
def polygamma(n: Any, x: Any) -> Any:
    """Derivative of order n = 0, 1, … of the digamma function ψ(x), elementwise with broadcasting. Needs SciPy.

    ∂y/∂x = ψ⁽ⁿ⁺¹⁾(x).
    """
    return from_scipy("polygamma", n, x)


@op(
    derivatives=(lambda y, x: bessel_i(1, x),),
    latex="I_0({0})",
    domain=Reals(analytic=False),
    whole=True,
    traits=FROM_SCIPY,
)
def i0(x: Any) -> Any:
    """Modified Bessel function of the first kind and order 0, elementwise. ∂y/∂x = I₁(x). Needs SciPy."""
    return from_scipy("i0", x)


@op(
    internal=True,
    derivatives=(None, lambda y, v, x: 0.5 * (bessel_i(v - 1, x) + bessel_i(v + 1, x))),
    latex=r"I_{{0}}({1})",
    domain=Domain(intervals=((0, 4), (-3, 3)), kinds="if", analytic=False),
    whole=True,
    traits=FROM_SCIPY,
)
@called("iv")
def bessel_i(v: Any, x: Any) -> Any:
    """Modified Bessel function of the first kind and fixed order v, elementwise with broadcasting. Needs SciPy.

    ∂y/∂x = (Iᵥ₋₁(x) + Iᵥ₊₁(x))/2.
    """
    return from_scipy("iv", v, x)
