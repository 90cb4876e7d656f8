"""What has another spelling in JAX than in NumPy: functions of traced arrays that programs call by name.

They take what the op's own function takes, and give the same numbers, shapes and dtypes.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import pi, sqrt
from typing import Any

import numpy as np

from tinygrad_bp.backends.jax.library import Function, jnp, lax, special
from tinygrad_bp.ops.erf import scaled_erfc

# --- elementwise ------------------------------------------------------------------------------------------------------


@Function
def scaled(g: Any, d: Any) -> Any:
    """Cotangent times derivative; a cotangent of 0 wins, even against infinity."""
    y = jnp.multiply(g, d)
    return jnp.where(g == 0, jnp.zeros((), y.dtype), y)


@Function
def erfcx(x: Any) -> Any:
    """Scaled complementary error function; a series in 1/x² where the polynomial ends."""
    dtype, x = x.dtype, _floating(x).astype(np.float64)
    size = jnp.abs(x)
    near, far = scaled_erfc(jnp.minimum(size, 28.0)), jnp.maximum(size, 28.0)
    inverse = 1.0 / (far * far)
    beyond = (1.0 - inverse * (0.5 - inverse * (0.75 - inverse * 1.875))) / (far * sqrt(pi))
    y = jnp.where(size < 28.0, near, beyond)
    return jnp.where(x < 0, 2.0 * jnp.exp(x * x) - y, y).astype(dtype)


_TERMS, _SERIES_ENDS = 160, 100.0


@Function
def iv(v: Any, x: Any) -> Any:
    """Modified Bessel function of the first kind: its power series, whose terms have one sign, or far out Hankel's."""
    dtype = x.dtype
    v, x = jnp.broadcast_arrays(jnp.asarray(v, np.float64), x.astype(np.float64))
    v = jnp.where(v == jnp.floor(v), jnp.abs(v), v)
    size = jnp.abs(x)
    half = 0.5 * jnp.minimum(size, _SERIES_ENDS)

    def add(k: Any, state: Any) -> Any:
        term, total = state
        term = term * (half / k) * (half / (k + v))
        return term, total + term

    first = half**v / special.gamma(v + 1.0)
    near = lax.fori_loop(1, _TERMS, add, (first, first))[1]
    far = jnp.maximum(size, _SERIES_ENDS)
    term = total = jnp.ones_like(far)
    for k in range(1, 12):
        term = -term * (4.0 * v * v - (2 * k - 1) ** 2) / (8.0 * k * far)
        total += term
    beyond = jnp.exp(0.5 * far) * (jnp.exp(0.5 * far) / jnp.sqrt(2.0 * pi * far)) * total
    y = jnp.where(size <= _SERIES_ENDS, near, beyond)
    odd = jnp.where(v == jnp.floor(v), jnp.where(v % 2 == 1, -y, y), np.nan)
    return jnp.where(x < 0, odd, y).astype(dtype)


def of_scipy(name: str) -> Function:
    """A function of jax.scipy.special, in the dtype of its last argument where that is floating."""

    def call(*inputs: Any) -> Any:
        *others, x = inputs
        x = _floating(x)
        wide = x.astype(np.float32) if x.dtype == np.float16 else x
        return getattr(special, name)(*others, wide).astype(x.dtype)

    return Function(call, name)


@Function
def polygamma(n: Any, x: Any) -> Any:
    """Derivative of order n of the digamma function; orders are whole numbers of any dtype."""
    return of_scipy("polygamma")(jnp.asarray(n).astype(np.int64), x)


def _floating(x: Any) -> Any:
    x = jnp.asarray(x)
    return x if x.dtype.kind in "fc" else x.astype(np.float64)


# --- places -----------------------------------------------------------------------------------------------------------


@Function
def taken(x: Any, index: Any) -> Any:
    """x[index]; numbers that an index out of range asks for are NaN, or the largest integer."""
    return x.at[index].get(mode="fill")


