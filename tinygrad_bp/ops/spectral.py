"""Eigenvalues of symmetric matrices, and singular values.

The rules are written for real and complex matrices alike: with adjoints, for the conjugate of the cotangent. For real
ones that is the transpose and the cotangent itself.
"""

from __future__ import annotations

from typing import Any, Generic, Literal, NamedTuple, TypeVar, overload

import numpy as np

from tinygrad_bp.calls import guarded
from tinygrad_bp.domains import Shapes
from tinygrad_bp.errors import ArgumentError, describe
from tinygrad_bp.ops.complex import adjoint, conjugated, real
from tinygrad_bp.ops.decompositions import hermitian
from tinygrad_bp.ops.indexing import scatter_add
from tinygrad_bp.ops.linear_algebra import finite, matmul, operand
from tinygrad_bp.ops.ties import (
    any_basis,
    averaged,
    beside_vectors,
    constant,
    largest,
    one_over,
    settled,
    some,
    vanishing,
)
from tinygrad_bp.registry import op


def _signs(vectors: Any) -> Any:
    """What to multiply columns by so that the first large element of each (half of the largest) is positive.

    LAPACK's own signs jump from one matrix to the next, too often for a derivative. Complex columns stay as they are.
    """
    if vectors.dtype.kind == "c" or not vectors.size:
        return 1.0
    size = np.absolute(vectors)
    first = np.argmax(size >= 0.5 * np.max(size, axis=-2, keepdims=True), axis=-2)
    return np.sign(np.take_along_axis(vectors, first[..., None, :], axis=-2))


def _real_if_packed(x: Any) -> Any:
    """A real part that travelled in a complex array."""
    return real(x) if x.dtype.kind == "c" else x


# --- eigenvalues ------------------------------------------------------------------------------------------------------


A = TypeVar("A")


class EighResult(NamedTuple, Generic[A]):
    """Eigenvalues in ascending order, and eigenvectors as columns."""

    eigenvalues: A
    eigenvectors: A


def _equal(w: Any) -> Any:
    """Which pairs are equal, each value with itself included."""
    return vanishing(w[..., None, :] - w[..., :, None], largest(w)[..., None], w.shape[-1])


def _gaps(w: Any, equal: Any) -> Any:
    """1/(wⱼ − wᵢ), and 0 for equal ones."""
    return one_over(w[..., None, :] - w[..., :, None], equal)


def _repeated(equal: Any) -> Any:
    """The values that are equal to another."""
    return np.add.reduce(equal, axis=-1) > 1


def _spectrum(y: Any) -> tuple[Any, Any]:
    return _real_if_packed(y[..., 0, :]), y[..., 1:, :]


_EIGH = " of eigh at equal eigenvalues"
_TURNED = "the derivative of what depends on how the vectors are turned, by phase or among those of equal values,"


def _eigh_vjp(g: Any, y: Any, a: Any) -> Any:
    w, v = _spectrum(y)
    dw, dv = _spectrum(conjugated(g))
    equal = _equal(w)
    turned = matmul(adjoint(v), dv)
    along = v * averaged(dw, equal)
    share = conjugated(hermitian(matmul(along + matmul(v, _gaps(w, equal) * turned), adjoint(v))))
    if constant(g) and not np.any(dv):
        return share
    share = share + any_basis(turned - adjoint(turned), equal, dv, of=_TURNED)
    return settled(share, a[..., :0], a, some(_repeated(equal)), of=f"the second derivative{_EIGH}")


def _eigh_jvp(t: Any, y: Any, a: Any) -> Any:
    w, v = _spectrum(y)
    moved = matmul(hermitian(t), v)
    equal = _equal(w)
    dw = _real_if_packed(np.add.reduce(conjugated(v) * moved, axis=-2))
    dw = averaged(dw, equal)[..., 0, :]
    dv = matmul(v, _gaps(w, equal) * matmul(adjoint(v), moved))
    top = scatter_add(dw.astype(dv.dtype), index=(Ellipsis, 0, slice(None)), shape=y.shape)
    below = scatter_add(dv, index=(Ellipsis, slice(1, None), slice(None)), shape=y.shape)
    return settled(top + below, t, a, some(_repeated(equal)), of=f"the second derivative{_EIGH}")


