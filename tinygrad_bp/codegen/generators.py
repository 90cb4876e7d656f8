"""Random generators of a program that is being traced: what they draw is drawn again at every run."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from tinygrad_bp.codegen.symbolic import METHOD, Symbolic
from tinygrad_bp.tensor import Tensor

_DRAWING = (
    "beta", "binomial", "chisquare", "choice", "exponential", "gamma", "geometric", "gumbel", "integers", "laplace",
    "logistic", "lognormal", "multinomial", "multivariate_normal", "normal", "permutation", "permuted", "poisson",
    "random", "rayleigh", "standard_exponential", "standard_normal", "standard_t", "triangular", "uniform", "vonmises",
    "weibull",
)  # fmt: skip


def symbolic_generator(symbolic: Symbolic) -> Any:
    """A generator that is an input of a program."""
    generator = _symbolic_class()(symbolic.step.value.bit_generator)
    generator.symbolic = symbolic
    return generator


@cache
def _symbolic_class() -> Any:
    """A subclass of NumPy's generator, made when the first is traced: NumPy takes long to load its own."""
    return type("SymbolicGenerator", (np.random.Generator,), {name: _drawing(name) for name in _DRAWING})


def _drawing(name: str) -> Callable[..., Any]:
    def method(self: Any, *args: Any, **kwargs: Any) -> Tensor:
        plain = [a.value if isinstance(a, Tensor) else a for a in args]
        named = {key: a.value if isinstance(a, Tensor) else a for key, a in kwargs.items()}
        return Tensor(self.symbolic.trace.call(METHOD, name, (self.symbolic, *plain), named, pure=False))

    method.__name__, method.__doc__ = name, f"See numpy.random.Generator.{name}."
    return method
