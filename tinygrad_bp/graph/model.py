"""The parts of a graph: nodes, edges, and the numbers they carry. All of it is immutable."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any, NamedTuple, Self, final

import numpy as np

from tinygrad_bp.formula import COTANGENT, SLOT, enclosed, latex_name, length, plain, slot, symbol, with_names
from tinygrad_bp.modes import quietly

ROUNDING = 1e-13
"""A mean smaller than this, relative to the largest element, is 0."""

_SURE = 1e280
"""Numbers smaller than this add up without overflow, however many there are."""

_FEW = 32
"""Up to so many numbers Python is quicker than NumPy."""


@final
class Summary(NamedTuple):
    """An array in three numbers: its smallest, mean and largest element (of complex arrays, the absolute values).

    >>> Summary.of([1.0, 2.0, 6.0])
    Summary(size=3, minimum=1.0, mean=3.0, maximum=6.0)
    """

    size: int
    minimum: float
    mean: float
    maximum: float

    @classmethod
    def of(cls, value: Any) -> Self | None:
        """The summary of an array; None of what is not a number or has no elements."""
        array = np.asarray(value)
        kind, size = array.dtype.kind, array.size
        if kind not in "biufc" or not size:
            return None
        if kind == "c":
            array = np.abs(array)
        if size == 1:
            only = _real(array.item())
            return cls(1, only, only, only)
        if size <= _FEW:
            numbers = sorted(array.ravel().tolist())
            low, mean, high = float(numbers[0]), float(sum(numbers)) / size, float(numbers[-1])
        if size > _FEW or not math.isfinite(mean):  # NaN, which Python does not put in order, or too large a sum
            low, mean, high = _reduced(array)
        if -(zero := ROUNDING * max(-low, high)) < mean < zero:
            mean = 0.0  # what cancellation left of it differs from machine to machine
        return cls(size, low, mean, high)


def _reduced(array: Any) -> tuple[float, float, float]:
    low, high = _real(np.minimum.reduce(array, axis=None)), _real(np.maximum.reduce(array, axis=None))
    if low > -_SURE and high < _SURE:
        return low, float(np.add.reduce(array, axis=None, dtype=np.float64)) / array.size, high
    # only here can adding up overflow; to be quiet takes longer than the sum
    return low, _real(quietly(np.add.reduce, array, axis=None, dtype=np.float64) / array.size), high


def _real(x: Any) -> float:
    x = float(x)
    return x if x == x else math.nan  # one NaN: tuples of the same object are equal


@final
@dataclass(frozen=True, slots=True)
class Group:
    """What a node stands for that was a scope: how much is inside, and the shapes of what goes in and comes out.

    ops: of all repeats together. parameters: how many numbers those have that are used inside only.
    """

    ops: int
    repeats: int
    parameters: int
    inputs: tuple[tuple[int, ...], ...]
    outputs: tuple[tuple[int, ...], ...]


SHORT = 32
"""Up to this width a value without a name is written out wherever a formula uses it."""


class Symbols:
    """How the nodes of one graph are written: by name, or in full if they have none and are short."""

    __slots__ = ("names", "written_out")

    def __init__(self) -> None:
        self.names: dict[str, str] = {"g": "δ"}
        self.written_out: dict[str, str] = {}

    def add(self, identity: str, name: str, template: str | None) -> None:
        """A node's name; `template` tells how a node without one was computed."""
        self.names[identity] = name
        if template is not None and length(template) <= SHORT:
            self.written_out[identity] = template

    def operand(self, identity: str) -> str:
        """The template that stands for a node in the formulas that use it."""
        return self.written_out.get(identity) or slot(identity)

    def derivative(self, target: str, source: str) -> str:
        """The template of the symbol ∂target/∂source."""
        return symbol(self.operand(target), self.operand(source))

    def text(self, template: str) -> str:
        """A template as text."""
        names: dict[str, str] = {}

        def numbered(match: re.Match[str]) -> str:  # formulas that differ in names only are then read once
            key = str(len(names))
            names[key] = self.names.get(match[1], match[1])
            return slot(key)

        return with_names(plain(SLOT.sub(numbered, template)), names)

    def latex(self, template: str) -> str:
        """A template as LaTeX."""
        return SLOT.sub(lambda m: r"\delta" if m[1] == "g" else latex_name(self.names.get(m[1], m[1])), template)


