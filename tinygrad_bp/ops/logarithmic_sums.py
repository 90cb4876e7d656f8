"""Logarithms of sums of exponentials, elementwise."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_bp.domains import Reals
from tinygrad_bp.registry import op

_LOG_2 = math.log(2.0)


def _share(a: Any, b: Any, exponential: Callable[[Any], Any], factor: float) -> Any:
    """exponential(a)/(exponential(a) + exponential(b)), as if a − b had not been rounded: in the tail it decides.

    What rounding took from the difference is exact (Knuth's sum of two), and so a small change of the argument.
    """
    difference = np.where(np.equal(a, b), 0.0, a - b)  # infinite ones share equally
    back = difference - a
    lost = (a - (difference - back)) - (b + back)
    lost = np.where(np.isfinite(lost), lost, 0.0)
    rest = exponential(-np.absolute(difference))
    share = exponential(np.minimum(difference, 0.0)) / (1.0 + rest)
    share = share + share * (factor * lost) * (1.0 - share)
    return np.where(np.equal(a, -np.inf), 0.0, share)


@op(
    internal=True,
    derivatives=(lambda y, a, b: y * exp_share(b, a), lambda y, a, b: -y * exp_share(b, a)),
    latex=r"\sigma({0} - {1})",
    domain=Reals(analytic=False),
)
def exp_share(a: Any, b: Any) -> Any:
    """eᵃ/(eᵃ + eᵇ) = σ(a − b), elementwise with broadcasting, small ones with all their digits."""
    return _share(a, b, np.exp, 1.0)


@op(
    internal=True,
    derivatives=(lambda y, a, b: _LOG_2 * y * exp2_share(b, a), lambda y, a, b: -_LOG_2 * y * exp2_share(b, a)),
    latex=r"\frac1{1 + 2^{{1} - {0}}}",
    domain=Reals(analytic=False),
)
def exp2_share(a: Any, b: Any) -> Any:
    """2ᵃ/(2ᵃ + 2ᵇ), elementwise with broadcasting, small ones with all their digits."""
    return _share(a, b, np.exp2, _LOG_2)


@op(
    derivatives=(lambda y, a, b: exp_share(a, b), lambda y, a, b: exp_share(b, a)),
    latex=r"\log(e^{{0}} + e^{{1}})",
    domain=Reals(analytic=False),
    convention="0, 0 at −∞, −∞; ½ each at ∞, ∞",
)
def logaddexp(a: Any, b: Any) -> Any:
    """log(eᵃ + eᵇ), elementwise with broadcasting, without overflow. ∂y/∂a = σ(a − b), ∂y/∂b = σ(b − a)."""
    return np.logaddexp(a, b)


@op(
    derivatives=(lambda y, a, b: exp2_share(a, b), lambda y, a, b: exp2_share(b, a)),
    latex=r"\operatorname{log2}(2^{{0}} + 2^{{1}})",
    domain=Reals(analytic=False),
    convention="0, 0 at −∞, −∞; ½ each at ∞, ∞",
)
def logaddexp2(a: Any, b: Any) -> Any:
    """log₂(2ᵃ + 2ᵇ), elementwise with broadcasting, without overflow.

    ∂y/∂a = 1/(1 + 2ᵇ⁻ᵃ), ∂y/∂b = 1/(1 + 2ᵃ⁻ᵇ).
    """
    return np.logaddexp2(a, b)