def _spread_eigenvalues(a: Any, **_: Any) -> tuple[Any, ...]:
    n = a.shape[-1]
    return (a / 10 + np.diag(np.arange(n) * 2.0 - 2.5),)


@op(
    internal=True,
    vjps=(_eigh_vjp,),
    jvp=_eigh_jvp,
    latex=r"\operatorname{eigh}({0})",
    domain=Shapes("ii", "bii", prepare=_spread_eigenvalues, bounded=True, analytic=False),
    convention="equal eigenvalues share, and add nothing through their eigenvectors; no second derivative there",
)
def eigh_packed(a: Any) -> Any:
    """Eigenvalues (first row) above eigenvectors (columns) of symmetric matrices (…, n, n): (…, n + 1, n)."""
    w, v = np.linalg.eigh(hermitian(a))
    return np.concatenate([w[..., None, :], v * _signs(v)], axis=-2)


UPLO = Literal["L", "U", "l", "u"] | None


def _read(a: Any, uplo: UPLO) -> Any:
    """The symmetric matrix that one triangle of a stands for; a itself if both count."""
    if uplo is None:
        return a
    side = str(uplo).upper()
    if side not in ("L", "U"):
        raise ArgumentError(f"eigh: UPLO is 'L' for the lower triangle or 'U' for the upper one; got {uplo!r}.")
    a = operand(a)
    n = a.shape[-1]
    below = a * np.tri(n, n, -1, bool) if side == "L" else a * ~np.tri(n, n, 0, bool)
    return below + adjoint(below) + hermitian(a * np.eye(n, dtype=bool))


@guarded
def eigh(a: Any, UPLO: UPLO = None) -> EighResult[Any]:
    """Eigenvalues w (…, n), ascending, and orthonormal eigenvectors v (…, n, n), columns, of symmetric (Hermitian)
    matrices.

    Of a the symmetric part (a + aᴴ)/2 counts, so that the gradient is symmetric like a; with UPLO="L" or "U" only that
    triangle, which has all of the gradient then. The first large element of each real eigenvector is positive. Equal
    eigenvalues add nothing through their eigenvectors, which have no derivative: right for the first derivative of
    functions of whole eigenspaces. Raises LinearAlgebraError for a gradient that turning these vectors among themselves
    would change, or complex ones in phase (a `jvp` comes before it is known what the vectors are for); at equal
    eigenvalues for a second derivative, and for any through them, as v·f(w)·vᴴ takes more than the derivatives of w and
    v: move them apart, or use `eigvalsh` for functions of eigenvalues alone. A part of w, w[-1], is refused only for
    equal ones in it.
    """
    a = _read(a, UPLO)
    w, v = _spectrum(eigh_packed(a))
    return EighResult(
        beside_vectors(
            w, a, _repeated(_equal(w)), of=f"the derivative of v·f(w)·vᴴ{_EIGH} (eigvalsh has that of f(w))"
        ),
        v,
    )


@guarded
def eigvalsh(a: Any, UPLO: UPLO = None) -> Any:
    """Eigenvalues (…, n) of symmetric (Hermitian) matrices, ascending. VJP: v·diag(g)·vᴴ; equal ones share g.

    UPLO: as for `eigh`.
    """
    return _spectrum(eigh_packed(_read(a, UPLO)))[0]


# --- singular values --------------------------------------------------------------------------------------------------


class SVDResult(NamedTuple, Generic[A]):
    """Left singular vectors (columns), singular values in descending order, right singular vectors (rows)."""

    U: A
    S: A
    Vh: A


