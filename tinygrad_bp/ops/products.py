"""Products of vectors, matrices and arrays with NumPy's rules for their axes."""

from __future__ import annotations

from collections.abc import Sequence
from operator import index
from string import ascii_letters
from typing import Any

import numpy as np

from tinygrad_bp.broadcasting import unbroadcast
from tinygrad_bp.calls import guarded
from tinygrad_bp.domains import Shape, Shapes
from tinygrad_bp.errors import ArgumentError, ShapeError, describe
from tinygrad_bp.ops.complex import conjugated
from tinygrad_bp.ops.contraction import contract
from tinygrad_bp.ops.linear_algebra import matmul, operand
from tinygrad_bp.registry import MULTILINEAR, op
from tinygrad_bp.traits import PRODUCT


@guarded
def dot(a: Any, b: Any) -> Any:
    """NumPy's dot: a·b of vectors and matrices, a product with a 0-d operand, else a sum over the last axis of a and
    the last but one of b."""
    a, b = operand(a), operand(b)
    if a.ndim == 0 or b.ndim == 0:
        return a * b
    return matmul(a, b) if b.ndim <= 2 else tensordot(a, b, axes=(-1, -2))


@guarded
def vdot(a: Any, b: Any) -> Any:
    """Σ āᵢ·bᵢ over all elements, the first operand conjugated if it is complex."""
    return matmul(conjugated(operand(a)).reshape(-1), operand(b).reshape(-1))


@guarded
def vecdot(x1: Any, x2: Any, axis: int = -1) -> Any:
    """Σ x̄₁·x₂ along one axis, the first operand conjugated if it is complex; the other axes broadcast."""
    a, b = conjugated(operand(x1)), operand(x2)
    if axis != -1:
        a, b = _moved(a, axis, -1), _moved(b, axis, -1)
    if a.ndim == 0 or b.ndim == 0 or a.shape[-1] != b.shape[-1]:
        raise ShapeError(f"vecdot: the axis needs the same length in both; got {describe(x1)} and {describe(x2)}.")
    n = a.shape[-1]
    products = matmul(a.reshape((*a.shape[:-1], 1, n)), b.reshape((*b.shape[:-1], n, 1)))
    return products.reshape(products.shape[:-2])


@guarded
def inner(a: Any, b: Any) -> Any:
    """Sum of products over the last axes of a and b, for every pair of the others; a product with a 0-d operand."""
    a, b = operand(a), operand(b)
    if a.ndim == 0 or b.ndim == 0:
        return a * b
    return matmul(a, b) if a.ndim == b.ndim == 1 else tensordot(a, b, axes=(-1, -1))


@guarded
def outer(a: Any, b: Any) -> Any:
    """Every element of a times every element of b: aᵢ·bⱼ, of shape (a.size, b.size)."""
    return operand(a).reshape((-1, 1)) * operand(b).reshape(-1)


@guarded
def tensordot(a: Any, b: Any, axes: int | Sequence[int] | Sequence[Sequence[int]] = 2) -> Any:
    """Sum of products over pairs of axes: the last `axes` of a with the first of b, or the axes axes[0] of a with the
    axes axes[1] of b. The other axes follow one another in the result.

    Raises ShapeError if the lengths of paired axes differ.
    """
    a, b = operand(a), operand(b)
    first, second = _paired(a.ndim, b.ndim, axes)
    shapes = [a.shape[i] for i in first if -a.ndim <= i < a.ndim], [b.shape[i] for i in second if -b.ndim <= i < b.ndim]
    if len(first) != len(second) or len(shapes[0]) != len(first) or shapes[0] != shapes[1]:
        raise ShapeError(
            f"tensordot: axes {first} of {describe(a)} and {second} of {describe(b)} must exist and have the same "
            "lengths. Choose other axes, or transpose one operand."
        )
    left, right = list(ascii_letters[: a.ndim]), list(ascii_letters[a.ndim : a.ndim + b.ndim])
    for i, j in zip(first, second, strict=True):
        right[j] = left[i]
    summed = {left[i] for i in first}
    output = [c for c in left + right if c not in summed]
    return contract(a, b, subscripts=f"{''.join(left)},{''.join(right)}->{''.join(output)}")


def _paired(left: int, right: int, axes: Any) -> tuple[list[int], list[int]]:
    if isinstance(axes, int | np.integer):
        return list(range(left - axes, left)) if axes <= left else [-left - 1], list(range(axes))
    first, second = [[index(i)] if np.ndim(i) == 0 else list(map(index, i)) for i in axes]
    return first, second


