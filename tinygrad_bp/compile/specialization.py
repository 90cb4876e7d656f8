"""A specialization: the program for one kind of call, how it runs, and how its results become what f returned."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np

from tinygrad_bp.backends import BACKENDS, Arrays, Executable, Placement, Plan, Settled, prepared, unsuited
from tinygrad_bp.compile.background import Promotion
from tinygrad_bp.engine import Node
from tinygrad_bp.errors import TracingError
from tinygrad_bp.program import Program, Step, optimized, traced
from tinygrad_bp.trees import children, flatten, paths

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
        types = [_type(y, None, executable, None) for y in self.program.outputs]
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


def specialized(
    f: Function, call: Call, backend: Settled, obstacle: str, placement: Placement | None = None
) -> tuple[Specialization, Any]:
    """Trace a call of f and compile what it did; also returns the result of the call.

    obstacle: why it should not become machine code of Numba's; empty if it may. placement: of arrays, for JAX.
    """
    returned: Any = None

    def on_tensors(*tensors: Any) -> list[Any]:
        nonlocal returned
        args, kwargs = call.with_values(tensors)
        returned = f(*args, **kwargs)
        found = [leaf for leaf in flatten(returned)[0] if _is_computed(leaf)]
        return [getattr(leaf, "traced", leaf) for leaf in found]

    arrays = call.arrays if placement or call.has_own_arrays else None
    states = [(x, x.bit_generator.state) for x in call.values if isinstance(x, np.random.Generator)]
    given = list(zip(call.names(f), call.as_numpy, strict=True))
    program, values = traced(on_tensors, getattr(f, "__name__", type(f).__name__), given)
    program = optimized(program)
    leaves, rebuild = flatten(returned)
    result = rebuild(iter([HOLE if _is_computed(leaf) else leaf for leaf in leaves]))
    values = [np.array(value) if isinstance(value, np.ndarray) else value for value in values]  # no argument's memory
    inputs = [*call.values, *[t.value for t in program.captured]]
    if backend not in BACKENDS:
        obstacle = obstacle or unsuited(program)
    executable, plan = prepared(program, backend, inputs, values, obstacle, placement)
    promotion = None
    if backend == "auto" and not obstacle:
        promotion = Promotion(program, executable)
        executable = promotion.executable
    if arrays is not None and not executable.own_arrays:
        executable = _on_numpy(executable, arrays)
    types = [_type(y, x, executable, arrays) for y, x in zip(program.outputs, values, strict=True)]
    traits = [(t.shape, t.dtype) for t in program.captured]
    made = Specialization(program, executable, plan, result, types, traits, promotion=promotion)
    if call.arrays is None or not executable.own_arrays:
        return made, _filled(result, values if arrays is None else list(map(arrays.from_numpy, values)))
    for generator, state in states:  # what was traced is computed once more, by the backend
        generator.bit_generator.state = state
    return made, made(call.values)


def _on_numpy(executable: Executable, arrays: Arrays) -> Executable:
    """The same for arrays of another backend's kind too."""

    def run(*inputs: Any) -> Any:
        return executable.run(*[arrays.to_numpy(x) if arrays.owns(x) else x for x in inputs])

    return replace(executable, run=run, quick=run)


def _filled(result: Any, values: Sequence[Any]) -> Any:
    """A function's result with values in its holes."""
    new = iter(values)
    leaves, rebuild = flatten(result)
    return rebuild(iter([next(new) if leaf is HOLE else leaf for leaf in leaves]))


def _is_computed(leaf: Any) -> bool:
    """Whether a leaf of a result comes out of the program; the others are what they were when it was traced."""
    return isinstance(leaf, Node | np.ndarray | np.generic) or hasattr(leaf, "traced")  # a generator of a program


def _type(y: Step, value: Any, executable: Executable, arrays: Arrays | None) -> Any:
    """What a result is turned into: NumPy's number where it is Python's, or an array of its own; or the kind of array
    that the call was given. arrays: the kind to give back, if it is not NumPy's."""
    if arrays is not None:
        return None if executable.own_arrays else arrays.from_numpy
    is_array = bool(y.shape) or isinstance(value, np.ndarray)
    if executable.own_arrays:
        return np.asarray if is_array else y.dtype.type
    if y.shape:
        return None
    return y.dtype.type if executable.python_numbers else np.array if is_array else None


# --- calls ------------------------------------------------------------------------------------------------------------


