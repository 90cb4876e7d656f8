"""Activations in pieces: clipped, shrunk and thresholded lines, and the exponential units beside the article's ELU."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_bp.blocks import blockwise
from tinygrad_bp.domains import Domain, Reals
from tinygrad_bp.errors import ArgumentError
from tinygrad_bp.ops.activations import exponential_slope
from tinygrad_bp.ops.complex import require_real
from tinygrad_bp.ops.elementwise import where
from tinygrad_bp.registry import op
from tinygrad_bp.traits import ACTIVATION


def _kinked(*kinks: float, **options: Any) -> Domain:
    """The real line, wide enough to meet every kink."""
    places = np.array(kinks)
    return Reals(-5, 5, kink=lambda x, **_: x[..., None] - places, analytic=False, **options)


_SHRINKING = Reals(
    params=lambda *_: ({"width": 0.5}, {"width": 1.2}),
    kink=lambda x, width: np.absolute(x) - width,
    analytic=False,
)


@op(
    derivatives=(lambda y, x: (x > 0) * (x < 6),),
    latex=r"\operatorname{relu6}({0})",
    domain=_kinked(0, 6),
    convention="0 at 0 and 6",
    traits=ACTIVATION,
)
def relu6(x: Any) -> Any:
    """Rectifier with a ceiling, min(max(x, 0), 6), elementwise. ∂y/∂x = 1 for 0 < x < 6, else 0."""
    return np.minimum(np.maximum(x, 0.0), 6.0)


@op(
    derivatives=(lambda y, x: np.absolute(x) < 1,),
    latex=r"\operatorname{hardtanh}({0})",
    domain=_kinked(-1, 1),
    convention="0 at −1 and 1",
    traits=ACTIVATION,
)
def hard_tanh(x: Any) -> Any:
    """Piecewise linear tanh, min(max(x, −1), 1), elementwise. ∂y/∂x = 1 for |x| < 1, else 0."""
    return np.minimum(np.maximum(x, -1.0), 1.0)


@op(
    derivatives=(lambda y, x: (np.absolute(x) < 3) * y.dtype.type(1 / 6),),
    latex=r"\operatorname{hardsigmoid}({0})",
    domain=_kinked(-3, 3),
    convention="0 at −3 and 3",
    traits=ACTIVATION,
)
def hard_sigmoid(x: Any) -> Any:
    """Piecewise linear sigmoid, min(max(x/6 + ½, 0), 1), elementwise. ∂y/∂x = 1/6 for |x| < 3, else 0."""
    return np.minimum(np.maximum(x / 6.0 + 0.5, 0.0), 1.0)


@op(
    derivatives=(lambda y, x: where(np.absolute(x) < 3, (2.0 * x + 3.0) / 6.0, x >= 3),),
    latex=r"\operatorname{hardswish}({0})",
    domain=_kinked(-3, 3),
    convention="0 at −3, 1 at 3",
    traits=ACTIVATION,
)
def hard_swish(x: Any) -> Any:
    """Piecewise quadratic swish, x·min(max(x/6 + ½, 0), 1), elementwise.

    ∂y/∂x = (2x + 3)/6 for |x| < 3, 0 to the left, 1 to the right. Both kinks are concave: the slope of least norm.
    """
    return x * np.minimum(np.maximum(x / 6.0 + 0.5, 0.0), 1.0)


SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772


@op(
    derivatives=(lambda y, x: (SELU_SCALE * exponential_slope(x, SELU_ALPHA)).astype(y.dtype),),
    latex=r"\operatorname{selu}({0})",
    domain=_kinked(0),
    convention="the slope of smaller norm at 0, that of the right side",
    traits=ACTIVATION,
)
def selu(x: Any) -> Any:
    """Self-normalising unit λ·x for x > 0, λ·α·(eˣ − 1) otherwise, elementwise; λ ≈ 1.0507 and α ≈ 1.6733.

    With them mean 0 and variance 1 are a fixed point of a wide layer (Klambauer et al. 2017).
    """
    return SELU_SCALE * np.where(np.greater(x, 0), x, SELU_ALPHA * np.expm1(np.minimum(x, 0.0)))


@op(
    derivatives=(lambda y, x, alpha: np.exp(np.minimum(x, 0.0) / alpha),),
    latex=r"\operatorname{celu}({0})",
    domain=_kinked(0, params=lambda *_: ({}, {"alpha": 0.7})),
    traits=ACTIVATION,
)
def celu(x: Any, alpha: float = 1.0) -> Any:
    """Continuously differentiable ELU: x for x > 0, alpha·(e^(x/alpha) − 1) otherwise, elementwise; alpha > 0.

    ∂y/∂x = e^(min(x, 0)/alpha), which is 1 at 0 from both sides.
    """
    if not alpha > 0:
        raise ArgumentError(f"celu: alpha is the depth of the negative side and must be positive; got {alpha}.")
    return np.where(np.greater(x, 0), x, alpha * np.expm1(np.minimum(x, 0.0) / alpha))


@op(
    derivatives=(lambda y, x: np.square(1.0 / (1.0 + np.absolute(x))),),
    latex=r"\operatorname{softsign}({0})",
    domain=_kinked(0),
    traits=ACTIVATION,
)
@blockwise
def softsign(x: Any) -> Any:
    """Softsign x/(1 + |x|), elementwise. ∂y/∂x = 1/(1 + |x|)²."""
    require_real("softsign", x)
    return x / (1.0 + np.absolute(x))


@op(
    derivatives=(lambda y, x, width: np.absolute(x) > width,),
    latex=r"\operatorname{hardshrink}({0})",
    domain=_SHRINKING,
    convention="0 at ±width",
    traits=ACTIVATION,
)
def hard_shrink(x: Any, width: float = 0.5) -> Any:
    """x where |x| > width, else 0, elementwise. ∂y/∂x = 1 there, 0 elsewhere and at the jumps."""
    return np.where(np.absolute(x) > width, x, 0.0)


@op(
    derivatives=(lambda y, x, width: np.absolute(x) > width,),
    latex=r"\operatorname{softshrink}({0})",
    domain=_SHRINKING,
    convention="0 at ±width",
    traits=ACTIVATION,
)
def soft_shrink(x: Any, width: float = 0.5) -> Any:
    """x moved towards 0 by `width`, and 0 where |x| ≤ width, elementwise: sign x·max(|x| − width, 0)."""
    require_real("soft_shrink", x)
    return x - np.minimum(np.maximum(x, -width), width)


@op(
    derivatives=(lambda y, x, limit, value: x > limit,),
    latex=r"\operatorname{threshold}({0})",
    domain=Reals(
        kink=lambda x, limit=0.0, value=0.0: x - limit,
        params=lambda *_: ({}, {"limit": 0.5, "value": -1.0}),
        analytic=False,
    ),
    convention="0 at the limit",
    traits=ACTIVATION,
)
def threshold(x: Any, limit: float = 0.0, value: float = 0.0) -> Any:
    """x where x > limit, else `value`, elementwise. ∂y/∂x = 1 there, else 0."""
    return np.where(np.greater(x, limit), x, value)
