"""A program as JavaScript text, and the library of arrays that it computes with."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from tinygrad_bp.program.trace import Program
from tinygrad_bp.source.javascript.writer import NotWritten as NotWritten, Writer


def javascript(program: Program) -> str:
    """The program as a JavaScript function, named like the program's: given `np`, the function from inputs to outputs.

    Inputs and outputs are arrays {shape, data} of doubles, in the program's order; float32 is rounded after every step,
    and integers are exact up to 2⁵³. `library` defines np. Raises NotWritten for a step that has no form in JavaScript.
    """
    return Writer(program).text()


@cache
def library() -> str:
    """The JavaScript that defines `np`."""
    names = ("arrays", "scalars", "matrices")
    parts = [Path(__file__).with_name(f"{name}.js").read_text(encoding="utf-8") for name in names]
    return "".join([*parts, "const np = { ...arrays, ...scalars, ...matrices };\n"])
