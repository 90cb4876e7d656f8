"""What a model and its loss hold: tensors, random generators, settings; which of it a step changes; and back again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, final

import numpy as np

from tinygrad_bp.nn.functional import stand_in
from tinygrad_bp.nn.generators import set_state, state_of
from tinygrad_bp.nn.layers import Layer
from tinygrad_bp.nn.parts import Composite, Place, places
from tinygrad_bp.tensor import Tensor

Roots = Mapping[str, Any]


def roots(model: Any, loss: Any) -> Roots:
    """What can be looked at of a model and a loss: layers, and the attributes of other objects."""
    return {
        name: f if isinstance(f, Layer) else getattr(f, "__dict__", None)
        for name, f in (("model", model), ("loss", loss))
    }


def held_places(held: Roots) -> list[Place]:
    """Everything that is held, and where."""
    return [*places("", held)][1:]


@final
class Snapshot:
    """All that is held at a moment: the parts at their places, the numbers in tensors, what generators draw next."""

    def __init__(self, held: Roots):
        self.places: list[Place] = held_places(held)
        contents = [vars(p.part) if isinstance(p.part, Composite) else p.part for p in self.places]
        self._contents: list[tuple[Any, Any]] = [(c, c.copy()) for c in contents if isinstance(c, dict | list)]
        parts = {id(p.part): p.part for p in self.places}.values()
        self._tensors = [(t, t.value, t.number) for t in parts if isinstance(t, Tensor)]
        self._generators = [(g, state_of(g)) for g in parts if isinstance(g, np.random.Generator)]
        self.values: dict[int, Any] = {id(t): value for t, value, _ in self._tensors}
        self.states: dict[int, str] = {id(g): state for g, state in self._generators}

    def restore(self) -> None:
        """Make everything what it was."""
        for held, content in self._contents:
            if isinstance(held, list):
                held[:] = content
                continue
            for key in held.keys() - content.keys():
                del held[key]
            held.update(content)
        for t, value, number in self._tensors:
            t.value, t.number = value, number
        for generator, state in self._generators:
            set_state(generator, state)

    def changes(self, later: Snapshot) -> tuple[str, list[Place], list[list[Place]]]:
        """What is other in a later snapshot: what no program could repeat, buffers, and generators.

        The first is the path to a part, empty if there is none. A generator comes with all the places where it is.
        """
        buffers: list[Place] = []
        drawn: dict[int, list[Place]] = {}
        for old, new in zip(self.places, later.places, strict=False):
            part = new.part
            if old.path != new.path or not _is_like(old.part, part):
                return new.path, [], []
            if isinstance(part, Tensor) and self.values[id(old.part)] is not later.values[id(part)]:
                buffers.append(new)
            elif isinstance(part, np.random.Generator) and self.states[id(part)] != later.states[id(part)]:
                drawn.setdefault(id(part), []).append(new)
        if len(self.places) != len(later.places):
            return max(self.places, later.places, key=len)[-1].path, [], []
        moved = [*buffers, *[place for places in drawn.values() for place in places]]
        fixed = [p.path for p in moved if not isinstance(p.holder, dict | list)]
        fixed += [p.path for p in buffers if p.part.requires_grad or not p.part.is_leaf]
        return next(iter(fixed), ""), buffers, [*drawn.values()]


def are_like(then: Sequence[Place], now: Sequence[Place]) -> bool:
    """Whether the parts of a model are such that a program made then still holds."""
    return len(then) == len(now) and all(_is_like(old.part, new.part) for old, new in zip(then, now, strict=True))


def _is_like(old: Any, new: Any) -> bool:
    """Whether a program that was traced with one part holds for the other."""
    if old is new:
        return True
    if isinstance(old, Tensor) and isinstance(new, Tensor):
        traits = (old.shape, old.dtype, old.requires_grad, old.is_leaf)
        return traits == (new.shape, new.dtype, new.requires_grad, new.is_leaf)
    if isinstance(old, tuple) and isinstance(new, tuple):
        return len(old) == len(new)
    return isinstance(old, int | float | str) and type(old) is type(new) and old == new


@final
class Moving:
    """The buffers and generators that steps change, looked up where they are: layers may put others in their places."""

    def __init__(self, buffers: Sequence[Place] = (), generators: Sequence[Sequence[Place]] = ()):
        self._buffers = [(place.holder, place.key) for place in buffers]
        self._generators = [[(place.holder, place.key) for place in group] for group in generators]

    @property
    def buffers(self) -> tuple[Any, ...]:
        """The arrays in the buffers."""
        return tuple([holder[key].value for holder, key in self._buffers]) if self._buffers else ()

    @property
    def generators(self) -> tuple[np.random.Generator, ...]:
        """The generators, each once."""
        return tuple([group[0][0][group[0][1]] for group in self._generators]) if self._generators else ()

    def take(self, buffers: Sequence[Any]) -> None:
        """Put arrays into the buffers."""
        for (holder, key), value in zip(self._buffers, buffers, strict=True):
            holder[key].value = value

    @contextmanager
    def given(self, buffers: Sequence[Any], generators: Sequence[Any]) -> Iterator[None]:
        """In the body the model has these arrays, or tensors, in its buffers, and these generators."""
        tensors = [(holder, key, holder[key]) for holder, key in self._buffers]
        before = [(t, t.value, t.number) for _, _, t in tensors]
        drawing = [(holder, key, holder[key]) for group in self._generators for holder, key in group]
        try:
            stand_in([t for _, _, t in tensors], buffers)
            for group, generator in zip(self._generators, generators, strict=True):
                for holder, key in group:
                    holder[key] = generator
            yield
        finally:
            for holder, key, part in (*tensors, *drawing):
                holder[key] = part
            for t, value, number in before:
                t.value, t.number = value, number
