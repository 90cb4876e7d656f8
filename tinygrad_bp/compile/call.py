"""What a call looks like: which of its arguments are numbers to compute with, and how to know such a call again."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from tinygrad_bp.engine import Node
from tinygrad_bp.errors import TracingError
from tinygrad_bp.trees import children, flatten, paths

Function = Callable[..., Any]


@final
@dataclass(frozen=True, slots=True)
class Call:
    """The leaves of a call's arguments: `dynamic` ones a program is given, the others are part of it.

    structure: the containers that hold them. fixed: the numbers among the others.
    """

    leaves: list[Any]
    rebuild: Callable[[Any], Any]
    dynamic: list[int]
    key: Any
    structure: Any
    fixed: frozenset[int]

    @classmethod
    def of(cls, args: tuple[Any, ...], kwargs: dict[str, Any], needed: Mapping[Any, Collection[int]]) -> Call:
        """Take a call apart. needed: by structure, the places of numbers that programs are written for.

        Raises TracingError for an argument that cannot be part of a program.
        """
        leaves, rebuild = flatten((args, kwargs))
        structure = _structure((args, kwargs))
        fixed = frozenset([i for i in needed.get(structure, ()) if isinstance(leaves[i], float | complex | np.generic)])
        traits = [(None, _as_static(x)) if i in fixed else _traits(x) for i, x in enumerate(leaves)]
        dynamic = [i for i, (kind, _) in enumerate(traits) if kind is not None]
        return cls(leaves, rebuild, dynamic, (structure, tuple(traits)), structure, fixed)

    @property
    def values(self) -> list[Any]:
        """The dynamic leaves."""
        return [self.leaves[i] for i in self.dynamic]

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


def _traits(x: Any) -> tuple[Any, Any]:
    """Kind of a leaf (None if static), and what a program depends on."""
    kind = type(x)
    if kind is float or kind is complex:
        return kind, None
    if isinstance(x, np.ndarray | np.generic):
        if x.dtype.kind not in "biufc":
            raise TracingError(f"an argument of dtype {x.dtype} cannot be compiled. Convert it to numbers.")
        return kind, (x.shape, x.dtype)
    if isinstance(x, np.random.Generator):
        return kind, None
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
