"""Convolution of arrays along any axes, by SciPy's arguments."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, Literal

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from tinygrad_bp.calls import guarded
from tinygrad_bp.errors import ArgumentError, ShapeError, describe
from tinygrad_bp.ops.complex import real
from tinygrad_bp.ops.convolution import convolution
from tinygrad_bp.ops.fourier import fftn, ifftn
from tinygrad_bp.ops.linear_algebra import operand
from tinygrad_bp.ops.ordering import flip
from tinygrad_bp.ops.shaping import broadcast_to, converted, moveaxis, reshape

DIRECT = 1 << 7
"""Up to so many elements of the smaller array the products are added up; beyond it Fourier transforms are faster."""


@guarded
def convolve(
    in1: Any,
    in2: Any,
    mode: Literal["full", "valid", "same"] = "full",
    method: Literal["auto", "direct", "fft"] = "auto",
    axes: int | Sequence[int] | None = None,
) -> Any:
    """Convolution of two arrays with as many axes, along `axes` (all if None); along the others they broadcast.

    mode: "full" all n + m − 1 values along each axis, "same" the middle n of them, as in in1, "valid" those where one
    lies within the other. method: "direct" adds up products, "fft" multiplies transforms, "auto" chooses.
    Differentiable for both. Raises ShapeError and ArgumentError.
    """
    a, b = operand(in1), operand(in2)
    if a.ndim != b.ndim:
        raise ShapeError(f"convolve: both have as many axes; got {describe(a)} and {describe(b)}.")
    if mode not in ("full", "valid", "same") or method not in ("auto", "direct", "fft"):
        raise ArgumentError(
            f"convolve: mode is 'full', 'valid' or 'same', method 'auto', 'direct' or 'fft'; got {mode!r}, {method!r}."
        )
    along = normalize_axis_tuple(range(a.ndim) if axes is None else axes, a.ndim)
    others = tuple([i for i in range(a.ndim) if i not in along])
    order = (*others, *along)
    dtype = np.result_type(a.dtype, b.dtype)
    a, b = [moveaxis(x, order, tuple(range(a.ndim))) for x in (a, b)]
    if not along:
        return a * b
    n, m = [x.shape[len(others) :] for x in (a, b)]
    if 0 in (*n, *m):
        raise ShapeError(f"convolve: an axis of length 0 has no products; got {describe(in1)} and {describe(in2)}.")
    small = min(prod(n), prod(m)) <= DIRECT
    compute = _direct if method == "direct" or (method == "auto" and small) else _by_transforms
    y = compute(*_broadcast(a, b, len(others)), len(along))
    y = converted(y, dtype) if dtype.kind in "fc" else y
    return moveaxis(y[(..., *_kept(mode, n, m))], tuple(range(a.ndim)), order)


def _broadcast(a: Any, b: Any, count: int) -> tuple[Any, Any]:
    """Both with the same leading axes."""
    lead = np.broadcast_shapes(a.shape[:count], b.shape[:count])
    return broadcast_to(a, shape=(*lead, *a.shape[count:])), broadcast_to(b, shape=(*lead, *b.shape[count:]))


def _direct(a: Any, b: Any, space: int) -> Any:
    """All products added up: a convolution with as many groups as there are pairs, its filters reversed."""
    lead = a.shape[: a.ndim - space]
    if prod(a.shape) < prod(b.shape):
        a, b = b, a
    groups, kernel = prod(lead), b.shape[len(lead) :]
    images = reshape(a, shape=(1, groups, *a.shape[len(lead) :]))
    filters = flip(reshape(b, shape=(groups, 1, *kernel)), axis=tuple(range(2, 2 + space)))
    ones, border = (1,) * space, tuple([(k - 1, k - 1) for k in kernel])
    y = convolution(images, filters, stride=ones, padding=border, dilation=ones, groups=groups)
    return reshape(y, shape=(*lead, *y.shape[2:]))


def _by_transforms(a: Any, b: Any, space: int) -> Any:
    """The inverse transform of the product of the transforms."""
    axes = tuple(range(-space, 0))
    lengths = tuple([a.shape[i] + b.shape[i] - 1 for i in axes])
    complex_dtype = np.result_type(a.dtype, b.dtype, np.complex64)
    first, second = [fftn(converted(x, complex_dtype), s=lengths, axes=axes) for x in (a, b)]
    y = ifftn(first * second, axes=axes)
    return y if "c" in (a.dtype.kind, b.dtype.kind) else real(y)


def _kept(mode: str, n: tuple[int, ...], m: tuple[int, ...]) -> tuple[slice, ...]:
    """The part of all values that a mode keeps."""
    if mode == "full":
        return tuple([slice(None)] * len(n))
    if mode == "same":
        return tuple([slice((k - 1) // 2, (k - 1) // 2 + length) for length, k in zip(n, m, strict=True)])
    shorter = [min(p) for p in zip(n, m, strict=True)]
    if shorter not in (list(n), list(m)):
        raise ArgumentError(f"convolve: mode 'valid' needs one array within the other; got lengths {n} and {m}.")
    return tuple([slice(k - 1, max(p)) for k, p in zip(shorter, zip(n, m, strict=True), strict=True)])
