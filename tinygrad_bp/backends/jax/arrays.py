"""JAX's arrays beside NumPy's, and the setting under which float64 stays float64."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from tinygrad_bp.backends.backend import Arrays
from tinygrad_bp.backends.jax.library import jax, jnp
from tinygrad_bp.errors import ArgumentError


def wide() -> AbstractContextManager[Any]:
    """In the body JAX has numbers of 64 bits. Raises ArgumentError if this version of it has no such scope."""
    if hasattr(jax, "enable_x64"):
        scope: AbstractContextManager[Any] = jax.enable_x64(True)
        return scope
    raise ArgumentError(
        "this version of JAX computes in float32 unless it is told otherwise for the whole process: call "
        'jax.config.update("jax_enable_x64", True) first, or install jax>=0.8.'
    )


def owns(x: Any) -> bool:
    """Whether x is an array of JAX's; nothing is while JAX is not imported."""
    return "jax" in sys.modules and isinstance(x, jax.Array)


def to_numpy(x: Any) -> Any:
    """An array as NumPy's, put together if its parts lie apart; on a processor in the same memory, and read-only."""
    if not (x.is_fully_addressable or x.is_fully_replicated):
        from jax.experimental.multihost_utils import process_allgather

        x = process_allgather(x, tiled=True)
    return np.asarray(x)


def number_of(x: Any) -> Any:
    """The only number of an array, as NumPy's."""
    return to_numpy(x)[()]


def from_numpy(x: Any) -> Any:
    """NumPy's array or number as JAX's, in its dtype."""
    with wide():
        return jnp.asarray(x)


ARRAYS = Arrays(owns, to_numpy, from_numpy)
