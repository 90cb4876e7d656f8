"""What a loop repeats: a function of one step, recorded once as the ops that it does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, final

import numpy as np

from tinygrad_bp.constants import IMMUTABLE
from tinygrad_bp.engine import Node, Op, history
from tinygrad_bp.errors import TracingError
from tinygrad_bp.modes import quietly, recording_a_step
from tinygrad_bp.program.tracer import TracedArray, Tracer
from tinygrad_bp.tensor import Tensor


class OpStep(NamedTuple):
    """An op and the keys of its operands. view: whether its result is another look at the first one's memory."""

    op: Op
    params: Any
    operands: tuple[int, ...]
    view: bool


class Counts(NamedTuple):
    """How many values a step is given from outside of the loop, from the step before it, and of its own."""

    captured: int
    carries: int
    xs: int


@final
@dataclass(frozen=True, eq=False)
class Cell:
    """A step of a loop: from captured values, carries and its own part of xs to the next carries, and to ys.

    A key is the place of a value: inputs come first, then the result of each op; constants count down from −1.
    outputs: keys. examples: an array or number for every input, as large as each of them is; results: for outputs.
    """

    name: str
    names: tuple[str, ...]
    counts: Counts
    steps: tuple[OpStep, ...]
    constants: tuple[Any, ...]
    outputs: tuple[int, ...]
    examples: tuple[Any, ...]
    results: tuple[Any, ...]

    def __call__(self, *inputs: Any) -> list[Any]:
        """The ops, on arrays or on tensors."""
        known = self.values(inputs)
        return [known[k] if k >= 0 else self.constants[-1 - k] for k in self.outputs]

    def values(self, inputs: Sequence[Any]) -> list[Any]:
        """The inputs, and what every op gives for them."""
        known = list(inputs)
        for op, params, operands, _ in self.steps:
            known.append(op.call(*[known[k] if k >= 0 else self.constants[-1 - k] for k in operands], **params))
        return known

    @cached_property
    def identity(self) -> Any:
        """Equal for cells that do the same to arrays of the same shapes and dtypes."""
        steps = tuple([(step.op, _frozen(step.params), step.operands) for step in self.steps])
        kinds = tuple([(np.shape(x), getattr(x, "dtype", type(x))) for x in self.examples])
        return self.name, self.names, self.counts, steps, _frozen(self.constants), self.outputs, kinds

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Cell) and self.identity == other.identity

    def __hash__(self) -> int:
        return hash(self.identity)

    @property
    def carries(self) -> range:
        """The keys of the carries that it is given; captured values come before, parts of xs after them."""
        return range(self.counts.captured, self.counts.captured + self.counts.carries)


def _frozen(x: Any) -> Any:
    """Equal and hashable for settings and constants that are the same."""
    if isinstance(x, np.ndarray):
        return x.shape, x.dtype, x.tobytes()
    if isinstance(x, dict):
        return tuple([(key, _frozen(part)) for key, part in x.items()])
    if isinstance(x, tuple | list):
        return type(x), tuple(map(_frozen, x))
    if isinstance(x, bool | int | float | complex | np.generic | slice):
        return type(x), repr(x)
    return x


# --- recording --------------------------------------------------------------------------------------------------------


class _Outside(NamedTuple):
    """The key of a value that a function uses beside its inputs, until it becomes an input of the cell."""

    i: int


