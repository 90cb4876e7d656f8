"""The small networks in PyTorch: its layers and its Adam, fused, which is the fastest of its three."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

import tinygrad_bp as tg

from ..networks import CONVOLUTIONS, HEADS, MLP, NORMALISED, RATE, RECURRENT, TRANSFORMER, Network
from ..program import Program
from .networks_tinygrad import model_of


def _convolutions(_network: Network) -> Any:
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(128, 10),
    )  # fmt: skip


class _Recurrent(nn.Module):
    def __init__(self, _network: Network) -> None:
        super().__init__()
        self.first = nn.LSTM(16, 64, batch_first=True)
        self.second = nn.LSTM(64, 64, batch_first=True)
        self.last = nn.Linear(64, 1)

    def forward(self, x: Any) -> Any:
        _, (h, _) = self.second(self.first(x)[0])
        return self.last(h[0])


class _Transformer(nn.Module):
    def __init__(self, _network: Network) -> None:
        super().__init__()
        self.before, self.between = nn.LayerNorm(64), nn.LayerNorm(64)
        self.attention = nn.MultiheadAttention(64, HEADS, batch_first=True)
        self.wide, self.narrow = nn.Linear(64, 256), nn.Linear(256, 64)

    def forward(self, x: Any) -> Any:
        a = self.before(x)
        x = x + self.attention(a, a, a, need_weights=False)[0]
        return x + self.narrow(torch.relu(self.wide(self.between(x))))


def _mlp(_network: Network) -> Any:
    return nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))


def _normalised(network: Network) -> Any:
    p = network.dropped
    return nn.Sequential(
        nn.Linear(64, 128), nn.BatchNorm1d(128), nn.ReLU(), nn.Dropout(p),
        nn.Linear(128, 128), nn.BatchNorm1d(128), nn.ReLU(), nn.Dropout(p),
        nn.Linear(128, 10),
    )  # fmt: skip


_MODELS: dict[str, Callable[[Network], Any]] = {
    CONVOLUTIONS: _convolutions,
    RECURRENT: _Recurrent,
    TRANSFORMER: _Transformer,
    MLP: _mlp,
    NORMALISED: _normalised,
}


def _program(network: Network, transform: Callable[[Any], Any]) -> Program:
    model = _MODELS[network.kind](network)
    model.load_state_dict(
        {name: torch.from_numpy(a) for name, a in tg.nn.to_torch(model_of(network)).items()}, strict=False
    )
    loss = F.mse_loss if network.targets.dtype.kind == "f" else F.cross_entropy
    for name, parameter in model.named_parameters():
        if "bias_hh" in name:  # the same as bias_ih, which the others have alone
            parameter.requires_grad_(False)
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], RATE, fused=True)
    inputs, targets = torch.tensor(network.inputs), torch.tensor(network.targets)
    cost_of = transform(lambda: loss(model(inputs), targets))

    def step() -> Any:
        cost = cost_of()
        cost.backward()
        optimizer.step()
        optimizer.zero_grad()
        return cost

    return Program(step, list)


def eager(network: Network) -> Program:
    return _program(network, lambda cost: cost)


def compiled(network: Network) -> Program:
    return _program(network, torch.compile)
