"""Square matrices: linear systems, inverses, determinants and powers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np

from tinygrad_bp.calls import guarded
from tinygrad_bp.domains import Shapes
from tinygrad_bp.errors import ArgumentError, LinearAlgebraError
from tinygrad_bp.ops.comparison import where
from tinygrad_bp.ops.complex import imag, real
from tinygrad_bp.ops.linear_algebra import finite, matmul, operand
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


@op(
    internal=True,
    vjps=(lambda g, y, a: g,),
    jvp=lambda t, y, a: t,
    latex="{0}",
    domain=_SQUARE,
    whole=True,
)
def independent(a: Any) -> Any:
    """Square matrices a (…, n, n) themselves, if their columns are independent; else LinearAlgebraError.

    What a column adds to those before it must be more than rounding errors.
    """
    r = np.linalg.qr(a)[1]
    added = np.absolute(np.diagonal(r, axis1=-2, axis2=-1))
    if np.any(added <= 16 * a.shape[-1] * np.finfo(a.dtype).eps * np.sqrt(np.sum(np.absolute(r) ** 2, axis=-2))):
        raise LinearAlgebraError(
            "the derivative needs independent columns, and one adds only rounding errors to those before it. Leave it "
            "out, or change the matrix a little."
        )
    return a


def _without_one(s: Any) -> Any:
    """For each singular value the product of the others."""
    return np.prod(np.where(np.eye(s.shape[-1], dtype=bool), 1, s[..., None, :]), axis=-1)


def _without_two(s: Any) -> Any:
    """For each pair of singular values, in descending order, the product of the others; 0 on the diagonal.

    It is the product without the smaller one, divided by the larger one. If that is 0 too there is another 0 among the
    others, except for the last pair.
    """
    n = s.shape[-1]
    without, larger = [np.maximum(x[..., None], x[..., None, :]) for x in (_without_one(s), s)]
    last = np.arange(n) >= n - 2
    divided = np.where(larger == 0, 0, without / np.where(larger == 0, 1, larger))
    return np.where(last[:, None] & last, _per_matrix(np.prod(s[..., :-2], axis=-1)), divided) * ~np.eye(n, dtype=bool)


def _further(a: Any, t: Any, s: Any) -> Any:
    """The third derivative of the determinant along t and s, for regular a."""
    back = _transposed(inv(independent(a)))
    moved = matmul(matmul(back, _transposed(s)), back)
    traces = [np.add.reduce(t * x, axis=(-2, -1), keepdims=True) for x in (back, moved)]
    first = cofactors_along(a, s), cofactor(a)
    return (
        traces[0] * first[0] - traces[1] * first[1]
        - matmul(matmul(first[0], _transposed(t)), back) + matmul(matmul(first[1], _transposed(t)), moved)
    )  # fmt: skip


@op(
    internal=True,
    vjps=(lambda g, y, a, t: _further(a, t, g), lambda g, y, a, t: cofactors_along(a, g)),
    jvp=(lambda s, y, a, t: _further(a, t, s), lambda s, y, a, t: cofactors_along(a, s)),
    latex=r"\operatorname{cof}'({0})[{1}]",
    domain=Shapes("ii,ii", "bii,bii", prepare=_flipped, bounded=True, analytic=False),
)
def cofactors_along(a: Any, t: Any) -> Any:
    """The derivative of the cofactors of square matrices a (…, n, n) along t, the second one of det.

    With a = u·diag(s)·vᴴ it is that of the cofactors of diag(s), turned: products of all s but two, for singular a
    too. It is symmetric, so that it is its own VJP. The derivative for a raises LinearAlgebraError if a is singular, to
    rounding.
    """
    u, s, vh = np.linalg.svd(finite(a))
    n = s.shape[-1]
    others = _without_two(s)
    turned = np.conjugate(u.swapaxes(-1, -2)) @ t @ np.conjugate(vh.swapaxes(-1, -2))
    diagonal = others @ np.diagonal(turned, axis1=-2, axis2=-1)[..., None] * np.eye(n)
    inside = diagonal - others * turned.swapaxes(-1, -2)
    sign = _per_matrix(np.linalg.det(u) * np.linalg.det(vh))
    return (sign * np.conjugate(u) @ inside @ np.conjugate(vh)).astype(np.result_type(a, t))


@op(
    internal=True,
    vjps=(lambda g, y, a: cofactors_along(a, g),),
    jvp=lambda t, y, a: cofactors_along(a, t),
    latex=r"\operatorname{cof}({0})",
    domain=_SQUARE,
)
def cofactor(a: Any) -> Any:
    """Cofactors of square matrices (…, n, n): ∂ det a/∂a, which is det(a)·a⁻ᵀ, and exact for singular a too."""
    determinant = np.linalg.det(a)
    if np.all(determinant):
        return _per_matrix(determinant) * _transposed(np.linalg.inv(a))
    u, s, vh = np.linalg.svd(finite(a))
    sign = _per_matrix(np.linalg.det(u) * np.linalg.det(vh))
    return (sign * (np.conjugate(u) * _without_one(s)[..., None, :]) @ np.conjugate(vh)).astype(a.dtype)


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


A = TypeVar("A")


class SlogdetResult(NamedTuple, Generic[A]):
    """Sign and logarithm of the absolute value of a determinant."""

    sign: A
    logabsdet: A


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
    internal=True,
    vjps=(_slogdet_vjp,),
    jvp=_slogdet_jvp,
    latex=r"\log \lvert \det {0} \rvert",
    domain=Shapes("ii", "bii", prepare=_flipped, bounded=True, analytic=False),
    convention="the sign of a real determinant gets 0",
)
def slogdet_packed(a: Any) -> Any:
    """Sign and log|det a| of square matrices (…, n, n), one above the other: (2, …). ∂ log|det a|/∂a = a⁻ᵀ."""
    return np.stack(np.linalg.slogdet(a))


@guarded
def slogdet(a: Any) -> SlogdetResult[Any]:
    """Sign and log|det a| of square matrices (…, n, n), without overflow. ∂ log|det a|/∂a = a⁻ᵀ.

    The sign of a real determinant gets no gradient. Of a singular matrix the value is (0, −∞), and the derivative
    raises LinearAlgebraError.
    """
    packed = slogdet_packed(a)
    logarithm = packed[1]
    return SlogdetResult(packed[0], real(logarithm) if logarithm.dtype.kind == "c" else logarithm)


@guarded
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