@final
class Recorder:
    """Calls a function once, and finds the ops between its inputs and its results.

    outside: what it uses beside its inputs, tensors and arrays; with `closed` it may use arrays only, as constants.
    """

    def __init__(self, examples: Sequence[Any], names: Sequence[str], trainable: Sequence[bool], closed: bool = False):
        self.examples, self.names, self.closed = list(examples), list(names), closed
        self.tracer, self.since = Tracer(), Node(None).number
        arrays = [self.tracer.input(x) for x in examples]
        pairs = zip(arrays, trainable, names, strict=True)
        self.inputs = [Tensor(x, requires_grad=wanted, name=name) for x, wanted, name in pairs]
        self.keys: dict[int, Any] = {x.number: i for i, x in enumerate(self.inputs)}
        self.places: dict[int, int] = {id(x.step): i for i, x in enumerate(arrays)}
        self.steps: list[OpStep] = []
        self.constants: list[Any] = []
        self.outside: list[Any] = []

    def call(self, f: Callable[..., Any], *args: Any) -> Any:
        """What f gives. Raises TracingError if it asks for numbers."""
        with recording_a_step():
            return quietly(f, *args)

    def found(self, results: Sequence[Any]) -> list[Any]:
        """The keys of results, after the steps that lead to them were found."""
        for node in history([y for y in results if isinstance(y, Node)], self.since):
            if node.number not in self.keys and self._is_inside(node.value):
                self.keys[node.number] = self._step(node)
        return [self._key(y, y.value if isinstance(y, Node) else np.asarray(y)[()], own=self.closed) for y in results]

    def cell(self, name: str, counts: Counts, outputs: Sequence[Any], results: Sequence[Any]) -> Cell:
        """The cell, with what it uses from outside as inputs before the others."""
        n = len(self.outside)

        def at(key: Any) -> int:
            return key.i if isinstance(key, _Outside) else key + n if key >= 0 else key

        steps = [step._replace(operands=tuple(map(at, step.operands))) for step in self.steps]
        names = [getattr(x, "name", None) or "w" for x in self.outside]
        return Cell(
            name, (*names, *self.names), counts._replace(captured=counts.captured + n), tuple(steps),
            tuple(self.constants), tuple(map(at, outputs)), (*map(number, self.outside), *self.examples),
            tuple(results),
        )  # fmt: skip

    def _is_inside(self, value: Any) -> bool:
        """Whether a value depends on the inputs."""
        parts = getattr(value, "parts", (value,))
        return any(isinstance(part, TracedArray) and part.tracer is self.tracer for part in parts)

    def _step(self, node: Any) -> int:
        if node.op is None:
            return self._known(node.value)
        if any(isinstance(setting, TracedArray) for setting in node.params.values()):
            raise TracingError(
                f"scan: {node.op.name} has a setting that the step computes, and that is known only when it runs. "
                "Compute it before the loop."
            )
        operands = tuple([self._key(p, x) for p, x in zip(node.parents, node.inputs, strict=True)])
        traced = isinstance(node.value, TracedArray)
        self.steps.append(OpStep(node.op, dict(node.params), operands, traced and node.value.step.view))
        key = len(self.examples) + len(self.steps) - 1
        if traced:
            self.places.setdefault(id(node.value.step), key)
        return key

    def _known(self, x: Any) -> int:
        """The key of an array without a past of its own."""
        found = self.places.get(id(x.step))
        if found is None:
            raise TracingError(
                "scan: the step uses what it computed without recording it, under no_grad or for arrays. "
                "Compute it with tensors, and detach() what no gradient is to pass."
            )
        return found

    def _key(self, operand: Any, value: Any, own: bool = True) -> Any:
        """The key of an operand, whose value this is; own: whether a number may be part of the cell."""
        if isinstance(operand, Node) and operand.number in self.keys:
            return self.keys[operand.number]
        if self._is_inside(value):
            return self._known(value)
        if own and (value.__class__ in IMMUTABLE or self.closed) and not isinstance(operand, Node):
            self.constants.append(value)
            return -len(self.constants)
        return self._captured(operand if isinstance(operand, Node) else value)

    def _captured(self, x: Any) -> _Outside:
        same = [i for i, other in enumerate(self.outside) if other is x or _is_same_node(other, x)]
        if not same:
            self.outside.append(x)
        return _Outside(same[0] if same else len(self.outside) - 1)


def _is_same_node(a: Any, b: Any) -> bool:
    return isinstance(a, Node) and isinstance(b, Node) and a.number == b.number and a.value is b.value


def is_floating(x: Any) -> bool:
    """Whether a value has derivatives."""
    return (x.dtype if hasattr(x, "dtype") else np.result_type(x)).kind in "fc"


def number(x: Any) -> Any:
    """A value as NumPy has it, also where it is traced."""
    x = x.value if isinstance(x, Node) else x
    while isinstance(x, TracedArray):
        x = x.value
    return x
