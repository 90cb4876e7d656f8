"""Special functions under SciPy's names: `tg.special.gammainc` for `scipy.special.gammainc`."""

from typing import TYPE_CHECKING

from tinygrad_bp import errors
from tinygrad_bp.ops import activations
from tinygrad_bp.ops.activations import log_softmax as log_softmax, softmax as softmax
from tinygrad_bp.ops.bessel import (
    i1 as i1,
    iv as iv,
    ive as ive,
    j0 as j0,
    j1 as j1,
    jv as jv,
    kv as kv,
    y0 as y0,
    y1 as y1,
    yv as yv,
)
from tinygrad_bp.ops.beta_gamma import (
    beta as beta,
    betainc as betainc,
    betaln as betaln,
    erfcinv as erfcinv,
    gammainc as gammainc,
    gammaincc as gammaincc,
    logsumexp as logsumexp,
    rgamma as rgamma,
    stdtr as stdtr,
)
from tinygrad_bp.ops.special import (
    digamma as digamma,
    erf as erf,
    erfc as erfc,
    erfcx as erfcx,
    erfinv as erfinv,
    expit as expit,
    gamma as gamma,
    gammaln as gammaln,
    i0 as i0,
    log_ndtr as log_ndtr,
    logit as logit,
    ndtr as ndtr,
    polygamma as polygamma,
    psi as psi,
    xlog1py as xlog1py,
    xlogy as xlogy,
)

log_expit = activations.log_sigmoid

if not TYPE_CHECKING:  # to a type checker it would say that there is every name
    __getattr__ = errors.naming_the_nearest(__name__, globals())
