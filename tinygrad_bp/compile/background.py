"""Machine code made while a function runs on NumPy: one thread compiles what has been called often enough."""

from __future__ import annotations

import atexit
import os
import sys
from collections import deque
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from itertools import count
from threading import Lock, RLock, Thread
from typing import Any, final
from weakref import ref

import numpy as np

from tinygrad_bp.backends import Executable, Plan, prepared
from tinygrad_bp.modes import quietly
from tinygrad_bp.program import Program

CALLS = 100
"""After so many calls a program is likely to have many more ahead."""


@final
class Promotion:
    """From NumPy to machine code: it counts the calls of a program, and has it compiled once they are CALLS.

    ready: how the program runs then, and why. reason: how far that is.
    """

    __slots__ = ("__weakref__", "_calls", "_inputs", "_plain", "_program", "ready", "reason")

    def __init__(self, program: Program, plain: Executable) -> None:
        self._program, self._plain = program, plain
        self._calls = count(2)  # the first was traced
        self._inputs: Sequence[Any] = ()
        self.ready: tuple[Executable, Plan] | None = None
        self.reason = f"the arrays are small: Numba compiles after {CALLS} calls"

    @property
    def executable(self) -> Executable:
        """The program on NumPy, its calls counted; the quick way ends with ValueError once machine code is ready."""
        return Executable(self._run, self._quick)

    @property
    def calls(self) -> int:
        """The number of the call that now comes."""
        return next(self._calls)

    def _quick(self, *inputs: Any) -> Any:
        if self.ready is not None:
            raise ValueError
        return self._run(*inputs)

    def _run(self, *inputs: Any) -> Any:
        if next(self._calls) == CALLS:
            self._inputs = [np.array(x) if isinstance(x, np.ndarray) else x for x in inputs]
            self.reason = "the arrays are small: Numba compiles in the background"
            _submit(self)
        return self._plain.run(*inputs)

    def compile(self) -> None:
        """Make the machine code, and try it out on the inputs of the call that earned it."""
        try:
            results = quietly(self._plain.run, *self._inputs)  # the call itself has warned
            expected = [results] if len(self._program.outputs) == 1 else results or ()
            executable, plan = quietly(prepared, self._program, "settled", self._inputs, expected)
        except Exception as error:  # nobody waits for it
            self.reason = f"the arrays are small, but Numba failed: {error!r}"
            return
        self.reason, self._inputs = plan.reason, ()
        if plan.backend == "numba":
            self.ready = executable, plan


_lock = Lock()  # of what follows
_busy = RLock()  # the thread's while it compiles
_waiting: deque[ref[Promotion]] = deque()
_worker: Thread | None = None
_is_over = False


def _submit(promotion: Promotion) -> None:
    """Have it compiled after those that wait, unless the process is about to end."""
    global _worker
    with _lock:
        _waiting.append(ref(promotion))
        if _worker is None and not _is_over:
            _guard_forks()
            _worker = Thread(target=_work, name="tinygrad_bp compiles", daemon=True)
            _worker.start()


def _work() -> None:
    while promotion := _next():
        with _busy:
            promotion.compile()


def _next() -> Promotion | None:
    """The next program that somebody still has; None ends the thread."""
    global _worker
    with _lock:
        while _waiting:
            promotion = _waiting.popleft()()
            if promotion is not None:
                return promotion
        _worker = None
    return None


def _end() -> None:
    """End the thread, as LLVM must not be taken down at work: what it is at it finishes, and comes back to Python."""
    global _is_over
    _is_over = True
    worker, hook = _worker, sys.unraisablehook
    if worker is None:
        return
    from ctypes import c_ulong, py_object, pythonapi

    sys.unraisablehook = lambda _: None  # the exception may arrive in a callback of LLVM, which nothing leaves
    for _ in range(100):
        pythonapi.PyThreadState_SetAsyncExc(c_ulong(worker.ident or 0), py_object(SystemExit))
        worker.join(0.05)
        if not worker.is_alive():
            break
    sys.unraisablehook = hook


@cache
def _guard_forks() -> None:
    """A process forked while Numba compiles could never compile itself: forks wait until it has done."""
    import_module("logging")  # such hooks run in turn, the last first, and logging's takes a lock that Numba needs
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=_busy.acquire, after_in_parent=_busy.release, after_in_child=_renew)


def _renew() -> None:
    """In a forked process there is no thread, and nobody to give back its lock."""
    global _lock, _worker
    _lock, _worker = Lock(), None
    _busy.release()


atexit.register(_end)
