"""Lines as users write them, with the types that a checker must find. Checked by test_typing, and run as a doctest."""

from collections.abc import Callable
from typing import Any, assert_type

import numpy as np

import tinygrad_bp as tg
from tinygrad_bp.annotations import Array

# tensors and their attributes
x = tg.tensor([1.0, 2.0], requires_grad=True, name="x")
W = tg.asarray(np.eye(2), requires_grad=True)
a = np.array([3.0, 4.0])
ones = np.ones(2)
assert_type(x, tg.Tensor)
assert_type(x.data, Array)
assert_type(x.grad, Array | None)
assert_type(x.name, str | None)
assert_type(x.shape, tuple[int, ...])
assert_type(x.T, tg.Tensor)
assert_type(x[0], tg.Tensor)
assert_type(x.named("h"), tg.Tensor)
assert_type(x.detach().numpy(), Array)

# operators
assert_type(x + x, tg.Tensor)
assert_type(2 * x, tg.Tensor)
assert_type(ones * x, tg.Tensor)
assert_type(ones @ x, tg.Tensor)
assert_type(W @ x - a, tg.Tensor)
assert_type(x**2, tg.Tensor)
assert_type(1 / x, tg.Tensor)
assert_type(-x, tg.Tensor)
assert_type(abs(x), tg.Tensor)
assert_type(x > 0, tg.Tensor)
assert_type(x == x.data, tg.Tensor)
assert_type(divmod(x, 2.0), tuple[tg.Tensor, tg.Tensor])
assert_type([row for row in W], list[tg.Tensor])  # noqa: C416 - what iteration gives

# methods
assert_type(x.sum(), tg.Tensor)
assert_type(W.mean(axis=0, keepdims=True), tg.Tensor)
assert_type(W.std(axis=(0, 1), ddof=1), tg.Tensor)
assert_type(W.reshape(4).reshape((2, -1)), tg.Tensor)
assert_type(W.transpose(1, 0), tg.Tensor)
assert_type(x.clip(0.0, 1.0).astype(np.float32), tg.Tensor)
assert_type(x.argmax(), tg.Tensor)
assert_type(x.nonzero(), tuple[Array, ...])

# functions: tensors for tensors, arrays for arrays
assert_type(tg.sigmoid(x), tg.Tensor)
assert_type(tg.sigmoid(a), Array)
assert_type(tg.exp(1.0), Array)
assert_type(tg.add(a, 1.0), Array)
assert_type(tg.add(a, x), tg.Tensor)
assert_type(tg.sum(W, axis=0, keepdims=True), tg.Tensor)
assert_type(tg.where(x > 1, x, 0.0), tg.Tensor)
assert_type(tg.stack([x, a]), tg.Tensor)
assert_type(tg.concatenate([ones, ones], axis=0), Array)
assert_type(tg.split(x, 2), list[tg.Tensor])
assert_type(tg.einsum("ij,j->i", W, a), tg.Tensor)
assert_type(tg.softmax(z := W @ x, axis=-1), tg.Tensor)
assert_type(tg.mse(z, a, reduction="sum"), tg.Tensor)
assert_type(tg.linalg.norm(W, axis=0), tg.Tensor)
assert_type(tg.linalg.svd(W).S, tg.Tensor)
assert_type(tg.linalg.eigh(np.eye(2)).eigenvalues, Array)
assert_type(tg.fft.rfft(x), tg.Tensor)


# transforms
def loss(parameters: dict[str, tg.Tensor], inputs: Array) -> tg.Tensor:
    return tg.mean(tg.sigmoid(parameters["W"] @ inputs) ** 2)


