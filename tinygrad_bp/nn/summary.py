"""What a call of a model does, as a table: the layers in the order of their calls, with outputs and parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import wraps
from typing import TYPE_CHECKING, Any, final

import numpy as np

from tinygrad_bp.modes import no_grad
from tinygrad_bp.tables import Table
from tinygrad_bp.tensor import Tensor, asarray
from tinygrad_bp.trees import flatten

if TYPE_CHECKING:
    from tinygrad_bp.nn.layers import Layer

HEADS = ("scope", "layer", "output", "dtype", "parameters")


@final
@dataclass(frozen=True)
class Row:
    """One call of a layer. parameters: how many the layer has beside those of the layers in it, at its first call."""

    path: str
    scope: str
    depth: int
    layer: str
    output: str
    dtype: str
    parameters: int

    @property
    def cells(self) -> tuple[str, ...]:
        """The texts of the row, the scope indented by its depth."""
        return "  " * self.depth + self.scope, self.layer, self.output, self.dtype, f"{self.parameters:,}"


@final
@dataclass(frozen=True)
class Summary:
    """What `summary` returns for a layer or a `NeuralNetwork`: `rows`, and what the parameters come to.

    Printed it is text, in a terminal a table by rich if that is installed, in a notebook one of HTML.
    """

    rows: tuple[Row, ...]
    parameters: int
    bytes: int

    @property
    def total(self) -> str:
        """The last line."""
        return f"total: {self.parameters:,} parameters, {self.bytes:,} bytes"

    @property
    def table(self) -> Table:
        """What is shown."""
        return Table(HEADS, tuple([row.cells for row in self.rows]), foot=self.total, numbers=HEADS[-1:])

    @property
    def text(self) -> str:
        """The table as plain text."""
        return self.table.text

    def __repr__(self) -> str:
        return repr(self.table)

    def __rich__(self) -> Table:
        return self.table

    def _repr_html_(self) -> str:
        return self.table._repr_html_()


def summarised(layers: Mapping[str, Layer], inputs: Sequence[Any], settings: Mapping[str, Any]) -> Summary:
    """Call a model once, watched; afterwards it is as it was. layers: itself and those in it, by their paths."""
    model = layers[""]
    parameters = dict(model.named_parameters())
    watch = _Watch(_own(parameters, layers))
    with no_grad(), _watched(layers, watch):
        model(*[asarray(x) if isinstance(x, np.ndarray | list) else x for x in inputs], **settings)
    for path in [path for path in layers if path in watch.own]:
        watch.begin(path, layers[path], path)
    total, size = sum(p.size for p in parameters.values()), sum(p.data.nbytes for p in parameters.values())
    return Summary(tuple(watch.rows), total, size)


def _own(parameters: Mapping[str, Tensor], layers: Mapping[str, Layer]) -> dict[str, int]:
    """How many parameters each layer has that are not those of a layer in it."""
    own = dict.fromkeys(layers, 0)
    for path, tensor in parameters.items():
        while path not in layers:
            path = path.rpartition(".")[0]
        own[path] += tensor.size
    return own


class _Watch:
    """Writes a row when a call begins, and completes it when the call ends. own: the layers not yet called."""

    def __init__(self, own: dict[str, int]):
        self.own = own
        self.rows: list[Row] = []
        self.depth = 0

    def begin(self, path: str, layer: Layer, scope: str) -> None:
        self.rows.append(Row(path, scope, self.depth, type(layer).__name__, "–", "–", self.own.pop(path, 0)))

    def end(self, i: int, y: Any) -> None:
        outputs = [part for part in flatten(y)[0] if isinstance(part, Tensor | np.ndarray)]
        shapes, dtypes = [str(part.shape) for part in outputs], dict.fromkeys([str(part.dtype) for part in outputs])
        self.rows[i] = replace(self.rows[i], output=", ".join(shapes) or "–", dtype=", ".join(dtypes) or "–")

    def over(self, path: str, layer: Layer) -> Callable[..., Any]:
        """The layer's `forward`, watched."""
        forward = layer.forward

        @wraps(forward)  # whose signature stands in the message for a call that it does not take
        def call(*inputs: Any, **settings: Any) -> Any:
            i = len(self.rows)
            self.begin(path, layer, layer.name or type(layer).__name__)
            self.depth += 1
            y = forward(*inputs, **settings)
            self.depth -= 1
            self.end(i, y)
            return y

        return call


@contextmanager
def _watched(layers: Mapping[str, Layer], watch: _Watch) -> Iterator[None]:
    """In the body every layer is as in use, and its calls are watched; afterwards all attributes are as before."""
    before = [(vars(layer), dict(vars(layer))) for layer in layers.values()]
    try:
        for path, layer in layers.items():
            vars(layer).update(training=False, forward=watch.over(path, layer))
        yield
    finally:
        for held, attributes in before:
            held.clear()
            held.update(attributes)
