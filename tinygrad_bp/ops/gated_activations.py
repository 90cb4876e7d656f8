"""Activations that multiply the input by a gate between 0 and 1."""

from __future__ import annotations

from math import pi, sqrt
from typing import Any, Literal

import numpy as np

from tinygrad_bp.blocks import blockwise
from tinygrad_bp.calls import guarded
from tinygrad_bp.domains import Reals
from tinygrad_bp.errors import ArgumentError, ShapeError, describe
from tinygrad_bp.modes import ignoring
from tinygrad_bp.ops.activations import sigmoid, softplus
from tinygrad_bp.ops.complex import require_real
from tinygrad_bp.ops.exponential import tanh_slope
from tinygrad_bp.ops.special import bell, ndtr
from tinygrad_bp.registry import op
from tinygrad_bp.traits import Limit, Role, Traits

_GATED = Traits(Role.ACTIVATION, limits=(Limit.UNDERFLOW, Limit.ZEROS))

Approximation = Literal["none", "tanh"]


def _silu_derivative(y: Any, x: Any) -> Any:
    return sigmoid(x) * (1.0 + x * sigmoid(-x))


@op(derivatives=(_silu_derivative,), latex=r"\operatorname{silu}({0})", domain=Reals(), traits=_GATED)
@blockwise
@ignoring(over="ignore")
def silu(x: Any) -> Any:
    """Sigmoid-weighted linear unit x·σ(x), elementwise. ∂y/∂x = σ(x)·(1 + x·σ(−x))."""
    return x * sigmoid(x) if x.dtype == np.float16 else x / (1.0 + np.exp(-x))


@guarded
def swish(x: Any, beta: Any = 1.0) -> Any:
    """Swish x·σ(beta·x), with broadcasting; beta may be learned. With beta = 1 it is `silu`."""
    return x * sigmoid(beta * x)


_TANH_FACTOR, _TANH_CUBIC = sqrt(2 / pi), 0.044715


def _gelu_derivative(y: Any, x: Any, approximate: Approximation) -> Any:
    if approximate == "none":
        return ndtr(x) + x * bell(x) * sqrt(0.5 / pi)
    inner = _TANH_FACTOR * x * (1.0 + _TANH_CUBIC * x * x)
    bend = np.tanh(inner)
    return 0.5 * (1.0 + bend + x * tanh_slope(bend, inner) * _TANH_FACTOR * (1.0 + 3.0 * _TANH_CUBIC * x * x))


@op(
    derivatives=(_gelu_derivative,),
    latex=r"\operatorname{gelu}({0})",
    domain=Reals(params=lambda *_: ({}, {"approximate": "tanh"}), analytic=False),
    traits=_GATED,
)
@blockwise
def gelu(x: Any, approximate: Approximation = "none") -> Any:
    """Gaussian error linear unit x·Φ(x), elementwise; Φ is the distribution function of the standard normal.

    ∂y/∂x = Φ(x) + x·e^(−x²/2)/√(2π). With approximate="tanh" Φ is ½·(1 + tanh(√(2/π)·(x + 0.044715·x³))).
    """
    if approximate == "none":
        require_real("gelu", x)
        return x * ndtr(x)
    if approximate == "tanh":
        return 0.5 * x * (1.0 + np.tanh(_TANH_FACTOR * x * (1.0 + _TANH_CUBIC * x * x)))
    raise ArgumentError(f"gelu: approximate is 'none' or 'tanh'; got {approximate!r}.")


def _mish_derivative(y: Any, x: Any) -> Any:
    inner = softplus(x)
    gate = np.tanh(inner)
    return gate + x * tanh_slope(gate, inner) * sigmoid(x)


@op(
    derivatives=(_mish_derivative,),
    latex=r"\operatorname{mish}({0})",
    domain=Reals(analytic=False),
    traits=Traits(Role.ACTIVATION, limits=(*_GATED.limits, Limit.ARGUMENTS)),
)
@blockwise
def mish(x: Any) -> Any:
    """Mish x·tanh(log(1 + eˣ)), elementwise. ∂y/∂x = w + x·(1 − w²)·σ(x), where w is the tanh."""
    return x * np.tanh(softplus(x))


@guarded
def glu(x: Any, axis: int = -1) -> Any:
    """Gated linear unit a·σ(b), where a and b are the two halves of x along `axis`.

    Raises ShapeError if the axis has an odd length.
    """
    n = x.shape[axis]
    if n % 2:
        raise ShapeError(f"glu: axis {axis} of {describe(x)} has length {n}, which does not split into two halves.")
    before = (slice(None),) * (axis % x.ndim)
    return x[(*before, slice(None, n // 2))] * sigmoid(x[(*before, slice(n // 2, None))])
