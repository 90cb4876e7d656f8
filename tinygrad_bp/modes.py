"""Modes: what applies to the code that runs now, kept in a context variable: one value for each thread and task.

A mode is in force while its block is open, and a block is open while its lock is held: leaving is one call that no
interrupt cuts in two, in any order and from any thread. A block in a generator is in force while the generator runs.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Generator
from contextvars import ContextVar, copy_context
from functools import wraps
from inspect import CO_ASYNC_GENERATOR, CO_GENERATOR, isasyncgenfunction, iscoroutinefunction, isgeneratorfunction
from operator import call
from threading import Lock, get_ident
from types import FrameType
from typing import Any, TypeVar, final

import numpy as np

from tinygrad_bp.errors import ModeError, TracingError

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

_GENERATOR = CO_GENERATOR | CO_ASYNC_GENERATOR


class Mode:
    """Whether nodes are recorded, constants too (tracing), the open scope, what hunts for NaN, how many transforms
    (`grad`, `jvp`, …) are being computed around this code, the trail that their sweeps leave, and whether the code
    is a step that a loop repeats.

    Of its block: the lock, None for the mode outside all blocks; the frame of the generator that it is in; the mode
    that was in force around it; what was there `below` it, those of suspended generators too; whether there are
    generators among them.
    """

    __slots__ = (
        "anomaly", "around", "below", "depth", "frame", "lock", "mixed", "recording", "repeated", "scope", "thread",
        "tracing", "trail",
    )  # fmt: skip

    def __init__(self, around: Mode | None = None):
        """The mode outside all blocks, or what is now one like the mode around it."""
        self.around: Mode = around or self
        self.below: Mode = self.around
        self.recording: bool = around is None or around.recording
        self.tracing: bool = around is not None and around.tracing
        self.scope: str = "" if around is None else around.scope
        self.anomaly: Any = around is not None and around.anomaly
        self.depth: int = 0 if around is None else around.depth
        self.trail: list[Any] | None = None if around is None else around.trail
        self.repeated: bool = around is not None and around.repeated
        self.lock: Lock | None = None
        self.frame: FrameType | None = None
        self.mixed: bool = False
        self.thread: int = 0


MODE: ContextVar[Mode] = ContextVar("tinygrad_bp.mode", default=Mode())  # noqa: B039 - never changed


def current_mode() -> Mode:
    """The mode in force."""
    now = MODE.get()
    return now if now.lock is None else in_force(now)


def in_force(top: Mode) -> Mode:
    """The mode in force where MODE is `top`; blocks that have ended are forgotten.

    Raises ModeError in a generator that goes on, within a block of its own, inside a block that was opened since.
    """
    if _has_ended(top):
        while _has_ended(top):
            top = top.below
        MODE.set(top)
    if not top.mixed:
        return top
    found, mode = None, top
    while mode.lock is not None:
        while _has_ended(mode.below):
            mode.below = mode.below.below
        if mode.frame is None or mode.frame.f_back is not None:  # no generator, or one that runs
            if found is None:
                found = mode
            elif mode.frame is not None and not _is_around(mode, found):
                raise ModeError(
                    f"the generator {mode.frame.f_code.co_name} goes on within a block of its own (no_grad, scope, …) "
                    "inside a block that was opened since. Open that before its first step, or decorate the generator "
                    "function instead: @no_grad()."
                )
        mode = mode.below
    return found or mode


def _has_ended(mode: Mode) -> bool:
    """Whether its block was left; a thread that was given a copy of the context keeps the mode."""
    return mode.lock is not None and not mode.lock.locked() and mode.thread == get_ident()


def _is_around(mode: Mode, inner: Mode) -> bool:
    while inner is not mode and inner.lock is not None:
        inner = inner.around
    return inner is mode


def _generator(frame: FrameType | None) -> FrameType | None:
    """The generator whose block a frame opens; those of `contextlib.contextmanager` do it for their callers."""
    while frame is not None and frame.f_code.co_flags & _GENERATOR:
        caller = frame.f_back
        if caller is None or caller.f_globals is not vars(contextlib):
            return frame
        frame = caller.f_back
    return None


class _Leaving:
    """`__exit__` of a block is its lock's: an interrupt could come at the first line of a method."""

    def __get__(self, block: Block | None, of: type[Block]) -> Callable[..., None]:
        return self if block is None else block.lock.__exit__

    def __call__(self, block: Block, *raised: Any) -> None:
        """As `contextlib.ExitStack` calls what it finds in the class."""
        block.lock.__exit__(*raised)


