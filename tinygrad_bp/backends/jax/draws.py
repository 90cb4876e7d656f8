"""What programs draw: from a key of JAX's, made of a number that the caller's generator gives at every call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tinygrad_bp.backends.jax.library import Function, jax, jnp

SEED = np.dtype(np.uint64)
"""What a program is given for a generator."""


def seed_of(generator: np.random.Generator) -> Any:
    """The number that all draws of a call are made of; the generator moves on by this one."""
    return generator.integers(0, 1 << 64, dtype=np.uint64)


def _draw(f: Callable[..., Any], name: str) -> Function:
    """f(key, shape, dtype, *parameters) as the method of NumPy's generator; place: that of the draw in the program."""
    names = _PARAMETERS[name]

    def draw(seed: Any, place: int, *args: Any, like: Any, size: Any = None, dtype: Any = None, **more: Any) -> Any:
        key = jax.random.fold_in(jax.random.key(seed), place)
        given = {**dict(zip((*names, "size"), args, strict=False)), **more}
        size = given.pop("size", size)
        parameters = [given.get(n, default) for n, default in names.items()]
        shape = np.broadcast_shapes(*map(np.shape, parameters)) if size is None else size
        shape = (shape,) if isinstance(shape, int) else tuple(shape)
        return f(key, shape, like, *parameters).astype(like)

    return Function(draw, f"draw_{name}")


def _integers(key: Any, shape: Any, dtype: Any, low: Any, high: Any, endpoint: bool) -> Any:
    low, high = (0, low) if high is None else (low, high)
    return jax.random.randint(key, shape, low, high + bool(endpoint), dtype)


def _permutation(key: Any, shape: Any, dtype: Any, x: Any, axis: int) -> Any:
    return jax.random.permutation(key, x, axis)


_PARAMETERS: Mapping[str, Mapping[str, Any]] = {
    "random": {}, "standard_normal": {}, "standard_exponential": {}, "uniform": {"low": 0.0, "high": 1.0},
    "normal": {"loc": 0.0, "scale": 1.0}, "exponential": {"scale": 1.0}, "laplace": {"loc": 0.0, "scale": 1.0},
    "logistic": {"loc": 0.0, "scale": 1.0}, "gumbel": {"loc": 0.0, "scale": 1.0},
    "integers": {"low": 0, "high": None, "endpoint": False}, "permutation": {"x": 0, "axis": 0},
    "poisson": {"lam": 1.0}, "binomial": {"n": 1, "p": 0.5},
}  # fmt: skip
"""What the methods of a generator take beside `size`, in order, and their defaults."""

_DISTRIBUTIONS: Mapping[str, Callable[..., Any]] = {
    "random": lambda key, shape, dtype: jax.random.uniform(key, shape, dtype),
    "standard_normal": lambda key, shape, dtype: jax.random.normal(key, shape, dtype),
    "standard_exponential": lambda key, shape, dtype: jax.random.exponential(key, shape, dtype),
    "uniform": lambda key, shape, dtype, low, high: low + (high - low) * jax.random.uniform(key, shape, dtype),
    "normal": lambda key, shape, dtype, loc, scale: loc + scale * jax.random.normal(key, shape, dtype),
    "exponential": lambda key, shape, dtype, scale: scale * jax.random.exponential(key, shape, dtype),
    "laplace": lambda key, shape, dtype, loc, scale: loc + scale * jax.random.laplace(key, shape, dtype),
    "logistic": lambda key, shape, dtype, loc, scale: loc + scale * jax.random.logistic(key, shape, dtype),
    "gumbel": lambda key, shape, dtype, loc, scale: loc + scale * jax.random.gumbel(key, shape, dtype),
    "integers": _integers,
    "permutation": _permutation,
    "poisson": lambda key, shape, dtype, lam: jax.random.poisson(key, jnp.broadcast_to(lam, shape)),
    "binomial": lambda key, shape, dtype, n, p: jax.random.binomial(key, n, p, shape),
}

DRAWS: Mapping[str, Function] = {name: _draw(f, name) for name, f in _DISTRIBUTIONS.items()}
"""By the name of the generator's method. Draws are of the same distributions as NumPy's, and other numbers."""
