"""Functions that a program contains as they stand, with everything they need, each written once."""

from __future__ import annotations

import ast
import inspect
import textwrap
from types import ModuleType
from typing import Any

import numpy as np

from tinygrad_bp.errors import TracingError
from tinygrad_bp.source.expressions import numpy_path
from tinygrad_bp.source.identifiers import Names
from tinygrad_bp.source.rewriting import Rewriting

_MODULES = {"numpy": "np", "math": "math", "scipy.special": "special"}
"""Modules that generated code may import, under the name it uses."""


_OWN = "tinygrad_bp.backends"
"""Callables without source, which a backend put into a function that it wrote."""


class Helpers:
    """The helper functions of one program, those first that others need.

    names: of the functions, as the program has them; objects: callables without source, by name.
    """

    def __init__(self, identifiers: Names) -> None:
        self.identifiers: Names = identifiers
        self.names: dict[Any, str] = {}
        self.written: list[str] = []
        self.objects: dict[str, Any] = {}
        self._imports: set[str] = set()

    def add(self, function: Any) -> str:
        """Write a function down, unless it is there already; returns its name in the program."""
        function = plain(function)
        if function not in self.names:
            self.names[function] = self.identifiers.taken(function.__name__)
            if inspect.isfunction(function):
                self.written.append(self._source(function))
            else:
                self.objects[self.names[function]] = function
        return self.names[function]

    def imports(self, arrays: str) -> str:
        """The lines that import what is used: Python's modules, then that of arrays, and SciPy; and an empty line."""
        others = {line for line in self._imports if "scipy" in line}
        groups = [sorted(self._imports - others), [*filter(None, [arrays]), *sorted(others)]]
        return "".join(["\n".join(group) + "\n\n" for group in groups if group])

    def _source(self, function: Any) -> str:
        """A function without decorators and annotations, the names of what it uses as this program has them."""
        try:
            text = textwrap.dedent(inspect.getsource(function))
            tree = ast.parse(text).body[0]
        except (OSError, TypeError, SyntaxError) as error:
            raise TracingError(
                f"the source of {function.__name__} cannot be read: {error}. Define it in a file."
            ) from error
        if not isinstance(tree, ast.FunctionDef) or function.__closure__:
            raise TracingError(
                f"{function.__name__} is not a function of a module, so that it cannot be written into a program. "
                "Define it with def at the top of a file."
            )
        return Rewriting(text, tree, lambda name: self._global(name, function)).text(self.names[function])

    def _global(self, name: str, user: Any) -> str:
        """How the program refers to a global of a helper's module."""
        if name not in user.__globals__:
            return name
        value = user.__globals__[name]
        if isinstance(value, ModuleType) and value.__name__ in _MODULES:
            alias = _MODULES[value.__name__]
            if alias != "np":
                package, _, last = value.__name__.rpartition(".")
                self._imports.add(f"from {package} import {last}" if package else f"import {last}")
            return alias
        if inspect.isfunction(plain(value)) or type(value).__module__.startswith(_OWN):
            return self.add(value)
        if isinstance(value, type) and issubclass(value, Exception):
            return next(base.__name__ for base in value.__mro__ if base.__module__ == "builtins")
        if isinstance(value, type) and value.__module__ == "builtins":
            return name
        if _is_literal(value):
            return repr(value)
        if getattr(value, "__module__", "") in ("cmath", "itertools", "math"):
            self._imports.add(f"from {value.__module__} import {value.__name__}")
            return str(value.__name__)
        path = numpy_path(value)
        if path is not None:
            return path
        raise TracingError(f"{user.__name__} uses {name}, which cannot be written into a program.")


def scale(g: Any, d: Any) -> Any:
    """Cotangent times derivative; a cotangent of 0 wins, even against infinity."""
    return np.where(g == 0, 0.0, g * d)


def _is_literal(value: Any) -> bool:
    parts = isinstance(value, tuple) and all(map(_is_literal, value))
    return parts or isinstance(value, bool | int | float | str | type(None))


def plain(function: Any) -> Any:
    """The function that an op computes with, without what the library put around it."""
    record = getattr(function, "op", None)
    return inspect.unwrap(record.forward if record is not None else function)