@final
class Block:
    """A mode for a `with` block, once; with `@` for every call of a function, or every step of a generator."""

    __slots__ = ("_change", "_is_used", "lock")

    __exit__: _Leaving = _Leaving()

    def __init__(self, change: Callable[[Mode], None]):
        self._change, self._is_used = change, False
        self.lock: Lock = Lock()

    def __enter__(self) -> None:
        if self._is_used:
            raise ModeError("a block is for one `with`. Make another one: `with tg.no_grad():`.")
        self._is_used = True
        around = current_mode()
        mode = Mode(around)
        self._change(mode)
        mode.lock, mode.thread, mode.below = self.lock, get_ident(), MODE.get()
        mode.frame = _generator(sys._getframe(1))
        mode.mixed = mode.frame is not None or mode.below.mixed
        self.lock.acquire()
        try:
            MODE.set(mode)
        except BaseException:  # an interrupt: the block is never begun
            self.lock.release()
            raise

    def __call__(self, f: Decorated) -> Decorated:
        """f within the block."""
        if isasyncgenfunction(f):
            raise ModeError(f"{f.__name__} is an asynchronous generator. Open the block inside it, without a yield.")

        def called(*args: Any, **kwargs: Any) -> Any:
            with Block(self._change):
                return f(*args, **kwargs)

        async def awaited(*args: Any, **kwargs: Any) -> Any:
            with Block(self._change):
                return await f(*args, **kwargs)

        def stepwise(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
            return (yield from _stepwise(self(call), f(*args, **kwargs)))

        form = awaited if iscoroutinefunction(f) else stepwise if isgeneratorfunction(f) else called
        return wraps(f)(form)  # type: ignore[return-value]  # of f's signature


def _stepwise(inside: Callable[..., Any], steps: Any) -> Generator[Any, Any, Any]:
    """A generator whose every step is taken by `inside`."""
    step, given = steps.send, None
    while True:
        try:
            value = inside(step, given)
        except StopIteration as end:
            return end.value
        try:
            step, given = steps.send, (yield value)
        except GeneratorExit:
            inside(steps.close)
            raise
        except BaseException as error:
            step, given = steps.throw, error


def no_grad() -> Block:
    """Compute without recording: results are constants. A context manager, and with `@` a decorator.

    In a generator the block is for the generator, not for those that it yields to, except in a
    `contextlib.contextmanager`, where it is for the body of the `with`. Put on a `contextlib.ExitStack`, it is for all
    until the stack is closed. Tasks started in the block have the mode until the block ends.

    >>> import tinygrad_bp as tg
    >>> x = tg.tensor(3.0, requires_grad=True)
    >>> @tg.no_grad()
    ... def powers():
    ...     y = x
    ...     while True:
    ...         yield y.requires_grad
    ...         y = y * x
    >>> each = powers()
    >>> next(each), next(each), (x * x).requires_grad
    (True, False, True)
    """

    def change(mode: Mode) -> None:
        mode.recording = False

    return Block(change)


def tracing(trail: list[Any] | None = None) -> Block:
    """Record everything that happens to tensors, also to those that require no gradient.

    trail: receives what the sweeps of transforms add to cotangents, edge by edge.
    """

    def change(mode: Mode) -> None:
        mode.recording, mode.tracing, mode.trail = True, True, trail

    return Block(change)


def recording_a_step() -> Block:
    """Record everything, as `tracing` does, for a loop that will do it many times; no trail, no hunt for NaN."""

    def change(mode: Mode) -> None:
        mode.recording = mode.tracing = mode.repeated = True
        mode.trail, mode.anomaly = None, False

    return Block(change)


def refuse_draw(what: str) -> None:
    """Raise TracingError in the step of a loop: what it draws would be the same at every step."""
    if current_mode().repeated:
        raise TracingError(f"{what} would draw the same at every step. Draw before the loop, and pass it in xs.")


def transforming() -> Block:
    """Record for a transform; inside, results are tensors, for the transform around to differentiate again."""

    def change(mode: Mode) -> None:
        mode.recording = True
        mode.depth += 1

    return Block(change)


def watched(watch: Any) -> Block:
    """Show every result to `watch.made`, and every derivative to `watch.append`."""

    def change(mode: Mode) -> None:
        mode.anomaly = watch

    return Block(change)


def scope(name: str) -> Block:
    """Put the tensors made in the body into a named group, which pictures draw as a box. Scopes nest: `net/layer1`.

    In generators as `no_grad` is.
    """

    def change(mode: Mode) -> None:
        mode.scope = f"{mode.scope}/{name}" if mode.scope else name

    return Block(change)


def ignoring(**kinds: Any) -> Callable[[Decorated], Decorated]:
    """`np.errstate` as a decorator, in a copy of the context: whatever an interrupt leaves there is dropped with it."""

    def decorate(f: Decorated) -> Decorated:
        inner = np.errstate(**kinds)(f)

        @wraps(f)
        def quiet(*args: Any, **kwargs: Any) -> Any:
            return copy_context().run(inner, *args, **kwargs)

        return quiet  # type: ignore[return-value]  # of f's signature

    return decorate


quietly = ignoring(all="ignore")(call)
"""`quietly(f, *args)` is f(*args) without NumPy's warnings."""
