"""The text of a function with other names for its globals, as its author laid it out."""

from __future__ import annotations

import ast
from collections.abc import Callable


class Rewriting:
    """A function's text without decorators, annotations and all but the first line of its docstring."""

    def __init__(self, text: str, tree: ast.FunctionDef, name_of: Callable[[str], str]):
        self.lines: list[bytes] = text.encode().splitlines(keepends=True)
        self.tree = tree
        self.name_of = name_of
        self.edits: list[tuple[int, int, str]] = []

    def text(self, name: str) -> str:
        """The new text, of a function of this name."""
        nodes = list(ast.walk(self.tree))
        local = {node.arg for node in nodes if isinstance(node, ast.arg)}
        local |= {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
        self._signature()
        told = [node.annotation for node in nodes if isinstance(node, ast.AnnAssign)]
        types = {id(part) for annotation in told for part in ast.walk(annotation)}
        for statement in self.tree.body:
            for node in ast.walk(statement):
                if id(node) not in types:
                    self._body(node, local)
        source = b"".join(self.lines)
        start = self._at(self.tree.lineno, self.tree.col_offset)
        for begin, end, new in sorted(self.edits, reverse=True):
            source = source[:begin] + new.encode() + source[end:]
        before, after = source[start:].decode().rstrip().split("(", 1)
        return f"{before.replace(self.tree.name, name)}({after}"

    def _at(self, line: int, column: int) -> int:
        return sum(map(len, self.lines[: line - 1])) + column

    def _replace(self, first: ast.expr | ast.arg, last: ast.expr | ast.arg, new: str) -> None:
        end = self._at(last.end_lineno or 0, last.end_col_offset or 0)
        self.edits.append((self._at(first.lineno, first.col_offset), end, new))

    def _signature(self) -> None:
        arguments = self.tree.args
        named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        for argument in [*named, *[a for a in (arguments.vararg, arguments.kwarg) if a is not None]]:
            self._replace(argument, argument, argument.arg)
        source = b"".join(self.lines)
        for default in [*arguments.defaults, *[d for d in arguments.kw_defaults if d is not None]]:
            begin = self._at(default.lineno, default.col_offset)
            sign = source.rindex(b"=", 0, begin)
            self.edits.append((sign - source[:sign].endswith(b" "), begin, "="))
        if self.tree.returns is not None:
            end = self._at(self.tree.returns.end_lineno or 0, self.tree.returns.end_col_offset or 0)
            self.edits.append((source.rindex(b" ->", 0, end), end, ""))

    def _body(self, node: ast.AST, local: set[str]) -> None:
        if isinstance(node, ast.Name) and node.id not in local:
            new = self.name_of(node.id)
            if new != node.id:
                self._replace(node, node, new)
        elif isinstance(node, ast.AnnAssign):
            self._replace(node.target, node.annotation, ast.unparse(node.target))
        elif isinstance(node, ast.Expr) and node is self.tree.body[0] and ast.get_docstring(self.tree):
            self._replace(node.value, node.value, f'"""{(ast.get_docstring(self.tree) or "").splitlines()[0]}"""')