def _parts(packed: Any, a: Any) -> tuple[Any, Any, Any]:
    m, n = a.shape[-2:]
    k, batch = min(m, n), packed.shape[:-1]
    u, s, vh = packed[..., : m * k], packed[..., m * k : m * k + k], packed[..., m * k + k :]
    return u.reshape((*batch, m, k)), _real_if_packed(s), vh.reshape((*batch, k, n))


def _coinciding(s: Any, a: Any) -> tuple[Any, Any]:
    """Which singular values of a are 0, and which pairs are equal."""
    norm, n = largest(s), max(a.shape[-2:])
    return vanishing(s, norm, n), vanishing(s[..., None, :] - s[..., :, None], norm[..., None], n)


def _singular(s: Any, a: Any) -> tuple[Any, Any, Any, Any, Any]:
    """1/sᵢ, 1/(sⱼ − sᵢ) and 1/(sⱼ + sᵢ), each 0 instead of infinite; which are 0, and which pairs are equal."""
    zero, equal = _coinciding(s, a)
    row, column = s[..., None, :], s[..., :, None]
    none = vanishing(row + column, largest(s)[..., None], max(a.shape[-2:]))
    return one_over(s, zero), one_over(row - column, equal), one_over(row + column, none), zero, equal


_SVD = " of svd at equal singular values, or at one of 0,"


def _unsmooth(zero: Any, equal: Any) -> Any:
    """The singular values that are equal to another, or 0."""
    return _repeated(equal) | zero


def _svd_vjp(g: Any, y: Any, a: Any) -> Any:
    u, s, vh = _parts(y, a)
    du, ds, dvh = _parts(conjugated(g), a)
    v, dv = adjoint(vh), adjoint(dvh)
    inverse, apart, together, zero, equal = _singular(s, a)
    p, q = matmul(adjoint(u), du), matmul(vh, dv)
    turn_u, turn_v = p - adjoint(p), q - adjoint(q)
    inside = 0.5 * (apart * (turn_u + turn_v) + together * (turn_u - turn_v))
    inside = inside + np.eye(s.shape[-1], dtype=s.dtype) * averaged(ds * (inverse != 0), equal)
    scaled = inverse[..., None, :]
    out_u, out_v = du - matmul(u, p), dv - matmul(v, q)
    outside = matmul(out_u * scaled, vh) + matmul(u, adjoint(out_v * scaled))
    share = conjugated(matmul(u, matmul(inside, vh)) + outside)
    if constant(g) and not np.any(du) | np.any(dv):
        return share
    share = share + any_basis(turn_u + turn_v, equal, np.concatenate([du, dv], axis=-2), of=_TURNED)
    none = zero[..., None, :]  # whose vectors turn in U and V apart, and out of them
    for turn, out, cotangent in ((turn_u, out_u, du), (turn_v, out_v, dv)):
        for skew, pairs in ((turn, equal & none), (out, none)):
            share = share + any_basis(skew, pairs, cotangent, of=_TURNED)
    return settled(share, a[..., :0], a, some(_unsmooth(zero, equal)), of=f"the second derivative{_SVD}")


def _svd_jvp(t: Any, y: Any, a: Any) -> Any:
    u, s, vh = _parts(y, a)
    v = adjoint(vh)
    inverse, apart, together, zero, equal = _singular(s, a)
    ahead, behind = matmul(t, v), matmul(adjoint(t), u)
    inside = matmul(adjoint(u), ahead)
    alike, unlike = apart * (inside + adjoint(inside)), together * (inside - adjoint(inside))
    left, right = 0.5 * (alike + unlike), 0.5 * (alike - unlike)
    scaled = inverse[..., None, :]
    du = matmul(u, left) + (ahead - matmul(u, inside)) * scaled
    dv = matmul(v, right) + (behind - matmul(v, adjoint(inside))) * scaled
    ds = _real_if_packed(np.add.reduce(conjugated(u) * ahead, axis=-2)) * (inverse != 0)
    ds = averaged(ds, equal)[..., 0, :]
    row = _svd_row(du, ds.astype(du.dtype), adjoint(dv), y.shape)
    return settled(row, t, a, some(_unsmooth(zero, equal)), of=f"the second derivative{_SVD}")


