"""Layers that bring their input to mean 0 and variance 1: over the batch, or over an example."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygrad_bp.annotations import Array, DType, Operand
from tinygrad_bp.calls import guarded
from tinygrad_bp.errors import ArgumentError, DataError, TracingError, describe
from tinygrad_bp.functions import batch_norm, layer_norm
from tinygrad_bp.modes import current_mode
from tinygrad_bp.nn.checks import positive, whole
from tinygrad_bp.nn.layers import Layer
from tinygrad_bp.nn.shapes import place, shaped
from tinygrad_bp.ops.normalisation import moments
from tinygrad_bp.program.tracer import TracedArray
from tinygrad_bp.tensor import Tensor


class BatchNorm(Layer):
    """y = weight·(x − μ)/√(σ² + eps) + bias for each of n channels: x (examples, n) or (examples, n, *space).

    While learning μ and σ² are the batch's, and the buffers `running_mean` and `running_variance` move towards them,
    r ← (1 − momentum)·r + momentum·new, with the unbiased variance; in use, after `eval()`, they are the buffers.
    weight starts at 1, bias at 0; both are None with affine=False. PyTorch's BatchNorm1d and BatchNorm2d.

    Raises ShapeError, DataError for a single number a channel while learning, and TracingError in a compiled function
    while learning, which would not move the buffers; the programs of `fit` do.

    >>> import tinygrad_bp as tg
    >>> layer = tg.nn.BatchNorm(1)
    >>> layer(tg.tensor([[1.0], [3.0]])).data.round(4).tolist(), layer.running_mean.item()
    ([[-1.0], [1.0]], 0.2)

    Source: S. Ioffe and C. Szegedy, Batch normalization, 2015.
    """

    @guarded
    def __init__(
        self, n: int, momentum: float = 0.1, eps: float = 1e-5, affine: bool = True, dtype: DType = np.float64
    ):
        n = whole("n", n, 1)
        if not 0 < momentum <= 1:
            raise ArgumentError(f"momentum is above 0 and at most 1; got {momentum!r}.")
        self.weight: Tensor | None = _filled(1.0, (n,), dtype) if affine else None
        self.bias: Tensor | None = _filled(0.0, (n,), dtype) if affine else None
        self.running_mean: Tensor = Tensor(np.zeros(n, dtype), name="running_mean")
        self.running_variance: Tensor = Tensor(np.ones(n, dtype), name="running_variance")
        self.momentum: float = momentum
        self.eps: float = positive("eps", eps)

    def forward(self, x: Operand) -> Tensor:
        """x normalised, channel by channel."""
        x = shaped(x, "examples", self.running_mean.shape[0], "…", fits=self.running_mean)
        if not self.training:
            mean, variance = self.running_mean, self.running_variance
            return batch_norm(x, self.weight, self.bias, mean, variance, eps=self.eps)
        self._move(x)
        return batch_norm(x, self.weight, self.bias, eps=self.eps)

    def _move(self, x: Any) -> None:
        """Give the buffers new values; the arrays that they had stay as they are."""
        if current_mode().trail is not None and not isinstance(self.running_mean.value, TracedArray):
            raise TracingError(
                f"{place()}the running statistics change at every call, which a compiled function would not "
                "repeat. Call the model as it is, or after eval(); the programs of `fit` do move them."
            )
        numbers = x.value if isinstance(x, Tensor) else x
        axes = (0, *range(2, numbers.ndim))
        n = numbers.size // len(self.running_mean)
        if n < 2:
            raise DataError(
                f"{place()}{describe(x)} has no two numbers a channel to take a variance of. "
                "Learn from larger batches, or call eval() to use the model."
            )
        mean, _, variance = moments(numbers, axes)
        self.running_mean = self._moved(self.running_mean, mean)
        self.running_variance = self._moved(self.running_variance, variance * (n / (n - 1)))

    def _moved(self, buffer: Tensor, new: Array) -> Tensor:
        moved = (1 - self.momentum) * buffer.value + self.momentum * new.reshape(buffer.shape)
        return Tensor(moved.astype(buffer.dtype, copy=False), name=buffer.name)


class LayerNorm(Layer):
    """y = weight·(x − μ)/√(σ² + eps) + bias, with μ and σ² over the last axes of x, (…, *shape), of every example.

    shape: the lengths of those axes, a number for one. weight and bias have that shape and start at 1 and 0; both are
    None with affine=False. PyTorch's LayerNorm. Raises ShapeError.

    >>> import tinygrad_bp as tg
    >>> tg.nn.LayerNorm(2)(tg.tensor([[1.0, 3.0], [5.0, 5.0]])).data.round(4)
    array([[-1.,  1.],
           [ 0.,  0.]])

    Source: J. L. Ba, J. R. Kiros and G. E. Hinton, Layer normalization, 2016.
    """

    @guarded
    def __init__(self, shape: int | Sequence[int], eps: float = 1e-5, affine: bool = True, dtype: DType = np.float64):
        lengths = shape if isinstance(shape, Sequence) else (shape,)
        self.shape: tuple[int, ...] = tuple([whole("a length in shape", n, 1) for n in lengths])
        self.eps: float = positive("eps", eps)
        self.weight: Tensor | None = _filled(1.0, self.shape, dtype) if affine else None
        self.bias: Tensor | None = _filled(0.0, self.shape, dtype) if affine else None

    def forward(self, x: Operand) -> Tensor:
        """x normalised, example by example."""
        x = shaped(x, "…", *self.shape, fits=self.weight)
        return layer_norm(x, self.weight, self.bias, tuple(range(-len(self.shape), 0)), self.eps)


def _filled(value: float, shape: tuple[int, ...], dtype: DType) -> Tensor:
    return Tensor(np.full(shape, value, dtype), requires_grad=True)
