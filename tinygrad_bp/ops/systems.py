"""Square matrices: linear systems, inverses, determinants and powers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from tinygrad_bp.domains import Shapes
from tinygrad_bp.errors import ArgumentError
from tinygrad_bp.ops.comparison import where
from tinygrad_bp.ops.complex import imag, real
from tinygrad_bp.ops.linear_algebra import matmul, operand
from tinygrad_bp.registry import op


def dominant(a: Any, *others: Any, **_: Any) -> tuple[Any, ...]:
    """A test matrix far from singular: the diagonal outweighs the rows. Other operands stay."""
    n = a.shape[-1]
    return a / 2 + (n + 1) * np.eye(n), *others


def _flipped(a: Any, *others: Any, **_: Any) -> tuple[Any, ...]:
    """The same with its rows in reverse, so that determinants have either sign and pivots are exchanged."""
    return dominant(a)[0][..., ::-1, :], *others


_SQUARE = Shapes("ii", "bii", prepare=_flipped, bounded=True)


def _transposed(a: Any) -> Any:
    return a.swapaxes(-1, -2)


def _columns(x: Any, b: Any) -> Any:
    """A right-hand side, or what belongs to it, as matrices of columns."""
    return x.reshape((*x.shape, 1)) if b.ndim == 1 else x


def _uncolumned(x: Any, b: Any) -> Any:
    return x.reshape(x.shape[:-1]) if b.ndim == 1 else x


def _per_matrix(x: Any) -> Any:
    """One number for each matrix, to multiply them by."""
    return x.reshape((*x.shape, 1, 1))


def _back(g: Any, a: Any, b: Any) -> Any:
    return solve(_transposed(a), _columns(g, b))


@op(
    vjps=(
        lambda g, y, a, b: -matmul(_back(g, a, b), _transposed(_columns(y, b))),
        lambda g, y, a, b: _uncolumned(_back(g, a, b), b),
    ),
    jvp=(
        lambda t, y, a, b: -_uncolumned(solve(a, matmul(t, _columns(y, b))), b),
        lambda t, y, a, b: solve(a, t),
    ),
    latex=r"{0}^{-1} \cdot {1}",
    domain=Shapes("ii,i", "ii,ij", "bii,bij", "bii,i", "ii,bij", "bii,ij", prepare=_flipped, bounded=True),
)
def solve(a: Any, b: Any) -> Any:
    """Solution x of a·x = b for square matrices a (…, n, n) and b (n,) or (…, n, k), batched over leading axes.

    VJPs: ∂C/∂b = w with aᵀ·w = g, and ∂C/∂a = −w·xᵀ. Raises LinearAlgebraError if a is singular or not square.
    """
    return np.linalg.solve(a, b)


@op(
    vjps=(lambda g, y, a: -matmul(_transposed(y), matmul(g, _transposed(y))),),
    jvp=lambda t, y, a: -matmul(y, matmul(t, y)),
    latex="{0}^{-1}",
    domain=_SQUARE,
)
def inv(a: Any) -> Any:
    """Inverse of square matrices (…, n, n). VJP: −yᵀ·g·yᵀ. Raises LinearAlgebraError if a is singular or not square."""
    return np.linalg.inv(a)


def _cofactor_vjp(g: Any, y: Any, a: Any) -> Any:
    back = _transposed(inv(a))
    trace = np.add.reduce(g * y, axis=(-2, -1), keepdims=True)
    return trace * back - matmul(y, matmul(_transposed(g), back))


def _cofactor_jvp(t: Any, y: Any, a: Any) -> Any:
    back = _transposed(inv(a))
    trace = np.add.reduce(t * back, axis=(-2, -1), keepdims=True)
    return trace * y - matmul(y, matmul(_transposed(t), back))


@op(vjps=(_cofactor_vjp,), jvp=_cofactor_jvp, latex=r"\operatorname{cof}({0})", domain=_SQUARE)
def cofactor(a: Any) -> Any:
    """Cofactors of square matrices (…, n, n): ∂ det a/∂a, which is det(a)·a⁻ᵀ, and exact for singular a too.

    Its own derivative raises LinearAlgebraError if a is singular.
    """
    determinant = np.linalg.det(a)
    if np.all(determinant):
        return _per_matrix(determinant) * _transposed(np.linalg.inv(a))
    u, s, vh = np.linalg.svd(a)
    unit = np.eye(s.shape[-1], dtype=bool)
    others = np.prod(np.where(unit, 1, s[..., None, :]), axis=-1)
    sign = _per_matrix(np.linalg.det(u) * np.linalg.det(vh))
    return (sign * (np.conjugate(u) * others[..., None, :]) @ np.conjugate(vh)).astype(a.dtype)


@op(
    vjps=(lambda g, y, a: _per_matrix(g) * cofactor(a),),
    jvp=lambda t, y, a: np.add.reduce(t * cofactor(a), axis=(-2, -1)),
    latex=r"\det {0}",
    domain=_SQUARE,
    convention="exact for singular matrices",
)
def det(a: Any) -> Any:
    """Determinant of square matrices (…, n, n). ∂y/∂a = det(a)·a⁻ᵀ, the cofactors, for singular matrices too."""
    return np.linalg.det(a)


class SlogdetResult(NamedTuple):
    """Sign and logarithm of the absolute value of a determinant."""

    sign: Any
    logabsdet: Any


def _pair(first: Any, second: Any) -> Any:
    """Two numbers for each matrix, one array above the other."""
    unit = np.eye(2, dtype=second.dtype).reshape((2, 2) + (1,) * second.ndim)
    return unit[0] * first + unit[1] * second


def _slogdet_vjp(g: Any, y: Any, a: Any) -> Any:
    weight = g[1]
    if a.dtype.kind == "c":
        weight = real(weight) + imag(g[0] * y[0]) * 1j
    return _per_matrix(weight) * _transposed(inv(a))


def _slogdet_jvp(t: Any, y: Any, a: Any) -> Any:
    moved = np.add.reduce(t * _transposed(inv(a)), axis=(-2, -1))
    if a.dtype.kind == "c":
        return _pair(y[0] * imag(moved) * 1j, real(moved))
    return _pair(0.0, moved)


@op(
    vjps=(_slogdet_vjp,),
    jvp=_slogdet_jvp,
    latex=r"\log \lvert \det {0} \rvert",
    domain=Shapes("ii", "bii", prepare=_flipped, bounded=True, analytic=False),
    convention="the sign of a real determinant gets 0",
)
def slogdet_packed(a: Any) -> Any:
    """Sign and log|det a| of square matrices (…, n, n), one above the other: (2, …). ∂ log|det a|/∂a = a⁻ᵀ."""
    return np.stack(np.linalg.slogdet(a))


def slogdet(a: Any) -> SlogdetResult:
    """Sign and log|det a| of square matrices (…, n, n), without overflow. ∂ log|det a|/∂a = a⁻ᵀ.

    The sign of a real determinant gets no gradient. Of a singular matrix the value is (0, −∞), and the derivative
    raises LinearAlgebraError.
    """
    packed = slogdet_packed(a)
    logarithm = packed[1]
    return SlogdetResult(packed[0], real(logarithm) if logarithm.dtype.kind == "c" else logarithm)


def matrix_power(a: Any, n: int) -> Any:
    """a·a·…·a, n factors, of square matrices; the identity for n = 0, powers of the inverse for n < 0.

    Raises ArgumentError if n is not an integer.
    """
    if not isinstance(n, int | np.integer):
        raise ArgumentError(f"matrix_power: the exponent is an integer; got {n!r}.")
    a = operand(a)
    if n == 0:
        unit = np.linalg.matrix_power(np.zeros(a.shape, a.dtype), 0)
        return where(np.zeros(a.shape, bool), a, unit)
    return _product(inv(a) if n < 0 else a, abs(int(n)))


def _product(base: Any, n: int) -> Any:
    """baseⁿ for n > 0 by squaring."""
    factors: Sequence[Any] = []
    while n:
        factors = [*factors, base] if n % 2 else factors
        n //= 2
        base = matmul(base, base) if n else base
    result = factors[0]
    for factor in factors[1:]:
        result = matmul(result, factor)
    return result
