"""`module:name`, a function of the user's: found, called, and if it raises shown without the frames around it."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from traceback import TracebackException
from typing import Any

import numpy as np

from tinygrad_bp.errors import ArgumentError, kind_of

PACKAGE = str(Path(__file__).resolve().parent.parent)
NUMPY = str(Path(np.__file__).parent)


class UserError(Exception):
    """What code of the user's raised; its text is their traceback."""

    def __init__(self, error: BaseException):
        told = TracebackException.from_exception(error)
        _without_our_frames(told)
        super().__init__("".join(told.format()))


def loaded(target: str, option: str) -> Any:
    """What `module:name` stands for, the module looked for in the folder one stands in too."""
    module, _, name = target.partition(":")
    if not (module and name):
        raise ArgumentError(f"{option} takes module:function, as in examples.gallery:article; got {target!r}.")
    if module.endswith(".py") or not all(map(str.isidentifier, module.split("."))):
        raise ArgumentError(f"{option} takes a module by its name, mine:f for f in mine.py here; got {target!r}.")
    sys.path.insert(0, "")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ArgumentError(f"{target!r} cannot be loaded: {error}.") from error
    except Exception as error:
        raise UserError(error) from error
    finally:
        sys.path.remove("")


def function(target: str, option: str) -> Callable[..., Any]:
    """The function that `module:name` stands for."""
    found = loaded(target, option)
    if not callable(found):
        raise ArgumentError(f"{target} is no function, but {kind_of(found)}. Name a function.")
    return found  # type: ignore[no-any-return]


def called(target: str, option: str) -> Any:
    """What the function returns when it is called without arguments."""
    f = function(target, option)
    needed = [p.name for p in parameters(f) if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    if needed:
        raise ArgumentError(
            f"{target} needs {', '.join(needed)}, and is called without arguments. Give {needed[0]} a default, "
            "or name a function that calls it."
        )
    return guarded(f)


def guarded(f: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """What a function of the user's returns; UserError if it raises."""
    try:
        return f(*args, **kwargs)
    except Exception as error:
        raise UserError(error) from error


def parameters(f: Callable[..., Any]) -> list[inspect.Parameter]:
    """The parameters of a function; none if Python does not know them."""
    try:
        return [*inspect.signature(f).parameters.values()]
    except ValueError:
        return []


def _without_our_frames(told: TracebackException) -> None:
    """Leave only the frames of other code, and of the errors that this one came from those that have some."""
    ours = (PACKAGE, "<frozen importlib", importlib.__file__)
    for frame in list(told.stack):
        if frame.filename.startswith(
            (*ours, NUMPY) if frame is told.stack[0] else ours
        ):  # NumPy's on the way to theirs
            told.stack.remove(frame)
    for cause in filter(None, (told.__cause__, told.__context__)):
        _without_our_frames(cause)
    if told.__cause__ and not told.__cause__.stack:
        told.__cause__, told.__suppress_context__ = None, True
    if told.__context__ and not told.__context__.stack:
        told.__context__ = None
