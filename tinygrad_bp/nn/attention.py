"""Attention: every query gets the mean of the values, weighted by how well their keys match it."""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np

from tinygrad_bp import functions
from tinygrad_bp.annotations import DType, Operand
from tinygrad_bp.calls import guarded
from tinygrad_bp.errors import ArgumentError, DTypeError, describe
from tinygrad_bp.nn.checks import whole
from tinygrad_bp.nn.init import Seed, generator
from tinygrad_bp.nn.layers import Layer
from tinygrad_bp.nn.linear import Linear
from tinygrad_bp.nn.shapes import place, shaped
from tinygrad_bp.tensor import Tensor


@guarded
def scaled_dot_product_attention(
    query: Operand, key: Operand, value: Operand, mask: Any = None, causal: bool = False
) -> Tensor:
    """softmax(query·keyᵀ/√d)·value: query (…, queries, d), key (…, keys, d), value (…, keys, n) to (…, queries, n).

    mask: bool, broadcast to (…, queries, keys), True where a query may look at a key; causal: query i looks only at
    keys up to i. A query that may look at no key gets zeros. Leading axes broadcast. Raises ShapeError, DTypeError.

    >>> import numpy as np
    >>> value = np.array([[1.0], [3.0]])
    >>> scaled_dot_product_attention(np.zeros((2, 4)), np.zeros((2, 4)), value, causal=True)
    array([[1.],
           [2.]])

    Source: A. Vaswani and others, Attention is all you need, 2017.
    """
    query = shaped(query, "…", "queries", "d", what="query")
    d = query.shape[-1]
    key = shaped(key, "…", "keys", d, what="key")
    value = shaped(value, "…", key.shape[-2], "n", what="value")
    scores = functions.matmul(query, functions.swapaxes(key, -1, -2)) * (1 / sqrt(d))
    seen = _seen(mask, causal, scores)
    if seen is None:
        return functions.matmul(functions.softmax(scores), value)
    # Finite, so that a query that sees nothing has no NaN; its weights are taken away afterwards.
    weights = functions.softmax(functions.where(seen, scores, np.finfo(scores.dtype).min))
    return functions.matmul(functions.where(seen, weights, 0.0), value)


def _seen(mask: Any, causal: bool, scores: Any) -> Any:
    """Which key each query may look at; None for all."""
    earlier = np.tri(*scores.shape[-2:]) > 0 if causal else None
    if mask is None:
        return earlier
    mask = mask if hasattr(mask, "dtype") else np.asarray(mask)
    if mask.dtype != np.bool_:
        raise DTypeError(
            f"{place()}a mask is bool, True where a query may look at a key; got {describe(mask)} of {mask.dtype}. "
            "Pass mask.astype(bool) for ones and zeros."
        )
    return mask if earlier is None else functions.logical_and(mask, earlier)


class MultiHeadAttention(Layer):
    """Attention with several heads: each has its own parts of query, key and value, all n wide together.

    query (examples, queries, n), key and value (examples, keys, n) give (examples, queries, n). Without key it is the
    query, without value the key: self-attention is layer(x). mask: bool, (queries, keys) or (examples, queries, keys)
    or what broadcasts to it, True where a query may look at a key; causal: query i looks only at keys up to i, in every
    call or, said at the call, in that one.

    Its layers `query`, `key`, `value` and `output` are Linear(n, n), with bias=False without b. heads must divide n.
    PyTorch's MultiheadAttention with batch_first=True; the masks of that are True where a query may *not* look.
    Raises ArgumentError, ShapeError, DTypeError.

    >>> import numpy as np
    >>> import tinygrad_bp as tg
    >>> tg.nn.MultiHeadAttention(8, heads=2, seed=0)(np.ones((5, 3, 8)), causal=True).shape
    (5, 3, 8)

    Source: A. Vaswani and others, Attention is all you need, 2017.
    """

    @guarded
    def __init__(
        self,
        n: int,
        heads: int,
        bias: bool = True,
        seed: Seed = None,
        dtype: DType = np.float64,
        causal: bool = False,
    ):
        n, heads, rng = whole("n", n, 1), whole("heads", heads, 1), generator(seed)
        if n % heads:
            raise ArgumentError(f"heads must divide the width {n}; got {heads}.")
        self.heads: int = heads
        self.causal: bool = causal
        self.query: Linear = Linear(n, n, bias, rng, dtype)
        self.key: Linear = Linear(n, n, bias, rng, dtype)
        self.value: Linear = Linear(n, n, bias, rng, dtype)
        self.output: Linear = Linear(n, n, bias, rng, dtype)

    def forward(
        self,
        query: Operand,
        key: Operand | None = None,
        value: Operand | None = None,
        mask: Any = None,
        causal: bool | None = None,
    ) -> Tensor:
        """What each query gets of the values."""
        causal = self.causal if causal is None else causal
        key = query if key is None else key
        value = key if value is None else value
        given = (("query", self.query, query), ("key", self.key, key), ("value", self.value, value))
        q, k, v = [self._in_heads(*each) for each in given]
        if mask is not None:
            mask = shaped(mask, "…", "queries", "keys", what="mask")[..., None, :, :]
        y = functions.swapaxes(scaled_dot_product_attention(q, k, v, mask, causal), 1, 2)
        return self.output(functions.reshape(y, (*y.shape[:2], y.shape[2] * y.shape[3])))

    def _in_heads(self, what: str, layer: Linear, x: Any) -> Any:
        """(examples, length, n) to (examples, heads, length, n/heads), by way of a layer."""
        x = shaped(x, "examples", "length", layer.W.shape[0], fits=layer.W, what=what)
        y = layer(x)
        return functions.swapaxes(functions.reshape(y, (*y.shape[:2], self.heads, y.shape[2] // self.heads)), 1, 2)