@final
@dataclass(frozen=True, slots=True)
class GraphNode:
    """One value of a graph.

    kind: "input", "parameter" (a leaf that requires a gradient), "constant" (a plain number or array) or "op".
    named: whether the name is the user's or the notation's (z1, a1), not just the op's.
    template: LaTeX of how it was computed, with ‹id› where a node's name stands.
    value, gradient: what the value and ∂C/∂value look like; None if not computed.
    group: what is inside if the node is a scope, which counts as an op; its value is that of its only output.
    data, gradient_data: value and gradient themselves, read-only; None in a graph that was read from JSON.
    """

    id: str
    name: str
    named: bool
    op: str | None
    kind: str
    shape: tuple[int, ...]
    dtype: str
    scope: str
    params: Mapping[str, Any] = field(hash=False)
    parents: tuple[str, ...]
    template: str
    value: Summary | None
    gradient: Summary | None
    group: Group | None = None
    data: Any = field(default=None, repr=False, compare=False)
    gradient_data: Any = field(default=None, repr=False, compare=False)
    symbols: Symbols = field(default_factory=Symbols, repr=False, compare=False)

    def __reduce__(self) -> tuple[Any, ...]:
        return _node, (dict(self.params), {f.name: getattr(self, f.name) for f in fields(self) if f.name != "params"})

    @property
    def formula(self) -> str:
        """How the value was computed, as text: `W1·X + b1`."""
        return self.symbols.text(self.template)

    @property
    def latex(self) -> str:
        """How the value was computed, as LaTeX."""
        return self.symbols.latex(self.template)

    @property
    def symbol(self) -> str:
        """The value in a derivative's symbol: its name, or (a·b)."""
        return self.symbols.text(enclosed(self.symbols.operand(self.id)))


def _node(params: dict[str, Any], others: dict[str, Any]) -> GraphNode:
    """A node that is copied: its params cannot be pickled as they are, and arrays forget that they are read-only."""
    for name in ("data", "gradient_data"):
        others[name] = _read_only(others[name])
    return GraphNode(params=MappingProxyType(params), **others)


def _edge(*values: Any) -> GraphEdge:
    return GraphEdge(*map(_read_only, values))


def _read_only(x: Any) -> Any:
    if isinstance(x, np.ndarray):
        x.flags.writeable = False
    return x


@final
@dataclass(frozen=True, slots=True)
class GraphEdge:
    """One use of a value: `source` is operand number `position` of `target`.

    template: LaTeX of the derivative, with ‹id› where a node's name stands and ‹g› for the cotangent δ of the target;
    None where no gradient flows.
    contribution: what this use adds to the gradient of the source; None if not computed.
    count: how many uses this edge stands for; more than 1 only at scopes shown as one node.
    contribution_data: the same in full, read-only; None in a graph that was read from JSON.
    """

    source: str
    target: str
    position: int
    template: str | None
    contribution: Summary | None
    count: int = 1
    contribution_data: Any = field(default=None, repr=False, compare=False)
    symbols: Symbols = field(default_factory=Symbols, repr=False, compare=False)

    def __reduce__(self) -> tuple[Any, ...]:
        return _edge, tuple([getattr(self, f.name) for f in fields(self)])

    @property
    def is_product(self) -> bool:
        """Whether the derivative is given as a vector–Jacobian product, `δ·a1ᵀ`, not as ∂y/∂x itself."""
        return self.template is not None and COTANGENT in self.template

    @property
    def symbol(self) -> str:
        """The derivative's symbol, `∂a2/∂z2`."""
        return self.symbols.text(self.symbols.derivative(self.target, self.source))

    @property
    def formula(self) -> str | None:
        """The derivative as text: `∂a2/∂z2 = a2(1 − a2)`, or the product in use, `δ·a1ᵀ`."""
        return None if self.template is None else self.symbols.text(self._equation(self.template))

    @property
    def latex(self) -> str | None:
        """The derivative as LaTeX."""
        return None if self.template is None else self.symbols.latex(self._equation(self.template))

    def _equation(self, right: str) -> str:
        left = self.symbols.derivative(self.target, self.source)
        return right if self.is_product or right == left else f"{left} = {right}"
