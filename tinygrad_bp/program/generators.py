"""Random generators of a program that is being traced: what they draw is drawn again at every run."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from tinygrad_bp.modes import refuse_draw
from tinygrad_bp.program.step import METHOD
from tinygrad_bp.program.tracer import TracedArray, refuse
from tinygrad_bp.tensor import Tensor

_DRAWING = (
    "beta", "binomial", "chisquare", "choice", "dirichlet", "exponential", "f", "gamma", "geometric", "gumbel",
    "hypergeometric", "integers", "laplace", "logistic", "lognormal", "logseries", "multinomial",
    "multivariate_hypergeometric", "multivariate_normal", "negative_binomial", "noncentral_chisquare", "noncentral_f",
    "normal", "pareto", "permutation", "permuted", "poisson", "power", "random", "rayleigh", "standard_cauchy",
    "standard_exponential", "standard_gamma", "standard_normal", "standard_t", "triangular", "uniform", "vonmises",
    "wald", "weibull", "zipf",
)  # fmt: skip
_REFUSED = ("bytes", "shuffle", "spawn")


def traced_generator(traced: TracedArray) -> Any:
    """A generator that is an input of a program."""
    generator = _traced_class()(traced.value.bit_generator)
    generator.traced = traced
    return generator


@cache
def _traced_class() -> Any:
    """A subclass of NumPy's generator, made when the first is traced: NumPy takes long to load its own."""
    return type("TracedGenerator", (np.random.Generator,), {name: _drawing(name) for name in (*_DRAWING, *_REFUSED)})


def _drawing(name: str) -> Callable[..., Any]:
    def method(self: Any, *args: Any, **kwargs: Any) -> Tensor:
        if name in _REFUSED:
            refuse(f".{name}() needs the numbers")
        refuse_draw(f"a random generator's .{name}()")
        plain = [a.value if isinstance(a, Tensor) else a for a in args]
        named = {key: a.value if isinstance(a, Tensor) else a for key, a in kwargs.items()}
        return Tensor(self.traced.tracer.call(METHOD, name, (self.traced, *plain), named, pure=False))

    method.__name__, method.__doc__ = name, f"See numpy.random.Generator.{name}."
    return method