def _svd_row(u: Any, s: Any, vh: Any, shape: tuple[int, ...]) -> Any:
    """The three parts one after the other, in one row for each matrix."""
    total, start = 0.0, 0
    for part, axes in ((u, 2), (s, 1), (vh, 2)):
        row = part.reshape((*shape[:-1], int(np.prod(part.shape[-axes:]))))
        stop = start + row.shape[-1]
        total = total + scatter_add(row, index=(Ellipsis, slice(start, stop)), shape=shape)
        start = stop
    return total


def _spread_singular_values(a: Any, **_: Any) -> tuple[Any, ...]:
    m, n = a.shape[-2:]
    return (a / 10 + np.eye(m, n) * (np.arange(n) * 2.0 + 1.5),)


@op(
    internal=True,
    vjps=(_svd_vjp,),
    jvp=_svd_jvp,
    latex=r"\operatorname{svd}({0})",
    domain=Shapes("ii", "ij", "bij", prepare=_spread_singular_values, bounded=True, analytic=False),
    convention="0 for singular values of 0; equal ones share, and add nothing through turning U and V alike; no second "
    "derivative there",
)
def svd_packed(a: Any) -> Any:
    """U (…, m, k), S (…, k) and Vᴴ (…, k, n) of matrices (…, m, n), k = min(m, n), flattened one after the other."""
    u, s, vh = np.linalg.svd(finite(a), full_matrices=False)
    signs = _signs(u)
    u, vh = u * signs, vh * np.swapaxes(signs, -1, -2) if np.ndim(signs) else vh
    batch = s.shape[:-1]
    sizes = u.shape[-2] * u.shape[-1], vh.shape[-2] * vh.shape[-1]
    return np.concatenate([u.reshape(*batch, sizes[0]), s, vh.reshape(*batch, sizes[1])], axis=-1)


@overload
def svd(a: Any, full_matrices: bool = True, compute_uv: Literal[True] = True) -> SVDResult[Any]: ...
@overload
def svd(a: Any, full_matrices: bool = True, *, compute_uv: Literal[False]) -> Any: ...
@guarded
def svd(a: Any, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """Singular value decomposition a = U·diag(S)·Vᴴ of matrices (…, m, n): U (…, m, k), S (…, k) descending, Vᴴ
    (…, k, n), k = min(m, n). With compute_uv=False only S.

    full_matrices=True, NumPy's default, is for square matrices: the further columns are arbitrary and have no
    derivative. The first large element of each real column of U is positive. The vectors of equal singular values
    have no derivative, such pairs add nothing through turning alike in U and V: right for functions of whole
    subspaces, as U·Vᴴ is, to first order. Gradients of what depends on the basis are refused as by `eigh`. At equal
    values, or at one of 0, the second derivative raises LinearAlgebraError, and so does, as for `eigh`, any through
    these values themselves, if they are in the part of S that is used, S[0]; with compute_uv=False equal ones share
    their gradient, and 0 gets 0.
    """
    a = operand(a)
    m, n = a.shape[-2:]
    if compute_uv and full_matrices and m != n:
        raise ArgumentError(f"svd: the square factors of {describe(a)} have no derivative. Pass full_matrices=False.")
    u, s, vh = _parts(svd_packed(a), a)
    if not compute_uv:
        return s
    tied = _unsmooth(*_coinciding(s, a))
    return SVDResult(
        u, beside_vectors(s, a, tied, of=f"the derivative of u·f(s)·vᴴ{_SVD} (svdvals has that of f(s))"), vh
    )


@guarded
def svdvals(a: Any) -> Any:
    """Singular values (…, k) of matrices (…, m, n), descending. VJP: U·diag(g)·Vᴴ; 0 for singular values of 0."""
    return svd(a, compute_uv=False)
