"""What the estimators train: a network for a table of features, its cost with weights and penalty, its optimizer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import sqrt
from typing import Any

import numpy as np

from tinygrad_bp.calls import described
from tinygrad_bp.errors import ArgumentError, describe
from tinygrad_bp.functions import mean, sum as total
from tinygrad_bp.nn.activations import Activation, activation_function
from tinygrad_bp.nn.adaptive import Adagrad, Adam, AdamW, RMSprop
from tinygrad_bp.nn.checks import positive, whole
from tinygrad_bp.nn.containers import Sequential
from tinygrad_bp.nn.layers import Layer
from tinygrad_bp.nn.linear import Linear
from tinygrad_bp.nn.optim import SGD, Rate
from tinygrad_bp.tensor import Tensor

Loss = Callable[[Any, Any], Any]

Builder = Callable[[int, int, np.random.Generator], Layer]
"""What `module` is: a function of the number of features, of outputs, and a random generator."""

OPTIMIZERS: dict[str, Callable[..., Any]] = {
    "adagrad": Adagrad,
    "adam": Adam,
    "adamw": AdamW,
    "rmsprop": RMSprop,
    "sgd": lambda params, lr: SGD(params, lr, momentum=0.9, nesterov=True),
}
"""The optimizers by name, each a function of parameters and learning rate."""


def network(
    widths: Sequence[int], activation: str | Activation, seed: np.random.Generator, dtype: np.dtype[Any]
) -> Sequential:
    """Linear layers of these widths, input first, with the activation between them; the output is linear."""
    g = activation if callable(activation) else activation_function(activation)
    first, *others = [_linear(n, m, seed, dtype) for n, m in pairwise(widths)]
    return Sequential(first, *[layer for linear in others for layer in (g, linear)])


def _linear(n: int, m: int, seed: np.random.Generator, dtype: np.dtype[Any]) -> Linear:
    """Weights and biases drawn alike, uniformly with Glorot's variance 2/(n + m).

    With biases of 0 every hidden unit would begin with its kink at the features' mean: of few features it learns later.
    """
    layer, end = Linear(n, m, seed=seed, dtype=dtype), sqrt(6 / (n + m))
    layer.load_state_dict(
        {path: seed.uniform(-end, end, p.shape).astype(dtype) for path, p in layer.named_parameters()}
    )
    return layer


def model_of(module: Any, features: int, outputs: int, generator: np.random.Generator) -> Layer:
    """The model that the user's function builds."""
    if isinstance(module, Layer) or not callable(module):
        got = "a model" if isinstance(module, Layer) else described(module)
        raise ArgumentError(
            f"module is a function that builds the model, so that every fit begins anew; got {got}. Pass "
            "lambda features, outputs, generator: tg.nn.Sequential(…)."
        )
    model = module(features, outputs, generator)
    if not isinstance(model, Layer):
        raise ArgumentError(f"module returns a layer; got {describe(model)}. Return a Sequential, say.")
    return model


def hidden_widths(hidden: Any) -> list[int]:
    """The widths of the hidden layers, as a list."""
    if isinstance(hidden, str) or not np.iterable(hidden):
        raise ArgumentError(f"hidden lists the width of every hidden layer, as in (100,); got {hidden!r}.")
    return [whole(f"the width of hidden layer {l}", n, 1) for l, n in enumerate(hidden, 1)]


def optimizer_of(params: list[Tensor], optimizer: Any, lr: Rate) -> Any:
    """The optimizer of that name, or what a function of the parameters makes."""
    if callable(optimizer):
        return optimizer(params)
    if not isinstance(optimizer, str) or optimizer not in OPTIMIZERS:
        raise ArgumentError(
            f"optimizer is a function of parameters or one of {', '.join(OPTIMIZERS)}; got {described(optimizer)}. "
            "Pass 'adam', say, or lambda params: tg.nn.SGD(params, lr=0.1)."
        )
    return OPTIMIZERS[optimizer](params, lr if callable(lr) else positive("learning_rate", lr))


def with_weights(targets: Any, weights: Any) -> Any:
    """Targets (m, n) with the examples' weights as one more column, scaled to mean 1."""
    return np.column_stack([targets, weights / weights.mean()]).astype(targets.dtype)


def cost_of(loss: Loss, model: Layer, penalty: float, weighted: bool) -> Loss:
    """The mean of `loss` over a batch plus penalty·Σ W²/2 over all parameters with two axes or more.

    weighted: targets are those of `with_weights`, and the mean is Σ w·loss/m.
    """
    if not callable(loss):
        raise ArgumentError(f"loss is a function of outputs and targets; got {described(loss)}. Pass tg.mse, say.")
    matrices = [p for p in model.parameters() if p.ndim > 1] if penalty else []

    def cost(prediction: Any, target: Any) -> Any:
        losses = _weighted(loss, prediction, target) if weighted else loss(prediction, target)
        C = mean(losses)
        for W in matrices:
            C = C + (0.5 * penalty) * total(W * W)
        return C

    return cost


def _weighted(loss: Loss, prediction: Any, target: Any) -> Any:
    losses, w = loss(prediction, target[:, :-1]), target[:, -1]
    if losses.shape[:1] != w.shape:
        raise ArgumentError(
            f"sample_weight needs the loss of each example, shape ({len(w)}, …); the loss returned {describe(losses)}. "
            "Leave its mean away, with reduction='none' for instance."
        )
    return losses * w.reshape(-1, *[1] * (losses.ndim - 1))