@final
@dataclass(frozen=True, slots=True)
class Call:
    """The leaves of a call's arguments: `dynamic` ones a program is given, the others are part of it.

    structure: the containers that hold them. fixed: the numbers among the others. arrays: the backend's own kind, which
    some of the dynamic ones may be.
    """

    leaves: list[Any]
    rebuild: Callable[[Any], Any]
    dynamic: list[int]
    key: Any
    structure: Any
    fixed: frozenset[int]
    arrays: Arrays | None = None

    @classmethod
    def of(
        cls,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        needed: Mapping[Any, Collection[int]],
        arrays: Arrays | None = None,
    ) -> Call:
        """Take a call apart. needed: by structure, the places of numbers that programs are written for.

        Raises TracingError for an argument that cannot be part of a program.
        """
        leaves, rebuild = flatten((args, kwargs))
        structure = _structure((args, kwargs))
        fixed = frozenset([i for i in needed.get(structure, ()) if isinstance(leaves[i], float | complex | np.generic)])
        traits = [(None, _as_static(x)) if i in fixed else _traits(x, arrays) for i, x in enumerate(leaves)]
        dynamic = [i for i, (kind, _) in enumerate(traits) if kind is not None]
        return cls(leaves, rebuild, dynamic, (structure, tuple(traits)), structure, fixed, arrays)

    @property
    def values(self) -> list[Any]:
        """The dynamic leaves."""
        return [self.leaves[i] for i in self.dynamic]

    @property
    def has_own_arrays(self) -> bool:
        """Whether some of them are arrays of the backend's own kind."""
        return self.arrays is not None and any(map(self.arrays.owns, self.values))

    @property
    def as_numpy(self) -> list[Any]:
        """The dynamic leaves, all arrays among them NumPy's."""
        if self.arrays is None:
            return self.values
        return [self.arrays.to_numpy(x) if self.arrays.owns(x) else x for x in self.values]

    def with_values(self, values: Sequence[Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The same call with other dynamic leaves."""
        leaves = list(self.leaves)
        for i, value in zip(self.dynamic, values, strict=True):
            leaves[i] = value
        args, kwargs = self.rebuild(iter(leaves))
        return args, kwargs

    def names(self, f: Function) -> list[str]:
        """A name for every dynamic leaf: the parameter's, or the key or attribute that leads to it."""
        args, kwargs = self.rebuild(iter(self.leaves))
        named = [f"{_parameter(f, i)}{path}" for i, x in enumerate(args) for path in paths(x)]
        named += [path.removeprefix("['").replace("']", "", 1) for path in paths(kwargs)]
        return [_short(named[i]) for i in self.dynamic]


def _as_static(x: Any) -> tuple[Any, Any]:
    """What a program depends on that is written for a number: 0 and −0 are two, NaN is one."""
    return type(x), repr(x)


def _traits(x: Any, arrays: Arrays | None) -> tuple[Any, Any]:
    """Kind of a leaf (None if static), and what a program depends on. arrays: the backend's own kind."""
    kind = type(x)
    if kind is float or kind is complex:
        return kind, None
    if isinstance(x, np.ndarray | np.generic) or (arrays is not None and arrays.owns(x)):
        if x.dtype.kind not in "biufc":
            raise TracingError(f"an argument of dtype {x.dtype} cannot be compiled. Convert it to numbers.")
        return kind, (x.shape, x.dtype)
    if isinstance(x, np.random.Generator):
        return kind, None
    if hasattr(x, "__array__") and not isinstance(x, type | Node):  # PyTorch's have a hash, and change
        raise TracingError(
            f"an argument of type {kind.__module__}.{kind.__name__} is an array of another library. "
            "Pass np.asarray(x), which copies nothing where that library lets NumPy look."
        )
    try:
        hash(x)
    except TypeError as error:
        raise TracingError(
            f"an argument of type {kind.__name__} is neither an array nor a value that can be compared. "
            "Pass arrays, numbers and containers of them, or make it hashable."
        ) from error
    return None, (kind, x)


def _structure(tree: Any) -> Any:
    """The containers of a tree, equal for trees built alike."""
    held = children(tree)
    if held is None:
        return None
    return type(tree), tuple([(step, _structure(child)) for step, child in held.items()])


def _parameter(f: Function, i: int) -> str:
    """The name of positional argument i."""
    try:
        parameters = list(inspect.signature(f).parameters.values())
    except (TypeError, ValueError):
        return f"x{i}"
    if i < len(parameters) and parameters[i].kind is not parameters[i].VAR_POSITIONAL:
        return parameters[i].name
    last = [p.name for p in parameters if p.kind is p.VAR_POSITIONAL]
    return f"{last[0]}{i - len(parameters) + 1}" if last else f"x{i}"


def _short(path: str) -> str:
    """`params['hidden']['W1']` is W1, `params[0]` is params0."""
    keys: list[str] = re.findall(r"\['([^']*)'\]|\.(\w+)", path)
    if not keys:
        return re.sub(r"\W+", "", path)
    last = "".join(keys[-1])
    return last + re.sub(r"\W+", "", path.rpartition(last)[2])


def has_tensors(leaves: Sequence[Any]) -> bool:
    """Whether one of the leaves is a tensor."""
    return any(isinstance(x, Node) for x in leaves)
