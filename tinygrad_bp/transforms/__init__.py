"""Functions of functions: gradients, products with Jacobians, Jacobians, Hessians, nested to any order.

Outside they take and return arrays, or nested containers of arrays. Inside one another they pass tensors, so the
derivative that comes out is a graph that the next one differentiates.
"""

from tinygrad_bp.transforms.checkpointing import checkpoint as checkpoint
from tinygrad_bp.transforms.forward import jvp as jvp
from tinygrad_bp.transforms.matrices import hessian as hessian, hvp as hvp, jacobian as jacobian
from tinygrad_bp.transforms.reverse import grad as grad, value_and_grad as value_and_grad, vjp as vjp
