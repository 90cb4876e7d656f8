"""Norms of vectors and matrices, with NumPy's `ord`."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from tinygrad_bp.calls import guarded
from tinygrad_bp.domains import ANY_SHAPE, Shape, Shapes, axis_params
from tinygrad_bp.errors import ArgumentError, describe
from tinygrad_bp.ops import reductions
from tinygrad_bp.ops.comparison import where
from tinygrad_bp.ops.complex import conjugated
from tinygrad_bp.ops.linear_algebra import operand
from tinygrad_bp.ops.magnitudes import scaled
from tinygrad_bp.ops.reductions import Axis, kept
from tinygrad_bp.ops.spectral import svdvals
from tinygrad_bp.registry import op, plain_number, scale

MatrixOrd = float | Literal["fro", "f", "nuc"] | None

_add_reduce: Any = np.add.reduce


def _direction(x: Any) -> Any:
    """∂|x|/∂x: the sign, the conjugate of x/|x| for complex x, 0 at 0."""
    if x.dtype.kind != "c":
        return np.sign(x)
    return _over(conjugated(x), np.absolute(x))


def _over(x: Any, y: Any) -> Any:
    """x/y, and 0 where y is 0."""
    return where(y == 0, 0.0, x / where(y == 0, 1.0, y))


def _gradient(y: Any, x: Any, axis: Axis, ord: Any) -> Any:
    """∂‖x‖/∂x, an array of x's shape."""
    y = y.reshape(kept(x.shape, axis))
    if ord == 2:
        return _over(conjugated(x), y)
    if ord == 1:
        return _direction(x)
    if ord == 0:
        return np.zeros(x.shape, y.dtype)
    if np.isinf(ord):
        chosen = np.absolute(x) == y
        return _direction(x) * (chosen / _add_reduce(chosen, axis=axis, keepdims=True))
    ratio = _over(np.absolute(x), y)
    return scale(_direction(x), where(ratio == 0, 0.0, where(ratio == 0, 1.0, ratio) ** (ord - 1.0)))


def _vjp(g: Any, y: Any, x: Any, axis: Axis, keepdims: bool, ord: Any) -> Any:
    return scale(g.reshape(kept(x.shape, axis)), _gradient(y, x, axis, ord))


def _jvp(t: Any, y: Any, x: Any, axis: Axis, keepdims: bool, ord: Any) -> Any:
    return _add_reduce(scale(t, _gradient(y, x, axis, ord)), axis=axis, keepdims=keepdims)


def _orders(shape: Shape) -> list[dict[str, Any]]:
    orders = (2, 1, 0, 3, 1.5, -1, np.inf, -np.inf) if all(shape) else (2, 1, 0, 3)
    return [{**params, "ord": order} for params in axis_params(shape) for order in orders]


def _kink(x: Any, axis: Axis, keepdims: bool, ord: Any) -> Any:
    """Distance from the points without a derivative: 0, for the largest and smallest element a tie."""
    if not np.isinf(ord):
        return x
    axes = tuple(range(x.ndim)) if axis is None else tuple(np.atleast_1d(axis))
    lines = np.moveaxis(np.absolute(x), axes, range(-len(axes), 0)).reshape(*np.delete(x.shape, axes), -1)
    return np.concatenate([np.diff(np.sort(lines, axis=-1), axis=-1).ravel(), x.ravel()])


