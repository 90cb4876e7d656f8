"""Checking derivatives: the gradient checkers, and Hypothesis strategies for the inputs of every op."""

from typing import TYPE_CHECKING

from tinygrad_bp import errors
from tinygrad_bp.testing.checker import check_gradients as check_gradients
from tinygrad_bp.testing.plain import check_grad as check_grad, check_vjp as check_vjp
from tinygrad_bp.testing.strategies import OpCase as OpCase, op_cases as op_cases
from tinygrad_bp.testing.subject import GradientError as GradientError

if not TYPE_CHECKING:  # to a type checker it would say that there is every name
    __getattr__ = errors.naming_the_nearest(__name__, globals())