@Function
def replaced(x: Any, index: Any, value: Any) -> Any:
    """x with x[index] = value, for an index without arrays."""
    return x.at[index].set(value)


@Function
def increased(x: Any, index: Any, value: Any) -> Any:
    """x with x[index] += value, for an index without arrays."""
    return x.at[index].add(value)


@Function
def scattered(x: Any, index: Any, shape: Any) -> Any:
    """Zeros with x added at an index."""
    return jnp.zeros(shape, x.dtype).at[index].add(x)


@Function
def assigned(x: Any, index: Any, value: Any) -> Any:
    """x with x[index] = value; where the index repeats a place the last value wins, in whatever order JAX writes."""
    x = jnp.asarray(x)
    places = jnp.arange(x.size).reshape(x.shape)[index]
    value = jnp.broadcast_to(jnp.asarray(value, x.dtype), places.shape).reshape(-1)
    latest = jnp.full(x.size, -1).at[places.reshape(-1)].max(jnp.arange(places.size))
    if not places.size:
        return x
    return jnp.where(latest >= 0, value[latest], x.reshape(-1)).reshape(x.shape)


# --- lines ------------------------------------------------------------------------------------------------------------


@Function
def linear_recurrence(a: Any, b: Any, axis: int = -1) -> Any:
    """yₖ = aₖ·yₖ₋₁ + bₖ along an axis, in log₂ n steps."""
    dtype = jnp.result_type(a, b)
    a, y = jnp.moveaxis(a.astype(dtype), axis, 0), jnp.moveaxis(b.astype(dtype), axis, 0)
    step = 1
    while step < len(y):
        y = jnp.concatenate([y[:step], y[step:] + a[step:] * y[:-step]])
        a = jnp.concatenate([a[:step], a[step:] * a[:-step]])
        step *= 2
    return jnp.moveaxis(y, 0, axis)


# --- windows ----------------------------------------------------------------------------------------------------------

Shape = tuple[int, ...]
Pairs = tuple[tuple[int, int], ...]


@Function
def bordered(x: Any, padding: Pairs, fill: float) -> Any:
    """Images with a border of `fill`."""
    return jnp.pad(x, ((0, 0), (0, 0), *padding), constant_values=fill)


@Function
def unfold(x: Any, kernel: Shape, stride: Shape, padding: Pairs, dilation: Shape) -> Any:
    """Every window of the images x: (channels, *kernel, *places, examples)."""
    images = jnp.moveaxis(jnp.pad(x, ((0, 0), (0, 0), *padding)), 0, -1)
    each = _elements(images.shape[1:-1], kernel, stride, dilation)
    windows = jnp.stack([images[(slice(None), *at)] for at in each], axis=1)
    return windows.reshape((len(images), *kernel, *windows.shape[2:]))


@Function
def fold(x: Any, size: Shape, stride: Shape, padding: Pairs, dilation: Shape) -> Any:
    """Windows added up where they overlap: each element of the kernel as an image with zeros between its places."""
    space = len(size)
    kernel, places = x.shape[1 : 1 + space], x.shape[1 + space : -1]
    full = [n + low + high for n, (low, high) in zip(size, padding, strict=True)]
    total = jnp.zeros((len(x), *full, x.shape[-1]), x.dtype)
    for element in product(*map(range, kernel)):
        starts = [o * d for o, d in zip(element, dilation, strict=True)]
        spread = [
            (first, n - first - (p - 1) * s - 1, s - 1)
            for first, n, p, s in zip(starts, full, places, stride, strict=True)
        ]
        total += lax.pad(x[(slice(None), *element)], jnp.zeros((), x.dtype), [(0, 0, 0), *spread, (0, 0, 0)])
    inside = [slice(low, low + n) for n, (low, _) in zip(size, padding, strict=True)]
    return jnp.moveaxis(total[(slice(None), *inside)], -1, 0)


