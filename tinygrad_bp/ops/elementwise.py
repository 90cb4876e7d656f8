"""Elementwise functions under one name: what the families offer that others build on."""

from tinygrad_bp.ops.comparison import (
    equal as equal,
    greater as greater,
    greater_equal as greater_equal,
    less as less,
    less_equal as less_equal,
    not_equal as not_equal,
    where as where,
)
from tinygrad_bp.ops.exponential import exp as exp, log as log, sqrt as sqrt, tanh as tanh
from tinygrad_bp.ops.rounding import absolute as absolute, sign as sign
from tinygrad_bp.ops.trigonometry import arctan as arctan
