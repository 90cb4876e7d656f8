"""Dropout: noise while learning, nothing in use."""

from __future__ import annotations

import numpy as np

from tinygrad_bp import functions
from tinygrad_bp.annotations import Operand
from tinygrad_bp.calls import guarded
from tinygrad_bp.errors import ArgumentError
from tinygrad_bp.nn.init import Seed, generator
from tinygrad_bp.nn.layers import Layer
from tinygrad_bp.nn.shapes import shaped
from tinygrad_bp.tensor import Tensor


class Dropout(Layer):
    """While learning every number becomes 0 with probability p, else is scaled by 1/(1 − p); in use x itself.

    Elementwise, any shape. seed: of the generator that draws, or a generator to share. It is found by
    `named_generators()`, so that a checkpoint can keep what it draws next. Raises ArgumentError; TracingError in a
    compiled function while learning, which would draw the same at every call; the programs of `fit` are given it.

    >>> import numpy as np
    >>> import tinygrad_bp as tg
    >>> layer = tg.nn.Dropout(0.5, seed=0)
    >>> sorted(set(layer(np.ones(100)).tolist())), layer.eval()(np.ones(2))
    ([0.0, 2.0], array([1., 1.]))

    Source: N. Srivastava and others, Dropout: a simple way to prevent neural networks from overfitting, 2014.
    """

    @guarded
    def __init__(self, p: float = 0.5, seed: Seed = None):
        if not 0 <= p < 1:
            raise ArgumentError(f"p is a probability of at least 0 and less than 1; got {p!r}.")
        self.p: float = p
        self.generator: np.random.Generator = generator(seed)

    def forward(self, x: Operand) -> Tensor:
        """x with some numbers dropped."""
        return functions.dropout(shaped(x, "…"), self.p, self.generator, self.training)