def _elements(size: Sequence[int], kernel: Shape, stride: Shape, dilation: Shape) -> list[tuple[slice, ...]]:
    axes = [
        [slice(o * d, n - d * (k - 1 - o), s) for o in range(k)]
        for n, k, s, d in zip(size, kernel, stride, dilation, strict=True)
    ]
    return list(product(*axes))


@Function
def max_pool(x: Any, kernel: Shape, stride: Shape, padding: Pairs) -> Any:
    """Largest element of every window."""
    return _combined(jnp.maximum, bordered(x, padding, -np.inf), kernel, stride)


@Function
def sums(x: Any, kernel: Shape, stride: Shape, padding: Pairs) -> Any:
    """Sums over windows, of integers in float64 and of float16 in float32."""
    wide = np.result_type(x.dtype, np.float64 if x.dtype.kind in "biu" else np.float32)
    return _combined(jnp.add, bordered(x, padding, 0).astype(wide), kernel, stride)


def _combined(combine: Any, x: Any, kernel: Shape, stride: Shape) -> Any:
    for axis, (k, step) in enumerate(zip(kernel, stride, strict=True), 2):
        past, end = (slice(None),) * axis, x.shape[axis] - k + 1
        y = x[(*past, slice(0, end, step))]
        for i in range(1, k):
            y = combine(y, x[(*past, slice(i, end + i, step))])
        x = y
    return x


def _largest(x: Any, y: Any, kernel: Shape, stride: Shape, padding: Pairs, dtype: Any) -> tuple[Any, list[Any], Any]:
    """For each element of the kernel its place, and 1 for the windows in which it is the largest; how many are."""
    x = bordered(x, padding, np.nan)
    places = [(..., *at) for at in _elements(x.shape[2:], kernel, stride, (1,) * len(kernel))]
    chosen = [(x[at] == y).astype(dtype) for at in places]
    return places, chosen, sum(chosen[1:], chosen[0])


@Function
def shared_by_largest(g: Any, x: Any, y: Any, kernel: Shape, stride: Shape, padding: Pairs) -> Any:
    """g, each element to the largest of its window of x, in equal shares if several tie."""
    _, chosen, count = _largest(x, y, kernel, stride, padding, np.result_type(g.dtype, np.float32))
    share = g / count
    windows = jnp.stack([share * c for c in chosen]).astype(g.dtype)
    windows = jnp.moveaxis(windows.reshape((*kernel, *g.shape)), (len(kernel), len(kernel) + 1), (-1, 0))
    return fold(windows, x.shape[2:], stride, padding, (1,) * len(kernel))


@Function
def mean_of_largest(t: Any, x: Any, y: Any, kernel: Shape, stride: Shape, padding: Pairs) -> Any:
    """The elements of t at the largest of every window of x, the mean of those that tie."""
    dtype = np.result_type(t.dtype, np.float32)
    places, chosen, count = _largest(x, y, kernel, stride, padding, dtype)
    candidates = bordered(t, padding, 0).astype(dtype)
    return (sum([candidates[at] * c for at, c in zip(places, chosen, strict=True)]) / count).astype(t.dtype)


# --- conditions -------------------------------------------------------------------------------------------------------


@Function
def undisturbed(x: Any, tied: Any) -> Any:
    """Whether x is 0 for every matrix of which `tied` holds."""
    return ~jnp.any(tied.reshape(tied.shape + (1,) * (x.ndim - tied.ndim)) & (x != 0))


@Function
def are_independent(a: Any) -> Any:
    """Whether every column adds more than rounding errors to those before it."""
    r = jnp.linalg.qr(a)[1]
    added = jnp.absolute(jnp.diagonal(r, axis1=-2, axis2=-1))
    lengths = jnp.sqrt(jnp.sum(jnp.absolute(r) ** 2, axis=-2))
    return ~jnp.any(added <= 16 * a.shape[-1] * np.finfo(a.dtype).eps * lengths)


@Function
def all_hold(*conditions: Any) -> Any:
    """Whether all conditions hold, of any shapes."""
    found = jnp.ones((), bool)
    for condition in conditions:
        found &= jnp.all(condition)
    return found
