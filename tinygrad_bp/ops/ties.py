"""Eigenvalues and singular values that coincide: they share what they get, and end the smooth dependence there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_bp.domains import Shapes
from tinygrad_bp.engine import Node
from tinygrad_bp.errors import LinearAlgebraError
from tinygrad_bp.ops.comparison import where
from tinygrad_bp.ops.linear_algebra import matmul
from tinygrad_bp.registry import op
from tinygrad_bp.traits import Traits


def largest(w: Any) -> Any:
    """The largest |wᵢ|, which is ‖a‖ of the matrix; of none there are 0 to sum."""
    reduce = np.maximum.reduce if w.size else np.add.reduce
    return reduce(np.absolute(w), axis=-1, keepdims=True)


def vanishing(gaps: Any, norm: Any, n: int) -> Any:
    """Whether gaps may be rounding errors of the n eigenvalues of a matrix of this norm.

    LAPACK's eigenvalues are those of a matrix n·eps·‖a‖ away, times a small number; so is the matrix that one meant
    from the one that its elements, rounded, give. Over random bases equal ones come out at most 4·n·eps·‖a‖ apart.
    """
    return np.absolute(gaps) <= 16 * n * float(np.finfo(gaps.dtype).eps) * norm


def one_over(x: Any, none: Any) -> Any:
    """1/x, and 0 where there is none."""
    return where(none, 0.0, 1.0 / where(none, 1.0, x))


def averaged(x: Any, equal: Any) -> Any:
    """x (…, n) as rows (…, 1, n), with the mean over equal values in place of each: `equal` (…, n, n) says which."""
    return matmul(x[..., None, :], (equal / np.add.reduce(equal, axis=-1, keepdims=True)).astype(x.dtype))


def some(tied: Any) -> Any:
    """The matrices of which some value is tied."""
    return np.add.reduce(tied, axis=-1) > 0


def constant(g: Any) -> bool:
    """Whether a cotangent depends on nothing, nor will when a traced program runs on other numbers."""
    return not isinstance(g, Node) or (g.op is None and not g.requires_grad)


# --- where a derivative ends ------------------------------------------------------------------------------------------


def _untied(x: Any, *others: Any, **_: Any) -> tuple[Any, ...]:
    return x, *others[:-1], np.zeros(x.shape[:1], bool)


def _untied_values(w: Any, a: Any, *_: Any, **__: Any) -> tuple[Any, ...]:
    return w, a, np.zeros(w.shape, bool)


@op(
    internal=True,
    vjps=(lambda g, y, x, tied, of: distinct(g, tied, of=of), None),
    jvp=(lambda t, y, x, tied, of: distinct(t, tied, of=of), None),
    latex="{0}",
    domain=Shapes("bij,b", kinds="fb", params=lambda *_: ({"of": "a derivative"},), prepare=_untied),
    whole=True,
)
def distinct(x: Any, tied: Any, of: str) -> Any:
    """x (b, …), a cotangent or tangent, if it is 0 for every matrix of which `tied` (b,) holds; else an error.

    of: what does not exist. Raises LinearAlgebraError.
    """
    if np.any(tied.reshape(tied.shape + (1,) * (x.ndim - tied.ndim)) & (x != 0)):
        raise LinearAlgebraError(
            f"{of} takes more than the vectors tell. Move the equal values apart by a small change of the matrix, or "
            "use what needs no decomposition: trace, det, slogdet, inv, solve, matrix_power, sums of squares."
        )
    return x


def _nothing(t: Any, tied: Any, of: str) -> Any:
    """The number 0, unless t moves a matrix that must stay."""
    return np.add.reduce(distinct(t, tied, of=of).reshape(-1)[:0], axis=None)


@op(
    internal=True,
    vjps=(
        lambda g, y, x, t, a, tied, of: distinct(g, tied, of=of) + _nothing(t, tied, of),
        None,
        lambda g, y, x, t, a, tied, of: np.zeros(a.shape, a.dtype),
        None,
    ),
    jvp=(
        lambda moved, y, x, t, a, tied, of: moved,
        None,
        lambda moved, y, x, t, a, tied, of: _nothing(moved, tied, of),
        None,
    ),
    latex="{0}",
    domain=Shapes("bij,bij,bij,b", kinds="fffb", params=lambda *_: ({"of": "a derivative"},), prepare=_untied),
)
def settled(x: Any, t: Any, a: Any, tied: Any, of: str) -> Any:
    """x, a derivative at the matrices a, for which it must not be differentiated where `tied` holds.

    A cotangent of x that is not 0 there raises LinearAlgebraError, and so does a tangent of a. t is the tangent that x
    belongs to; where it is not 0, a cotangent of 0 is refused too.
    """
    return np.positive(x)


def any_basis(skew: Any, pairs: Any, cotangent: Any, of: str) -> Any:
    """The number 0, if turning vectors that nothing tells apart changes nothing; else an error, as of `distinct`.

    skew: what turning each pair changes, made of the cotangent (…, m, k) of the vectors; pairs: those that may be
    turned. What is rounding beside the largest element of the cotangent counts as 0.
    """
    size = np.absolute(skew)
    rounding = float(np.finfo(size.dtype).eps) ** 0.5 * largest(largest(cotangent)[..., 0])
    depends = some(some(pairs & (size > rounding[..., None])))
    return _nothing(depends.astype(size.dtype), depends, of)


def _must_stay(t: Any, tied: Any, of: str) -> Any:
    """The number 0, unless t moves a matrix of which a value is tied: `tied` has those that are looked at."""
    if tied.ndim == t.ndim - 1:
        return _nothing(t, some(tied), of)
    if tied.ndim == t.ndim - 2:
        return _nothing(t, tied, of)
    return _nothing(t.reshape((1, -1)), some(tied.reshape((1, -1))), of)


def _of_these_values(node: Any, index: Any, part: Callable[[Any], Any]) -> Any:
    """Of one matrix any values, of several the same of each; None for other parts, and once the graph is released."""
    if node.operands is None:
        return None
    w, a, tied = node.parents
    if a.ndim > 2 and not (isinstance(index, tuple) and len(index) == 2 and index[0] is Ellipsis):
        return None
    return beside_vectors(part(w), a, part(tied), **node.params)


@op(
    internal=True,
    vjps=(
        lambda g, y, w, a, tied, of: g + _nothing(tied.astype(w.dtype), tied, of),
        lambda g, y, w, a, tied, of: np.zeros(a.shape, a.dtype),
        None,
    ),
    jvp=(
        lambda t, y, w, a, tied, of: t,
        lambda t, y, w, a, tied, of: _must_stay(t, tied, of),
        None,
    ),
    latex="{0}",
    domain=Shapes("bi,bij,bi", kinds="ffb", params=lambda *_: ({"of": "a derivative"},), prepare=_untied_values),
    convention="an error where values are tied",
    traits=Traits(indexed=_of_these_values),
)
def beside_vectors(w: Any, a: Any, tied: Any, of: str) -> Any:
    """w (…, k), the eigenvalues or singular values of matrices a, for use beside the vectors.

    A function of a matrix, v·f(w)·vᴴ, is smooth where values coincide, but its derivative takes more than those of w
    and v, and no cotangent tells it from other functions: at the identity, those of v·w·vᴴ may be 0 for w and v. So
    where `tied` (…, k) holds of a value, any cotangent raises LinearAlgebraError, and so does a tangent of a. A part of
    w, by an index, is refused only for the values in it.
    """
    return np.positive(w)
