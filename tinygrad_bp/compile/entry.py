"""The way from a call to its program and back, written out for one kind of call: checks, unpacking, repacking."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, final

import numpy as np

from tinygrad_bp.trees import children, rebuilt

Function = Callable[..., Any]


HOLE = object()
"""Stands in a function's result for what its program computes."""


@final
@dataclass(frozen=True, slots=True, eq=False)
class Way:
    """From the leaves of a call to what is handed back.

    run: from dynamic leaves and the values of the captured tensors to results, a tuple or the only one; `checks` says
    whether it refuses arrays of another shape or dtype. result: a container with HOLE for each result; types: what each
    is turned into, None for nothing.
    """

    run: Function
    checks: bool
    captured: Sequence[Any]
    result: Any
    types: Sequence[Any]


def traits(x: Any) -> Any:
    """What a program depends on of an array or a tensor."""
    return x.shape, x.dtype


def entry(args: tuple[Any, ...], way: Way, otherwise: Function) -> Function:
    """The function that takes calls with arguments like these, in a tuple, their way, and others to `otherwise`."""
    writer = _Entry(way.checks)
    parameters = [f"a{i}" for i in range(len(args))]
    for name, arg in zip(parameters, args, strict=True):
        writer.take(name, arg)
    given = [*writer.dynamic, *[writer.captured(tensor) for tensor in way.captured]]
    outputs = [f"r{i}" for i in range(len(way.types))]
    typed = [f"{writer.known(kind)}({y})" if kind else y for y, kind in zip(outputs, way.types, strict=True)]
    packed = writer.pack(way.result, iter(typed))
    lines = [
        "def call(args):",
        "    try:",
        f"        [{', '.join(parameters)}] = args",
        *[f"        {line}" for line in writer.lines],
        f"        if {' and '.join(writer.tests) or 'True'}:",
        f"            {', '.join(outputs) or '_'} = run({', '.join(given)})",
        f"            return {packed}",
        "    except (ValueError, AttributeError, KeyError, TypeError):",
        "        pass",
        "    return otherwise(*args)",
    ]
    space = {"run": way.run, "otherwise": otherwise, **writer.space}
    exec("\n".join(lines), space)
    return space["call"]  # type: ignore[no-any-return]


class _Entry:
    """The lines of an entry while they are written."""

    def __init__(self, checks: bool) -> None:
        self.checks = checks
        self.lines: list[str] = []
        self.tests: list[str] = []
        self.dynamic: list[str] = []
        self.space: dict[str, Any] = {}

    def known(self, value: Any) -> str:
        """A name for a value in the entry's namespace."""
        self.space[name := f"k{len(self.space)}"] = value
        return name

    def take(self, name: str, x: Any) -> None:
        """Check an argument and take it apart."""
        held = children(x)
        if held is None:
            self._leaf(name, x)
            return
        self.tests.append(f"{name}.__class__ is {self.known(type(x))}")
        if isinstance(x, dict):
            self.tests.append(f"[*{name}] == {self.known([*x])}")
        elif isinstance(x, list | tuple):
            self.tests.append(f"len({name}) == {len(x)}")
        parts = [f"{name}_{i}" for i in range(len(held))]
        if isinstance(x, list | tuple) and parts:
            self.lines.append(f"{', '.join(parts)}, = {name}")
        for part, (step, child) in zip(parts, held.items(), strict=True):
            if not isinstance(x, list | tuple):
                self.lines.append(f"{part} = {name}{step}")
            self.take(part, child)

    def _leaf(self, name: str, x: Any) -> None:
        if isinstance(x, np.ndarray | float | complex | np.generic | np.random.Generator):
            self.dynamic.append(name)
            if not (self.checks and isinstance(x, np.ndarray)):  # Numba turns a number into what it was compiled for
                self.tests.append(f"{name}.__class__ is {self.known(type(x))}")
                self.tests += self._traits(name, x) if isinstance(x, np.ndarray) else []
        else:
            self.tests.append(f"{name}.__class__ is {self.known(type(x))} and {name} == {self.known(x)}")

    def _traits(self, name: str, x: Any) -> list[str]:
        return [f"{name}.dtype is {self.known(x.dtype)}", f"{name}.shape == {x.shape}"]

    def captured(self, tensor: Any) -> str:
        """The value of a tensor that is not an argument."""
        value = f"{self.known(tensor)}.value"
        self.tests += [] if self.checks and tensor.shape else self._traits(value, tensor)
        return value

    def pack(self, tree: Any, leaves: Iterator[str]) -> str:
        """An expression for a container of results."""
        held = children(tree)
        if held is None:
            return next(leaves) if tree is HOLE else self.known(tree)
        parts = [self.pack(child, leaves) for child in held.values()]
        if type(tree) is tuple:
            return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"
        if type(tree) is list:
            return f"[{', '.join(parts)}]"
        if type(tree) is dict:
            return f"{{{', '.join([f'{self.known(k)}: {part}' for k, part in zip(tree, parts, strict=True)])}}}"
        return f"{self.known(partial(rebuilt, tree))}([{', '.join(parts)}])"
