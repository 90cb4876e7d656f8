"""Triangular decompositions: Cholesky and QR.

The rules are written for real and complex matrices alike: with adjoints, for the conjugate of the cotangent. For real
ones that is the transpose and the cotangent itself.
"""

from __future__ import annotations

from typing import Any, Generic, Literal, NamedTuple, TypeVar, overload

import numpy as np

from tinygrad_bp.calls import guarded
from tinygrad_bp.domains import Shapes
from tinygrad_bp.errors import ArgumentError, describe
from tinygrad_bp.ops.complex import adjoint, conjugated
from tinygrad_bp.ops.linear_algebra import matmul, operand
from tinygrad_bp.ops.systems import dominant, independent, solve
from tinygrad_bp.registry import op


def hermitian(a: Any) -> Any:
    """The symmetric (Hermitian) part, in the precision of a."""
    if a.dtype.kind in "biu":  # whose sum may not be a number of theirs
        a = a.astype(np.float64)
    return (a + adjoint(a)) * 0.5


def _lower_half(x: Any) -> Any:
    """The lower triangle with half the diagonal: φ with x = φ(x) + φ(x)ᴴ for Hermitian x."""
    n = x.shape[-1]
    return x * (np.tri(n, n, 0, x.dtype) - 0.5 * np.eye(n, dtype=x.dtype))


def _right_quotient(x: Any, b: Any) -> Any:
    """x·b⁻¹."""
    return solve(b.swapaxes(-1, -2), x.swapaxes(-1, -2)).swapaxes(-1, -2)


# --- Cholesky ---------------------------------------------------------------------------------------------------------


def _cholesky_vjp(g: Any, y: Any, a: Any) -> Any:
    back = adjoint(y)
    inside = _lower_half(matmul(back, conjugated(g)))
    return conjugated(hermitian(solve(back, adjoint(solve(back, inside)))))


def _cholesky_jvp(t: Any, y: Any, a: Any) -> Any:
    return matmul(y, _lower_half(solve(y, adjoint(solve(y, hermitian(t))))))


@op(
    vjps=(_cholesky_vjp,),
    jvp=_cholesky_jvp,
    latex=r"\operatorname{chol}({0})",
    domain=Shapes("ii", "bii", prepare=dominant, bounded=True, analytic=False),
)
def cholesky(a: Any) -> Any:
    """Lower triangular L with a = L·Lᴴ, of positive definite matrices (…, n, n).

    Of a the symmetric part (a + aᴴ)/2 counts, so that the gradient is symmetric like a. Raises LinearAlgebraError if
    it is not positive definite.
    """
    return np.linalg.cholesky(hermitian(a))


# --- QR ---------------------------------------------------------------------------------------------------------------


A = TypeVar("A")


class QRResult(NamedTuple, Generic[A]):
    """Orthonormal columns and the upper triangle that combines them."""

    Q: A
    R: A


def _basis_vjp(g: Any, y: Any, a: Any) -> Any:
    h = conjugated(g)
    inside = matmul(adjoint(y), h)
    turned = _lower_half(inside - adjoint(inside)) - inside
    r = independent(matmul(adjoint(y), a))
    return conjugated(_right_quotient(h + matmul(y, turned), adjoint(r)))


def _basis_jvp(t: Any, y: Any, a: Any) -> Any:
    moved = _right_quotient(t, independent(matmul(adjoint(y), a)))
    inside = matmul(adjoint(y), moved)
    lower = _lower_half(inside)
    return moved + matmul(y, lower - adjoint(lower) - inside)


def _tall(a: Any, **_: Any) -> tuple[Any, ...]:
    a = a if a.shape[-2] >= a.shape[-1] else a.swapaxes(-1, -2)
    return (a / 2 + (a.shape[-1] + 1) * np.eye(*a.shape[-2:]),)


@op(
    internal=True,
    vjps=(_basis_vjp,),
    jvp=_basis_jvp,
    latex=r"\operatorname{Q}({0})",
    domain=Shapes("ii", "ij", "bij", prepare=_tall, bounded=True, analytic=False),
)
def orthonormal(a: Any) -> Any:
    """Orthonormal columns Q (…, m, n) of the reduced QR decomposition of a (…, m, n), m ≥ n, of full rank."""
    return np.linalg.qr(a)[0]


@overload
def qr(a: Any, mode: Literal["reduced", "complete"] = "reduced") -> QRResult[Any]: ...
@overload
def qr(a: Any, mode: Literal["r"]) -> Any: ...
@guarded
def qr(a: Any, mode: Literal["reduced", "complete", "r"] = "reduced") -> Any:
    """QR decomposition a = Q·R of matrices (…, m, n): Q (…, m, k) with orthonormal columns, R (…, k, n) upper
    triangular, k = min(m, n). With mode "r" only R.

    The first k columns of a must be independent, by more than rounding errors, else the derivative raises
    LinearAlgebraError. Mode "complete" is for m ≤ n: the further columns that it adds are arbitrary, and have no
    derivative.
    """
    a = operand(a)
    m, n = a.shape[-2:]
    if mode not in ("reduced", "complete", "r") or (mode == "complete" and m > n):
        raise ArgumentError(f"qr: mode {mode!r} of {describe(a)} has no derivative. Use 'reduced' or 'r'.")
    q = orthonormal(a if m >= n else a[..., :m])
    r = matmul(adjoint(q), a) * np.triu(np.ones((min(m, n), n), bool))
    return r if mode == "r" else QRResult(q, r)
