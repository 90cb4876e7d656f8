"""JAX with the whole step under `jit`, the old parameters' memory given to the new."""

from typing import Any

import jax
import jax.numpy as jnp

from ..program import Program, descend, pure_program
from ..workloads import BINARY, CHAIN, CLASSES, IMAGES, SQUARES, Problem

jax.config.update("jax_enable_x64", True)


def _binary(parameters: Any, X: Any, Y: Any) -> Any:
    W1, b1, W2, b2 = parameters
    z2 = W2 @ jax.nn.sigmoid(W1 @ X + b1) + b2
    return jnp.mean(jax.nn.softplus(z2) - Y * z2)


def _cross_entropy(z: Any, labels: Any) -> Any:
    log_p = jax.nn.log_softmax(z)
    return -jnp.mean(jnp.take_along_axis(log_p, labels[:, None], axis=1))


def _classes(parameters: Any, x: Any, labels: Any) -> Any:
    *hidden, (W, b) = zip(parameters[::2], parameters[1::2], strict=True)
    a = x
    for V, c in hidden:
        a = jax.nn.relu(a @ V + c)
    return _cross_entropy(a @ W + b, labels)


def _chain(parameters: Any, _inputs: Any, _targets: Any) -> Any:
    (x,) = parameters
    return jnp.sum(jnp.tanh(x) * jax.nn.sigmoid(x) + jnp.exp(-x * x))


def _squares(parameters: Any, x: Any, targets: Any) -> Any:
    *hidden, (W, b) = zip(parameters[::2], parameters[1::2], strict=True)
    a = x
    for V, c in hidden:
        a = jnp.tanh(a @ V + c)
    return jnp.mean((a @ W + b - targets) ** 2)


def _images(parameters: Any, x: Any, labels: Any) -> Any:
    """Channels last, which XLA prefers on a processor."""
    *convolutions, (W, b) = zip(parameters[::2], parameters[1::2], strict=True)
    a = x.transpose((0, 2, 3, 1))
    for filters, c in convolutions:
        z = jax.lax.conv_general_dilated(a, filters, (1, 1), "SAME", dimension_numbers=("NHWC", "OIHW", "NHWC"))
        examples, height, width, channels = z.shape
        a = jax.nn.relu(z + c).reshape((examples, height // 2, 2, width // 2, 2, channels)).max(axis=(2, 4))
    return _cross_entropy(a.transpose((0, 3, 1, 2)).reshape((len(x), -1)) @ W + b, labels)


_COSTS = {BINARY: _binary, CLASSES: _classes, CHAIN: _chain, SQUARES: _squares, IMAGES: _images}


def program(problem: Problem) -> Program:
    value_and_gradients = jax.value_and_grad(_COSTS[problem.kind])

    def step(parameters: Any, inputs: Any, targets: Any) -> Any:
        cost, gradients = value_and_gradients(parameters, inputs, targets)
        return cost, descend(problem.rate, parameters, gradients)

    fast = jax.jit(step, donate_argnums=0 if problem.rate else ())
    return pure_program(problem, fast, jnp.array, jax.block_until_ready)
