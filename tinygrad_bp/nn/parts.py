"""What a model is made of: its attributes, and what these hold, each with the path that leads to it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from tinygrad_bp.tensor import Tensor

T = TypeVar("T")


class Composite:
    """What is made of parts: its attributes. `Layer` is the one that users meet."""


def parts(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    """`value` and what it holds, each with the path to it; a layer that is met again is not entered again."""
    entered: set[int] = set()
    pending = [(path, value)]
    while pending:
        path, value = pending.pop()
        yield path, value
        items: Iterable[tuple[Any, Any]] = ()
        if isinstance(value, Composite | dict | list | tuple) and id(value) not in entered:
            entered.add(id(value))
            held = vars(value) if isinstance(value, Composite) else value
            items = held.items() if isinstance(held, dict) else enumerate(held)
        pending += [(joined(path, key), part) for key, part in items][::-1]


def found(model: Composite, kind: type[T]) -> Iterator[tuple[str, T]]:
    """The parts of one type with their paths, in the order of assignment; a shared one once, by its first path."""
    seen: set[int] = set()
    for path, part in parts("", model):
        if isinstance(part, kind) and id(part) not in seen:
            seen.add(id(part))
            yield path, part


def joined(path: str, key: Any) -> str:
    """The path to a part of what `path` leads to."""
    return f"{path}.{key}" if path else str(key)


def is_parameter(part: Any) -> bool:
    """Whether a part is there to be trained."""
    return isinstance(part, Tensor) and part.requires_grad and part.is_leaf
