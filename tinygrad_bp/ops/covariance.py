"""Covariance and correlation of variables."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_bp.annotations import DType
from tinygrad_bp.calls import guarded
from tinygrad_bp.errors import ArgumentError
from tinygrad_bp.ops.arithmetic import clip
from tinygrad_bp.ops.complex import conjugated, imag, real
from tinygrad_bp.ops.diagonals import diagonal
from tinygrad_bp.ops.exponential import sqrt
from tinygrad_bp.ops.joining import concatenate
from tinygrad_bp.ops.linear_algebra import matmul, operand
from tinygrad_bp.ops.reductions import mean, sum
from tinygrad_bp.ops.shaping import astype, atleast_2d, squeeze


def _variables(m: Any, y: Any, rowvar: bool, dtype: DType | None) -> Any:
    """The variables as rows, those of y below those of m."""
    m = operand(m)
    rows = atleast_2d(m)
    rows = rows if rowvar or m.ndim == 1 else rows.T
    if y is not None and rows.shape[0]:
        more = atleast_2d(y)
        rows = concatenate([rows, more if rowvar or more.shape[0] == 1 else more.T])
    kind = np.dtype(float) if dtype is None else np.dtype(dtype)
    return rows if rows.dtype.kind in "fc" and dtype is None else astype(rows, kind)


@guarded
def cov(
    m: Any, y: Any = None, rowvar: bool = True, bias: bool = False, ddof: int | None = None, fweights: Any = None,
    aweights: Any = None, *, dtype: DType | None = None,
) -> Any:  # fmt: skip
    """Covariance of variables, the rows of m and y (columns if not rowvar), over their observations: the matrix
    Σₖ wₖ·(xᵢₖ − x̄ᵢ)·conj(xⱼₖ − x̄ⱼ) divided by n − ddof; one number for one variable.

    ddof: 1 if None, 0 with `bias`. fweights: how often each observation counts; aweights: how much. Differentiable for
    m, y and aweights.
    """
    x = _variables(m, y, rowvar, dtype)
    less = (0 if bias else 1) if ddof is None else ddof
    if less != int(less):
        raise ArgumentError(f"cov: ddof is a whole number; got {ddof}.")
    weights = [operand(w) for w in (fweights, aweights) if w is not None]
    if not weights:
        n = x.shape[1] - less
        x = x - mean(x, axis=1, keepdims=True)
        return squeeze(matmul(x, conjugated(x).T) * (1.0 / n if n > 0 else np.inf))
    w = weights[0] * weights[1] if len(weights) == 2 else weights[0]
    total = sum(w)
    x = x - (sum(x * w, axis=1) / total)[:, None]
    if aweights is None or not less:
        divisor = total - less
    else:
        divisor = total - less * sum(w * weights[-1]) / total
    return squeeze(matmul(x, conjugated(x * w).T) / divisor)


@guarded
def corrcoef(x: Any, y: Any = None, rowvar: bool = True, *, dtype: DType | None = None) -> Any:
    """Correlation cᵢⱼ/√(cᵢᵢ·cⱼⱼ) of variables, from their covariance c; arguments as in `cov`. 1 for one variable."""
    c = cov(x, y, rowvar, dtype=dtype)
    if not c.ndim:
        return c / c
    spread = sqrt(real(diagonal(c)))
    c = c / spread[:, None] / spread[None, :]
    return clip(real(c), -1, 1) + clip(imag(c), -1, 1) * 1j if c.dtype.kind == "c" else clip(c, -1, 1)
