"""A network with all that predicting takes: how its inputs were scaled, its columns and classes; and its file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np

import tinygrad_bp as tg
from tinygrad_bp.annotations import Array
from tinygrad_bp.cli.tasks import TASKS, Task
from tinygrad_bp.datasets import Table
from tinygrad_bp.errors import CheckpointError
from tinygrad_bp.modes import no_grad

Scaling = tuple[Array, Array]
"""Mean and deviation."""


@final
@dataclass(frozen=True)
class Network:
    """model: layers one after the other, of standardised features. target_scaling: 0, 1 but for a target of numbers."""

    model: tg.nn.Sequential
    task: Task
    activation: str
    scaling: Scaling
    target_scaling: tuple[float, float]
    columns: tuple[str, ...]
    target: str
    classes: tuple[str, ...] | None
    has_header: bool

    @property
    def features(self) -> tuple[str, ...]:
        """The names of the columns that it takes."""
        return tuple([name for name in self.columns if name != self.target])

    def scaled(self, X: Array) -> Array:
        """Features as the model takes them."""
        mean, deviation = self.scaling
        return (X - mean) / deviation

    def targets(self, y: Array) -> Array:
        """Targets as the loss takes them."""
        mean, deviation = self.target_scaling
        return self.task.targets(y if self.task.probabilities else (y - mean) / deviation)

    def outputs(self, X: Array) -> Array:
        """z[L] of the examples X, rows of features as the file has them."""
        with no_grad():
            return self.model(tg.asarray(self.scaled(X))).numpy()

    def probabilities(self, z: Array) -> Array:
        """Of every class, (m, classes)."""
        assert self.task.probabilities is not None
        return self.task.probabilities(z)

    def numbers(self, z: Array) -> Array:
        """The numbers that the outputs stand for, (m,)."""
        mean, deviation = self.target_scaling
        return z[:, 0] * deviation + mean

    def cost_graph(self, X: Array, y: Array) -> tg.Tensor:
        """The cost C over examples with the article's names and columns: X, W1, b1, z1, a1, …, y, C."""
        g = tg.nn.ACTIVATIONS[self.activation]
        layers = [
            (
                tg.Tensor(layer["W"].T, requires_grad=True, name=f"W{l}"),
                tg.Tensor(layer["b"].reshape(-1, 1), requires_grad=True, name=f"b{l}"),
            )
            for l, layer in enumerate(_linear(self.model), 1)
        ]
        a = tg.Tensor(self.scaled(X).T, name="X")
        for l, (W, b) in enumerate(layers, 1):
            a = (W @ a + b).named(f"z{l}")
            if l < len(layers):
                a = g(a).named(f"a{l}")
        return self.task.cost(a, self.targets(y).T, len(layers)).named("C")

    def save(self, path: Path, optimizer: Any, history: tg.nn.History) -> None:
        """Write it to a file."""
        tg.nn.save(
            path,
            self.model,
            optimizer,
            history,
            scaling=self.scaling,
            classes=None if self.classes is None else list(self.classes),
            task=self.task.name,
            activation=self.activation,
            target_scaling=list(self.target_scaling),
            columns=list(self.columns),
            target=self.target,
            has_header=self.has_header,
        )


def untrained(
    weights: tg.nn.NeuralNetwork, table: Table, scaling: Scaling, target_scaling: tuple[float, float]
) -> Network:
    """The network with the weights of the article's class, for the columns of a table."""
    task, activation = TASKS[table.task], str(weights.activation)
    model = _sequential([(W, b) for W, b in _pairs(weights.parameters)], activation)
    return Network(
        model, task, activation, scaling, target_scaling, table.columns, table.target, table.classes, table.has_header
    )


def read_network(path: Path) -> Network:
    """The network that `train` wrote. Raises CheckpointError for another file."""
    found = tg.nn.load(path)
    try:
        network = _rebuilt(found)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path} holds no network that `train` wrote. Give it the network.npz of one.") from error
    return network


def _rebuilt(found: tg.nn.Checkpoint) -> Network:
    """The network of a checkpoint; ValueError and the like if its parts do not fit together."""
    notes, count = found.notes, len(found.model) // 2
    pairs = [(found.model[f"layers.{2 * l}.W"].T, found.model[f"layers.{2 * l}.b"]) for l in range(count)]
    task = TASKS[notes["task"]]
    mean, deviation = found.scaling or (None, None)
    classes = None if found.classes is None else tuple([str(name) for name in found.classes])
    network = Network(
        _sequential(pairs, notes["activation"]),
        task,
        notes["activation"],
        (np.asarray(mean), np.asarray(deviation)),
        (float(notes["target_scaling"][0]), float(notes["target_scaling"][1])),
        tuple([str(name) for name in notes["columns"]]),
        str(notes["target"]),
        classes,
        bool(notes["has_header"]),
    )
    widths = [len(network.features), *[W.shape[0] for W, _ in pairs]]
    fits = [W.shape[1] for W, _ in pairs] == widths[:-1] and widths[-1] == task.outputs(classes)
    named = classes is None if task.probabilities is None else len(classes or ()) == max(widths[-1], 2)
    if not (fits and named and all(np.shape(part) == (widths[0],) for part in network.scaling)):
        raise ValueError("its parts do not fit")
    return network


def _pairs(parameters: Mapping[str, Array]) -> list[tuple[Array, Array]]:
    L = sum(name[0] == "W" for name in parameters)
    return [(parameters[f"W{l}"], parameters[f"b{l}"]) for l in range(1, L + 1)]


def _sequential(pairs: list[tuple[Array, Array]], activation: str) -> tg.nn.Sequential:
    """Layers for rows, of weights W (n_out, n_in) and b, with the activation between them."""
    layers: list[Any] = []
    for W, b in pairs:
        linear = tg.nn.Linear(W.shape[1], W.shape[0])
        linear.load_state_dict({"W": W.T, "b": b.reshape(-1)})
        layers += [linear, tg.nn.ACTIVATIONS[activation]]
    return tg.nn.Sequential(*layers[:-1])


def _linear(model: tg.nn.Sequential) -> list[dict[str, Array]]:
    """W and b of every layer."""
    return [layer.state_dict() for layer in model.layers if isinstance(layer, tg.nn.Linear)]
