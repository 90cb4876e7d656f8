"""The fast path from a call to its program and back, written out for one kind of call: guard, unpacking, repacking."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, final
from weakref import WeakMethod

import numpy as np

from tinygrad_bp.compile.specialization import HOLE, Call, Specialization
from tinygrad_bp.source import pytext
from tinygrad_bp.trees import children, rebuilt

Function = Callable[..., Any]


def fast_path(
    args: tuple[Any, ...], specialization: Specialization, otherwise: WeakMethod[Function], like: Call
) -> Function:
    """The function that takes the arguments of calls like this one, in a tuple, and leaves others to `otherwise`.

    otherwise: a reference to a method of what keeps the function; the method itself would make the two a cycle.
    """
    executable, program = specialization.executable, specialization.program
    guard = _Guard(executable.checks, like)
    parameters = [f"a{i}" for i in range(len(args))]
    for name, arg in zip(parameters, args, strict=True):
        guard.take(name, arg)
    given = [*guard.dynamic, *[guard.captured(tensor) for tensor in program.captured]]
    outputs = [f"r{i}" for i in range(len(program.outputs))]
    pairs = zip(outputs, specialization.types, strict=True)
    typed = [f"{guard.known(convert)}({y})" if convert else y for y, convert in pairs]
    packed = guard.pack(specialization.result, iter(typed))
    lines = [
        "def call(args):",
        "    try:",
        f"        [{', '.join(parameters)}] = args",
        *[f"        {line}" for line in guard.lines],
        f"        if {' and '.join(guard.tests) or 'True'}:",
        f"            {', '.join(outputs) or '_'} = run({', '.join(given)})",
        f"            return {packed}",
        "    except (ValueError, AttributeError, KeyError, TypeError):",
        "        pass",
        "    return otherwise()(*args)",
    ]
    space = {"run": executable.quick, "otherwise": otherwise, **guard.space}
    return pytext.function("\n".join(lines), "call", space)


@final
class _Guard:
    """The checks of a call's arguments while they are written, and the names of what they hold.

    checks: whether the program refuses arrays of another shape or dtype by itself. like: the call it was made for.
    """

    def __init__(self, checks: bool, like: Call) -> None:
        self.checks = checks
        self.like = like
        self.leaves = 0
        self.lines: list[str] = []
        self.tests: list[str] = []
        self.dynamic: list[str] = []
        self.space: dict[str, Any] = {}

    def known(self, value: Any) -> str:
        """A name for a value in the function's namespace."""
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
        place, self.leaves = self.leaves, self.leaves + 1
        if place in self.like.fixed:
            self.tests.append(f"{name}.__class__ is {self.known(type(x))} and repr({name}) == {repr(x)!r}")
        elif isinstance(x, np.ndarray | float | complex | np.generic | np.random.Generator):
            self.dynamic.append(name)
            if not (
                self.checks and isinstance(x, np.ndarray) and self.like.arrays is None
            ):  # Numba turns a number into what it was compiled for
                self.tests.append(f"{name}.__class__ is {self.known(type(x))}")
                self.tests += self._traits(name, x) if isinstance(x, np.ndarray) and not self.checks else []
        elif self.like.arrays is not None and self.like.arrays.owns(x):
            self.dynamic.append(name)
            self.tests.append(f"{name}.__class__ is {self.known(type(x))}")
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
