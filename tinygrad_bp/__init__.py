"""Automatic differentiation that shows its work: a computation graph to differentiate, draw, derive and print."""

from typing import TYPE_CHECKING

from tinygrad_bp import (
    datasets as datasets,
    errors as errors,
    export as export,
    fft as fft,
    linalg as linalg,
    nn as nn,
    signal as signal,
    special as special,
    stats as stats,
    testing as testing,
)
from tinygrad_bp.anomalies import detect_anomaly as detect_anomaly
from tinygrad_bp.compile import Compiled as Compiled, compile as compile
from tinygrad_bp.derive import Derivation as Derivation, derive as derive
from tinygrad_bp.draw import Drawing as Drawing, draw as draw
from tinygrad_bp.draw.page import StepThrough as StepThrough, step_through as step_through
from tinygrad_bp.functions import *  # noqa: F403 - that file says which
from tinygrad_bp.graph import Graph as Graph
from tinygrad_bp.loops import scan as scan
from tinygrad_bp.modes import no_grad as no_grad, scope as scope
from tinygrad_bp.objective import Objective as Objective, scipy_objective as scipy_objective
from tinygrad_bp.odes import odeint as odeint
from tinygrad_bp.op_table import op_table as op_table
from tinygrad_bp.play import LivingPage as LivingPage, play as play
from tinygrad_bp.reading import (
    GraphDifference as GraphDifference,
    from_jax as from_jax,
    from_torch as from_torch,
    graph as graph,
)
from tinygrad_bp.registry import custom_op as custom_op
from tinygrad_bp.tables import Table as Table
from tinygrad_bp.tensor import Tensor as Tensor, array_api as array_api, asarray as asarray, tensor as tensor
from tinygrad_bp.transforms import (
    checkpoint as checkpoint,
    grad as grad,
    hessian as hessian,
    hvp as hvp,
    jacobian as jacobian,
    jvp as jvp,
    value_and_grad as value_and_grad,
    vjp as vjp,
)
from tinygrad_bp.tutor import Tutor as Tutor, Verdict as Verdict, tutor as tutor

__version__ = "0.1.0"


if not TYPE_CHECKING:  # to a type checker it would say that there is every name
    __getattr__ = errors.naming_the_nearest(__name__, globals())
