"""Linear systems of arrays with several axes, seen as square matrices."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from tinygrad_bp.calls import guarded
from tinygrad_bp.errors import ArgumentError, ShapeError, describe
from tinygrad_bp.ops.linear_algebra import operand
from tinygrad_bp.ops.shaping import moveaxis, ravel, reshape
from tinygrad_bp.ops.systems import inv, solve


@guarded
def tensorsolve(a: Any, b: Any, axes: Sequence[int] | None = None) -> Any:
    """The array x with Σ a·x = b over x's axes, the last ones of a; `axes` of a are moved to its end first.

    Raises ShapeError unless x has as many elements as b, and LinearAlgebraError if a is singular.
    """
    a, b = operand(a), operand(b)
    if axes is not None:
        a = moveaxis(a, tuple(axes), tuple(range(-len(axes), 0)))
    shape = a.shape[b.ndim :]
    if a.size != b.size**2 or prod(shape) != b.size:
        raise ShapeError(
            f"tensorsolve: {describe(a)} has b's {b.size} elements in its first axes and as many in the others; "
            f"b is {describe(b)}. Name the axes of a that belong to x."
        )
    return reshape(solve(reshape(a, shape=(b.size, b.size)), ravel(b)), shape=shape)


@guarded
def tensorinv(a: Any, ind: int = 2) -> Any:
    """The inverse of a as a map from arrays of its last axes to arrays of its first `ind` ones.

    Raises ArgumentError if ind < 1, ShapeError unless both have as many elements, and LinearAlgebraError if a is
    singular.
    """
    a = operand(a)
    if ind < 1:
        raise ArgumentError(f"tensorinv: ind, the number of first axes, is 1 or more; got {ind}.")
    first, last = a.shape[:ind], a.shape[ind:]
    if prod(first) != prod(last):
        raise ShapeError(
            f"tensorinv: the first {ind} axes of {describe(a)} have {prod(first)} elements, the others {prod(last)}; "
            "both need as many. Pass another ind."
        )
    return reshape(inv(reshape(a, shape=(prod(first), prod(last)))), shape=(*last, *first))
