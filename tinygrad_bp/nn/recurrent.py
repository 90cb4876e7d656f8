"""Recurrent layers: a state goes through a sequence, and every step changes it.

x (examples, time, n_in) gives outputs (examples, time, n) and the final state. What a layer is, is a function of one
step; `scan` takes it through the sequence. The products of x with its weights are one product for all steps.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from tinygrad_bp import functions
from tinygrad_bp.annotations import DType, Operand
from tinygrad_bp.calls import guarded
from tinygrad_bp.errors import ArgumentError, ShapeError, describe
from tinygrad_bp.functions import affine, matmul, sigmoid, tanh
from tinygrad_bp.loops import scan
from tinygrad_bp.nn.activations import Activation, activation_function
from tinygrad_bp.nn.checks import whole
from tinygrad_bp.nn.init import Seed, generator, glorot_normal
from tinygrad_bp.nn.layers import Layer
from tinygrad_bp.nn.shapes import place, shaped
from tinygrad_bp.tensor import Tensor


class _Recurrent(Layer):
    """Weights for as many gates as a recurrent layer has, side by side, and what it does beside its own step."""

    gates: ClassVar[int]

    @guarded
    def __init__(self, n_in: int, n: int, bias: bool = True, seed: Seed = None, dtype: DType = np.float64):
        n_in, n, rng = whole("n_in", n_in, 1), whole("n", n, 1), generator(seed)
        self.W_x: Tensor = self._weights(n_in, n, rng, dtype)
        self.W_h: Tensor = self._weights(n, n, rng, dtype)
        self.b: Tensor | None = Tensor(np.zeros(self.gates * n, dtype), requires_grad=True) if bias else None

    def _weights(self, n_in: int, n: int, rng: np.random.Generator, dtype: DType) -> Tensor:
        gates = [glorot_normal((n_in, n), rng) for _ in range(self.gates)]
        return Tensor(np.concatenate(gates, axis=1).astype(dtype), requires_grad=True)

    def _products(self, x: Any) -> Any:
        """x·W_x + b of all steps, (time, examples, gates·n)."""
        x = shaped(x, "examples", "time", self.W_x.shape[0], fits=self.W_x)
        examples, time, n_in = x.shape
        if time == 0:
            raise ShapeError(f"{place()}a sequence has one step or more; x is {describe(x)}. Leave empty ones away.")
        rows = functions.reshape(functions.swapaxes(x, 0, 1), (time * examples, n_in))
        products = matmul(rows, self.W_x) if self.b is None else affine(rows, self.W_x, self.b)
        return functions.reshape(products, (time, examples, self.W_x.shape[1]))

    def _start(self, state: Any, products: Any) -> Any:
        """A state as it was given, or zeros, for as many examples as there are."""
        shape = products.shape[1], self.W_h.shape[0]
        return np.zeros(shape, self.W_h.dtype) if state is None else shaped(state, *shape, fits=self.W_h, what="h")

    def _run(self, cell: Callable[[Any, Any], tuple[Any, Any]], state: Any, products: Any) -> tuple[Tensor, Any]:
        state, outputs = scan(cell, state, products)
        return functions.swapaxes(outputs, 0, 1), state


class RNN(_Recurrent):
    """h ← g(x[t]·W_x + h·W_h + b): x (examples, time, n_in) to outputs h (examples, time, n) and the last h.

    W_x is (n_in, n), W_h (n, n), both Glorot-normal; b is (n,), zeros, or None with bias=False. activation: g, by its
    name in `tg.nn.ACTIVATIONS` or as a function. h: where the state starts, (examples, n), zeros if None. seed, dtype:
    as in `Linear`. PyTorch's RNN with batch_first=True; its weights are W_xᵀ and W_hᵀ, its two biases add up to b.
    Raises ShapeError.

    >>> import numpy as np
    >>> import tinygrad_bp as tg
    >>> outputs, h = tg.nn.RNN(3, 4, seed=0)(np.ones((2, 5, 3)))
    >>> outputs.shape, h.shape
    ((2, 5, 4), (2, 4))
    """

    gates: ClassVar[int] = 1

    @guarded
    def __init__(
        self,
        n_in: int,
        n: int,
        activation: str | Activation = "tanh",
        bias: bool = True,
        seed: Seed = None,
        dtype: DType = np.float64,
    ):
        super().__init__(n_in, n, bias, seed, dtype)
        self.activation: str | Activation = activation
        self._g: Activation = activation_function(activation)

    def forward(self, x: Operand, h: Operand | None = None) -> tuple[Tensor, Tensor]:
        """The state after every step, and after the last."""

        def rnn(h: Any, product: Any) -> tuple[Any, Any]:
            h = self._g(affine(h, self.W_h, product))
            return h, h

        products = self._products(x)
        return self._run(rnn, self._start(h, products), products)


class LSTM(_Recurrent):
    """Long short-term memory: a state h, and a memory c that gates i, f and o write to, forget and read.

    i, f, g, o = σ, σ, tanh, σ of x[t]·W_x + h·W_h + b, four parts; c ← f⊙c + i⊙g; h ← o⊙tanh(c).

    x (examples, time, n_in) gives outputs h (examples, time, n) and the last (h, c), each (examples, n); they start
    at `state`, such a pair, or at zeros. W_x is (n_in, 4n), W_h (n, 4n), Glorot-normal gate by gate; b is (4n,), zeros,
    or None with bias=False. seed, dtype: as in `Linear`. PyTorch's LSTM with batch_first=True, with the gates in the
    same order; its weights are W_xᵀ and W_hᵀ, its two biases add up to b. Raises ShapeError, ArgumentError.

    >>> import numpy as np
    >>> import tinygrad_bp as tg
    >>> outputs, (h, c) = tg.nn.LSTM(3, 4, seed=0)(np.ones((2, 5, 3)))
    >>> outputs.shape, h.shape, c.shape
    ((2, 5, 4), (2, 4), (2, 4))

    Source: S. Hochreiter and J. Schmidhuber, Long short-term memory, 1997; F. Gers and others, 2000, for f.
    """

    gates: ClassVar[int] = 4

    def forward(
        self, x: Operand, state: tuple[Operand | None, Operand | None] = (None, None)
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """The state after every step, and (h, c) after the last."""

        def lstm(state: Any, product: Any) -> tuple[Any, Any]:
            h, c = state
            i, f, g, o = functions.split(affine(h, self.W_h, product), 4, axis=-1)
            c = sigmoid(f) * c + sigmoid(i) * tanh(g)
            h = sigmoid(o) * tanh(c)
            return (h, c), h

        if not isinstance(state, tuple | list) or len(state) != 2:
            raise ArgumentError(f"{place()}state is a pair (h, c), one of them None for zeros; got {describe(state)}.")
        products = self._products(x)
        h, c = [self._start(part, products) for part in state]
        return self._run(lstm, (h, c), products)


class GRU(_Recurrent):
    """Gated recurrent unit: a gate r that lets the state into its candidate u, and a gate z that keeps the state.

    r, z = σ of x[t]·W_x + h·W_h + b, two of three parts; u = tanh(x[t]·W_x + b + r⊙(h·W_h + b_u)), the third;
    h ← (1 − z)⊙u + z⊙h.

    x (examples, time, n_in) gives outputs h (examples, time, n) and the last h (examples, n), which starts at the
    given h or at zeros. W_x is (n_in, 3n), W_h (n, 3n), Glorot-normal gate by gate; b is (3n,) and b_u (n,), zeros, or
    None with bias=False. seed, dtype: as in `Linear`. PyTorch's GRU with batch_first=True, with the gates in the same
    order; its weights are W_xᵀ and W_hᵀ, its two biases add up to b, but for the last third of bias_hh, which is b_u.
    Raises ShapeError.

    >>> import numpy as np
    >>> import tinygrad_bp as tg
    >>> outputs, h = tg.nn.GRU(3, 4, seed=0)(np.ones((2, 5, 3)))
    >>> outputs.shape, h.shape
    ((2, 5, 4), (2, 4))

    Source: K. Cho and others, Learning phrase representations using RNN encoder-decoder, 2014.
    """

    gates: ClassVar[int] = 3

    @guarded
    def __init__(self, n_in: int, n: int, bias: bool = True, seed: Seed = None, dtype: DType = np.float64):
        super().__init__(n_in, n, bias, seed, dtype)
        self.b_u: Tensor | None = Tensor(np.zeros(n, dtype), requires_grad=True) if bias else None

    def forward(self, x: Operand, h: Operand | None = None) -> tuple[Tensor, Tensor]:
        """The state after every step, and after the last."""
        n = self.W_h.shape[0]

        def gru(h: Any, of_x: Any) -> tuple[Any, Any]:
            of_h = matmul(h, self.W_h)
            r, z = functions.split(sigmoid(of_x[:, : 2 * n] + of_h[:, : 2 * n]), 2, axis=-1)
            inner = of_h[:, 2 * n :] if self.b_u is None else of_h[:, 2 * n :] + self.b_u
            u = tanh(of_x[:, 2 * n :] + r * inner)
            h = u + z * (h - u)
            return h, h

        products = self._products(x)
        return self._run(gru, self._start(h, products), products)
