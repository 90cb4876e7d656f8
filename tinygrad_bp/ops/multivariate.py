"""Probability distributions of vectors by SciPy's names and arguments, made of ops and differentiable."""

from __future__ import annotations

from dataclasses import dataclass
from math import log as log_of, pi
from typing import Any, final

import numpy as np

from tinygrad_bp.calls import guarded
from tinygrad_bp.errors import ArgumentError, LinearAlgebraError, ShapeError, describe
from tinygrad_bp.ops.comparison import where
from tinygrad_bp.ops.decompositions import cholesky
from tinygrad_bp.ops.diagonals import diag, diagonal
from tinygrad_bp.ops.exponential import exp, log
from tinygrad_bp.ops.joining import concatenate
from tinygrad_bp.ops.linear_algebra import matmul, operand
from tinygrad_bp.ops.pseudoinverse import pinv
from tinygrad_bp.ops.reductions import max, sum
from tinygrad_bp.ops.rounding import absolute
from tinygrad_bp.ops.shaping import reshape
from tinygrad_bp.ops.special import gammaln, xlogy
from tinygrad_bp.ops.spectral import eigvalsh
from tinygrad_bp.ops.systems import solve


@final
@dataclass(frozen=True, slots=True)
class MultivariateNormal:
    """The normal distribution of vectors (…, n), as in `scipy.stats`: mean (n,), 0 if None, and a covariance (n, n),
    a vector for a diagonal one, or a number. Differentiable for all three.

    allow_singular: whether the covariance may be singular; then the density is that on the space where the vectors lie,
    0 elsewhere, and the derivative one among matrices of its rank. Else LinearAlgebraError.

    >>> import tinygrad_bp as tg
    >>> tg.grad(lambda m: tg.stats.multivariate_normal.logpdf([1.0, 2.0], m, 2.0))(np.zeros(2))
    array([0.5, 1. ])
    """

    @guarded
    def logpdf(self, x: Any, mean: Any = None, cov: Any = 1, allow_singular: bool = False) -> Any:
        """Logarithm of the density."""
        x, cov = operand(x), operand(cov)
        n = len(mean) if mean is not None and np.ndim(mean) else cov.shape[-1] if cov.ndim else 1
        cov = cov * np.eye(n) if cov.ndim == 0 else diag(cov) if cov.ndim == 1 else cov
        if cov.shape != (n, n) or (x.ndim and n > 1 and x.shape[-1] != n):
            raise ShapeError(f"multivariate_normal: {describe(x)} does not fit a covariance of shape {cov.shape}.")
        shape = x.shape if n == 1 and (not x.ndim or x.shape[-1] != 1 or x.ndim == 1) else x.shape[:-1]
        rows = reshape(x, shape=(-1, n))
        rows = rows if mean is None else rows - mean
        found = _singular(rows, cov, n) if allow_singular else _regular(rows, cov, n)
        return reshape(found, shape=() if shape == (1,) and n == 1 else shape)

    @guarded
    def pdf(self, x: Any, mean: Any = None, cov: Any = 1, allow_singular: bool = False) -> Any:
        """Density."""
        return exp(self.logpdf(x, mean, cov, allow_singular))


_CUTOFF = {"f": 1e3, "d": 1e6}
"""SciPy's: eigenvalues below so many times the dtype's precision, of the largest, are 0."""


def _cutoff(cov: Any) -> float:
    return _CUTOFF.get(cov.dtype.char, 1e6) * float(np.finfo(cov.dtype).eps)


def _regular(rows: Any, cov: Any, n: int) -> Any:
    lower = cholesky(cov)
    pivots = diagonal(lower) * diagonal(lower)
    if not _all(pivots > _cutoff(cov) * max(pivots)):
        raise LinearAlgebraError("multivariate_normal: the covariance is singular; allow_singular=True takes it.")
    turned = solve(lower, rows.T)
    return -0.5 * (n * log_of(2 * pi) + sum(turned * turned, axis=0)) - sum(log(diagonal(lower)))


def _singular(rows: Any, cov: Any, n: int) -> Any:
    w = eigvalsh(cov)
    smallest = _cutoff(w) * absolute(w[-1])
    kept = w > smallest
    inverse = pinv(cov, _cutoff(w))
    along = matmul(rows, inverse)
    outside = rows - matmul(along, cov)
    within = sum(outside * outside, axis=1) < (1e3 * smallest) ** 2
    size = sum(kept) * log_of(2 * pi) + sum(where(kept, log(where(kept, w, 1.0)), 0.0))
    return where(within, -0.5 * (size + sum(along * rows, axis=1)), -np.inf)


multivariate_normal = MultivariateNormal()


@final
@dataclass(frozen=True, slots=True)
class Dirichlet:
    """The distribution of n shares x, which add up to 1, with concentrations alpha (n,), as in `scipy.stats`.

    x: (n, …), or without the last share, which follows from the others. Differentiable for both, for x as if the shares
    were free. Needs SciPy. Raises ArgumentError for shares that do not add up to 1, and for an alpha that is not
    positive.
    """

    @guarded
    def logpdf(self, x: Any, alpha: Any) -> Any:
        """Logarithm of the density."""
        x, alpha = operand(x), operand(alpha)
        if alpha.ndim != 1 or not x.ndim or len(x) not in (len(alpha), len(alpha) - 1):
            raise ShapeError(f"dirichlet: {describe(x)} has a share for each of the concentrations {describe(alpha)}.")
        if len(x) < len(alpha):
            x = concatenate([x, 1.0 - sum(x, axis=0, keepdims=True)])
        if not _all((sum(x, axis=0) - 1.0) * (sum(x, axis=0) - 1.0) <= 1e-18) or not _all(x >= 0):
            raise ArgumentError(
                "dirichlet: shares are 0 or more and add up to 1 along the first axis. Divide by their sum."
            )
        if not _all(alpha > 0):
            raise ArgumentError("dirichlet: every concentration is greater than 0.")
        weights = reshape(alpha, shape=(-1,) + (1,) * (x.ndim - 1))
        return sum(xlogy(weights - 1.0, x), axis=0) + gammaln(sum(alpha)) - sum(gammaln(alpha))

    @guarded
    def pdf(self, x: Any, alpha: Any) -> Any:
        """Density."""
        return exp(self.logpdf(x, alpha))


def _all(truths: Any) -> bool:
    return bool(np.all(getattr(truths, "value", truths)))


dirichlet = Dirichlet()
