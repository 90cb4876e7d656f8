"""The affine layer: every output a weighted sum of all inputs."""

from __future__ import annotations

import numpy as np

from tinygrad_bp.annotations import DType, Operand
from tinygrad_bp.calls import guarded
from tinygrad_bp.functions import affine, matmul
from tinygrad_bp.nn.checks import whole
from tinygrad_bp.nn.init import Seed, glorot_normal
from tinygrad_bp.nn.layers import Layer
from tinygrad_bp.nn.shapes import shaped
from tinygrad_bp.tensor import Tensor


class Linear(Layer):
    """y = x·W + b for examples that are rows: x (…, n_in) to y (…, n_out).

    W is (n_in, n_out), Glorot-normal; b is (n_out,), zeros, or None with bias=False. seed: a number or a generator, so
    that the layers of a network can share one. dtype: of the parameters. Raises ArgumentError for widths below 1.
    PyTorch's weight is Wᵀ.

    >>> import tinygrad_bp as tg
    >>> layer = tg.nn.Linear(3, 2, seed=0)
    >>> layer(tg.tensor([[1.0, 2.0, 3.0]])).shape
    (1, 2)
    """

    @guarded
    def __init__(self, n_in: int, n_out: int, bias: bool = True, seed: Seed = None, dtype: DType = np.float64):
        n_in, n_out = whole("n_in", n_in, 1), whole("n_out", n_out, 1)
        self.W = Tensor(glorot_normal((n_in, n_out), seed).astype(dtype), requires_grad=True)
        self.b: Tensor | None = Tensor(np.zeros(n_out, dtype), requires_grad=True) if bias else None

    def forward(self, x: Operand) -> Tensor:
        """x·W + b."""
        x = shaped(x, "…", self.W.shape[0], fits=self.W)
        return matmul(x, self.W) if self.b is None else affine(x, self.W, self.b)
