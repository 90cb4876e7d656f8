"""Ctrl-C while training: asked once, the loop ends by itself; asked twice, at once."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread
from typing import Any, final


@final
class Interrupts:
    """Whether Ctrl-C was pressed."""

    requested: bool = False


@contextmanager
def interruptible() -> Iterator[Interrupts]:
    """In the body the first SIGINT sets `requested`, and the second does what it did before.

    Only in the main thread, which alone may have handlers, and only where SIGINT would have raised or called something.
    """
    asked = Interrupts()
    before = signal.getsignal(signal.SIGINT)
    if current_thread() is not main_thread() or not callable(before):
        yield asked
        return

    def ask(number: int, frame: Any) -> None:
        if asked.requested:
            before(number, frame)
        asked.requested = True

    signal.signal(signal.SIGINT, ask)
    try:
        yield asked
    finally:
        signal.signal(signal.SIGINT, before)
