"""The one place where text becomes Python functions."""

from __future__ import annotations

import linecache
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from types import ModuleType
from typing import Any
from weakref import finalize

_numbers = count(1)


def function(text: str, name: str, space: Mapping[str, Any]) -> Callable[..., Any]:
    """The function called `name` that the text defines; its globals are those of the text and of `space`.

    A traceback through it shows its lines: they are known to `linecache` for as long as the function lives.

    >>> double = function("def double(x):\\n    return x + x\\n", "double", {})
    >>> double(3)
    6
    """
    file = f"<tinygrad_bp {name} {next(_numbers)}>"
    names = dict(space)
    exec(compile(text, file, "exec"), names)
    made: Callable[..., Any] = names.pop(name)  # it ends with its last reference
    linecache.cache[file] = len(text), None, text.splitlines(keepends=True), file
    finalize(made, linecache.cache.pop, file, None).atexit = False
    return made


@contextmanager
def module(text: str, name: str) -> Iterator[ModuleType]:
    """The text as a module for Numba, which can be imported meanwhile and is empty afterwards.

    Empty, since a function that Numba compiled lives for as long as its own module leads to it.
    """
    made = ModuleType(name)
    exec(compile(text, f"<tinygrad_bp {name}>", "exec"), vars(made))
    sys.modules[name] = made
    try:
        yield made
    finally:
        sys.modules.pop(name, None)
        vars(made).clear()