@op(
    vjps=(_vjp,),
    jvp=_jvp,
    latex=r"\lVert {0} \rVert",
    domain=Shapes(*ANY_SHAPE, params=_orders, kink=_kink, analytic=False),
    convention="0 at 0; k ties for the largest or smallest get 1/k each",
)
def vector_norm(x: Any, axis: Axis = None, keepdims: bool = False, ord: float = 2) -> Any:
    """Norm (Σ |xᵢ|ᵖ)^(1/p) for p = `ord` over `axis`; all elements count as one vector if None.

    ord: 2, or any number; 1 the sum, ∞ the largest and −∞ the smallest absolute value, 0 the number of elements that
    are not 0. ∂y/∂xᵢ = sign xᵢ·(|xᵢ|/y)^(p−1), for p = 2 x/y; 0 where x = 0, and elements that tie for the largest or
    smallest share.
    """
    size, p = np.absolute(x), float(ord)
    if p == 1:
        return _add_reduce(size, axis=axis, keepdims=keepdims)

    def reduce(size: Any) -> Any:
        if p == 2:
            return np.sqrt(_add_reduce(size * size, axis=axis, keepdims=keepdims))
        return np.linalg.vector_norm(size, axis=axis, keepdims=keepdims, ord=ord)  # type: ignore[arg-type]

    return reduce(size) if p in (0, np.inf, -np.inf) else scaled(reduce, size, axis, p)


_VECTOR_OF_SUMS = {1: (-2, "max"), -1: (-2, "min"), np.inf: (-1, "max"), -np.inf: (-1, "min")}
_OF_SINGULAR_VALUES = {"nuc": "sum", 2: "max", -2: "min"}


@guarded
def matrix_norm(x: Any, keepdims: bool = False, ord: MatrixOrd = "fro") -> Any:
    """Norm of matrices, the last two axes.

    ord: "fro" √Σ|xᵢⱼ|², "nuc" the sum of the singular values, 2 and −2 the largest and the smallest, 1 and −1 the
    largest and the smallest sum over a column of |xᵢⱼ|, ∞ and −∞ over a row. Raises ArgumentError for others.
    """
    x, ord = operand(x), plain_number("matrix_norm", "ord", ord)
    if ord in ("fro", "f", None):
        return vector_norm(x, axis=(-2, -1), keepdims=keepdims)
    if ord in _OF_SINGULAR_VALUES:
        values = getattr(reductions, _OF_SINGULAR_VALUES[ord])(svdvals(x), axis=-1)
    elif ord in _VECTOR_OF_SUMS:
        axis, choose = _VECTOR_OF_SUMS[ord]
        values = getattr(reductions, choose)(vector_norm(x, axis=axis, ord=1), axis=-1)
    else:
        raise ArgumentError(f"a matrix norm has ord 'fro', 'nuc', 1, -1, 2, -2, inf or -inf; got {ord!r}.")
    return values[..., None, None] if keepdims else values


@guarded
def norm(x: Any, ord: MatrixOrd = None, axis: Axis = None, keepdims: bool = False) -> Any:
    """Norm of vectors (one axis) or matrices (two axes), as in NumPy; the 2-norm of all elements by default.

    ord: for vectors any number, see `vector_norm`; for matrices see `matrix_norm`. Without an axis, x has one or two.
    At 0 every norm has gradient 0.
    """
    x = operand(x)
    if axis is None and ord is None:
        return vector_norm(x, keepdims=keepdims)
    axes = tuple(range(x.ndim)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    if len(axes) == 1:
        if isinstance(ord, str):
            raise ArgumentError(f"norm: ord {ord!r} is for matrices; {describe(x)} with axis {axes[0]} is a vector.")
        return vector_norm(x, axis=axes[0], keepdims=keepdims, ord=2 if ord is None else ord)
    row, column = _matrix_axes(x, axes)
    rest = [i for i in range(x.ndim) if i not in (row, column)]
    y = matrix_norm(x.transpose((*rest, row, column)), ord=ord)
    return y.reshape(kept(x.shape, axes)) if keepdims else y


def _matrix_axes(x: Any, axes: tuple[int, ...]) -> tuple[int, int]:
    if len(axes) != 2 or not all(-x.ndim <= i < x.ndim for i in axes) or axes[0] % x.ndim == axes[1] % x.ndim:
        raise ArgumentError(
            f"norm: a vector has one axis and a matrix two different ones; got {axes} of {describe(x)}. Name them."
        )
    return axes[0] % x.ndim, axes[1] % x.ndim
