"""Probability distributions of numbers by SciPy's names: densities and distribution functions, made of ops and
differentiable for x and the parameters. They need the `scipy` extra."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import log as log_of, pi
from typing import Any, final

import numpy as np

from tinygrad_bp.calls import guarded
from tinygrad_bp.errors import SignatureError
from tinygrad_bp.ops.beta_gamma import betainc, betaln, gammainc, gammaincc, log_t_density, stdtr
from tinygrad_bp.ops.comparison import where
from tinygrad_bp.ops.exponential import exp, log, log1p
from tinygrad_bp.ops.linear_algebra import operand
from tinygrad_bp.ops.rounding import floor
from tinygrad_bp.ops.special import gammaln, log_ndtr, ndtr, xlog1py, xlogy

Rule = Callable[..., Any]

_ROOT = 0.5 * log_of(2 * pi)


@final
@dataclass(frozen=True, slots=True)
class Continuous:
    """A distribution of real numbers: a family f((x − loc)/scale; shapes)/scale, as in `scipy.stats`.

    Arguments of every method: x, then the shapes, loc=0 and scale=1, by place or by name, broadcast together. A
    parameter without a distribution, as a scale of 0, gives NaN. Of the distribution functions the shapes of t, chi2,
    gamma and beta have no derivative: MissingRuleError.

    >>> import tinygrad_bp as tg
    >>> tg.grad(lambda m: tg.stats.norm.logpdf(1.0, m, 2.0))(0.0)
    array(0.25)
    """

    name: str
    shapes: tuple[str, ...]
    log_density: Rule
    lower: Rule
    upper: Rule
    support: tuple[float, float] = (-np.inf, np.inf)
    log_lower: Rule | None = None

    @guarded
    def logpdf(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """Logarithm of the density; −∞ outside the support."""
        z, scale, shapes = self._standard(x, args, kwargs)
        low, high = self.support
        outside = (z < low) | (z > high)
        found = self.log_density(where(outside, _middle(low, high), z), *shapes) - log(where(scale > 0, scale, np.nan))
        return self._valid([scale, *shapes], where(outside, -np.inf, found))

    @guarded
    def pdf(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """Density."""
        return exp(self.logpdf(x, *args, **kwargs))

    @guarded
    def cdf(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """Distribution function, the probability of x or less."""
        return self._probability(self.lower, (0.0, 1.0), x, args, kwargs)

    @guarded
    def sf(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """Survival function, the probability of more than x, with all its digits where it is small."""
        return self._probability(self.upper, (1.0, 0.0), x, args, kwargs)

    @guarded
    def logcdf(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """Logarithm of the distribution function."""
        if self.log_lower is None:
            return log_probability(self.cdf(x, *args, **kwargs), self.sf(x, *args, **kwargs))
        return self._probability(self.log_lower, (-np.inf, 0.0), x, args, kwargs)

    def _probability(self, rule: Rule, ends: tuple[float, float], x: Any, args: Any, kwargs: Any) -> Any:
        z, scale, shapes = self._standard(x, args, kwargs)
        low, high = self.support
        found = rule(where((z < low) | (z > high), _middle(low, high), z), *shapes)
        return self._valid([scale, *shapes], where(z < low, ends[0], where(z > high, ends[1], found)))

    def _standard(self, x: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any, list[Any]]:
        """(x − loc)/scale, the scale, and the shapes."""
        given = arguments(self.name, (*self.shapes, "loc", "scale"), {"loc": 0.0, "scale": 1.0}, args, kwargs)
        x = operand(x)
        *shapes, loc, scale = [beside(x, value) for value in given.values()]
        return (x - loc) / scale, scale, shapes

    def _valid(self, positive: list[Any], y: Any) -> Any:
        for value in positive:
            y = where(value > 0, y, np.nan)
        return y


def log_probability(p: Any, q: Any) -> Any:
    """Logarithm of a probability p, with all its digits near 1, where the opposite's q is small; −∞ of 0."""
    likely = p > 0.5
    small = where(p == 0, -np.inf, log(where(likely | (p == 0), 0.5, p)))
    return where(likely, log1p(-where(likely, q, 0.5)), small)


