"""What a model is made of: its attributes, and what these hold, each with the path that leads to it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, TypeVar

from tinygrad_bp.tensor import Tensor

T = TypeVar("T")


class Composite:
    """What is made of parts: its attributes. `Layer` is the one that users meet."""


_HOLDERS = (Composite, dict, list, tuple)


def parts(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    """`value` and what it holds, each with the path to it; a layer that is met again is not entered again."""
    return ((place.path, place.part) for place in places(path, value))


class Place(NamedTuple):
    """A part of a model, the path to it, and what holds it under which key: a dict, a list or a tuple."""

    path: str
    part: Any
    holder: Any
    key: Any


def places(path: str, value: Any) -> Iterator[Place]:
    """`parts` with the places where they are."""
    entered: set[int] = set()
    pending = [Place(path, value, None, None)]
    while pending:
        place = pending.pop()
        yield place
        path, value = place.path, place.part
        if isinstance(value, _HOLDERS) and id(value) not in entered:
            entered.add(id(value))
            held: Any = vars(value) if isinstance(value, Composite) else value
            items: Iterable[tuple[Any, Any]] = held.items() if isinstance(held, dict) else enumerate(held)
            pending += [Place(joined(path, key), part, held, key) for key, part in items][::-1]


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
