"""A function of arrays, called once with symbolic ones: what it did is a program."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, final

import numpy as np

from tinygrad_bp.codegen.generators import symbolic_generator
from tinygrad_bp.codegen.identifiers import printed
from tinygrad_bp.codegen.naming import history, name_steps
from tinygrad_bp.codegen.simplify import simplified
from tinygrad_bp.codegen.source import Writer, Written
from tinygrad_bp.codegen.symbolic import CONSTANT, INPUT, Step, Symbolic, Trace
from tinygrad_bp.engine import Node, Trail
from tinygrad_bp.errors import TracingError, describe
from tinygrad_bp.modes import tracing
from tinygrad_bp.tensor import Tensor


@final
@dataclass(frozen=True, eq=False)
class Program:
    """NumPy calls in order, from inputs to outputs.

    captured: tensors that the function used without being given them; their values are inputs as well, the last ones.
    turn: where in the trace the backward pass begins.
    """

    name: str
    inputs: Sequence[Step]
    captured: Sequence[Tensor]
    steps: Sequence[Step]
    outputs: Sequence[Step]
    turn: int

    @property
    def operations(self) -> list[Step]:
        """The steps that compute something."""
        return [step for step in self.steps if step.kind not in (INPUT, CONSTANT)]

    @cached_property
    def written(self) -> Written:
        """The program as a Python module."""
        writer = Writer(self.inputs, self.steps, self.outputs, self.turn)
        shapes = ", ".join([f"{printed(step.name)} {step.shape}" for step in self.inputs if step.shape])
        return writer.function(self.name, f"Written by tinygrad_bp for {shapes or 'numbers'}.")

    @property
    def source(self) -> str:
        """The program as Python source that needs only NumPy."""
        return self.written.text


def traced(f: Callable[..., Any], name: str, given: Sequence[tuple[str, Any]]) -> tuple[Program, list[Any]]:
    """The program of a function from arrays to a list of results, and the results themselves.

    f is called once, with a tensor for each of the values given, which come with their names. Raises TracingError if it
    asks for numbers.
    """
    trace, since = Trace(), Node(None).number
    trail: Trail = []
    symbolic = [trace.input(n, x) for n, x in given]
    inputs = [x.step for x in symbolic]
    with tracing(trail):
        results = f(*[_argument(x) for x in symbolic])
    nodes = history(results, trail, since)
    name_steps(nodes, trail)
    outputs = [_output(trace, y) for y in results]
    captured = _captured(trace, nodes, since)
    values = [y.value for y in outputs]
    differentiated = trail[0][0].value if trail else None
    turn = differentiated.step.order if isinstance(differentiated, Symbolic) else len(trace.steps)
    steps, outputs = simplified(trace.steps, outputs)
    _forget(trace)
    return Program(name, [*inputs, *captured.values()], list(captured), steps, outputs, turn), values


def _argument(x: Symbolic) -> Any:
    """What the function is given for an input."""
    drawing = isinstance(x.step.value, np.random.Generator)
    return symbolic_generator(x) if drawing else Tensor(x, name=x.step.name)


def _captured(trace: Trace, nodes: Sequence[Node], since: int) -> dict[Any, Step]:
    """Tensors from before the trace, whose values may change until the program runs: inputs instead of constants."""
    found = {}
    for node in nodes:
        older = [p for p in node.parents if isinstance(p, Node) and p.number < since]
        if node.op is not None and older and not isinstance(node.value, Symbolic):
            raise TracingError(
                f"{node.op.name} of {describe(older[0])} would be computed once and never again, as the tensor is no "
                "argument. Pass it as one, or its array if it is a constant."
            )
        step = trace.constants.get(id(node.value))
        if step is not None and node.number < since:
            step.kind, step.name = INPUT, node.name or "x"
            found[node] = step
    return found


def _output(trace: Trace, y: Any) -> Step:
    """The step that a result stands for."""
    value = y.value if isinstance(y, Node) else y
    if not isinstance(value, Symbolic | np.ndarray | np.generic):
        value = np.asarray(value)[()]
    return trace.step(value)


def _forget(trace: Trace) -> None:
    """Let go of the numbers: a program is kept for longer than they are needed."""
    for step in trace.steps:
        if step.kind != CONSTANT:
            step.value = None
