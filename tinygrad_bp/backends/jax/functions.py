"""What has another spelling in JAX than in NumPy: functions of traced arrays that programs call by name.

They take what the op's own function takes, and give the same numbers, shapes and dtypes.
"""

from __future__ import annotations

from math import pi, sqrt
from typing import Any

import numpy as np

from tinygrad_bp.backends.jax.library import Function, jax, jnp, lax, special
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


@Function
def log_ndtr(x: Any) -> Any:
    """Logarithm of the normal distribution function: below 0 −x²/2 stands apart, so that no digits are lost to it."""
    dtype, x = x.dtype, _floating(x).astype(np.float64)
    below = jnp.minimum(x, 0.0)
    tail = jnp.log(0.5 * erfcx(below * -sqrt(0.5))) - 0.5 * below * below
    return jnp.where(x < 0, tail, jnp.log1p(-0.5 * special.erfc(x * sqrt(0.5)))).astype(dtype)


@Function
def divided(x: Any, y: Any) -> Any:
    """x/y for a quotient x, which XLA would not compute but take apart: (p/q)/y as p/(q·y)."""
    return lax.optimization_barrier(x) / y


def on_host(function: Any, shape: tuple[int, ...], dtype: Any) -> Function:
    """A function that JAX lacks, computed on the host by NumPy or SciPy, of this shape and dtype."""

    def call(*inputs: Any, **params: Any) -> Any:
        def computed(*arrays: Any) -> Any:
            return np.asarray(function(*[np.asarray(x)[()] for x in arrays], **params), dtype)

        like = jax.ShapeDtypeStruct(shape, dtype)
        return jax.pure_callback(computed, like, *inputs, vmap_method="sequential")

    return Function(call, function.__name__)


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
    parts = index if isinstance(index, tuple) else (index,)
    if all(part is None or part is Ellipsis or part == slice(None) for part in parts):  # all of it
        return jnp.broadcast_to(jnp.asarray(value, x.dtype), x[index].shape).reshape(x.shape)
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


@Function
def quantile(x: Any, positions: Any, axis: Any, shape: Any, dtype: Any) -> Any:
    """Elements of lines in order, at positions between 0 and one less than their length."""
    axes = range(x.ndim) if axis is None else [i % x.ndim for i in np.atleast_1d(axis)]
    rest = [i for i in range(x.ndim) if i not in axes]
    rows = jnp.transpose(x, (*rest, *axes)).reshape((*[x.shape[i] for i in rest], -1)).astype(dtype)
    rows, positions = jnp.sort(rows, axis=-1), np.asarray(positions)
    low = np.floor(positions).astype(np.int64)
    high, share = np.ceil(positions).astype(np.int64), (positions - low).astype(dtype)
    y = rows[..., low] + (rows[..., high] - rows[..., low]) * share
    y = jnp.where(jnp.isnan(rows[..., -1:]).reshape((*rows.shape[:-1], *[1] * low.ndim)), np.nan, y)
    return jnp.moveaxis(y, range(y.ndim - low.ndim, y.ndim), range(low.ndim)).reshape(shape).astype(dtype)


@Function
def summed_beside(x: Any, axis: int, shape: Any, dtype: Any) -> Any:
    """The sum over all axes but one."""
    beside = lax.optimization_barrier(jnp.moveaxis(x, axis, -1))  # which XLA would sum where the axis was
    return jnp.sum(beside, axis=tuple(range(x.ndim - 1)), dtype=dtype).reshape(shape)


# --- conditions -------------------------------------------------------------------------------------------------------


@Function
def undisturbed(x: Any, tied: Any) -> Any:
    """Whether x is 0 for every matrix of which `tied` holds."""
    return ~jnp.any(tied.reshape(tied.shape + (1,) * (x.ndim - tied.ndim)) & (x != 0))


@Function
def are_distinct(w: Any) -> Any:
    """Whether no two eigenvalues of a matrix are equal, to rounding."""
    n = w.shape[-1]
    gaps = jnp.where(jnp.eye(n, dtype=bool), np.inf, jnp.absolute(w[..., None, :] - w[..., :, None]))
    size = jnp.max(jnp.absolute(w), axis=-1, initial=0.0)[..., None, None]
    return ~jnp.any(gaps <= 16 * n * np.finfo(w.dtype).eps * size)


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
