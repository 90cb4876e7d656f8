"""The article's activation sheet: every g(z) with its derivative g'(z)."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from tinygrad_bp.blocks import blockwise, into
from tinygrad_bp.domains import ANY_SHAPE, Domain, Intervals, Reals, Shapes
from tinygrad_bp.modes import ignoring
from tinygrad_bp.ops.arithmetic import maximum, minimum
from tinygrad_bp.ops.elementwise import exp, where
from tinygrad_bp.ops.linear_algebra import operand
from tinygrad_bp.registry import op, scale
from tinygrad_bp.sums import added
from tinygrad_bp.traits import ACTIVATION, Limit, Role, Traits

_DOUBLE = np.dtype(np.float64)


def _in_single(function: Any, *inputs: Any) -> Any:
    """A function of half-precision numbers computed in single precision: eˣ overflows in half for x > 11."""
    return function(*[x.astype(np.float32) for x in inputs]).astype(np.float16)


def _kinked(**options: Any) -> Domain:
    """The real line, with a kink at 0."""
    return Reals(kink=lambda x, **_: x, analytic=False, **options)


@op(
    internal=True,
    derivatives=(None, lambda d, y, x: -d * np.tanh(0.5 * x)),
    latex=r"{0} \odot (1 - {0})",
    domain=Reals(-1, 1, prepare=lambda y, x: (sigmoid(x), x), made=lambda x: sigmoid(x), analytic=False),
    traits=Traits(algebra=lambda y, x: y * (1 - y), limits=(Limit.UNDERFLOW,)),
)
def sigmoid_slope(y: Any, x: Any) -> Any:
    """y·(1 − y) for y = σ(x), elementwise, with all its digits: 1 − y is 1/(1 + eˣ).

    ∂/∂x = −y·(1 − y)·tanh(x/2). Of y no derivative is taken: it depends on x.
    """
    kind = x.dtype.char
    if kind == "e":
        return _in_single(sigmoid_slope, y, x)
    if kind == "?":  # of which NumPy's exponential is in half precision
        return sigmoid_slope(y, x.astype(np.float64))
    return y * (1.0 - y) if kind in "FDG" else y / (1.0 + np.exp(x))


@op(
    derivatives=(lambda y, x: sigmoid_slope(y, x),),
    latex=r"\sigma({0})",
    domain=Reals(),
    traits=Traits(Role.ACTIVATION, mirror=lambda y: 1 - y, limits=(Limit.UNDERFLOW,)),
)
@blockwise
@ignoring(over="ignore")
def sigmoid(x: Any) -> Any:
    """Logistic function σ(x) = 1/(1 + e⁻ˣ), elementwise. ∂y/∂x = σ(x)·(1 − σ(x)).

    Where e⁻ˣ overflows the quotient is 0, which is right to the last bit.
    """
    if getattr(x, "dtype", _DOUBLE).char == "e":
        return _in_single(sigmoid, x)
    return 1.0 / (1.0 + np.exp(-x))


def logistic(x: Any) -> Any:
    """σ(x) for rules: where they run, overflow is ignored already."""
    return 1.0 / (1.0 + np.exp(-x)) if x.__class__ is np.ndarray and x.dtype.char in "fd" else sigmoid(x)


@op(
    derivatives=(lambda y, x: x > 0,),
    latex=r"\operatorname{relu}({0})",
    domain=_kinked(),
    convention="0 at 0",
    traits=ACTIVATION,
)
def relu(x: Any) -> Any:
    """Rectified linear unit max(x, 0), elementwise. ∂y/∂x = 1 for x > 0, else 0."""
    return np.maximum(x, 0.0)


def slope_at(x: Any, negative: Any) -> Any:
    """1 for x > 0, `negative` for x < 0, and at 0 the number of least norm between the two: the slope of a kink."""
    at_kink = minimum(maximum(negative, 0.0), 1.0)
    return where(x > 0, 1.0, where(x < 0, negative, at_kink))


def exponential_slope(x: Any, alpha: float) -> Any:
    """1 for x > 0, alpha·eˣ for x < 0, and at 0 the number of least norm between 1 and alpha."""
    negative = alpha * exp(minimum(x, 0.0))
    if alpha < 0:
        return slope_at(x, negative)
    return where(x >= 0 if alpha > 1 else x > 0, 1.0, negative)


@op(
    derivatives=(lambda y, x, slope: slope_at(x, slope).astype(y.dtype),),
    latex=r"\operatorname{leaky}({0})",
    domain=_kinked(params=lambda *_: ({}, {"slope": 0.2})),
    convention="the slope of smaller norm at 0",
    traits=ACTIVATION,
)
def leaky_relu(x: Any, slope: float = 0.01) -> Any:
    """Leaky rectifier: x for x > 0, slope·x otherwise, elementwise. ∂y/∂x = 1 or slope.

    At 0 the subgradient of least norm: the slope for 0 ≤ slope ≤ 1, else 0 or 1 as the interval of slopes allows.
    """
    return np.where(np.greater(x, 0), x, slope * x)


@op(
    derivatives=(
        lambda y, x, a: slope_at(x, a),
        lambda y, x, a: minimum(x, 0.0),
    ),
    latex=r"\operatorname{prelu}({0}, {1})",
    domain=Intervals((-3, 3), (0.05, 0.8), kink=lambda x, a: x, analytic=False),
    convention="the slope of smaller norm at 0",
    traits=ACTIVATION,
)
def parametric_relu(x: Any, a: Any) -> Any:
    """Rectifier with a learned slope a: x for x > 0, a·x otherwise, with broadcasting.

    ∂y/∂x = 1 or a, ∂y/∂a = min(x, 0). At 0 the subgradient of least norm.
    """
    return np.where(np.greater(x, 0), x, a * x)


@op(
    derivatives=(lambda y, x, alpha: exponential_slope(x, alpha).astype(y.dtype),),
    latex=r"\operatorname{elu}({0})",
    domain=_kinked(params=lambda *_: ({}, {"alpha": 0.7})),
    convention="the slope of smaller norm at 0",
    traits=ACTIVATION,
)
def elu(x: Any, alpha: float = 1.0) -> Any:
    """Exponential linear unit: x for x > 0, alpha·(eˣ − 1) otherwise, elementwise.

    ∂y/∂x = 1 or alpha·eˣ; at 0 the subgradient of least norm of the two slopes 1 and alpha.
    """
    return np.where(np.greater(x, 0), x, alpha * np.expm1(np.minimum(x, 0)))


@op(
    derivatives=(lambda y, x: sigmoid(x),),
    latex=r"\operatorname{softplus}({0})",
    domain=Reals(analytic=False),
    traits=Traits(Role.ACTIVATION, limits=(Limit.UNDERFLOW,)),
)
@blockwise
def softplus(x: Any) -> Any:
    """Softplus log(1 + eˣ), elementwise, without overflow. ∂y/∂x = σ(x)."""
    if getattr(x, "size", 1) < 256:  # one call; for many elements its loop is slower than five vectorised ones
        return np.logaddexp(x, 0.0)
    return np.maximum(x, 0.0) + np.log1p(np.exp(-np.absolute(x)))


@op(
    derivatives=(lambda y, x: sigmoid(-x),),
    latex=r"\log \sigma({0})",
    domain=Reals(analytic=False),
    traits=Traits(Role.ACTIVATION, limits=(Limit.UNDERFLOW,)),
)
@blockwise
def log_sigmoid(x: Any) -> Any:
    """Logarithm of the sigmoid, −log(1 + e⁻ˣ), elementwise, finite for every x. ∂y/∂x = σ(−x)."""
    return -softplus(-x)


@op(derivatives=(lambda y, x: 1.0,), latex="{0}", domain=Reals(), traits=ACTIVATION)
def identity(x: Any) -> Any:
    """The identity g(x) = x, the linear activation. ∂y/∂x = 1."""
    return np.positive(x)


@op(
    derivatives=(lambda y, x: 0.0,),
    latex=r"\operatorname{step}({0})",
    domain=_kinked(),
    convention="0 everywhere",
    traits=ACTIVATION,
)
def binary_step(x: Any) -> Any:
    """Heaviside step: 1 for x ≥ 0, else 0, elementwise. Its derivative is 0 where there is one, and 0 at 0."""
    return np.greater_equal(x, 0).astype(operand(x).dtype)


def _softmax_vjp(g: Any, y: Any, x: Any, axis: Any) -> Any:
    weighted = scale(g, y)
    along = scale(added(weighted, axis=axis, keepdims=True), y)
    return into(along, np.subtract, weighted, along)


_LINES = Shapes(*ANY_SHAPE[1:], smallest=1, params=lambda shape: [{"axis": i} for i in (*range(len(shape)), None)])


SHORT_ROW = 32
"""NumPy is slow at many rows that are no longer, and quicker at as many long columns."""


def shifted(x: Any, axis: Any) -> Any:
    """x minus the largest along `axis`: what exp may be taken of."""
    x = operand(x)
    if not x.size:
        return x
    if isinstance(x, np.ndarray) and axis == -1 and x.ndim > 1 and 0 < x.shape[-1] <= SHORT_ROW:
        columns = x.reshape((prod(x.shape[:-1]), x.shape[-1])).T.copy()
        return x - np.maximum.reduce(columns, axis=0).reshape((*x.shape[:-1], 1))
    return x - np.max(x, axis=axis, keepdims=True)


@op(
    vjps=(_softmax_vjp,),
    jvp=_softmax_vjp,
    latex=r"\operatorname{softmax}({0})",
    domain=_LINES,
    traits=ACTIVATION,
)
def softmax(x: Any, axis: int | tuple[int, ...] | None = -1) -> Any:
    """Softmax yᵢ = eˣⁱ / Σⱼ eˣʲ along `axis`. VJP: g⊙y − y·Σ(g⊙y); the Jacobian diag(y) − y·yᵀ is symmetric."""
    e = shifted(x, axis)
    e = into(e, np.exp, e)
    return into(e, np.divide, e, added(e, axis=axis, keepdims=True))


@op(
    vjps=(lambda g, y, x, axis: g - scale(added(g, axis=axis, keepdims=True), exp(y)),),
    jvp=lambda t, y, x, axis: t - added(scale(t, exp(y)), axis=axis, keepdims=True),
    latex=r"\log \operatorname{softmax}({0})",
    domain=_LINES,
    traits=ACTIVATION,
)
def log_softmax(x: Any, axis: int | tuple[int, ...] | None = -1) -> Any:
    """Logarithm of the softmax, xᵢ − log Σⱼ eˣʲ along `axis`, finite for finite x. VJP: g − softmax(x)·Σg."""
    x = shifted(x, axis)
    if not x.size:
        return x
    return x - np.log(added(np.exp(x), axis=axis, keepdims=True))
