"""Optimizers: what to do with a gradient."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, final

import numpy as np

from tinygrad_bp.backends.buffers import BufferPool
from tinygrad_bp.errors import ArgumentError, describe
from tinygrad_bp.nn.checks import positive
from tinygrad_bp.source.writer import REUSED_BYTES
from tinygrad_bp.tensor import Tensor


@final
class SGD:
    """Gradient descent: `step()` moves every parameter by −lr·∂C/∂p, p ← p − lr·p.grad.

    params: tensors that require a gradient and were not computed from others; lr: a finite number above 0.
    Parameters without a gradient stay as they are. A parameter is given another array of its dtype, the old one is not
    written to as long as anybody has it: a graph that was recorded with it still has its values. Raises ArgumentError.

    >>> import tinygrad_bp as tg
    >>> w = tg.tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = tg.nn.SGD([w], lr=0.25)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> optimizer.zero_grad()
    >>> w.data, w.grad
    (array([ 0.5, -1. ]), None)
    """

    def __init__(self, params: Iterable[Tensor], lr: float):
        self.params: list[Tensor] = trainable(params)
        self.lr: float = positive("lr", lr)
        self._pools: dict[Tensor, BufferPool] = {}

    def step(self) -> None:
        """Move every parameter that has a gradient."""
        lr = float(self.lr)  # Python's float is weak: float32 stays float32
        for p in self.params:
            g = p.grad
            if g is None:
                continue
            if g.nbytes < REUSED_BYTES:
                p.value = p.value - lr * g
            else:
                change = np.multiply(lr, g, out=self._buffer(p))
                p.value = np.subtract(p.value, change, out=change)

    def _buffer(self, p: Tensor) -> Any:
        """An array for a large parameter's change: one that the parameter had before, if nobody has it any more."""
        shape, dtype = p.value.shape, p.value.dtype
        pool = self._pools.get(p)
        if pool is None or pool.shape != shape or pool.dtype != dtype:
            pool = self._pools[p] = BufferPool(shape, dtype)
        return pool()

    def zero_grad(self) -> None:
        """Forget the gradients, so that the next backward starts from none."""
        for p in self.params:
            p.grad = None


def trainable(params: Iterable[Tensor]) -> list[Tensor]:
    """The parameters as a list, each fit to be trained and there once; else ArgumentError."""
    given: list[Any] = [params] if isinstance(params, Tensor) else list(params)
    seen: set[int] = set()
    for i, p in enumerate(given):
        if not isinstance(p, Tensor):
            raise ArgumentError(f"parameter {i} is a {type(p).__name__}, not a tensor. Pass the layer's parameters().")
        if not (p.requires_grad and p.is_leaf):
            why = "requires no gradient" if p.is_leaf else "was computed from others"
            raise ArgumentError(f"parameter {i}, {describe(p)}, {why}. Train tensors made with requires_grad=True.")
        if id(p) in seen:
            raise ArgumentError(f"parameter {i}, {describe(p)}, is there twice and would move twice. Name it once.")
        seen.add(id(p))
    if not given:
        raise ArgumentError("there are no parameters to train. Give the layers tensors with requires_grad=True.")
    return given
