"""Eigenvalues of any square matrices. They and the eigenvectors are complex, and analytic functions of the matrix."""

from __future__ import annotations

from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np

from tinygrad_bp.calls import guarded
from tinygrad_bp.domains import Shapes
from tinygrad_bp.errors import LinearAlgebraError
from tinygrad_bp.ops.comparison import where
from tinygrad_bp.ops.cumulative import cumsum
from tinygrad_bp.ops.indexing import scatter_add
from tinygrad_bp.ops.linear_algebra import floating, matmul
from tinygrad_bp.ops.norms import vector_norm
from tinygrad_bp.ops.shaping import astype
from tinygrad_bp.ops.systems import solve
from tinygrad_bp.registry import op

A = TypeVar("A")


class EigResult(NamedTuple, Generic[A]):
    """Eigenvalues in LAPACK's order, and eigenvectors as columns."""

    eigenvalues: A
    eigenvectors: A


def _complex(a: Any) -> Any:
    return a.astype(np.result_type(floating(a), np.complex64))


def _apart(y: Any) -> tuple[Any, Any, Any]:
    """Eigenvectors, 1/(wⱼ − wᵢ) with 0 on the diagonal, and where the 1 of each vector is. Equal wᵢ are an error."""
    w, v = distinct_eigenvalues(y[..., 0, :]), y[..., 1:, :]
    n = w.shape[-1]
    same = np.eye(n, dtype=bool)
    gaps = w[..., None, :] - w[..., :, None]
    one = v == 1
    return v, where(same, 0.0, 1.0 / where(same, 1.0, gaps)), one & (cumsum(astype(one, int), axis=-2) == 1)


def _vjp(g: Any, y: Any, a: Any) -> Any:
    v, inverse, one = _apart(y)
    dw, dv = g[..., 0, :], g[..., 1:, :]
    back = v.swapaxes(-1, -2)
    turned = matmul(back, dv - one * np.add.reduce(v * dv, axis=-2, keepdims=True))
    inside = inverse * turned + np.eye(v.shape[-1], dtype=v.dtype) * dw[..., None, :]
    return matmul(solve(back, inside), back)


def _jvp(t: Any, y: Any, a: Any) -> Any:
    v, inverse, one = _apart(y)
    moved = solve(v, matmul(_complex(t), v))
    dw = np.add.reduce(moved * np.eye(v.shape[-1], dtype=v.dtype), axis=-2)
    dv = matmul(v, inverse * moved)
    dv = dv - v * np.add.reduce(one * dv, axis=-2, keepdims=True)
    top = scatter_add(dw, index=(Ellipsis, 0, slice(None)), shape=y.shape)
    return top + scatter_add(dv, index=(Ellipsis, slice(1, None), slice(None)), shape=y.shape)


def _spread(a: Any, **_: Any) -> tuple[Any, ...]:
    """Test matrices with a complex pair of eigenvalues, and real ones far from each other."""
    n = a.shape[-1]
    turn = np.zeros((n, n))
    turn[:2, :2] = [[0, -2], [2, 0]] if n > 1 else 0
    return (a / 10 + turn + np.diag(np.arange(n) // 2 * 3.0 + 1),)


@op(
    internal=True,
    vjps=(lambda g, y, w: g,),
    jvp=lambda t, y, w: t,
    latex="{0}",
    domain=Shapes("bi", kinds="c", prepare=lambda w, **_: (w / 10 + np.arange(w.shape[-1]) * 2.0,), bounded=True),
    whole=True,
)
def distinct_eigenvalues(w: Any) -> Any:
    """Eigenvalues w (…, n) themselves, if no two of a matrix are equal, to rounding; else LinearAlgebraError."""
    gaps = np.where(np.eye(w.shape[-1], dtype=bool), np.inf, np.absolute(w[..., None, :] - w[..., :, None]))
    size = np.max(np.absolute(w), axis=-1, initial=0.0)[..., None, None]
    if np.any(gaps <= 16 * w.shape[-1] * np.finfo(w.dtype).eps * size):
        raise LinearAlgebraError(
            "eig and eigvals have a derivative where no two eigenvalues are equal, and here two are. Move them apart "
            "by a small change of the matrix, or use eigh or eigvalsh if it is symmetric."
        )
    return w


@op(
    internal=True,
    vjps=(_vjp,),
    jvp=_jvp,
    latex=r"\operatorname{eig}({0})",
    domain=Shapes("ii", "bii", prepare=_spread, bounded=True, analytic=False),
    convention="equal eigenvalues are an error",
)
def eig_packed(a: Any) -> Any:
    """Eigenvalues (first row) above eigenvectors (columns) of square matrices (…, n, n): complex, (…, n + 1, n).

    Of each vector the first large element, half of the largest or more, is 1, so that it is an analytic function of a.
    VJP, for one g on the values and another, h, on the vectors: V⁻ᵀ·(diag(g) + Vᵀh/(wⱼ − wᵢ))·Vᵀ.
    """
    w, v = np.linalg.eig(_complex(a))
    size = np.absolute(v)
    large = size >= 0.5 * np.max(size, axis=-2, keepdims=True, initial=0.0)
    one = np.arange(v.shape[-1])[:, None] == np.argmax(large, axis=-2)[..., None, :] if v.size else large
    pivots = np.add.reduce(v * one, axis=-2, keepdims=True)
    return np.concatenate([w[..., None, :], np.where(one, 1.0, v / pivots)], axis=-2)


@guarded
def eig(a: Any) -> EigResult[Any]:
    """Eigenvalues w (…, n) and eigenvectors v (…, n, n), columns of length 1, of square matrices; both complex.

    The order is LAPACK's. The first large element of each vector is positive; with it fixed, its derivative is that of
    any function of it. Raises LinearAlgebraError for the derivative at equal eigenvalues.

    >>> import tinygrad_bp as tg
    >>> tg.grad(lambda a: tg.real(tg.linalg.eig(a).eigenvalues[0]))(np.array([[2.0, 1.0], [4.0, 2.0]]))
    array([[0.5 , 1.  ],
           [0.25, 0.5 ]])
    """
    packed = eig_packed(a)
    vectors = packed[..., 1:, :]
    return EigResult(packed[..., 0, :], vectors / vector_norm(vectors, axis=-2, keepdims=True))


@guarded
def eigvals(a: Any) -> Any:
    """Eigenvalues (…, n) of square matrices, complex, in LAPACK's order. VJP: V⁻ᵀ·diag(g)·Vᵀ.

    Raises LinearAlgebraError for the derivative at equal eigenvalues.
    """
    return eig_packed(a)[..., 0, :]
