"""The small networks in JAX, by hand: the whole step under `jit`, the memory of the old state given to the new."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from ..networks import CONVOLUTIONS, HEADS, MLP, NORMALISED, RATE, RECURRENT, TRANSFORMER, Network
from ..program import Program

EPS, MOMENTUM = 1e-5, 0.1


def _linear(w: Any, path: str, x: Any) -> Any:
    return x @ w[f"{path}.W"] + w[f"{path}.b"]


def _layer_norm(w: Any, path: str, x: Any) -> Any:
    mean = x.mean(-1, keepdims=True)
    variance = x.var(-1, keepdims=True)
    return w[f"{path}.weight"] * (x - mean) * jax.lax.rsqrt(variance + EPS) + w[f"{path}.bias"]


def _convolutions(w: Any, moved: Any, x: Any, key: Any, dropped: float) -> Any:
    """Channels last, which XLA prefers on a processor."""
    a = x.transpose((0, 2, 3, 1))
    for path in ("layers.0", "layers.3"):
        filters, b = w[f"{path}.W"], w[f"{path}.b"]
        z = jax.lax.conv_general_dilated(a, filters, (1, 1), "SAME", dimension_numbers=("NHWC", "OIHW", "NHWC"))
        examples, height, width, channels = z.shape
        a = jax.nn.relu(z + b).reshape((examples, height // 2, 2, width // 2, 2, channels)).max(axis=(2, 4))
    return _linear(w, "layers.7", a.transpose((0, 3, 1, 2)).reshape((len(x), -1))), moved


def _lstm(w: Any, path: str, x: Any) -> Any:
    """x (steps, examples, n_in); the products with x of all steps are one."""
    W_h = w[f"{path}.W_h"]
    zeros = jnp.zeros((x.shape[1], len(W_h)), x.dtype)

    def cell(state: Any, product: Any) -> Any:
        h, c = state
        i, f, g, o = jnp.split(product + h @ W_h, 4, axis=-1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h

    return jax.lax.scan(cell, (zeros, zeros), x @ w[f"{path}.W_x"] + w[f"{path}.b"])[1]


def _recurrent(w: Any, moved: Any, x: Any, key: Any, dropped: float) -> Any:
    return _linear(w, "last", _lstm(w, "second", _lstm(w, "first", x.swapaxes(0, 1)))[-1]), moved


def _attention(w: Any, x: Any) -> Any:
    examples, tokens, n = x.shape
    parts = [_linear(w, f"attention.{path}", x) for path in ("query", "key", "value")]
    q, k, v = [part.reshape((examples, tokens, HEADS, n // HEADS)) for part in parts]
    return _linear(w, "attention.output", jax.nn.dot_product_attention(q, k, v).reshape(x.shape))


def _transformer(w: Any, moved: Any, x: Any, key: Any, dropped: float) -> Any:
    x = x + _attention(w, _layer_norm(w, "before", x))
    wide = jax.nn.relu(_linear(w, "wide", _layer_norm(w, "between", x)))
    return x + _linear(w, "narrow", wide), moved


def _mlp(w: Any, moved: Any, x: Any, key: Any, dropped: float) -> Any:
    return _linear(w, "layers.2", jax.nn.relu(_linear(w, "layers.0", x))), moved


def _normalised(w: Any, moved: Any, x: Any, key: Any, dropped: float) -> Any:
    new, n = {}, len(x)
    for i, draw in zip((0, 4), jax.random.split(key), strict=True):
        z = _linear(w, f"layers.{i}", x)
        mean, variance = z.mean(0), z.var(0)
        running = moved[i]
        new[i] = [
            (1 - MOMENTUM) * old + MOMENTUM * now
            for old, now in zip(running, (mean, variance * (n / (n - 1))), strict=True)
        ]
        z = w[f"layers.{i + 1}.weight"] * (z - mean) * jax.lax.rsqrt(variance + EPS) + w[f"layers.{i + 1}.bias"]
        kept = jax.random.bernoulli(draw, 1 - dropped, z.shape)
        x = jnp.where(kept, jax.nn.relu(z) / (1 - dropped), 0)
    return _linear(w, "layers.8", x), new


_PREDICTIONS: dict[str, Callable[..., Any]] = {
    CONVOLUTIONS: _convolutions,
    RECURRENT: _recurrent,
    TRANSFORMER: _transformer,
    MLP: _mlp,
    NORMALISED: _normalised,
}


def _cost(prediction: Any, targets: Any) -> Any:
    if targets.dtype == jnp.float32:
        return jnp.mean((prediction - targets) ** 2)
    log_p = jax.nn.log_softmax(prediction)
    return -jnp.mean(jnp.take_along_axis(log_p, targets[:, None], axis=1))


def _adam(w: Any, g: Any, m: Any, v: Any, n: Any) -> Any:
    b1, b2, eps = 0.9, 0.999, 1e-8
    m = jax.tree.map(lambda m, g: b1 * m + (1 - b1) * g, m, g)
    v = jax.tree.map(lambda v, g: b2 * v + (1 - b2) * g * g, v, g)
    length, correction = RATE / (1 - b1**n), jnp.sqrt(1 - b2**n)
    w = jax.tree.map(lambda w, m, v: w - length * (m / (jnp.sqrt(v) / correction + eps)), w, m, v)
    return w, m, v


def program(network: Network) -> Program:
    predicted = _PREDICTIONS[network.kind]

    def cost_of(w: Any, moved: Any, key: Any, x: Any, y: Any) -> Any:
        prediction, new = predicted(w, moved, x, key, network.dropped)
        return _cost(prediction, y), new

    def step(state: Any, x: Any, y: Any) -> Any:
        w, m, v, n, moved, key = state
        key, draw = jax.random.split(key)
        (cost, moved), g = jax.value_and_grad(cost_of, has_aux=True)(w, moved, draw, x, y)
        n = n + 1
        return cost, (*_adam(w, g, m, v, n), n, moved, key)

    fast = jax.jit(step, donate_argnums=0)
    w = {name: jnp.array(array) for name, array in network.weights.items()}
    m, v = jax.tree.map(jnp.zeros_like, w), jax.tree.map(jnp.zeros_like, w)
    moved = {i: [jnp.zeros(128, jnp.float32), jnp.ones(128, jnp.float32)] for i in (0, 4)}
    state: Any = (w, m, v, jnp.float32(0), moved if network.kind == NORMALISED else {}, jax.random.key(0))
    x, y = jnp.array(network.inputs), jnp.array(network.targets)

    def train() -> Any:
        nonlocal state
        cost, state = fast(state, x, y)
        return cost

    return Program(train, list, lambda: jax.block_until_ready(state) and None)
