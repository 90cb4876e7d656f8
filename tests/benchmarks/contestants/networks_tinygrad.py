"""The small networks in tinygrad_bp: its layers, `Adam`, and the step of `fit`."""

from collections.abc import Callable
from typing import Any

import numpy as np

import tinygrad_bp as tg
from tinygrad_bp.nn.training_step import TrainingStep

from ..networks import CONVOLUTIONS, HEADS, MLP, NORMALISED, RATE, RECURRENT, TRANSFORMER, Network
from ..program import Program


def _convolutions(_network: Network) -> Any:
    nn = tg.nn
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1, dtype=np.float32), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1, dtype=np.float32), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(128, 10, dtype=np.float32),
    )  # fmt: skip


class _Recurrent(tg.nn.Layer):
    def __init__(self, _network: Network) -> None:
        self.first = tg.nn.LSTM(16, 64, dtype=np.float32)
        self.second = tg.nn.LSTM(64, 64, dtype=np.float32)
        self.last = tg.nn.Linear(64, 1, dtype=np.float32)

    def forward(self, x: Any) -> Any:
        _, (h, _) = self.second(self.first(x)[0])
        return self.last(h)


class _Transformer(tg.nn.Layer):
    def __init__(self, _network: Network) -> None:
        self.before = tg.nn.LayerNorm(64, dtype=np.float32)
        self.attention = tg.nn.MultiHeadAttention(64, HEADS, dtype=np.float32)
        self.between = tg.nn.LayerNorm(64, dtype=np.float32)
        self.wide = tg.nn.Linear(64, 256, dtype=np.float32)
        self.narrow = tg.nn.Linear(256, 64, dtype=np.float32)

    def forward(self, x: Any) -> Any:
        x = x + self.attention(self.before(x))
        return x + self.narrow(tg.relu(self.wide(self.between(x))))


def _mlp(_network: Network) -> Any:
    nn = tg.nn
    return nn.Sequential(nn.Linear(784, 128, dtype=np.float32), nn.ReLU(), nn.Linear(128, 10, dtype=np.float32))


def _normalised(network: Network) -> Any:
    nn, p = tg.nn, network.dropped
    return nn.Sequential(
        nn.Linear(64, 128, dtype=np.float32), nn.BatchNorm(128, dtype=np.float32), nn.ReLU(), nn.Dropout(p, seed=0),
        nn.Linear(128, 128, dtype=np.float32), nn.BatchNorm(128, dtype=np.float32), nn.ReLU(), nn.Dropout(p, seed=1),
        nn.Linear(128, 10, dtype=np.float32),
    )  # fmt: skip


_MODELS: dict[str, Callable[[Network], Any]] = {
    CONVOLUTIONS: _convolutions,
    RECURRENT: _Recurrent,
    TRANSFORMER: _Transformer,
    MLP: _mlp,
    NORMALISED: _normalised,
}


def model_of(network: Network) -> Any:
    """The model, with the network's weights."""
    model = _MODELS[network.kind](network)
    model.load_state_dict(model.state_dict() | network.weights)
    return model


def loss_of(network: Network) -> Any:
    return tg.mse if network.targets.dtype == np.float32 else tg.softmax_cross_entropy


def eager(network: Network) -> Program:
    model, loss = model_of(network), loss_of(network)
    optimizer = tg.nn.Adam(model.parameters(), RATE)
    inputs, targets = tg.asarray(network.inputs), tg.asarray(network.targets)

    def step() -> Any:
        cost = loss(model(inputs), targets)
        cost.backward()
        optimizer.step()
        optimizer.zero_grad()
        return cost

    return Program(step, list)


def compiled(network: Network, backend: Any = "settled") -> Program:
    """What `fit` does with a batch, as a program; of the first, which chooses it, nothing stays."""
    model = model_of(network)
    before = model.state_dict()
    steps = TrainingStep(model, loss_of(network), tg.nn.Adam(model.parameters(), RATE), backend)
    steps(network.inputs, network.targets)
    if not steps.compiled:
        raise RuntimeError("the step is not compiled")
    steps.settle()
    model.load_state_dict(before)

    def step() -> Any:
        cost = steps(network.inputs, network.targets)
        steps.move()
        return cost

    return Program(step, list)


def on_jax(network: Network) -> Program:
    return compiled(network, "jax")
