"""What is kept for one kind of call: its program, the way it runs, and the way in and out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from tinygrad_bp.codegen import Program, traced
from tinygrad_bp.codegen.generators import is_symbolic
from tinygrad_bp.codegen.symbolic import Step
from tinygrad_bp.compile.backends import Choice, Ready, planned
from tinygrad_bp.compile.entry import HOLE, Way, entry, traits
from tinygrad_bp.compile.signature import Call
from tinygrad_bp.engine import Node
from tinygrad_bp.trees import flatten

Function = Callable[..., Any]


@final
@dataclass(slots=True, eq=False)
class Kind:
    """A compiled program. result: what the function returned, with HOLE for each of the program's results.

    types: what makes each result what it should be, as Numba's numbers are Python's; None for those that are so.
    captured: shape and dtype of the captured tensors.
    """

    program: Program
    ready: Ready
    result: Any
    types: Sequence[Any]
    captured: Sequence[Any]
    _entry: Function | None = None

    @property
    def is_stale(self) -> bool:
        """Whether a captured tensor has got another shape or dtype since the program was traced."""
        return [traits(t) for t in self.program.captured] != self.captured

    def on_leaves(self, values: Sequence[Any]) -> Any:
        """The result for the dynamic leaves of a call."""
        results = self.ready.run(*values, *[tensor.value for tensor in self.program.captured])
        results = [results] if len(self.program.outputs) == 1 else results or ()
        new = iter([kind(y) if kind else y for y, kind in zip(results, self.types, strict=True)])
        leaves, rebuild = flatten(self.result)
        return rebuild(iter([next(new) if leaf is HOLE else leaf for leaf in leaves]))

    def entry(self, args: tuple[Any, ...], otherwise: Function) -> Function:
        """The function for calls like this one."""
        if self._entry is None:
            way = Way(self.ready.quick, self.ready.checks, self.program.captured, self.result, self.types)
            self._entry = entry(args, way, otherwise)
        return self._entry


def compiled(f: Function, call: Call, backend: Choice) -> tuple[Kind, Any]:
    """Trace a call of f and compile what it did; also returns the result of the call."""
    returned: Any = None

    def on_tensors(*tensors: Any) -> list[Any]:
        nonlocal returned
        args, kwargs = call.with_values(tensors)
        returned = f(*args, **kwargs)
        found = [leaf for leaf in flatten(returned)[0] if _is_number(leaf)]
        return [leaf.symbolic if is_symbolic(leaf) else leaf for leaf in found]

    given = list(zip(call.names(f), call.values, strict=True))
    program, values = traced(on_tensors, getattr(f, "__name__", type(f).__name__), given)
    leaves, rebuild = flatten(returned)
    values = [_own(value) for value in values]
    result = rebuild(iter([HOLE if _is_number(leaf) else leaf for leaf in leaves]))
    ready = planned(program, backend, call.values, values)
    numbers = ready.plan.backend == "numba"
    types = [_type(y, value, numbers) for y, value in zip(program.outputs, values, strict=True)]
    kind = Kind(program, ready, result, types, [traits(t) for t in program.captured])
    new = iter(values)
    return kind, rebuild(iter([next(new) if _is_number(leaf) else leaf for leaf in leaves]))


def _is_number(leaf: Any) -> bool:
    """Whether a leaf of a result comes out of the program; the others are what they were when it was traced."""
    return isinstance(leaf, Node | np.ndarray | np.generic) or is_symbolic(leaf)


def _type(y: Step, value: Any, numbers: bool) -> Any:
    """What a result without axes is turned into: NumPy's number where it is Python's, or an array of its own."""
    if y.shape:
        return None
    return y.dtype.type if numbers else np.array if isinstance(value, np.ndarray) else None


def _own(value: Any) -> Any:
    """A result that shares no memory with an argument."""
    return np.array(value) if isinstance(value, np.ndarray) else value
