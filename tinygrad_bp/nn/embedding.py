"""Embedding: a vector that is learned for every word."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_bp.annotations import DType
from tinygrad_bp.calls import guarded
from tinygrad_bp.errors import DTypeError, describe
from tinygrad_bp.nn.checks import whole
from tinygrad_bp.nn.init import Seed, generator
from tinygrad_bp.nn.layers import Layer
from tinygrad_bp.nn.shapes import place, shaped
from tinygrad_bp.tensor import Tensor


class Embedding(Layer):
    """y = W[x], the rows of W for the integers in x: x (…), each from 0 to words − 1, to y (…, n).

    W is (words, n), drawn from the normal distribution of mean 0 and variance 1. A row that is looked up several times
    adds up its gradients; negative integers count from the end. PyTorch's weight is W. Raises DTypeError for an x
    that holds no integers, IndexError for integers that W has no row for.

    >>> import tinygrad_bp as tg
    >>> layer = tg.nn.Embedding(10, 3, seed=0)
    >>> layer([[1, 2], [9, 9]]).shape
    (2, 2, 3)
    """

    @guarded
    def __init__(self, words: int, n: int, seed: Seed = None, dtype: DType = np.float64):
        shape = whole("words", words, 1), whole("n", n, 1)
        self.W: Tensor = Tensor(generator(seed).normal(size=shape).astype(dtype), requires_grad=True)

    def forward(self, x: Any) -> Tensor:
        """The row of every integer."""
        x = shaped(x, "…")
        if x.dtype.kind not in "iu":
            raise DTypeError(
                f"{place()}x has to hold integers, which name rows of {describe(self.W)}; got {x.dtype}. "
                "Convert it with astype(int), or use a Linear layer for numbers that are measured."
            )
        return self.W[x]
