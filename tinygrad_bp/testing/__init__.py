"""Checking derivatives: the gradient checkers, and Hypothesis strategies for the inputs of every op."""

from tinygrad_bp.testing.checker import check_gradients as check_gradients
from tinygrad_bp.testing.plain import check_grad as check_grad, check_vjp as check_vjp
from tinygrad_bp.testing.strategies import OpCase as OpCase, op_cases as op_cases
from tinygrad_bp.testing.subject import GradientError as GradientError
