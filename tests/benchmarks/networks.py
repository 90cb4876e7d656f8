"""The small networks of `nn`, one for each kind of layer: data, cost, and weights that every contestant starts from."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from .workloads import Array

CONVOLUTIONS = "convolutions"
RECURRENT = "recurrent"
TRANSFORMER = "transformer"
MLP = "mlp"
NORMALISED = "normalised"

RATE, DROPPED, HEADS = 1e-3, 0.5, 4


@dataclass(frozen=True)
class Network:
    """Where training by Adam starts. `weights`: as tinygrad_bp's layers have them, by their paths; none is written to.

    Targets are class numbers, for softmax cross-entropy, or as large as the prediction, for the mean squared error.
    dropped: the share that dropout drops; 0 makes the costs of all contestants the same.
    """

    kind: str
    inputs: Array
    targets: Array
    weights: Mapping[str, Array]
    dropped: float


@dataclass(frozen=True)
class NetworkRow:
    """One row of the table: `make` builds the same fresh network each time."""

    row: int
    kind: str
    title: str
    make: Callable[[float], Network]


def _network(
    kind: str, inputs: Array, targets: Array, shapes: Mapping[str, tuple[int, ...]], dropped: float
) -> Network:
    """Matrices and filters scaled to their inputs; biases 0, what BatchNorm and LayerNorm multiply with 1."""
    random = np.random.default_rng(7)
    weights = {}
    for name, shape in shapes.items():
        drawn = random.standard_normal(shape, dtype=np.float32)
        fan = int(np.prod(shape[1:])) if len(shape) == 4 else shape[0]  # filters are rows, inputs of matrices too
        constant = np.full(shape, float(name.endswith("weight")), np.float32)
        weights[name] = drawn / np.float32(np.sqrt(fan)) if len(shape) > 1 else constant
    return Network(kind, inputs, targets, weights, dropped)


def _drawn(*shape: int) -> Array:
    return np.random.default_rng(8).standard_normal(shape, dtype=np.float32)


def _labels(examples: int) -> Array:
    return np.random.default_rng(9).integers(0, 10, examples)


def _linear(path: str, n_in: int, n_out: int) -> dict[str, tuple[int, ...]]:
    return {f"{path}.W": (n_in, n_out), f"{path}.b": (n_out,)}


def _convolutions(dropped: float) -> Network:
    shapes: dict[str, tuple[int, ...]] = {
        "layers.0.W": (16, 1, 3, 3), "layers.0.b": (16,), "layers.3.W": (32, 16, 3, 3), "layers.3.b": (32,),
        **_linear("layers.7", 128, 10),
    }  # fmt: skip
    return _network(CONVOLUTIONS, _drawn(64, 1, 8, 8), _labels(64), shapes, dropped)


def _recurrent(dropped: float) -> Network:
    shapes: dict[str, tuple[int, ...]] = {}
    for path, n_in in (("first", 16), ("second", 64)):
        shapes |= {f"{path}.W_x": (n_in, 256), f"{path}.W_h": (64, 256), f"{path}.b": (256,)}
    x = _drawn(32, 50, 16)
    return _network(RECURRENT, x, np.tanh(x[:, ::7, 0].sum(1, keepdims=True)), shapes | _linear("last", 64, 1), dropped)


def _transformer(dropped: float) -> Network:
    shapes: dict[str, tuple[int, ...]] = {"before.weight": (64,), "before.bias": (64,)}
    for path in ("query", "key", "value", "output"):
        shapes |= _linear(f"attention.{path}", 64, 64)
    shapes |= {"between.weight": (64,), "between.bias": (64,), **_linear("wide", 64, 256), **_linear("narrow", 256, 64)}
    x = _drawn(16, 32, 64)
    return _network(TRANSFORMER, x, np.roll(x, 1, axis=1), shapes, dropped)


def _mlp(dropped: float) -> Network:
    shapes = _linear("layers.0", 784, 128) | _linear("layers.2", 128, 10)
    return _network(MLP, _drawn(64, 784), _labels(64), shapes, dropped)


def _normalised(dropped: float) -> Network:
    shapes: dict[str, tuple[int, ...]] = {}
    for i, n_in in ((0, 64), (4, 128)):
        shapes |= _linear(f"layers.{i}", n_in, 128)
        shapes |= {f"layers.{i + 1}.weight": (128,), f"layers.{i + 1}.bias": (128,)}
    return _network(NORMALISED, _drawn(64, 64), _labels(64), shapes | _linear("layers.8", 128, 10), dropped)


NETWORKS = (
    NetworkRow(1, CONVOLUTIONS, "CNN: convolutions 16 and 32 on 8×8 digits, batch 64", _convolutions),
    NetworkRow(2, RECURRENT, "LSTM: 2 × 64 over 50 steps of 16, batch 32", _recurrent),
    NetworkRow(3, TRANSFORMER, "transformer block: 64 wide × 32 tokens, 4 heads, batch 16", _transformer),
    NetworkRow(4, MLP, "MLP: 784-128-10, batch 64", _mlp),
    NetworkRow(5, NORMALISED, "BatchNorm and dropout: 64-128-128-10, batch 64", _normalised),
)
