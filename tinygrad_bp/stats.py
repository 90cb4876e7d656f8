"""Probability distributions under SciPy's names: `tg.stats.norm.logpdf` for `scipy.stats.norm.logpdf`."""

from typing import TYPE_CHECKING

from tinygrad_bp import errors
from tinygrad_bp.ops.distributions import (
    Continuous as Continuous,
    Poisson as Poisson,
    beta as beta,
    chi2 as chi2,
    gamma as gamma,
    norm as norm,
    poisson as poisson,
    t as t,
)
from tinygrad_bp.ops.multivariate import (
    Dirichlet as Dirichlet,
    MultivariateNormal as MultivariateNormal,
    dirichlet as dirichlet,
    multivariate_normal as multivariate_normal,
)

if not TYPE_CHECKING:  # to a type checker it would say that there is every name
    __getattr__ = errors.naming_the_nearest(__name__, globals())
