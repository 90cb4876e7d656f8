"""Products of matrices and vectors."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from tinygrad_bp.blocks import into
from tinygrad_bp.broadcasting import unbroadcast
from tinygrad_bp.domains import Shapes
from tinygrad_bp.engine import Node
from tinygrad_bp.errors import describe
from tinygrad_bp.registry import MULTILINEAR, op
from tinygrad_bp.traits import PRODUCT


def operand(x: Any) -> Any:
    """What has a shape and a dtype as it is, anything else as an array."""
    return x if hasattr(x, "dtype") else np.asarray(x)


def floating(*xs: Any) -> Any:
    """The dtype of results that are seldom whole numbers: that of the operands together, float64 for whole numbers."""
    dtype = np.result_type(*xs)
    return dtype if dtype.kind in "fc" else np.dtype(np.float64)


def finite(a: Any) -> Any:
    """a itself; LinAlgError for an array with NaN or infinity: with some, LAPACK's decompositions never end."""
    if isinstance(a, np.ndarray) and not np.isfinite(a).all():
        raise np.linalg.LinAlgError("it holds NaN or infinity")
    return a


def _rows(x: Any) -> Any:
    """(…, n) as a matrix: all that stands before the last axis are rows, and a product of theirs is one."""
    return x.reshape((prod(x.shape[:-1]), x.shape[-1]))


def _left(g: Any, y: Any, a: Any, b: Any, *_: Any) -> Any:
    """g·bᵀ, with the axis that a 1-d operand lacks put in and taken out again."""
    if a.ndim == 2 == b.ndim:
        return g.dot(b.T)
    if _has_rows(a, b, g):
        return _rows(g).dot(b.T).reshape(a.shape)
    if b.ndim == 1:
        return unbroadcast(g[..., None] * b, a.shape)
    if a.ndim == 1:
        return unbroadcast((b @ g[..., None])[..., 0], a.shape)
    return unbroadcast(g @ b.swapaxes(-1, -2), a.shape)


def _right(g: Any, y: Any, a: Any, b: Any, *_: Any) -> Any:
    """aᵀ·g, likewise."""
    if a.ndim == 2 and b.ndim < 3:
        return a.T @ g if isinstance(g, Node) else a.T.dot(g)  # an array's own dot makes g an array
    if _has_rows(a, b, g):
        return _right(_rows(g), y, _rows(a), b)
    if a.ndim == 1:
        return unbroadcast(a[:, None] * g[..., None, :] if b.ndim > 1 else a * g, b.shape)
    if b.ndim == 1:
        return unbroadcast((g[..., None, :] @ a)[..., 0, :], b.shape)
    return unbroadcast(a.swapaxes(-1, -2) @ g, b.shape)


def _has_rows(a: Any, b: Any, y: Any) -> bool:
    """Whether a (…, k) holds the rows of (…, m), with one matrix b for all of them."""
    return b.ndim == 2 < a.ndim and y.shape[:-1] == a.shape[:-1]  # type: ignore[no-any-return]


def _product(a: Any, b: Any) -> Any:
    """a·b; many matrices with one on their right are one product."""
    if a.ndim == 2 == b.ndim:  # an array's own dot is the same, and sooner begun
        return a.dot(b) if a.__class__ is np.ndarray is b.__class__ else np.dot(a, b)
    if b.ndim == 2 < a.ndim:
        return np.dot(_rows(a), b).reshape((*a.shape[:-1], b.shape[1]))
    return np.matmul(a, b)


def _explain(a: Any, b: Any) -> str:
    shapes = np.shape(a), np.shape(b)
    if () in shapes:
        return f"matmul: {describe(a)} · {describe(b)}: a 0-d operand has no inner dimension. Use * to scale."
    inner = shapes[0][-1], shapes[1][-2 if len(shapes[1]) > 1 else 0]
    if inner[0] != inner[1]:
        return (
            f"matmul: inner dimensions differ: {describe(a)} · {describe(b)}: {inner[0]} ≠ {inner[1]}. "
            "Transpose one operand or check the layer sizes."
        )
    return f"matmul: batch dimensions of {describe(a)} · {describe(b)} do not broadcast. Insert axes of length 1."


@op(
    vjps=(_left, _right),
    jvp=MULTILINEAR,
    latex=r"{0} \cdot {1}",
    domain=Shapes("ij,jk", "j,j", "ij,j", "j,jk", "bij,bjk", "bij,jk", "ij,bjk", "bij,j", "j,bjk"),
    explain=_explain,
    traits=PRODUCT,
)
def matmul(a: Any, b: Any) -> Any:
    """Matrix product a·b of (…, n, k) and (…, k, m), of a vector where an operand is 1-d, batched over leading axes.

    VJPs: ∂C/∂a = g·bᵀ and ∂C/∂b = aᵀ·g. Raises ShapeError if the inner dimensions differ.
    """
    return _product(a, b)


def _explain_affine(a: Any, b: Any, c: Any) -> str:
    if np.ndim(a) and np.ndim(b) and np.shape(a)[-1] != np.shape(b)[-2 if np.ndim(b) > 1 else 0]:
        return _explain(a, b).replace("matmul", "affine")
    return f"affine: {describe(c)} does not broadcast to the product {describe(a)} · {describe(b)}."


@op(
    vjps=(_left, _right, lambda g, y, a, b, c: g),
    jvp=(lambda t, y, a, b, c: matmul(t, b), lambda t, y, a, b, c: matmul(a, t), lambda t, y, a, b, c: t),
    latex=r"{0} \cdot {1} + {2}",
    domain=Shapes("ij,jk,ik", "ij,jk,k", "ij,jk,", "ij,j,i", "j,jk,k", "bij,jk,k"),
    explain=_explain_affine,
    traits=PRODUCT,
)
def affine(a: Any, b: Any, c: Any) -> Any:
    """Affine map a·b + c, the pre-activation of a layer as one op: W·a + b with examples as columns, x·W + b as rows.

    c broadcasts to the product. VJPs: g·bᵀ, aᵀ·g, and g summed over the axes along which c was repeated.
    """
    y = _product(a, b)
    if c.__class__ is np.ndarray is y.__class__ and c.dtype is y.dtype and c.shape == y.shape[-1:]:
        return into(y, np.add, y, c)
    z = y + c
    if z.shape != y.shape:
        raise ValueError("c has more axes, or longer ones, than a·b")
    return z
