"""What the gallery shows of other libraries: two layers, a convolutional network and attention, of JAX and PyTorch.

They are written as users of these libraries write them; `tg.graph.from_jaxpr` and `tg.graph.from_fx` read them.
"""

from collections.abc import Callable
from importlib.util import find_spec
from typing import Literal

import numpy as np

import tinygrad_bp as tg


def drawn_numbers(*shape: int) -> np.ndarray:
    """Numbers of single precision, always the same ones."""
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


# --- JAX --------------------------------------------------------------------------------------------------------------


def layers_from_jax() -> tg.Graph:
    """Two layers for classes, the parameters in a dict."""
    import jax
    import jax.numpy as jnp

    def cost(weights, X, labels):
        hidden = jax.nn.relu(X @ weights["W1"] + weights["b1"])
        log_p = jax.nn.log_softmax(hidden @ weights["W2"] + weights["b2"])
        return -jnp.mean(jnp.take_along_axis(log_p, labels[:, None], axis=1))

    weights = {"W1": drawn_numbers(7, 4), "b1": np.zeros(4, "f4"), "W2": drawn_numbers(4, 3), "b2": np.zeros(3, "f4")}
    return tg.graph.from_jaxpr(cost, weights, drawn_numbers(5, 7), np.array([0, 2, 1, 1, 0]))


def convolutional_network_from_jax() -> tg.Graph:
    """A convolution with pooling, and a linear layer."""
    import jax
    import jax.numpy as jnp

    def cost(K, W, images, labels):
        maps = jax.nn.relu(jax.lax.conv_general_dilated(images, K, (1, 1), "SAME"))
        pooled = jax.lax.reduce_window(maps, -jnp.inf, jax.lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")
        log_p = jax.nn.log_softmax(pooled.reshape(len(images), -1) @ W)
        return -jnp.mean(jnp.sum(jax.nn.one_hot(labels, 3) * log_p, axis=1))

    images, labels = drawn_numbers(2, 1, 8, 8), np.array([0, 2])
    return tg.graph.from_jaxpr(cost, drawn_numbers(4, 1, 3, 3), drawn_numbers(64, 3), images, labels)


def attention_from_jax() -> tg.Graph:
    """Causal attention."""
    import jax.numpy as jnp
    from jax.nn import softmax

    def attention(Q, K, V):
        scores = Q @ K.T / jnp.sqrt(4.0)
        return jnp.mean(softmax(jnp.where(jnp.tri(3, dtype=bool), scores, -jnp.inf)) @ V)

    return tg.graph.from_jaxpr(attention, *np.random.default_rng(0).normal(size=(3, 3, 4)))


# --- PyTorch ----------------------------------------------------------------------------------------------------------


def layers_from_torch() -> tg.Graph:
    """Two layers for classes."""
    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.hidden, self.output = nn.Linear(7, 4), nn.Linear(4, 3)

        def forward(self, X, labels):
            return nn.functional.cross_entropy(self.output(torch.relu(self.hidden(X))), labels)

    torch.manual_seed(0)
    return tg.graph.from_fx(Net(), torch.from_numpy(drawn_numbers(5, 7)), torch.tensor([0, 2, 1, 1, 0]))


def convolutional_network_from_torch() -> tg.Graph:
    """A convolution with pooling, and a linear layer."""
    import torch

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.linear = torch.nn.Conv2d(1, 4, 3, padding=1), torch.nn.Linear(64, 3)

        def forward(self, images, labels):
            h = torch.nn.functional.max_pool2d(torch.relu(self.conv(images)), 2)
            return torch.nn.functional.cross_entropy(self.linear(h.flatten(1)), labels)

    torch.manual_seed(0)
    return tg.graph.from_fx(Net(), torch.ones(2, 1, 8, 8), torch.tensor([0, 2]))


def attention_from_torch() -> tg.Graph:
    """Causal attention with its projections."""
    import torch
    from torch import nn

    class Attention(nn.Module):
        def __init__(self):
            super().__init__()
            self.q, self.k, self.v = (nn.Linear(4, 4, bias=False) for _ in range(3))

        def forward(self, x):
            scores = self.q(x) @ self.k(x).T / 4**0.5
            later = torch.ones(3, 3, dtype=torch.bool).triu(1)
            return (scores.masked_fill(later, -torch.inf).softmax(-1) @ self.v(x)).mean()

    torch.manual_seed(0)
    return tg.graph.from_fx(Attention(), torch.from_numpy(drawn_numbers(3, 4)))


OTHERS: dict[str, tuple[str, Literal["named", "scopes"], Callable[[], tg.Graph]]] = {
    "layers_from_jax": ("jax", "named", layers_from_jax),
    "convolutional_network_from_jax": ("jax", "named", convolutional_network_from_jax),
    "attention_from_jax": ("jax", "named", attention_from_jax),
    "layers_from_torch": ("torch", "scopes", layers_from_torch),
    "convolutional_network_from_torch": ("torch", "scopes", convolutional_network_from_torch),
    "attention_from_torch": ("torch", "scopes", attention_from_torch),
}
"""By file name: the library, how much is drawn, and what."""


def graphs() -> dict[str, tuple[tg.Graph, Literal["named", "scopes"]]]:
    """Those of the libraries that are installed, by file name."""
    return {name: (read(), detail) for name, (library, detail, read) in OTHERS.items() if find_spec(library)}