@guarded
def kron(a: Any, b: Any) -> Any:
    """Kronecker product: b in copies, each scaled by one element of a, laid out as the elements of a are."""
    a, b = operand(a), operand(b)
    n = max(a.ndim, b.ndim)
    pairs = list(zip((1,) * (n - a.ndim) + a.shape, (1,) * (n - b.ndim) + b.shape, strict=True))
    left, right = [k for i, _ in pairs for k in (i, 1)], [k for _, j in pairs for k in (1, j)]
    return (a.reshape(tuple(left)) * b.reshape(tuple(right))).reshape(tuple([i * j for i, j in pairs]))


def _moved(x: Any, source: int, target: int) -> Any:
    """x with the axis `source` at the place `target`."""
    order = [i for i in range(x.ndim) if i != source % x.ndim]
    order.insert(target % x.ndim, source % x.ndim)
    return x.transpose(tuple(order))


def _cross_left(g: Any, y: Any, a: Any, b: Any, axisa: int, axisb: int, axisc: int, axis: int | None) -> Any:
    axisa, axisb, axisc = (axisa, axisb, axisc) if axis is None else (axis,) * 3
    share = cross(_moved(b, axisb, -1), _moved(g, axisc, -1))
    return _moved(unbroadcast(share, _moved(a, axisa, -1).shape), -1, axisa)


def _cross_right(g: Any, y: Any, a: Any, b: Any, axisa: int, axisb: int, axisc: int, axis: int | None) -> Any:
    return -_cross_left(g, y, b, a, axisb, axisa, axisc, axis)


def _cross_axes(a: Shape, b: Shape) -> list[dict[str, Any]]:
    forms: list[dict[str, Any]] = [{}]
    if len(a) == len(b) == 2:
        forms += [{"axisa": 0}, {"axisb": 0, "axisc": 0}, {"axis": 0}]
    return forms


@op(
    vjps=(_cross_left, _cross_right),
    jvp=MULTILINEAR,
    latex=r"{0} \times {1}",
    domain=Shapes(
        "i,i", "ij,ij", "ij,j", "j,ij", "bij,bij", "bij,ij", smallest=3, params=_cross_axes,
        prepare=lambda *xs, **_: tuple([x[(slice(3),) * x.ndim] for x in xs]),
    ),
    traits=PRODUCT,
)  # fmt: skip
def cross(a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> Any:
    """Cross product of vectors of length 3 along axisa, axisb and in the result axisc, or along `axis` in all three;
    the others broadcast.

    VJPs: ∂C/∂a = b × g and ∂C/∂b = g × a. Raises ShapeError for other lengths.
    """
    axisa, axisb, axisc = (axisa, axisb, axisc) if axis is None else (axis,) * 3
    if np.shape(a)[axisa] != 3 or np.shape(b)[axisb] != 3:
        raise ShapeError("cross: both operands need length 3 along their axis. Put a 0 behind vectors of length 2.")
    return np.cross(a, b, axisa, axisb, axisc)


@guarded
def vector_cross(x1: Any, x2: Any, axis: int = -1) -> Any:
    """Cross product of vectors of length 3 along `axis`, which is the same in both; the others broadcast."""
    return cross(x1, x2, axis=axis)


@guarded
def multi_dot(arrays: Sequence[Any]) -> Any:
    """Product of two or more matrices, in the order of multiplication that costs least; the first and the last may be
    vectors."""
    if len(arrays) < 2:
        raise ArgumentError(f"multi_dot: a product needs at least two arrays; got {len(arrays)}.")
    xs = [operand(x) for x in arrays]
    if any(x.ndim != 2 for x in xs[1:-1]) or not {xs[0].ndim, xs[-1].ndim} <= {1, 2}:
        got = ", ".join(map(describe, xs))
        raise ShapeError(f"multi_dot: operands are matrices, the first and the last may be vectors; got {got}.")
    rows = [1 if xs[0].ndim == 1 else xs[0].shape[0], *[x.shape[0] for x in xs[1:]]]
    split = _cheapest([*rows, 1 if xs[-1].ndim == 1 else xs[-1].shape[1]])

    def product(i: int, j: int) -> Any:
        return xs[i] if i == j else matmul(product(i, split[i, j]), product(split[i, j] + 1, j))

    return product(0, len(xs) - 1)


def _cheapest(lengths: Sequence[int]) -> dict[tuple[int, int], int]:
    """Where to split the product of matrices i … j; matrix i is lengths[i] × lengths[i + 1]."""
    n = len(lengths) - 1
    cost = {(i, i): 0 for i in range(n)}
    split = {}
    for gap in range(1, n):
        for i in range(n - gap):
            j = i + gap
            costs = {k: cost[i, k] + cost[k + 1, j] + lengths[i] * lengths[k + 1] * lengths[j + 1] for k in range(i, j)}
            split[i, j] = min(costs, key=lambda k: costs[k])
            cost[i, j] = costs[split[i, j]]
    return split
