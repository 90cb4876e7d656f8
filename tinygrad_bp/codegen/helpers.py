"""Functions that a program contains as they stand, with everything they need, each written once."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from types import ModuleType
from typing import Any

from tinygrad_bp.codegen.expressions import numpy_path
from tinygrad_bp.errors import TracingError

Function = Callable[..., Any]

_MODULES = {"numpy": "np", "math": "math", "scipy.special": "special"}
"""Modules that generated code may import, under the name it uses."""


class Helpers:
    """The helper functions of one program."""

    def __init__(self) -> None:
        self.names: dict[int, str] = {}
        self.written: list[str] = []
        self.imports: set[str] = set()

    def add(self, function: Function) -> str:
        """Write a function down, unless it is there already; returns its name in the program."""
        function = plain(function)
        if id(function) not in self.names:
            self.names[id(function)] = self._free(function.__name__)
            self.written.append(self._source(function))
        return self.names[id(function)]

    def sources(self) -> list[str]:
        """The text of all, those first that others need; imports before them."""
        lines = sorted(self.imports)
        return (["\n".join(lines)] if lines else []) + self.written

    def _free(self, name: str) -> str:
        taken = set(self.names.values())
        return next(n for i in range(1, len(taken) + 3) if (n := name if i == 1 else f"{name}{i}") not in taken)

    def _source(self, function: Function) -> str:
        """A function without decorators and annotations, the names of what it uses as this program has them."""
        try:
            tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
        except (OSError, TypeError, SyntaxError) as error:
            raise TracingError(
                f"the source of {function.__name__} cannot be read: {error}. Define it in a file."
            ) from error
        if not isinstance(tree, ast.FunctionDef) or function.__closure__:
            raise TracingError(
                f"{function.__name__} is not a function of a module, so that it cannot be written into a program. "
                "Define it with def at the top of a file."
            )
        tree.name, tree.decorator_list = self.names[id(function)], []
        scope = function.__globals__
        local = {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
        local |= {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        rewritten = _Rewritten(lambda name: name if name in local else self._global(name, scope, function)).visit(tree)
        return ast.unparse(ast.fix_missing_locations(rewritten))

    def _global(self, name: str, scope: dict[str, Any], user: Function) -> str:
        """How the program refers to a global of a helper's module."""
        if name not in scope:
            return name
        value = scope[name]
        if isinstance(value, ModuleType) and value.__name__ in _MODULES:
            alias = _MODULES[value.__name__]
            if alias != "np":
                package, _, last = value.__name__.rpartition(".")
                self.imports.add(f"from {package} import {last}" if package else f"import {last}")
            return alias
        if inspect.isfunction(plain(value)):
            return self.add(value)
        if isinstance(value, type) and issubclass(value, Exception):
            return next(base.__name__ for base in value.__mro__ if base.__module__ == "builtins")
        if isinstance(value, type) and value.__module__ == "builtins":
            return name
        if _is_literal(value):
            return repr(value)
        if getattr(value, "__module__", "") in ("itertools", "math"):
            self.imports.add(f"from {value.__module__} import {value.__name__}")
            return str(value.__name__)
        path = numpy_path(value)
        if path is not None:
            return path
        raise TracingError(f"{user.__name__} uses {name}, which cannot be written into a program.")


def _is_literal(value: Any) -> bool:
    parts = isinstance(value, tuple) and all(map(_is_literal, value))
    return parts or isinstance(value, bool | int | float | str | type(None))


def plain(function: Any) -> Any:
    """The function that an op computes with, without what the library put around it."""
    record = getattr(function, "op", None)
    return inspect.unwrap(record.forward if record is not None else function)


class _Rewritten(ast.NodeTransformer):
    """A function with other names for globals, a docstring of one line and no annotations."""

    def __init__(self, name_of: Callable[[str], str]):
        self.name_of = name_of

    def visit_Name(self, node: ast.Name) -> ast.AST:
        """A name, as the program writes it."""
        return ast.parse(self.name_of(node.id), mode="eval").body if isinstance(node.ctx, ast.Load) else node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        """An argument without its annotation."""
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        """An assignment without its annotation."""
        return self.visit(ast.Assign([node.target], node.value)) if node.value else ast.Pass()

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        """The first line of the docstring, and no annotations."""
        node.returns = None
        doc = ast.get_docstring(node)
        self.generic_visit(node)
        if doc:
            node.body[0] = ast.Expr(ast.Constant(doc.splitlines()[0]))
        return node
