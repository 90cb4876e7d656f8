"""A compiled function as text: the kinds of calls it has a program for, and how each runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tinygrad_bp.compile.specialization import Specialization
from tinygrad_bp.tables import Table

_SHOWN = 6
_USUAL = ("float64", "int64", "bool")


def name_of(f: Any) -> str:
    """What a function is called in texts."""
    return getattr(f, "__name__", type(f).__name__)


def overview(f: Any, backend: str, specializations: Mapping[Any, Specialization]) -> str:
    """The function and its backend, then a line for each kind of call."""
    first = f"Compiled({name_of(f)}, backend={backend!r}"
    if not specializations:
        return f"{first}, not called yet)"
    lines = [f"  {call(key, found)}: {found.latest.plan.backend}\n" for key, found in specializations.items()]
    return f"{first},\n{''.join(lines)})"


def summarised(f: Any, backend: str, specializations: Mapping[Any, Specialization]) -> Table:
    """The same as a table, with the size of each program and why it runs as it does."""
    rows = []
    for key, found in specializations.items():
        plan = found.latest.plan
        size = f"{plan.operations:,}", f"{plan.largest:,}", f"{plan.seconds:.3f}"
        rows.append((call(key, found), plan.backend, *size, plan.reason))
    heads = ("call", "backend", "operations", "largest array", "seconds to compile", "why")
    kinds = f"{len(rows)} kind{'s' * (len(rows) != 1)} of calls"
    return Table(heads, tuple(rows), f"{name_of(f)}, backend={backend!r}, {kinds}", numbers=heads[2:5])


def call(key: Any, found: Specialization) -> str:
    """A kind of call: names, shapes and dtypes of its arrays, and the other arguments as they are."""
    program, (_, traits) = found.program, key
    inputs = iter(program.inputs)
    arguments = []
    for kind, about in traits:
        if kind is None:
            arguments.append(_static(about[1]))
            continue
        step = next(inputs)
        name = program.names.get(step, "")
        is_array = about is not None and not issubclass(kind, np.generic)
        arguments.append(f"{name} {_array(*about) if is_array else kind.__name__}".strip())
    if len(arguments) > _SHOWN:
        arguments = [*arguments[: _SHOWN - 1], "…", arguments[-1]]
    return f"({', '.join(arguments)})"


def _array(shape: tuple[int, ...], dtype: Any) -> str:
    return f"{shape}" if dtype.name in _USUAL else f"{shape} {dtype.name}"


def _static(value: Any) -> str:
    return getattr(value, "__name__", None) or repr(value)
