"""The way from a call to its program and back, written out for one kind of call: checks, unpacking, repacking."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from tinygrad_bp.engine import Node
from tinygrad_bp.trees import children, rebuilt

Function = Callable[..., Any]


HOLE = object()
"""Stands in a function's result for what its program computes."""


def entry(
    args: tuple[Any, ...],
    run: Function,
    captured: Sequence[Node],
    result: Any,
    types: Sequence[type | None],
    otherwise: Function,
) -> Function:
    """The function that takes calls like this one to `run`, and others to `otherwise`.

    args: the arguments of such a call. run: from its dynamic leaves and the values of the captured tensors to the
    results, a tuple or the only one. result: how they are handed back, a container with HOLE for each; types: what each
    is turned into, None for nothing.
    """
    writer = _Entry()
    parameters = [f"a{i}" for i in range(len(args))]
    for name, arg in zip(parameters, args, strict=True):
        writer.take(name, arg)
    given = [*writer.dynamic, *[f"{writer.known(tensor)}.value" for tensor in captured]]
    outputs = [f"r{i}" for i in range(len(types))]
    typed = [f"{writer.known(kind)}({y})" if kind else y for y, kind in zip(outputs, types, strict=True)]
    packed = writer.pack(result, iter(typed))
    lines = [
        "def call(*args):",
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
    space = {"run": run, "otherwise": otherwise, **writer.space}
    exec("\n".join(lines), space)
    return space["call"]  # type: ignore[no-any-return]


class _Entry:
    """The lines of an entry while they are written."""

    def __init__(self) -> None:
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
        kind = self.known(type(x))
        if isinstance(x, np.ndarray):
            self.tests.append(
                f"{name}.__class__ is {kind} and {name}.dtype is {self.known(x.dtype)} and {name}.shape == {x.shape}"
            )
        elif isinstance(x, float | complex | np.generic | np.random.Generator):
            self.tests.append(f"{name}.__class__ is {kind}")
        else:
            self.tests.append(f"{name}.__class__ is {kind} and {name} == {self.known(x)}")
            return
        self.dynamic.append(name)

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
