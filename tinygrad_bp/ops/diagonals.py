"""Diagonals and triangles of matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_bp.calls import guarded
from tinygrad_bp.errors import ShapeError, describe
from tinygrad_bp.ops.comparison import where
from tinygrad_bp.ops.indexing import ARRAY, at, scatter_add
from tinygrad_bp.ops.linear_algebra import operand
from tinygrad_bp.ops.reductions import sum
from tinygrad_bp.ops.shaping import moveaxis, ravel


def _places(rows: int, columns: int, offset: int) -> tuple[Any, Any]:
    """Row and column of every element of a diagonal."""
    i, j = max(-offset, 0), max(offset, 0)
    along = np.arange(max(min(rows - i, columns - j), 0))
    return along + i, along + j


@guarded
def diagonal(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """The diagonal of the matrices on two axes, `offset` columns to the right, as the last axis."""
    x = moveaxis(x, (axis1, axis2), (-2, -1))
    return at(x, (..., *_places(x.shape[-2], x.shape[-1], offset)))


@guarded
def diag(v: Any, k: int = 0) -> Any:
    """The square matrix with the vector v on its k-th diagonal; the k-th diagonal of a matrix v."""
    v = operand(v)
    if v.ndim == 2:
        return diagonal(v, k)
    if v.ndim != 1:
        raise ShapeError(f"diag takes a vector or a matrix; got {describe(v)}. Use diagonal for more axes.")
    n = v.size + abs(k)
    return scatter_add(v, *_places(n, n, k), index=(ARRAY, ARRAY), shape=(n, n))


@guarded
def diagflat(v: Any, k: int = 0) -> Any:
    """The square matrix with all elements of v on its k-th diagonal."""
    return diag(ravel(v), k)


@guarded
def trace(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """Sum of the diagonal, `offset` columns to the right, of the matrices on two axes."""
    return sum(diagonal(x, offset, axis1, axis2), axis=-1)


@guarded
def matrix_diagonal(x: Any, offset: int = 0) -> Any:
    """The diagonals of the matrices on the last two axes, `offset` columns to the right, as the last axis."""
    return diagonal(x, offset, -2, -1)


@guarded
def matrix_trace(x: Any, offset: int = 0) -> Any:
    """Sum of the diagonal, `offset` columns to the right, of the matrices on the last two axes."""
    return trace(x, offset, -2, -1)


@guarded
def tril(x: Any, k: int = 0) -> Any:
    """Matrices with 0 above the k-th diagonal."""
    return _triangle(x, lambda rows, columns: np.tri(rows, columns, k, bool))


@guarded
def triu(x: Any, k: int = 0) -> Any:
    """Matrices with 0 below the k-th diagonal."""
    return _triangle(x, lambda rows, columns: ~np.tri(rows, columns, k - 1, bool))


def _triangle(x: Any, mask: Any) -> Any:
    x = operand(x)
    if x.ndim < 1:
        raise ShapeError(f"a triangle is part of a matrix; got {describe(x)}.")
    rows, columns = x.shape[-2:] if x.ndim > 1 else (x.size, x.size)
    return where(mask(rows, columns), x, np.zeros((), x.dtype))
