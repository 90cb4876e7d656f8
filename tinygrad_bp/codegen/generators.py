"""Random generators of a program that is being traced: what they draw is drawn again at every run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, final

import numpy as np

from tinygrad_bp.codegen.symbolic import METHOD, Symbolic
from tinygrad_bp.tensor import Tensor

_DRAWING = (
    "beta", "binomial", "chisquare", "choice", "exponential", "gamma", "geometric", "gumbel", "integers", "laplace",
    "logistic", "lognormal", "multinomial", "multivariate_normal", "normal", "permutation", "permuted", "poisson",
    "random", "rayleigh", "standard_exponential", "standard_normal", "standard_t", "triangular", "uniform", "vonmises",
    "weibull",
)  # fmt: skip


@final
class SymbolicGenerator(np.random.Generator):
    """A generator that is an input of a program."""

    def __init__(self, symbolic: Symbolic):
        super().__init__(symbolic.step.value.bit_generator)
        self.symbolic = symbolic


def _drawing(name: str) -> Callable[..., Any]:
    def method(self: SymbolicGenerator, *args: Any, **kwargs: Any) -> Tensor:
        plain = [a.value if isinstance(a, Tensor) else a for a in args]
        named = {key: a.value if isinstance(a, Tensor) else a for key, a in kwargs.items()}
        return Tensor(self.symbolic.trace.call(METHOD, name, (self.symbolic, *plain), named, pure=False))

    method.__name__, method.__doc__ = name, f"See numpy.random.Generator.{name}."
    return method


for _name in _DRAWING:
    setattr(SymbolicGenerator, _name, _drawing(_name))
