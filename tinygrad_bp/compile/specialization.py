"""A specialization: the program for one kind of call, how it runs, and how its results become what f returned."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np

from tinygrad_bp.backends import Executable, Plan, Settled, prepared, unsuited
from tinygrad_bp.compile.background import Promotion
from tinygrad_bp.compile.call import Call
from tinygrad_bp.engine import Node
from tinygrad_bp.program import Program, Step, optimized, traced
from tinygrad_bp.program.generators import is_traced
from tinygrad_bp.trees import flatten

Function = Callable[..., Any]

HOLE = object()
"""Stands in a function's result for what its program computes."""


@final
@dataclass(slots=True, eq=False)
class Specialization:
    """A program, and the way from the values of a call to what is handed back.

    result: what the function returned, with HOLE for each of the program's results. types: what each result is turned
    into, as Numba's numbers are Python's; None for nothing. traits: shape and dtype of the captured tensors. fast_path:
    from the arguments of a call like the one it was made for; see `dispatch`. promotion: to machine code, if that is to
    come.
    """

    program: Program
    executable: Executable
    prepared: Plan
    result: Any
    types: Sequence[Any]
    traits: Sequence[Any]
    fast_path: Function | None = None
    promotion: Promotion | None = None

    @property
    def plan(self) -> Plan:
        """How it runs, and why."""
        return replace(self.prepared, reason=self.promotion.reason) if self.promotion else self.prepared

    @property
    def latest(self) -> Specialization:
        """Itself, or what takes its place once there is machine code."""
        if self.promotion is None or self.promotion.ready is None:
            return self
        executable, plan = self.promotion.ready
        plan = replace(plan, reason=f"{plan.reason}; machine code since call {self.promotion.calls:,}")
        types = [_type(y, None, executable.python_numbers) for y in self.program.outputs]
        return replace(self, executable=executable, prepared=plan, types=types, fast_path=None, promotion=None)

    @property
    def is_stale(self) -> bool:
        """Whether a captured tensor has got another shape or dtype since the program was traced."""
        return [(t.shape, t.dtype) for t in self.program.captured] != self.traits

    def __call__(self, values: Sequence[Any]) -> Any:
        """The result for the dynamic leaves of a call."""
        results = self.executable.run(*values, *[tensor.value for tensor in self.program.captured])
        results = [results] if len(self.program.outputs) == 1 else results or ()
        typed = [convert(y) if convert else y for y, convert in zip(results, self.types, strict=True)]
        return _filled(self.result, typed)


def specialized(f: Function, call: Call, backend: Settled, obstacle: str) -> tuple[Specialization, Any]:
    """Trace a call of f and compile what it did; also returns the result of the call.

    obstacle: why it should not become machine code of Numba's; empty if it may.
    """
    returned: Any = None

    def on_tensors(*tensors: Any) -> list[Any]:
        nonlocal returned
        args, kwargs = call.with_values(tensors)
        returned = f(*args, **kwargs)
        found = [leaf for leaf in flatten(returned)[0] if _is_computed(leaf)]
        return [leaf.traced if is_traced(leaf) else leaf for leaf in found]

    given = list(zip(call.names(f), call.values, strict=True))
    program, values = traced(on_tensors, getattr(f, "__name__", type(f).__name__), given)
    program = optimized(program)
    leaves, rebuild = flatten(returned)
    result = rebuild(iter([HOLE if _is_computed(leaf) else leaf for leaf in leaves]))
    values = [np.array(value) if isinstance(value, np.ndarray) else value for value in values]  # no argument's memory
    inputs = [*call.values, *[t.value for t in program.captured]]
    executable, plan = prepared(program, backend, inputs, values, obstacle)
    promotion = None
    if backend == "auto" and not obstacle and not unsuited(program):
        promotion = Promotion(program, executable)
        executable = promotion.executable
    types = [_type(y, x, executable.python_numbers) for y, x in zip(program.outputs, values, strict=True)]
    traits = [(t.shape, t.dtype) for t in program.captured]
    made = Specialization(program, executable, plan, result, types, traits, promotion=promotion)
    return made, _filled(result, values)


def _filled(result: Any, values: Sequence[Any]) -> Any:
    """A function's result with values in its holes."""
    new = iter(values)
    leaves, rebuild = flatten(result)
    return rebuild(iter([next(new) if leaf is HOLE else leaf for leaf in leaves]))


def _is_computed(leaf: Any) -> bool:
    """Whether a leaf of a result comes out of the program; the others are what they were when it was traced."""
    return isinstance(leaf, Node | np.ndarray | np.generic) or is_traced(leaf)


def _type(y: Step, value: Any, python_numbers: bool) -> Any:
    """What a result without axes is turned into: NumPy's number where it is Python's, or an array of its own."""
    if y.shape:
        return None
    return y.dtype.type if python_numbers else np.array if isinstance(value, np.ndarray) else None
