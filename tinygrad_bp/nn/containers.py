"""Layers made of layers, and the one that only reshapes."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

from tinygrad_bp import functions
from tinygrad_bp.annotations import Operand
from tinygrad_bp.calls import guarded
from tinygrad_bp.errors import ArgumentError, ShapeError, describe, kind_of
from tinygrad_bp.nn.checks import whole
from tinygrad_bp.nn.layers import Layer
from tinygrad_bp.nn.shapes import place, shaped
from tinygrad_bp.tensor import Tensor

Function = Callable[[Any], Any]


class Sequential(Layer):
    """Layers one after the other, each given what the one before returned. Functions of a tensor may stand among them.

    >>> import tinygrad_bp as tg
    >>> model = tg.nn.Sequential(tg.nn.Linear(3, 4), tg.nn.Tanh(), tg.nn.Linear(4, 1))
    >>> [name for name, _ in model.named_parameters()]
    ['layers.0.W', 'layers.0.b', 'layers.2.W', 'layers.2.b']
    >>> model
    Sequential(
      layers.0: Linear(W (3, 4), b (4,))
      layers.1: Tanh()
      layers.2: Linear(W (4, 1), b (1,))
    )
    """

    @guarded
    def __init__(self, *layers: Function):
        self.layers: tuple[Function, ...] = _callable(layers)

    def __len__(self) -> int:
        return len(self.layers)

    def __getitem__(self, i: Any) -> Any:
        """The layer at a place; the layers of a slice, as a tuple."""
        return self.layers[i]

    def forward(self, x: Operand) -> Tensor:
        """The last layer's output."""
        return _through(self.layers, x)  # type: ignore[no-any-return]


class Residual(Layer):
    """y = f(x) + x, with f the layers one after the other, whose output has to have the shape of x.

    shortcut: a layer or function s, for y = f(x) + s(x) where f changes the shape. Raises ShapeError.

    >>> import tinygrad_bp as tg
    >>> block = tg.nn.Residual(tg.nn.Linear(3, 3), tg.nn.Tanh())
    >>> block(tg.tensor([[1.0, 2.0, 3.0]])).shape
    (1, 3)

    Source: K. He, X. Zhang, S. Ren and J. Sun, Deep residual learning for image recognition, 2015.
    """

    @guarded
    def __init__(self, *layers: Function, shortcut: Function | None = None):
        self.layers: tuple[Function, ...] = _callable(layers)
        self.shortcut: Function | None = shortcut

    def forward(self, x: Operand) -> Tensor:
        """f(x) + x."""
        y, beside = _through(self.layers, x), x if self.shortcut is None else self.shortcut(x)
        shape = shaped(beside, "…").shape
        if y.shape != shape:
            raise ShapeError(
                f"{place()}the layers made {describe(y)} of {describe(x)}, beside which there is {shape}. "
                "Give the last layer the width of x, or pass shortcut=, a layer that brings x to the output's shape."
            )
        return y + beside  # type: ignore[no-any-return]


class Flatten(Layer):
    """All axes of an example in one: x (examples, …) to y (examples, features). Axes before `start` stay.

    >>> import tinygrad_bp as tg
    >>> tg.nn.Flatten()(tg.tensor([[[1.0, 2.0], [3.0, 4.0]]]))
    Tensor([[1., 2., 3., 4.]])
    """

    @guarded
    def __init__(self, start: int = 1):
        self.start: int = whole("start", start, 0)

    def forward(self, x: Operand) -> Tensor:
        """The same numbers, axis `start` and those after it as one."""
        x = shaped(x, *["axis"] * self.start, "…")
        return functions.reshape(x, (*x.shape[: self.start], prod(x.shape[self.start :])))


def _callable(layers: tuple[Function, ...]) -> tuple[Function, ...]:
    for i, layer in enumerate(layers):
        if not callable(layer):
            raise ArgumentError(
                f"layer {i} is {kind_of(layer)}, not a layer or a function of a tensor. Pass layers one by one: "
                "Sequential(first, second), or Sequential(*layers)."
            )
    return layers


def _through(layers: tuple[Function, ...], x: Any) -> Any:
    for i, layer in enumerate(layers):
        if isinstance(x, tuple) and type(layer).__module__.startswith(__package__):  # one's own may take a tuple
            before = type(layers[i - 1]).__name__
            raise ArgumentError(
                f"{place()}layer {i - 1}, {before}, returned {len(x)} results, and the next takes one tensor. "
                "Write a layer of your own that passes on the first: self.layer(x)[0]."
            )
        x = layer(x)
    return x