parameters: dict[str, Array] = {"W": np.ones((1, 2))}
assert_type(tg.grad(tg.mean)(a), Array)
assert_type(tg.grad(lambda x: x**3)(2.0), Array)
assert_type(tg.grad(tg.mean)(x), tg.Tensor)
assert_type(tg.grad(loss)(parameters, a), dict[str, Array])
assert_type(tg.value_and_grad(loss)(parameters, a), tuple[Array, dict[str, Array]])
assert_type(tg.grad(loss, argnums=(0, 1))(parameters, a), tuple[Any, ...])
assert_type(tg.jacobian(tg.sigmoid)(a), Array)
assert_type(tg.hessian(lambda x: tg.sum(x**3))(a), Array)
assert_type(tg.vjp(tg.sigmoid, ones), tuple[Array, Callable[[Any], tuple[Array, ...]]])
assert_type(tg.jvp(tg.sigmoid, (0.5,), (1.0,)), tuple[Array, Array])
assert_type(tg.hvp(lambda x: tg.sum(x**3), (ones,), (ones,)), tuple[Array, ...])
assert_type(tg.compile(loss), tg.Compiled)
objective = tg.scipy_objective(lambda p: tg.sum(p["W"] ** 2), {"W": ones})
fun, jac, hessp = objective
assert_type(objective.fun(objective.x0), float)
assert_type(objective.jac(objective.x0), Array)


# layers
class Gate(tg.nn.Layer):
    name = "gate"

    def __init__(self, n: int):
        self.signal = tg.nn.Linear(n, n)

    def forward(self, x: tg.Tensor, scale: float = 1.0) -> tuple[tg.Tensor, tg.Tensor]:
        return self.signal(x), scale * x


model = tg.nn.Sequential(tg.nn.Linear(2, 3), tg.nn.ReLU())
assert_type(model(a), tg.Tensor)
assert_type(tg.nn.Sigmoid()(x), tg.Tensor)
assert_type(Gate(2)(x, scale=2.0), tuple[tg.Tensor, tg.Tensor])
assert_type(model.parameters(), list[tg.Tensor])
tg.nn.SGD(model.parameters(), lr=0.1).zero_grad()
assert_type(tg.nn.Conv2d(1, 2, (3, 3), padding="same")(np.ones((1, 1, 4, 4))), tg.Tensor)
assert_type(tg.nn.BatchNorm(3).eval()(np.ones((2, 3))), tg.Tensor)
assert_type(tg.nn.BatchNorm(3).train(), tg.nn.BatchNorm)
assert_type(tg.nn.Dropout(0.1, seed=0)(x), tg.Tensor)
assert_type(tg.nn.Embedding(5, 3)([1, 2]), tg.Tensor)
assert_type(tg.nn.GRU(2, 3)(np.ones((1, 5, 2)), h=None), tuple[tg.Tensor, tg.Tensor])
assert_type(tg.nn.LSTM(2, 3)(np.ones((1, 5, 2))), tuple[tg.Tensor, tuple[tg.Tensor, tg.Tensor]])
assert_type(tg.nn.MultiHeadAttention(4, 2)(np.ones((1, 5, 4)), causal=True), tg.Tensor)
assert_type(model.state_dict(), dict[str, Array])
assert_type(model.summary(a), tg.nn.Summary)
model.load_state_dict(tg.nn.from_torch(model, tg.nn.to_torch(model)))
adam = tg.nn.Adam(model.parameters(), lr=tg.nn.WarmUp(tg.nn.CosineDecay(0.1, steps=100), steps=10))
tg.nn.AdamW(model.parameters(), lr=lambda step: 0.1 / (1 + step)).load_state_dict(adam.state_dict())


def kept(path: str) -> None:
    tg.nn.save(path, model, adam, classes=["a", "b"], place="here")
    assert_type(tg.nn.load(path, model, adam), tg.nn.Checkpoint)
    assert_type(tg.nn.load(path).network(), tg.nn.NeuralNetwork)


assert_type(tg.nn.NeuralNetwork([2, 1], rows=True).summary(np.ones((3, 2))), tg.nn.Summary)
assert_type(adam.summary(), tg.Table)
assert_type(tg.nn.clip_grad_norm(model.parameters(), 1.0), float)

# graph, picture, derivation
tg.mean(model(x)).backward(retain_graph=True)
assert_type(tg.graph(x.sum()), tg.Graph)
assert_type(tg.draw(x.sum(), passes="forward").dot, str)
assert_type(tg.derive(x.sum(), x).text, str)
