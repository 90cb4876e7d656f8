"""JAX's modules, imported when something of them is first asked for."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any, final

from tinygrad_bp.errors import missing_extra


@cache
def _module(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise missing_extra("jax", "jax") from error


@final
class _Late:
    """A module whose contents are looked up in it. Raises MissingExtraError if JAX is not installed."""

    def __init__(self, name: str):
        self._name = name

    def __getattr__(self, name: str) -> Any:
        return getattr(_module(self._name), name)


jax: _Late = _Late("jax")
jnp: _Late = _Late("jax.numpy")
lax: _Late = _Late("jax.lax")
special: _Late = _Late("jax.scipy.special")


@final
class Function:
    """A function for programs to call by its name, which has no NumPy text."""

    def __init__(self, function: Callable[..., Any], name: str = ""):
        self.function = function
        self.__name__: str = name or function.__name__

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """What JAX computes."""
        return self.function(*args, **kwargs)
