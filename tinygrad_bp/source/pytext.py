"""The one place where text becomes a Python function."""

from __future__ import annotations

import linecache
from collections.abc import Callable, Mapping
from itertools import count
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
    made: Callable[..., Any] = names[name]
    linecache.cache[file] = len(text), None, text.splitlines(keepends=True), file
    finalize(made, linecache.cache.pop, file, None).atexit = False
    return made
