"""The Moore–Penrose inverse, and least squares."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_bp.annotations import Array
from tinygrad_bp.calls import guarded
from tinygrad_bp.domains import Shapes
from tinygrad_bp.errors import ShapeError, describe
from tinygrad_bp.ops.complex import adjoint, conjugated, real
from tinygrad_bp.ops.counting import count_nonzero
from tinygrad_bp.ops.linear_algebra import finite, matmul, operand
from tinygrad_bp.ops.reductions import sum
from tinygrad_bp.ops.shaping import atleast_1d
from tinygrad_bp.ops.spectral import svd, svdvals
from tinygrad_bp.ops.ties import largest, vanishing
from tinygrad_bp.registry import op


def _vjp(g: Any, y: Any, a: Any, rcond: Any) -> Any:
    p, h = adjoint(y), conjugated(g)
    gh = adjoint(h)
    left, right = matmul(gh, matmul(y, p)), matmul(matmul(p, y), gh)
    share = left - matmul(a, matmul(y, left)) + right - matmul(matmul(right, y), a) - matmul(p, matmul(h, p))
    return conjugated(share)


def _jvp(t: Any, y: Any, a: Any, rcond: Any) -> Any:
    p, th = adjoint(y), adjoint(t)
    left, right = matmul(matmul(y, p), th), matmul(th, matmul(p, y))
    return left - matmul(matmul(left, a), y) + right - matmul(y, matmul(a, right)) - matmul(y, matmul(t, y))


def _full_rank(a: Any, **_: Any) -> tuple[Any, ...]:
    n = max(a.shape[-2:])
    return (a / 2 + (n + 1) * np.eye(*a.shape[-2:]),)


@op(
    internal=True,
    vjps=(_vjp,),
    jvp=_jvp,
    latex="{0}^{+}",
    domain=Shapes("ij", "bij", prepare=_full_rank, bounded=True, analytic=False),
    convention="the rank stays as it is",
)
def pseudoinverse(a: Any, rcond: float | Array | None = None) -> Any:
    """Moore–Penrose inverse of matrices (…, m, n) whose singular values up to `rcond` times the largest are 0."""
    return np.linalg.pinv(finite(a)) if rcond is None else np.linalg.pinv(finite(a), rcond)


@guarded
def pinv(a: Any, rcond: float | Array | None = None) -> Any:
    """Moore–Penrose inverse of matrices (…, m, n): the solution of least squares. Of shape (…, n, m).

    Singular values up to `rcond` times the largest count as 0 (NumPy's default if None). The derivative is that along
    matrices of the same rank, the only ones among which the inverse is continuous. Where `rcond` takes singular values
    above rounding away, second derivatives need a of full rank without equal ones, and raise LinearAlgebraError else.
    """
    a = operand(a)
    return pseudoinverse(a if rcond is None else _projected(a, np.asarray(rcond)), rcond=rcond)


def _projected(a: Any, rcond: Any) -> Any:
    """a without the singular values that `rcond` takes away, as a itself moves with them."""
    u, s, _ = svd(a, full_matrices=False)
    norm = largest(s)
    kept = s > rcond[..., None] * norm
    if np.all(kept | vanishing(s, norm, max(a.shape[-2:]))):
        return a
    return matmul(matmul(u * kept[..., None, :], adjoint(u)), a)


@guarded
def lstsq(a: Any, b: Any, rcond: float | None = None) -> tuple[Any, Any, int, Any]:
    """Least squares: x = a⁺·b, of those with the smallest ‖b − a·x‖ the one with the smallest norm, for a matrix
    a (m, n) and a vector b, or for each column of a matrix; differentiable for both, as `pinv` is.

    rcond: singular values up to `rcond` times the largest count as 0; by default as many epsilons as max(m, n).
    Returns (x, Σ|b − a·x|² of each column, rank, singular values); the sums are empty unless rank = n < m.
    Raises ShapeError for other shapes.
    """
    a, b = operand(a), operand(b)
    if a.ndim != 2 or b.ndim not in (1, 2) or len(a) != len(b):
        raise ShapeError(f"lstsq: a (m, n) goes with b (m,) or (m, k); got a {describe(a)} and b {describe(b)}.")
    s = svdvals(a)
    epsilon = float(np.finfo(s.dtype).eps)
    limit = epsilon * max(a.shape) if rcond is None else rcond if rcond >= 0 else epsilon
    x = matmul(pinv(a, limit), b)
    rank = int(count_nonzero(s > limit * s[:1]))
    if not rank == a.shape[1] < len(a):
        return x, np.zeros(0, s.dtype), rank, s
    rest = b - matmul(a, x)
    return x, atleast_1d(sum(real(conjugated(rest) * rest), axis=0)), rank, s
