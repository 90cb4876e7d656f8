"""What tests of many devices run in processes of their own: python -m tests.backends.jax_child devices | hosts …."""

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

import tinygrad_bp as tg
from tinygrad_bp import nn
from tinygrad_bp.nn.functional import gradients_of
from tinygrad_bp.nn.training_step import TrainingStep


class Block(nn.Layer):
    """A transformer block."""

    def __init__(self) -> None:
        self.before, self.between = nn.LayerNorm(8), nn.LayerNorm(8)
        self.attention = nn.MultiHeadAttention(8, 2, seed=0)
        self.wide, self.narrow = nn.Linear(8, 16, seed=1), nn.Linear(16, 8, seed=2)

    def forward(self, x: Any) -> Any:
        x = x + self.attention(self.before(x))
        return x + self.narrow(tg.relu(self.wide(self.between(x))))


def models() -> dict[str, tuple[Any, tuple[int, ...]]]:
    """Models and the shapes of their batches, of 16 examples."""
    mlp = nn.Sequential(nn.Linear(6, 8, seed=0), nn.Tanh(), nn.Linear(8, 2, seed=1))
    cnn = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1, seed=0), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(16, 2, seed=1)
    )
    return {"mlp": (mlp, (16, 6)), "cnn": (cnn, (16, 1, 4, 4)), "transformer": (Block(), (16, 3, 8))}


def batch(shape: tuple[int, ...]) -> Any:
    """Examples, the same in every process."""
    return np.random.default_rng(0).normal(size=shape)


def training_step(model: Any) -> tuple[Any, tuple[Any, ...]]:
    """A step of gradient descent as a function of the parameters' values and a batch, and the first values."""
    params = model.parameters()
    both = gradients_of(lambda X: ((model(X) - 1.0) ** 2).mean(), params)

    def step(values: Any, X: Any) -> Any:
        C, gradients = both(values, X)
        return C, tuple([value - 0.1 * g for value, g in zip(values, gradients, strict=True)])

    return step, tuple([p.value for p in params])


def trained(step: Any, values: Any, X: Any, steps: int = 10) -> tuple[list[float], Any]:
    """Costs and parameters; every step is waited for, as queues that nobody waits for deadlock on few cores."""
    costs = []
    for _ in range(steps):
        C, values = step(values, X)
        costs.append(float(C))
    return costs, [np.asarray(value) for value in values]


def devices() -> None:
    """Ten steps of every model on one device, on two and on eight, if there are, are those on NumPy."""
    import jax

    there = jax.devices()
    for name, (model, shape) in models().items():
        step, values = training_step(model)
        X = batch(shape)
        costs, expected = trained(tg.compile(step, backend="numpy"), values, X)
        for n in [n for n in (1, 2, 8) if n <= len(there)]:
            mesh = jax.make_mesh((n,), ("data",), devices=there[:n])
            fast = tg.compile(step, backend="jax", mesh=mesh, sharded={"X": "data"})
            got, found = trained(fast, values, X)
            np.testing.assert_allclose(got, costs, rtol=1e-11)
            for y, value in zip(found, expected, strict=True):
                np.testing.assert_allclose(y, value, rtol=1e-9, atol=1e-11)
            assert all(str(device) in fast.plan.reason for device in there[:n]), fast.plan
        print(name)
    split_by_name()
    fit_split_by_path(mesh_of(4, 2))
    print("fit")
    print(len(there), jax.default_backend())


