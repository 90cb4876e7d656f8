"""Systems of equations, which ONNX has no operator for: elimination, written out column by column."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tinygrad_bp.export.arrays import expanded
from tinygrad_bp.export.writer import Rule, Writer
from tinygrad_bp.program import Step
from tinygrad_bp.program.step import INDEX

LARGEST = 24
"""The most columns to write out: there are some twenty nodes for each."""


def _eliminated(a: Any, n: int) -> tuple[Any, Any, Any]:
    """Gauss and Jordan's elimination of the first n columns of a (…, n, m), pivots the largest there are.

    Returns what the other columns have become, the pivots (…, n), and how often rows were exchanged.
    """
    if n > LARGEST:
        raise TypeError(f"of matrices larger than {LARGEST}")
    rows = np.arange(n)
    pivots, exchanges = [], np.zeros(a.shape[:-2])
    for k in range(n):
        at = np.argmax(np.absolute(a[..., k:, k]), axis=-1)[..., None] + k
        source = np.where(rows == k, at, np.where(rows == at, k, rows))
        exchanges = exchanges + np.squeeze(at != k, axis=-1).astype(np.float64)
        a = np.take_along_axis(a, np.broadcast_to(source[..., None], a.shape), axis=-2)
        row = a[..., k : k + 1, :] / a[..., k : k + 1, k : k + 1]
        pivots.append(a[..., k, k])
        a = np.where((rows == k)[:, None], row, a - a[..., :, k : k + 1] * row)
    return a[..., n:], np.stack(pivots, axis=-1), exchanges


def _beside(a: Any, b: Any) -> Any:
    shape = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    return np.concatenate(
        [np.broadcast_to(a, (*shape, *a.shape[-2:])), np.broadcast_to(b, (*shape, *b.shape[-2:]))], axis=-1
    )


def solve(a: Any, b: Any) -> Any:
    """x with a·x = b; infinite or NaN for a singular matrix."""
    n = a.shape[-1]
    if b.ndim == 1:
        return solve(a, b[:, None])[..., 0]
    return _eliminated(_beside(a, b), n)[0]


def inv(a: Any) -> Any:
    """The inverse."""
    n = a.shape[-1]
    return _eliminated(_beside(a, np.eye(n, dtype=a.dtype)), n)[0]


def _sign(pivots: Any, exchanges: Any) -> Any:
    turned = 1.0 - 2.0 * np.fmod(exchanges, 2.0)
    return np.prod(np.sign(pivots), axis=-1) * turned.astype(pivots.dtype)


def det(a: Any) -> Any:
    """The product of the pivots; 0 from the first that is 0 on."""
    _, pivots, exchanges = _eliminated(a, a.shape[-1])
    product = np.prod(pivots, axis=-1) * (1.0 - 2.0 * np.fmod(exchanges, 2.0)).astype(a.dtype)
    return np.where(np.any((pivots == 0) | np.isnan(pivots), axis=-1), 0.0, product)


def _slogdet(writer: Writer, step: Step) -> str:
    x = step.args[0]
    like = Step(INDEX, shape=x.shape[:-2], dtype=x.dtype)

    def logarithm(a: Any) -> Any:
        return np.sum(np.log(np.absolute(_eliminated(a, a.shape[-1])[1])), axis=-1)

    def sign(a: Any) -> Any:
        return _sign(*_eliminated(a, a.shape[-1])[1:])

    writer.results[step] = [writer.expanded(like, sign, x), writer.expanded(like, logarithm, x)]
    return writer.results[step][0]


def cholesky(a: Any) -> Any:
    """The lower triangular L with L·Lᵀ = a; NaN if a is not positive definite."""
    n = a.shape[-1]
    if n > LARGEST:
        raise TypeError(f"of matrices larger than {LARGEST}")
    rows, columns = np.arange(n), []
    for k in range(n):
        column = np.where(rows >= k, a[..., :, k] / np.sqrt(a[..., k, k])[..., None], 0.0)
        a = a - column[..., :, None] * column[..., None, :]
        columns.append(column)
    return np.stack(columns, axis=-1)


LINEAR: Mapping[Any, Rule] = {
    np.linalg.solve: expanded(solve), np.linalg.inv: expanded(inv), np.linalg.det: expanded(det),
    np.linalg.slogdet: _slogdet, np.linalg.cholesky: expanded(cholesky),
}  # fmt: skip
