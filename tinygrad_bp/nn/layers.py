"""`Layer`: a function with parameters of its own, and what can be asked of every one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ParamSpec, Protocol, Self, TypeVar

import numpy as np

from tinygrad_bp.annotations import Array
from tinygrad_bp.calls import refuse
from tinygrad_bp.errors import MissingMethodError
from tinygrad_bp.modes import scope
from tinygrad_bp.nn.outline import outline
from tinygrad_bp.nn.parts import Composite, found, is_parameter, parts as parts
from tinygrad_bp.nn.state import load, tensors
from tinygrad_bp.nn.summary import Summary, summarised
from tinygrad_bp.tensor import Tensor

P = ParamSpec("P")
Y = TypeVar("Y", covariant=True)


class _Forward(Protocol[P, Y]):
    """A layer, to a type checker: it is called as its `forward` is."""

    @property
    def name(self) -> str | None: ...

    def forward(self, *inputs: P.args, **settings: P.kwargs) -> Y: ...


class Layer(Composite):
    """The base of layers, one's own too: assign tensors and layers to attributes, write `forward`, call the layer.

    Tensors that require a gradient are the layer's parameters, also inside lists, tuples, dicts and layers of it. They
    and the layers are named by the attributes that lead to them, `hidden.W`, unless they have a name already. A call
    opens a scope with the layer's name, by default its class's, so that pictures show the layer as a box. `training`
    says how layers behave that do something else while they learn; `train()` and `eval()` set it in the whole tree.

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
    training: bool = True

    def forward(self, *inputs: Any, **settings: Any) -> Any:
        """What the layer computes; each layer writes its own, with as many inputs as it likes."""
        raise MissingMethodError(f"{type(self).__name__} has no forward method. Write forward(self, x).")

    def __call__(self: _Forward[P, Y], *inputs: P.args, **settings: P.kwargs) -> Y:
        """Run `forward` in the layer's scope."""
        with scope(self.name or type(self).__name__):
            try:
                return self.forward(*inputs, **settings)
            except Exception as error:  # it is explained, or raised again
                refuse(type(self).__name__, self.forward, inputs, settings, error)

    # --- its parts ---

    def named_parameters(self) -> Iterator[tuple[str, Tensor]]:
        """The path and the tensor of every parameter, in the order of assignment; a shared one once."""
        return ((path, tensor) for path, tensor in found(self, Tensor) if is_parameter(tensor))

    def parameters(self) -> list[Tensor]:
        """The parameters, as an optimizer takes them."""
        return [p for _, p in self.named_parameters()]

    def named_layers(self) -> Iterator[tuple[str, Layer]]:
        """The path and the layer of every layer in this one, itself first, with the path ""; a shared one once."""
        return found(self, Layer)

    def named_generators(self) -> Iterator[tuple[str, np.random.Generator]]:
        """The path and the random generator of every layer that draws; a shared one once.

        A generator's state is no array, so it is not in `state_dict`. What it draws next is settled by
        `generator.bit_generator.state`, a dict of numbers and texts that can be read, kept and set again.
        """
        return found(self, np.random.Generator)

    # --- learning or in use ---

    def train(self, mode: bool = True) -> Self:
        """Make this layer and all in it behave as while learning, or with mode=False as in use; returns the layer."""
        for _, layer in self.named_layers():
            layer.training = mode
        return self

    def eval(self) -> Self:
        """Make this layer and all in it behave as in use: nothing is dropped, no statistic is taken."""
        return self.train(False)

    # --- its state ---

    def state_dict(self) -> dict[str, Array]:
        """A copy of every tensor that was not computed, by its path: parameters, and buffers, which do not learn.

        >>> import tinygrad_bp as tg
        >>> list(tg.nn.Sequential(tg.nn.Linear(3, 4), tg.nn.BatchNorm(4, affine=False)).state_dict())
        ['layers.0.W', 'layers.0.b', 'layers.1.running_mean', 'layers.1.running_variance']
        """
        return {path: tensor.numpy() for path, tensor in tensors(self)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Give parameters and buffers copies of the arrays that `state_dict` returned, here or in a model built alike.

        Raises ArgumentError for names that are missing or unknown, ShapeError, DTypeError; then nothing has changed.
        """
        load(self, state)

    # --- how it looks ---

    def summary(self, *inputs: Any, **settings: Any) -> Summary:
        """A table of what a call of the layer with these inputs does: every layer's output shape, dtype, parameters.

        Runs `forward` once, as in use and without recording. Scopes are those that pictures show.

        >>> import numpy as np
        >>> import tinygrad_bp as tg
        >>> tg.nn.Sequential(tg.nn.Linear(7, 16), tg.nn.Tanh(), tg.nn.Linear(16, 1)).summary(np.ones((5, 7)))
        scope       layer       output   dtype    parameters
        Sequential  Sequential  (5, 1)   float64           0
          layers.0  Linear      (5, 16)  float64         128
          layers.1  Tanh        (5, 16)  float64           0
          layers.2  Linear      (5, 1)   float64          17
        total: 145 parameters, 1,160 bytes
        """
        return summarised(dict(self.named_layers()), inputs, settings)

    def __repr__(self) -> str:
        return outline(self)

    def __setattr__(self, attribute: str, value: Any) -> None:
        object.__setattr__(self, attribute, value)
        for path, part in list(parts(attribute, value)):
            # A parameter that was named by its place in a layer gets its place in the one around it.
            if is_parameter(part):
                if part.name is None or path.endswith(f".{part.name}"):
                    part.name = path
            elif isinstance(part, Layer) and part.name is None:
                part.name = path