def mesh_of(data: int, model: int) -> Any:
    """A mesh with two axes of these lengths, or of shorter ones where there are fewer devices."""
    import jax

    there = jax.devices()
    model = min(model, len(there))
    data = min(data, len(there) // model)
    return jax.make_mesh((data, model), ("data", "model"), devices=there[: data * model])


def split_by_name() -> None:
    """Parameters split along the mesh's second axis stay so, from step to step."""

    def step(W1: Any, W2: Any, X: Any) -> Any:
        C, (dW1, dW2) = tg.value_and_grad(lambda V, W: tg.mean((tg.tanh(X @ V) @ W - 1.0) ** 2), argnums=(0, 1))(W1, W2)
        return C, W1 - 0.1 * dW1, W2 - 0.1 * dW2

    mesh = mesh_of(2, 4)
    sharded = {"X": "data", "W1": (None, "model"), "W2": ("model", None)}
    fast = tg.compile(step, backend="jax", mesh=mesh, sharded=sharded)
    given = expected = [batch((6, 8)), batch((8, 2))]
    for _ in range(3):
        C, *given = fast(*given, batch((16, 6)))
        D, *expected = step(*expected, batch((16, 6)))
        np.testing.assert_allclose(C, D, rtol=1e-12)
    part = 8 // mesh.shape["model"]
    assert given[0].addressable_shards[0].data.shape == (6, part)
    assert given[1].addressable_shards[0].data.shape == (part, 2)
    print("by name")


def fit_split_by_path(mesh: Any) -> None:
    """Ten steps of fit, parameters and their state split along the mesh's second axis, are those of one device."""
    X = batch((80, 6))
    weight = tg.tensor(0.5)  # without a name, and of no length: not to be taken for the batch

    def trained(**options: Any) -> tuple[Any, ...]:
        model = models()["mlp"][0]
        optimizer = nn.Adam(model.parameters(), 0.01)
        history = nn.fit(
            model, X, X[:, :2], lambda p, y: weight * tg.mse(p, y), optimizer, epochs=2, batch=16, seed=0,
            validation=(X, X[:, :2]), **options,
        )  # fmt: skip
        return [(e.cost, e.validation_cost) for e in history], model.state_dict(), optimizer.state_dict()

    sharded = {"layers.0.W": (None, "model"), "layers.0.b": "model", "layers.2.W": ("model", None)}
    costs, weights, state = trained(backend="jax", mesh=mesh, sharded=sharded)
    for backend in ("jax", "numpy"):
        wanted, of_weights, of_state = trained(backend=backend)
        np.testing.assert_allclose(costs, wanted, rtol=1e-11)
        for found, expected in ((weights, of_weights), (state, of_state)):
            for name, value in found.items():
                np.testing.assert_allclose(value, expected[name], rtol=1e-9, atol=1e-11)
    assert state["steps"] == 10
    parts_of_a_step(mesh, sharded)


def parts_of_a_step(mesh: Any, sharded: Any) -> None:
    """What a device has between two steps is its part of a parameter, and of its state."""
    model = models()["mlp"][0]
    optimizer = nn.Adam(model.parameters(), 0.01)
    steps = TrainingStep(model, tg.mse, optimizer, "jax", mesh=mesh, sharded=sharded)
    for _ in range(2):
        steps(batch((16, 6)), batch((16, 2)))
        steps.move()
    part = 8 // mesh.shape["model"]
    (states, _), parts = optimizer.inputs(range(4)), [(6, part), (part,), (part, 2), (2,)]
    for p, state, part in zip(model.parameters(), states, parts, strict=True):
        assert [a.addressable_shards[0].data.shape for a in (p.value, *state)] == [part] * 3


def hosts(rank: int, port: int, folder: Path, dies: bool) -> None:
    """Steps on two processes, with a checkpoint after each; the second may end in the middle."""
    import jax

    if jax.config.jax_platforms == "cpu":
        jax.config.update("jax_cpu_collectives_implementation", "gloo")
    jax.distributed.initialize(f"127.0.0.1:{port}", 2, rank, heartbeat_timeout_seconds=10, shutdown_timeout_seconds=10)
    mesh = jax.make_mesh((jax.device_count(),), ("data",))
    model, shape = models()["mlp"]
    step, values = training_step(model)
    fast = tg.compile(step, backend="jax", mesh=mesh, sharded={"X": "data"})
    X, costs = batch(shape), []
    for n in range(10):
        C, values = fast(values, X)
        costs.append(float(C))
        if rank == 0:
            for p, value in zip(model.parameters(), values, strict=True):
                p.value = np.asarray(value)
            nn.save(folder / "model.npz", model)
        if dies and rank == 1 and n == 4:
            os._exit(9)
    across = np.array(jax.devices()).reshape(2, -1).T  # a row has a device of each process
    fit_split_by_path(jax.sharding.Mesh(across, ("data", "model")))
    print(*map(repr, costs))


if __name__ == "__main__":
    if sys.argv[1] == "devices":
        devices()
    else:
        hosts(int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]), sys.argv[5] == "dies")
