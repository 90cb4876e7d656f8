"""Layers: functions with parameters of their own, and how parameters are found and named."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, ParamSpec, Protocol, TypeVar

import numpy as np

from tinygrad_bp.annotations import Operand
from tinygrad_bp.errors import ArgumentError
from tinygrad_bp.functions import affine, matmul
from tinygrad_bp.modes import scope
from tinygrad_bp.nn.checks import whole
from tinygrad_bp.nn.init import Seed, glorot_normal
from tinygrad_bp.tensor import Tensor

P = ParamSpec("P")
Y = TypeVar("Y", covariant=True)


class _Forward(Protocol[P, Y]):
    """A layer, to a type checker: it is called as its `forward` is."""

    @property
    def name(self) -> str | None: ...

    def forward(self, *inputs: P.args, **settings: P.kwargs) -> Y: ...


class Layer:
    """The base of layers, one's own too: assign tensors and layers to attributes, write `forward`, call the layer.

    Tensors that require a gradient are the layer's parameters, also inside lists, tuples, dicts and layers of it. They
    and the layers are named by the attributes that lead to them, `hidden.W`, unless they have a name already. A call
    opens a scope with the layer's name, by default its class's, so that pictures show the layer as a box.

    >>> import tinygrad_bp as tg
    >>> class Scale(tg.nn.Layer):
    ...     def __init__(self):
    ...         self.factor = tg.tensor(2.0, requires_grad=True)
    ...     def forward(self, x):
    ...         return self.factor * x
    >>> Scale()(tg.tensor(3.0)).item(), [name for name, _ in Scale().named_parameters()]
    (6.0, ['factor'])
    """

    name: str | None = None

    def forward(self, *inputs: Any, **settings: Any) -> Any:
        """What the layer computes; each layer writes its own, with as many inputs as it likes."""
        raise NotImplementedError(f"{type(self).__name__} has no forward method. Write forward(self, x).")

    def __call__(self: _Forward[P, Y], *inputs: P.args, **settings: P.kwargs) -> Y:
        """Run `forward` in the layer's scope."""
        with scope(self.name or type(self).__name__):
            return self.forward(*inputs, **settings)

    def named_parameters(self) -> Iterator[tuple[str, Tensor]]:
        """The path and the tensor of every parameter, in the order of assignment; a shared one once."""
        seen: set[int] = set()
        for path, part in parts("", self):
            if _is_parameter(part) and id(part) not in seen:
                seen.add(id(part))
                yield path, part

    def parameters(self) -> list[Tensor]:
        """The parameters, as an optimizer takes them."""
        return [p for _, p in self.named_parameters()]

    def __setattr__(self, attribute: str, value: Any) -> None:
        object.__setattr__(self, attribute, value)
        for path, part in list(parts(attribute, value)):
            # A parameter that was named by its place in a layer gets its place in the one around it.
            if _is_parameter(part):
                if part.name is None or path.endswith(f".{part.name}"):
                    part.name = path
            elif isinstance(part, Layer) and part.name is None:
                part.name = path


def _is_parameter(part: Any) -> bool:
    return isinstance(part, Tensor) and part.requires_grad and part.is_leaf


def parts(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    """`value` and what it holds, each with the path to it; a layer that is met again is not entered again."""
    entered: set[int] = set()
    pending = [(path, value)]
    while pending:
        path, value = pending.pop()
        yield path, value
        items: Iterable[tuple[Any, Any]] = ()
        if isinstance(value, Layer | dict | list | tuple) and id(value) not in entered:
            entered.add(id(value))
            held = vars(value) if isinstance(value, Layer) else value
            items = held.items() if isinstance(held, dict) else enumerate(held)
        pending += [(f"{path}.{key}" if path else str(key), part) for key, part in items][::-1]


class Linear(Layer):
    """y = x·W + b for examples that are rows: x (…, n_in) to y (…, n_out).

    W is (n_in, n_out), Glorot-normal; b is (n_out,), zeros, or None with bias=False. seed: a number or a generator, so
    that the layers of a network can share one. dtype: of the parameters. Raises ArgumentError for widths below 1.

    >>> import tinygrad_bp as tg
    >>> layer = tg.nn.Linear(3, 2, seed=0)
    >>> layer(tg.tensor([[1.0, 2.0, 3.0]])).shape
    (1, 2)
    """

    def __init__(self, n_in: int, n_out: int, bias: bool = True, seed: Seed = None, dtype: Any = np.float64):
        n_in, n_out = whole("n_in", n_in, 1), whole("n_out", n_out, 1)
        self.W = Tensor(glorot_normal((n_in, n_out), seed).astype(dtype), requires_grad=True)
        self.b: Tensor | None = Tensor(np.zeros(n_out, dtype), requires_grad=True) if bias else None

    def forward(self, x: Operand) -> Tensor:
        """x·W + b."""
        return matmul(x, self.W) if self.b is None else affine(x, self.W, self.b)


class Sequential(Layer):
    """Layers one after the other, each given what the one before returned. Functions of a tensor may stand among them.

    >>> import tinygrad_bp as tg
    >>> model = tg.nn.Sequential(tg.nn.Linear(3, 4), tg.nn.Tanh(), tg.nn.Linear(4, 1))
    >>> [name for name, _ in model.named_parameters()]
    ['layers.0.W', 'layers.0.b', 'layers.2.W', 'layers.2.b']
    """

    def __init__(self, *layers: Callable[[Any], Any]):
        for i, layer in enumerate(layers):
            if not callable(layer):
                raise ArgumentError(f"layer {i} is a {type(layer).__name__}, not a layer or a function of a tensor.")
        self.layers = layers

    def forward(self, x: Operand) -> Tensor:
        """The last layer's output."""
        y: Any = x
        for layer in self.layers:
            y = layer(y)
        return y  # type: ignore[no-any-return]
