"""Modes: what applies to the code that runs now, kept in a context variable: one value for each thread and task."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import Any

from tinygrad_bp.errors import TracingError


class Mode:
    """Whether nodes are recorded, constants too (tracing), the open scope, what hunts for NaN, how many transforms
    (`grad`, `jvp`, …) are being computed around this code, the trail that their sweeps leave, and whether the code
    is a step that a loop repeats."""

    __slots__ = ("anomaly", "depth", "recording", "repeated", "scope", "tracing", "trail")

    def __init__(
        self,
        recording: bool = True,
        tracing: bool = False,
        scope: str = "",
        anomaly: Any = False,
        depth: int = 0,
        trail: list[Any] | None = None,
        repeated: bool = False,
    ):
        self.recording: bool = recording
        self.tracing: bool = tracing
        self.scope: str = scope
        self.anomaly: Any = anomaly
        self.depth: int = depth
        self.trail: list[Any] | None = trail
        self.repeated: bool = repeated


MODE: ContextVar[Mode] = ContextVar("tinygrad_bp.mode", default=Mode())  # noqa: B039 - never mutated, only replaced


@contextmanager
def _changed(**changes: Any) -> Iterator[None]:
    now = MODE.get()
    token = MODE.set(Mode(**{field: changes.get(field, getattr(now, field)) for field in Mode.__slots__}))
    try:
        yield
    finally:
        MODE.reset(token)


def no_grad() -> AbstractContextManager[None]:
    """Compute without recording: results are constants. A context manager, and with `@` a decorator."""
    return _changed(recording=False)


def tracing(trail: list[Any] | None = None) -> AbstractContextManager[None]:
    """Record everything that happens to tensors, also to those that require no gradient.

    trail: receives what the sweeps of transforms add to cotangents, edge by edge.
    """
    return _changed(recording=True, tracing=True, trail=trail)


def recording_a_step() -> AbstractContextManager[None]:
    """Record everything, as `tracing` does, for a loop that will do it many times; no trail, no hunt for NaN."""
    return _changed(recording=True, tracing=True, trail=None, anomaly=False, repeated=True)


def refuse_draw(what: str) -> None:
    """Raise TracingError in the step of a loop: what it draws would be the same at every step."""
    if MODE.get().repeated:
        raise TracingError(f"{what} would draw the same at every step. Draw before the loop, and pass it in xs.")


def transforming() -> AbstractContextManager[None]:
    """Record for a transform; inside, results are tensors, for the transform around to differentiate again."""
    return _changed(recording=True, depth=MODE.get().depth + 1)


def watched(watch: Any) -> AbstractContextManager[None]:
    """Show every result to `watch.made`, and every derivative to `watch.append`."""
    return _changed(anomaly=watch)


@contextmanager
def scope(name: str) -> Iterator[None]:
    """Put the tensors made in the body into a named group, which pictures draw as a box. Scopes nest: `net/layer1`."""
    outer = MODE.get().scope
    with _changed(scope=f"{outer}/{name}" if outer else name):
        yield
