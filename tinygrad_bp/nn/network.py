"""The article's class: a network of sigmoid layers for 0/1 targets, one example per column, or per row if told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Final, NamedTuple, final

import numpy as np

from tinygrad_bp.calls import guarded
from tinygrad_bp.errors import ArgumentError, ShapeError
from tinygrad_bp.modes import no_grad, quietly
from tinygrad_bp.nn.activations import Activation, activation_function
from tinygrad_bp.nn.checks import Array, positive, whole, widths
from tinygrad_bp.nn.descent import in_order, passes
from tinygrad_bp.nn.init import Seed, generator, glorot_normal
from tinygrad_bp.nn.layout import Layout
from tinygrad_bp.nn.metrics import accuracy
from tinygrad_bp.nn.outline import setting
from tinygrad_bp.nn.state import fitting
from tinygrad_bp.nn.summary import Row, Summary
from tinygrad_bp.ops.activations import sigmoid
from tinygrad_bp.ops.losses import binary_cross_entropy, binary_cross_entropy_with_logits
from tinygrad_bp.program import optimized, traced
from tinygrad_bp.source import module
from tinygrad_bp.tensor import Tensor
from tinygrad_bp.transforms import value_and_grad


class Pass(NamedTuple):
    """One pass of `fit` over the training examples: its number from 1, then cost and accuracy after it."""

    epoch: int
    cost: float
    accuracy: float


@final
class NeuralNetwork:
    """A network of layers z[l] = W[l]·a[l−1] + b[l], a[l] = g(z[l]), with a[0] = X and a sigmoid at its end.

    architecture: the widths n[0], …, n[L]. activation: g of the hidden layers, a name in `tg.nn.ACTIVATIONS` or a
    function of a tensor. seed: of the initial weights, which are Glorot-normal; biases start at 0. Examples are the
    columns of X (n[0], m) and of the targets Y (n[L], m), each 0 or 1. The cost is the cross-entropy, summed over the
    outputs and averaged over the examples, C = −(1/m) Σ (y·log a[L] + (1 − y)·log(1 − a[L])).

    rows: examples are rows, as in the rest of `nn`, and all else is transposed with them: X (m, n[0]), Y (m, n[L]),
    W[l] (n[l−1], n[l]), b[l] (1, n[l]), z[l] = a[l−1]·W[l] + b[l]. The same seed gives the same network.

    `parameters` holds the arrays W1, b1, …, float64, to be read and replaced, and those of the last forward pass: a0,
    z1, a1, … `derivatives` holds dW1, db1, dz1, da1, …, the derivatives of C, which the engine worked out.

    Raises ArgumentError, ShapeError and DataError for what does not fit.

    >>> import tinygrad_bp as tg
    >>> network = tg.nn.NeuralNetwork([2, 3, 1], seed=0)
    >>> X, Y = [[0.0, 1.0, 2.0], [1.0, 0.0, 2.0]], [[0, 0, 1]]
    >>> network.forward_propagate(X).shape
    (1, 3)
    >>> cost = network.compute_cost(Y)
    >>> network.compute_derivatives(Y)["dW1"].shape
    (3, 2)
    >>> network.update_parameters(alpha=0.1)
    >>> network.forward_propagate(X).shape, network.compute_cost(Y) < cost
    ((1, 3), True)
    """

    @guarded
    def __init__(
        self,
        architecture: Iterable[int],
        activation: str | Activation = "sigmoid",
        seed: Seed = None,
        rows: bool = False,
    ):
        self.architecture: tuple[int, ...] = widths(architecture)
        n = self.architecture
        self.activation = activation
        self.rows: Final = rows
        self._layout = Layout(rows, n[0], n[-1])
        self.parameters: dict[str, Array] = {}
        self.derivatives: dict[str, Array] = {}
        self._g = activation_function(activation)
        self._passed: dict[str, Tensor] = {}
        self._shapes: dict[str, tuple[int, ...]] = {}
        rng = generator(seed)
        for l in range(1, self.L + 1):
            W = glorot_normal((n[l], n[l - 1]), rng)
            self.parameters[f"W{l}"] = np.ascontiguousarray(W.T) if rows else W
            self.parameters[f"b{l}"] = np.zeros(self._layout.shape(n[l], 1))
            self._shapes |= {f"W{l}": self._layout.shape(n[l], n[l - 1]), f"b{l}": self._layout.shape(n[l], 1)}

    def __getstate__(self) -> dict[str, Any]:
        """What a copy has: all but the tensors of the last forward pass."""
        return {**self.__dict__, "_passed": {}}

    def __repr__(self) -> str:
        names = [setting("activation", self.activation)] * (self.L - 1) + [setting("activation", "sigmoid")]
        layers = [
            f"  {l}: {setting(f'W{l}', self.parameters[f'W{l}'])}, {setting(f'b{l}', self.parameters[f'b{l}'])}, {g}\n"
            for l, g in enumerate(names, 1)
        ]
        lines = "".join(["  rows=True\n"] * self.rows + layers)
        return f"NeuralNetwork(\n{lines})"

    def summary(self, X: Any = None) -> Summary:
        """A table of the layers: activations, shapes of what they return for the inputs X, parameters.

        >>> import tinygrad_bp as tg
        >>> tg.nn.NeuralNetwork([7, 2, 1], "tanh").summary()
        scope          layer                    output  dtype    parameters
        NeuralNetwork  NeuralNetwork            (1, m)  float64           0
          1            tanh(W1·a0 + b1)         (2, m)  float64          16
          2            sigmoid(W2·a1 + b2)      (1, m)  float64           3
        total: 19 parameters, 152 bytes
        """
        m = "m" if X is None else self._layout.examples(X).shape[self._layout.axis]
        sizes = {name: leaf.size for name, leaf in self._leaves().items()}
        whole = Row("", "NeuralNetwork", 0, "NeuralNetwork", self._output(self.L, m), "float64", 0)
        layers = [
            Row(str(l), str(l), 1, self._formula(l), self._output(l, m), "float64", sizes[f"W{l}"] + sizes[f"b{l}"])
            for l in range(1, self.L + 1)
        ]
        return Summary((whole, *layers), sum(sizes.values()), 8 * sum(sizes.values()))

    def _output(self, l: int, m: Any) -> str:
        return "({}, {})".format(*self._layout.shape(self.architecture[l], m))

    def _formula(self, l: int) -> str:
        g = setting("", self.activation)[1:].strip("'") if l < self.L else "sigmoid"
        return f"{g}(a{l - 1}·W{l} + b{l})" if self.rows else f"{g}(W{l}·a{l - 1} + b{l})"

    @property
    def L(self) -> int:
        """The number of the last layer."""
        return len(self.architecture) - 1

    # --- its state ---

    @property
    def settings(self) -> dict[str, Any] | None:
        """What a network like it is built with, None if the activation is a function, which has no name."""
        if not isinstance(self.activation, str):
            return None
        return {"architecture": list(self.architecture), "activation": self.activation, "rows": self.rows}

    def state_dict(self) -> dict[str, Array]:
        """Copies of W1, b1, …, W[L], b[L]."""
        return {name: leaf.numpy() for name, leaf in self._leaves().items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take up W1, b1, … as `state_dict` gave them; what was computed with the old ones is forgotten.

        Raises ArgumentError for other names, ShapeError, DTypeError; then nothing has changed.
        """
        self.parameters = fitting(self.state_dict(), state)
        self.derivatives, self._passed = {}, {}

    # --- the article's steps ---

    def forward_propagate(self, X: Any) -> Array:
        """Compute and keep z[l] and a[l] of every layer for the inputs X (n[0], m); returns a[L] (n[L], m).

        With rows=True these are (m, n[0]) and (m, n[L]), and so on in every method.
        """
        self._passed = self._forward(X)
        self.parameters |= {name: t.numpy() for name, t in self._passed.items() if name not in self._shapes}
        return self.parameters[f"a{self.L}"].copy()

    def compute_cost(self, Y: Any) -> float:
        """The cost C of the last forward pass for the targets Y (n[L], m)."""
        return float(self._cost(self._last_pass(), Y).item())

    def compute_derivatives(self, Y: Any) -> dict[str, Array]:
        """Work out and keep ∂C/∂v for every W, b, z and a of the last forward pass, for the targets Y (n[L], m)."""
        tensors = self._last_pass()
        C = self._cost(tensors, Y)
        for t in tensors.values():
            t.zero_grad()
            t.retain_grad()
        C.backward(retain_graph=True)
        tensors = {name: t for name, t in tensors.items() if name != "a0"}
        self.derivatives = {f"d{name}": np.zeros(t.shape) if t.grad is None else t.grad for name, t in tensors.items()}
        return self.derivatives

    def update_parameters(self, alpha: float) -> None:
        """W[l] ← W[l] − α·∂C/∂W[l] and b[l] ← b[l] − α·∂C/∂b[l], with the last derivatives and a rate α above 0."""
        alpha = positive("alpha", alpha)
        if not self.derivatives:
            raise ArgumentError("there are no derivatives to update with. Call compute_derivatives(Y) first.")
        for name in self._shapes:
            self.parameters[name] = self.parameters[name] - alpha * self.derivatives[f"d{name}"]

    def predict(self, X: Any) -> Array:
        """The class of every example, 1 where a[L] > ½ and else 0, (n[L], m) int64. Keeps nothing."""
        with no_grad():
            z = self._logits(*self._leaves().values(), Tensor(self._layout.examples(X)))
        return _classes(z)

    def cost_graph(self, X: Any, Y: Any) -> Tensor:
        """The cost C as a tensor whose graph is the article's, from X, W1, b1, z1, a1, … and y to C, all named."""
        return self._cost(self._forward(X), Y)

    def source(self, m: int = 1) -> str:
        """The NumPy program of one forward and backward pass over m examples, as Python source that stands alone.

        Its function `compute_derivatives(W1, b1, …, X, Y)` returns C, dW1, db1, …
        """
        params = [(name, self.parameters[name]) for name in self._shapes]
        examples = [
            ("X", np.zeros(self._layout.shape(self.architecture[0], whole("m", m, 1)))),
            ("Y", np.zeros(self._layout.shape(self.architecture[-1], m))),
        ]
        prediction: Any = None

        def cost(*arrays: Any) -> Any:
            nonlocal prediction
            *params_and_x, y = arrays
            z = self._logits(*params_and_x)
            prediction = sigmoid(z)
            return self._average(binary_cross_entropy_with_logits, z, y)

        both = value_and_grad(cost, argnums=tuple(range(len(params))))

        def steps(*arrays: Any) -> list[Any]:
            C, gradients = both(*arrays)
            return [C, *gradients, prediction]

        program, _ = traced(steps, "compute_derivatives", [*params, *examples])
        program = replace(program, outputs=program.outputs[:-1], gradients=program.gradients[:-1])
        return module(optimized(program)).text  # in which a[L] has its name, but is no result

    # --- training ---

    def fit(
        self,
        X: Any,
        Y: Any,
        alpha: float = 0.01,
        epochs: int = 100,
        batch: int = 1,
        progress: Callable[[Pass], None] | None = None,
    ) -> list[Pass]:
        """Gradient descent with rate `alpha`: `epochs` passes over the examples, in their order, `batch` at a time.

        After each pass `progress`, if given, is called with its `Pass`: cost and accuracy over all of X; the list of
        them is returned. At the end `parameters` holds the forward pass over X. Derivatives are taken from z[L], which
        keeps them exact even where a[L] rounds to 0 or 1. Raises ArgumentError if the cost stops being finite.
        """
        X = self._layout.examples(X)
        Y = self._layout.targets(Y, X.shape[self._layout.axis])
        params = self._leaves()
        lr, epochs = positive("alpha", alpha), whole("epochs", epochs, 0)
        batches = in_order(X, Y, whole("batch", batch, 1), self._layout.axis)
        named = isinstance(self.activation, str)  # a function of the user's may branch on values
        once = passes(self._cost_of_logits, [*params.values()], lr, batches, epochs, compiled=named)
        done: list[Pass] = []
        for epoch in range(1, epochs + 1):
            quietly(once)  # the cost says whether they mattered
            done.append(quietly(self._after, epoch, params, X, Y))
            self.parameters |= {name: p.numpy() for name, p in params.items()}
            if progress is not None:
                progress(done[-1])
        self.forward_propagate(X)
        return done

    def _after(self, epoch: int, params: Mapping[str, Tensor], X: Array, Y: Array) -> Pass:
        """Cost and accuracy over all examples."""
        with no_grad():
            z = self._logits(*params.values(), Tensor(X))
            cost = float(self._average(binary_cross_entropy_with_logits, z, Tensor(Y)).item())
        if not np.isfinite(cost):
            raise ArgumentError(
                f"the cost is {cost} after pass {epoch}: training diverged. Choose a smaller alpha, or standardise X."
            )
        return Pass(epoch, cost, accuracy(*((_classes(z), Y) if self.rows else (_classes(z).T, Y.T))))

    # --- inside ---

    def _leaves(self) -> dict[str, Tensor]:
        """A tensor for every W and b, as `parameters` has them now."""
        leaves = {}
        for name, shape in self._shapes.items():
            value = np.array(self.parameters[name], dtype=np.float64)
            if value.shape != shape:
                raise ShapeError(f"{name} has shape {value.shape}; the widths {self.architecture} need {shape}.")
            leaves[name] = Tensor(value, requires_grad=True, name=name)
        return leaves

    def _forward(self, X: Any) -> dict[str, Tensor]:
        """The forward pass step by step: every tensor of it by its name."""
        tensors = self._leaves() | {"a0": Tensor(self._layout.examples(X), name="X")}
        for l in range(1, self.L + 1):
            z = self._layout.weighted(tensors[f"W{l}"], tensors[f"a{l - 1}"], tensors[f"b{l}"])
            tensors[f"z{l}"] = z.named(f"z{l}")
            tensors[f"a{l}"] = (self._g if l < self.L else sigmoid)(z).named(f"a{l}")
        return tensors

    def _cost(self, tensors: Mapping[str, Tensor], Y: Any) -> Tensor:
        a = tensors[f"a{self.L}"]
        y = Tensor(self._layout.targets(Y, a.shape[self._layout.axis]), name="y")
        C: Tensor = self._average(binary_cross_entropy, a, y)
        return C.named("C")

    def _logits(self, *params_and_x: Any) -> Any:
        """z[L] as a function of W1, b1, …, W[L], b[L] and x."""
        *params, W, b, a = params_and_x
        for V, c in zip(params[::2], params[1::2], strict=True):
            a = self._g(self._layout.weighted(V, a, c))
        return self._layout.weighted(W, a, b)

    def _cost_of_logits(self, *params_x_y: Any) -> Any:
        *params_and_x, y = params_x_y
        return self._average(binary_cross_entropy_with_logits, self._logits(*params_and_x), y)

    def _average(self, loss: Any, prediction: Any, y: Any) -> Any:
        """The article's cost, the loss averaged over the examples; the loss itself would average over outputs too."""
        if self.architecture[-1] == 1:
            return loss(prediction, y)
        return loss(prediction, y, reduction="sum") / float(y.shape[self._layout.axis])

    def _last_pass(self) -> dict[str, Tensor]:
        if not self._passed:
            raise ArgumentError("there is no forward pass yet. Call forward_propagate(X) first.")
        return self._passed


def _classes(z: Tensor) -> Array:
    return np.asarray(sigmoid(z.value) > 0.5, dtype=np.int64)
