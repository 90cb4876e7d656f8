"""Linear systems of matrices with a structure, triangles and bands, by SciPy's names; and matrices of blocks."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from tinygrad_bp.calls import guarded
from tinygrad_bp.domains import Parameters, Shape, Shapes
from tinygrad_bp.errors import ArgumentError, ShapeError, describe
from tinygrad_bp.ops.comparison import where
from tinygrad_bp.ops.complex import adjoint
from tinygrad_bp.ops.indexing import at
from tinygrad_bp.ops.joining import concatenate
from tinygrad_bp.ops.linear_algebra import floating, matmul, operand
from tinygrad_bp.ops.shaping import atleast_2d
from tinygrad_bp.ops.special import scipys
from tinygrad_bp.ops.systems import solve
from tinygrad_bp.registry import op

Transposed = Literal[0, 1, 2, "N", "T", "C"]


@guarded
def solve_triangular(a: Any, b: Any, trans: Transposed = 0, lower: bool = False, unit_diagonal: bool = False) -> Any:
    """Solution x of a·x = b for a triangular matrix a (…, n, n), of which the other triangle does not count.

    trans: 0 or "N" for a itself, 1 or "T" for its transpose, 2 or "C" for its adjoint. unit_diagonal: whether the
    diagonal counts as 1. Differentiable for both. Raises ArgumentError, and LinearAlgebraError for a 0 on the diagonal.
    """
    if trans not in (0, 1, 2, "N", "T", "C"):
        raise ArgumentError(f"solve_triangular: trans is 0, 1, 2, 'N', 'T' or 'C'; got {trans!r}.")
    a = operand(a)
    n = a.shape[-1]
    counts = np.tri(n, n, -unit_diagonal, bool)
    a = where(counts if lower else counts.T, a, 0)
    a = a + np.eye(n, dtype=a.dtype) if unit_diagonal else a
    if trans not in (0, "N"):
        a = a.swapaxes(-1, -2) if trans in (1, "T") else adjoint(a)
    return solve(a, b)


@guarded
def cho_solve(c_and_lower: tuple[Any, bool], b: Any) -> Any:
    """Solution x of a·x = b from the Cholesky factor of a: (c, True) for a = c·cᴴ, (c, False) for a = cᴴ·c.

    Differentiable for c, whose other triangle does not count, and b.
    """
    c, lower = c_and_lower
    first, second = (0, 2) if lower else (2, 0)
    return solve_triangular(c, solve_triangular(c, b, first, lower), second, lower)  # type: ignore[arg-type]  # 0 or 2


@guarded
def block_diag(*arrs: Any) -> Any:
    """The matrix with the given ones along its diagonal, 0 elsewhere; vectors count as rows. VJP: to each its block."""
    blocks = [atleast_2d(a) for a in arrs] or [np.zeros((1, 0))]
    for block in blocks:
        if block.ndim > 2:
            raise ShapeError(f"block_diag: blocks are matrices; got {describe(block)}.")
    width, rows, before = int(np.sum([b.shape[1] for b in blocks])), [], 0
    for block in blocks:
        n, after = block.shape[0], width - before - block.shape[1]
        left, right = np.zeros((n, before), block.dtype), np.zeros((n, after), block.dtype)
        rows.append(concatenate([left, block, right], axis=1))
        before += block.shape[1]
    return concatenate(rows)


# --- bands ------------------------------------------------------------------------------------------------------------
# ab holds a's diagonals as rows, the highest first: ab[u + i − j, j] = a[i, j].


def _places(ab: Any, first: int, sign: int) -> tuple[Any, Any, Any]:
    """For each row r and column j of ab the place j + sign·(r − first), brought into range, and whether it was."""
    rows, n = np.arange(ab.shape[0])[:, None], ab.shape[1]
    places = np.arange(n) + sign * (rows - first)
    return rows, np.clip(places, 0, n - 1), (places >= 0) & (places < n)


def _turned(ab: Any, lower: int, upper: int) -> Any:
    """The diagonals of aᵀ."""
    rows, places, inside = _places(ab, lower, 1)
    return where(inside, at(ab, (rows[::-1], places)), 0)


def _columns(x: Any) -> Any:
    return x if x.ndim == 2 else x.reshape((x.shape[0], 1))


def _ab_vjp(g: Any, y: Any, ab: Any, b: Any, lower: int, upper: int) -> Any:
    w = _columns(banded_solution(_turned(ab, lower, upper), g, lower=upper, upper=lower))
    _, places, inside = _places(ab, upper, 1)
    products = matmul(at(w, places)[..., None, :], _columns(y)[..., None])
    return where(inside, -products[..., 0, 0], 0)


def _b_vjp(g: Any, y: Any, ab: Any, b: Any, lower: int, upper: int) -> Any:
    return banded_solution(_turned(ab, lower, upper), g, lower=upper, upper=lower)


def _ab_jvp(t: Any, y: Any, ab: Any, b: Any, lower: int, upper: int) -> Any:
    rows, places, inside = _places(ab, upper, -1)
    weights = where(inside, at(t, (rows, places)), 0)[..., None]
    moved = np.add.reduce(weights * at(_columns(y), places), axis=0).reshape(y.shape)
    return -banded_solution(ab, moved, lower=lower, upper=upper)


def _bands(ab: Shape, b: Shape) -> Parameters:
    return [{"lower": lower, "upper": ab[0] - 1 - lower} for lower in range(ab[0])]


def _dominant(ab: Any, b: Any, lower: int, upper: int) -> tuple[Any, Any]:
    return ab / 2 + (np.arange(len(ab)) == upper)[:, None] * (len(ab) + 1.0), b


@op(
    internal=True,
    vjps=(_ab_vjp, _b_vjp),
    jvp=(_ab_jvp, lambda t, y, ab, b, lower, upper: banded_solution(ab, t, lower=lower, upper=upper)),
    latex=r"\operatorname{band}({0})^{-1} \cdot {1}",
    domain=Shapes("ij,j", "ij,jk", smallest=1, params=_bands, prepare=_dominant, bounded=True, analytic=False),
    whole=True,
)
def banded_solution(ab: Any, b: Any, lower: int, upper: int) -> Any:
    """Solution x of a·x = b for the matrix with the diagonals ab, so many below and above the main one. Needs SciPy.

    VJPs, with w of aᵀ·w = g: w for b, and −wᵢ·xⱼ for each aᵢⱼ that stands on a diagonal.
    """
    solution = scipys("linalg", "solve_banded")((lower, upper), ab, b)
    return np.ascontiguousarray(solution, floating(ab, b))


@guarded
def solve_banded(l_and_u: tuple[int, int], ab: Any, b: Any) -> Any:
    """Solution x of a·x = b for a matrix of few diagonals, l below and u above the main one, the rows of ab (l + u + 1,
    n), the highest first: ab[u + i − j, j] = a[i, j]. b is (n,) or (n, k).

    Differentiable for ab and b. Needs SciPy. Raises ShapeError for an ab of another number of rows.
    """
    ab = operand(ab)
    lower, upper = [int(n) for n in l_and_u]
    if ab.ndim != 2 or ab.shape[0] != lower + upper + 1:
        raise ShapeError(f"solve_banded: {lower} + {upper} + 1 diagonals are the rows of ab; got {describe(ab)}.")
    return banded_solution(ab, operand(b), lower=lower, upper=upper)