def beside(x: Any, value: Any) -> Any:
    """A parameter as an array or tensor; a Python number in the precision of x."""
    if hasattr(value, "dtype"):
        return value
    return np.asarray(value, x.dtype if x.dtype.kind == "f" and isinstance(value, int | float) else None)


def arguments(
    name: str, names: tuple[str, ...], defaults: dict[str, Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> dict[str, Any]:
    """The parameters of a distribution, in the order of their names. Raises SignatureError."""
    given = dict(zip(names, args, strict=False)) | kwargs
    missing = [n for n in names if n not in given and n not in defaults]
    if missing or len(given) != len(args) + len(kwargs) or not given.keys() <= set(names):
        raise SignatureError(f"{name}: after x come {', '.join(names)}, each once; got {len(args)} and {list(kwargs)}.")
    return {n: given.get(n, defaults.get(n)) for n in names}


def _middle(low: float, high: float) -> float:
    """A point inside the support."""
    return 0.0 if low == -np.inf else 1.0 if high == np.inf else (low + high) / 2


norm = Continuous(
    "norm", (), lambda z: -0.5 * z * z - _ROOT, ndtr, lambda z: ndtr(-z), log_lower=log_ndtr
)  # fmt: skip
t = Continuous(
    "t", ("df",), lambda z, df: log_t_density(df, z), lambda z, df: stdtr(df, z), lambda z, df: stdtr(df, -z)
)
gamma = Continuous(
    "gamma", ("a",), lambda z, a: xlogy(a - 1.0, z) - z - gammaln(a), lambda z, a: gammainc(a, z),
    lambda z, a: gammaincc(a, z), (0.0, np.inf),
)  # fmt: skip
chi2 = Continuous(
    "chi2", ("df",), lambda z, df: gamma.log_density(0.5 * z, 0.5 * df) - log_of(2),
    lambda z, df: gammainc(0.5 * df, 0.5 * z), lambda z, df: gammaincc(0.5 * df, 0.5 * z), (0.0, np.inf),
)  # fmt: skip
beta = Continuous(
    "beta", ("a", "b"), lambda z, a, b: xlogy(a - 1.0, z) + xlog1py(b - 1.0, -z) - betaln(a, b),
    lambda z, a, b: betainc(a, b, z), lambda z, a, b: betainc(b, a, 1.0 - z), (0.0, 1.0),
)  # fmt: skip


@final
@dataclass(frozen=True, slots=True)
class Poisson:
    """The Poisson distribution of counts k with the mean mu, shifted by loc, as in `scipy.stats`.

    Differentiable for mu; k carries no gradient.
    """

    @guarded
    def logpmf(self, k: Any, mu: Any, loc: Any = 0) -> Any:
        """Logarithm of the probability of k, −∞ where k is no count."""
        k, mu = operand(k) - loc, _mean(mu)
        possible = (k >= 0) & (k == floor(k))
        k = where(possible, floor(k), 0.0)
        return where(possible, xlogy(k, mu) - gammaln(k + 1.0) - mu, -np.inf)

    @guarded
    def pmf(self, k: Any, mu: Any, loc: Any = 0) -> Any:
        """Probability of k."""
        return exp(self.logpmf(k, mu, loc))

    @guarded
    def cdf(self, k: Any, mu: Any, loc: Any = 0) -> Any:
        """Probability of k or less."""
        k = floor(operand(k) - loc)
        return where(k >= 0, gammaincc(where(k >= 0, k, 0.0) + 1.0, _mean(mu)), 0.0)

    @guarded
    def sf(self, k: Any, mu: Any, loc: Any = 0) -> Any:
        """Probability of more than k."""
        k = floor(operand(k) - loc)
        return where(k >= 0, gammainc(where(k >= 0, k, 0.0) + 1.0, _mean(mu)), 1.0)

    @guarded
    def logcdf(self, k: Any, mu: Any, loc: Any = 0) -> Any:
        """Logarithm of the probability of k or less."""
        return log_probability(self.cdf(k, mu, loc), self.sf(k, mu, loc))


def _mean(mu: Any) -> Any:
    mu = operand(mu)
    return where(mu >= 0, mu, np.nan)


poisson = Poisson()
