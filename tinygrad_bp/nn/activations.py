"""Activations: the functions by name, and those of the article's sheet, GELU and SiLU as layers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from tinygrad_bp import functions
from tinygrad_bp.calls import guarded
from tinygrad_bp.errors import ArgumentError, describe
from tinygrad_bp.nn.layers import Layer
from tinygrad_bp.registry import OPS
from tinygrad_bp.tensor import Tensor
from tinygrad_bp.traits import Role

Activation = Callable[[Any], Any]

ACTIVATIONS: Mapping[str, Activation] = MappingProxyType(
    {
        name: op.call
        for name, op in sorted(OPS.items())
        if op.traits.role is Role.ACTIVATION and len(op.derivatives or ()) == 1
    }
)
"""The activations that act element by element and need no more than z, by name."""


def activation_function(activation: str | Activation) -> Activation:
    """g by its name in `ACTIVATIONS`, or a function of a tensor, watched: it must return a tensor of the same shape."""
    if isinstance(activation, str) and activation in ACTIVATIONS:
        return ACTIVATIONS[activation]
    if not callable(activation):
        raise ArgumentError(f"activation is a function or one of {', '.join(ACTIVATIONS)}; got {activation!r}.")

    def g(z: Tensor) -> Any:
        a = activation(z)
        if not isinstance(a, Tensor) or a.shape != z.shape:
            raise ArgumentError(
                f"the activation returned {describe(a)} for {describe(z)}; it must return a tensor of the same shape. "
                "Compute it from z with the library's functions."
            )
        return functions.identity(a) if a is z else a

    return g


class Sigmoid(Layer):
    """σ(x) = 1/(1 + e⁻ˣ), elementwise."""

    def forward(self, x: Tensor) -> Tensor:
        """σ(x)."""
        return functions.sigmoid(x)


class Tanh(Layer):
    """tanh x, elementwise."""

    def forward(self, x: Tensor) -> Tensor:
        """Tanh x."""
        return functions.tanh(x)


class ReLU(Layer):
    """max(x, 0), elementwise."""

    def forward(self, x: Tensor) -> Tensor:
        """max(x, 0)."""
        return functions.relu(x)


class LeakyReLU(Layer):
    """x for x > 0, slope·x otherwise, elementwise; the slope is fixed."""

    @guarded
    def __init__(self, slope: float = 0.01):
        self.slope = slope

    def forward(self, x: Tensor) -> Tensor:
        """x or slope·x."""
        return functions.leaky_relu(x, slope=self.slope)


class ParametricReLU(Layer):
    """x for x > 0, a·x otherwise, elementwise, with a slope `a` that is learned.

    n: how many slopes, one for each feature (the last axis), or None for a single one; slope: where they start.
    PyTorch's PReLU(n) of (examples, n), whose weight is a.

    >>> [name for name, _ in ParametricReLU(3).named_parameters()]
    ['a']
    """

    @guarded
    def __init__(self, n: int | None = None, slope: float = 0.25, dtype: Any = np.float64):
        self.a: Tensor = Tensor(np.full(() if n is None else n, slope, dtype=dtype)[()], requires_grad=True)

    def forward(self, x: Tensor) -> Tensor:
        """x or a·x."""
        return functions.parametric_relu(x, self.a)


class ELU(Layer):
    """x for x > 0, alpha·(eˣ − 1) otherwise, elementwise."""

    @guarded
    def __init__(self, alpha: float = 1.0):
        self.alpha = alpha

    def forward(self, x: Tensor) -> Tensor:
        """x or alpha·(eˣ − 1)."""
        return functions.elu(x, alpha=self.alpha)


class GELU(Layer):
    """x·Φ(x), elementwise, with Φ the normal distribution's; PyTorch's GELU()."""

    def forward(self, x: Tensor) -> Tensor:
        """x·Φ(x)."""
        return functions.gelu(x)


class SiLU(Layer):
    """x·σ(x), elementwise."""

    def forward(self, x: Tensor) -> Tensor:
        """x·σ(x)."""
        return functions.silu(x)


class Softplus(Layer):
    """log(1 + eˣ), elementwise."""

    def forward(self, x: Tensor) -> Tensor:
        """log(1 + eˣ)."""
        return functions.softplus(x)


class Arctan(Layer):
    """arctan x, elementwise."""

    def forward(self, x: Tensor) -> Tensor:
        """Arctan x."""
        return functions.arctan(x)


class Identity(Layer):
    """x as it is: the linear activation."""

    def forward(self, x: Tensor) -> Tensor:
        """x."""
        return functions.identity(x)


class BinaryStep(Layer):
    """1 for x ≥ 0, else 0, elementwise. Its derivative is 0, so nothing before it learns."""

    def forward(self, x: Tensor) -> Tensor:
        """0 or 1."""
        return functions.binary_step(x)


class Softmax(Layer):
    """eˣⁱ / Σⱼ eˣʲ along `axis`, the features by default."""

    @guarded
    def __init__(self, axis: int = -1):
        self.axis = axis

    def forward(self, x: Tensor) -> Tensor:
        """Positive numbers that sum to 1 along the axis."""
        return functions.softmax(x, axis=self.axis)
