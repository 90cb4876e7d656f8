"""Normalisation to mean 0 and variance 1, over a layer or a batch, and dropout."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_bp.blocks import into
from tinygrad_bp.calls import guarded
from tinygrad_bp.domains import Parameters, Shape, Shapes
from tinygrad_bp.errors import ArgumentError, ShapeError, TracingError, describe
from tinygrad_bp.modes import current_mode, refuse_draw
from tinygrad_bp.ops.elementwise import sqrt
from tinygrad_bp.ops.reductions import Axis, mean
from tinygrad_bp.ops.shaping import astype
from tinygrad_bp.registry import op, plain_number


def moments(x: Any, axis: Axis) -> tuple[Any, Any, Any]:
    """Mean, deviations from it, and variance, the mean of their squares, over `axis`, which is kept."""
    centre = mean(x, axis=axis, keepdims=True)
    centred = x - centre
    return centre, centred, mean(centred * centred, axis=axis, keepdims=True)


def _standardised(g: Any, y: Any, x: Any, axis: Axis, eps: float) -> Any:
    """Cotangent or tangent: the Jacobian r·(1 − 1/n − y·yᵀ/n) is symmetric."""
    _, _, variance = moments(x, axis)
    deviation = sqrt(variance + eps)
    along = mean(g * y, axis=axis, keepdims=True)
    part = g - mean(g, axis=axis, keepdims=True)
    part = into(part, np.subtract, part, y * along)
    return into(part, np.divide, part, deviation)


def _axes(shape: Shape) -> Parameters:
    return [{"axis": axis, "eps": 1e-2} for axis in (-1, 0, tuple(range(len(shape))), None)]


@op(
    internal=True,
    vjps=(_standardised,),
    jvp=_standardised,
    latex=r"\operatorname{normalise}({0})",
    domain=Shapes("i", "ij", "ijk", smallest=1, params=_axes),
)
def normalise(x: Any, axis: Axis = -1, eps: float = 1e-5) -> Any:
    """x with mean 0 and variance 1 over `axis`: y = (x − μ)/√(σ² + eps), where σ² is the mean of (x − μ)².

    VJP: (g − mean g − y·mean(g⊙y))/√(σ² + eps). eps keeps constants finite: they become 0.
    """
    _, centred, variance = moments(x, axis)
    return into(centred, np.divide, centred, np.sqrt(variance + eps))


@guarded
def layer_norm(x: Any, weight: Any = None, bias: Any = None, axis: Axis = -1, eps: float = 1e-5) -> Any:
    """Each example normalised over its features: weight·(x − μ)/√(σ² + eps) + bias, with μ and σ² over `axis`.

    weight and bias broadcast to x; without them it is `normalise`.
    """
    return _affine(_normalised(x, axis, eps), weight, bias)


def _normalised(x: Any, axis: Axis, eps: float) -> Any:
    """`normalise`, of float16 in float32, as the squares of its numbers are too large for it from 256 on."""
    if x.dtype != np.float16:
        return normalise(x, axis=axis, eps=eps)
    return astype(normalise(astype(x, dtype=np.float32), axis=axis, eps=eps), dtype=np.float16)


@guarded
def batch_norm(
    x: Any,
    weight: Any = None,
    bias: Any = None,
    mean: Any = None,
    variance: Any = None,
    axis: int = 1,
    eps: float = 1e-5,
) -> Any:
    """Each channel normalised over the batch: weight·(x − μ)/√(σ² + eps) + bias.

    axis: where the channels are, 1 in (examples, channels, *space). weight, bias, mean and variance have one element
    for each channel. With mean and variance, the running statistics of training, these are μ and σ²; otherwise μ and
    σ² are those of x over all other axes. Raises ShapeError if one of them has another shape, ArgumentError if only
    one of mean and variance is given.
    """
    if (mean is None) != (variance is None):
        raise ArgumentError("batch_norm: mean and variance belong together; give both, or neither to take the batch's.")
    channel = axis % x.ndim
    weight, bias, mean, variance = [
        _for_channel(what, value, x, channel)
        for what, value in (("weight", weight), ("bias", bias), ("mean", mean), ("variance", variance))
    ]
    if mean is None:
        others = tuple([i for i in range(x.ndim) if i != channel])
        return _affine(_normalised(x, others, eps), weight, bias)
    return _affine((x - mean) / sqrt(variance + eps), weight, bias)


def _for_channel(what: str, value: Any, x: Any, channel: int) -> Any:
    """One number for each channel, shaped to broadcast over the other axes."""
    if value is None:
        return None
    n = x.shape[channel]
    if value.shape != (n,):
        raise ShapeError(
            f"batch_norm: {what} needs the shape ({n},), one number for each channel of {describe(x)}; "
            f"got {describe(value)}."
        )
    return value.reshape((n, *[1] * (x.ndim - 1 - channel)))


def _affine(y: Any, weight: Any, bias: Any) -> Any:
    if weight is not None:
        y = y * weight
    return y if bias is None else y + bias


@guarded
def dropout(x: Any, p: float, rng: np.random.Generator, training: bool = True) -> Any:
    """Each element set to 0 with probability p, the others times 1/(1 − p), so that the mean stays; elementwise.

    rng draws the mask, once for each call. Not training, or with p = 0, x itself. Raises ArgumentError.
    """
    p = plain_number("dropout", "p", p)
    if not 0 <= p < 1:
        raise ArgumentError(f"dropout: p is a probability of at least 0 and less than 1; got {p}.")
    if not isinstance(rng, np.random.Generator):
        raise ArgumentError(f"dropout: rng is a NumPy generator: np.random.default_rng(seed); got {rng!r}.")
    if not training or p == 0:
        return x
    refuse_draw("dropout")
    if current_mode().trail is not None and type(rng) is np.random.Generator:
        raise TracingError("dropout: a compiled function draws again at every call. Pass the generator as an argument.")
    kept = rng.random(x.shape, np.float32) >= p
    return x * (kept * x.dtype.type(1 / (1 - p)))
