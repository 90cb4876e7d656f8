"""A call that a random program may contain, and those of the public ops, read off their records."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

import tinygrad_bp as tg
from tinygrad_bp.domains import Domain
from tinygrad_bp.registry import OPS
from tinygrad_bp.testing.strategies import KINK_DISTANCE

Interval = tuple[float, float]
REAL = ((-3.0, 3.0),)
UNIT = ((-1.0, 1.0),)


@dataclass(frozen=True)
class Expression:
    """A call that a program may contain: `text` has {0}, {1}, … for its operands.

    words: letter shapes of the operands, as in a domain, or BROADCAST; a tuple to choose from. texts: from the shapes
    to the texts to choose from. kink: from the operands and the index of the text to distances from points without a
    derivative. apart: all elements of the first operand differ.
    """

    name: str
    words: str | tuple[str, ...]
    texts: Callable[..., Sequence[str]]
    arity: int
    intervals: tuple[Interval, ...] = REAL
    kinds: str = "f"
    smallest: int = 1
    kink: Callable[..., Any] | None = None
    apart: bool = False

    def is_smooth_at(self, values: Sequence[Any], choice: int) -> bool:
        """Whether the operands stay away from where there is no derivative."""
        if self.apart and np.any(np.diff(np.sort(np.ravel(values[0]))) < KINK_DISTANCE):
            return False
        return self.kink is None or bool(np.all(np.abs(self.kink(values, choice)) > KINK_DISTANCE))


# --- ops, by their records --------------------------------------------------------------------------------------------


@cache
def public_names() -> Mapping[str, str]:
    """How programs call the ops that are exported, by the name of the record."""
    found: dict[str, str] = {}
    for prefix, module in (("tg.linalg.", tg.linalg), ("tg.fft.", tg.fft), ("tg.", tg)):
        for name in dir(module):
            record = getattr(getattr(module, name), "op", None)
            if record is not None and OPS.get(getattr(record, "name", "")) is record:
                found[record.name] = prefix + name
    return found


def literal(value: Any) -> str | None:
    """A parameter as Python text; None if it has no short one."""
    if isinstance(value, np.ndarray):
        return f"np.array({value.tolist()!r})" if value.size <= 20 and value.dtype.kind in "bif" else None
    if isinstance(value, np.dtype) or (isinstance(value, type) and issubclass(value, np.generic)):
        return f"np.{np.dtype(value).name}"
    if isinstance(value, tuple | list) and any(isinstance(part, np.ndarray | np.dtype) for part in value):
        return None
    if isinstance(value, float) and not np.isfinite(value):
        return {np.inf: "np.inf", -np.inf: "-np.inf"}.get(value, "np.nan")
    return repr(value) if isinstance(value, bool | int | float | str | tuple | list | None) else None


def _call(name: str, arity: int, params: Mapping[str, Any]) -> str | None:
    words = {key: literal(value) for key, value in params.items()}
    if None in words.values():
        return None
    return f"{name}({', '.join([f'{{{i}}}' for i in range(arity)] + [f'{k}={v}' for k, v in words.items()])})"


_ROUNDABOUT = {"cbrt": ((0.3, 3.0),), "prod": UNIT, "cumprod": UNIT}
"""Intervals that do for ops whose own domain prepares its inputs."""


def by_record(name: str) -> Expression | None:
    """The expression of an op; None for those whose inputs must be prepared."""
    record = OPS[name]
    domain: Domain = record.domain
    if (domain.prepare is not None and name not in _ROUNDABOUT) or not isinstance(record.vjps, tuple):
        return None
    arity, called = len(record.vjps), public_names()[name]

    def params(shapes: Sequence[Any]) -> list[Mapping[str, Any]]:
        return [p for p in domain.params(*shapes) if _call(called, arity, p)]

    def texts(*shapes: Any) -> list[str]:
        return [text for p in params(shapes) if (text := _call(called, arity, p))]

    def kink(values: Sequence[Any], choice: int) -> Any:
        assert domain.kink is not None
        return domain.kink(*values, **params([np.shape(x) for x in values])[choice])

    intervals = _ROUNDABOUT.get(name, domain.intervals)
    smallest = domain.smallest
    return Expression(name, domain.shapes, texts, arity, intervals, domain.kinds, smallest, domain.kink and kink)
