"""A program as Python text, and the one place where text becomes a function."""

from __future__ import annotations

from tinygrad_bp.program.trace import Program
from tinygrad_bp.source.identifiers import printed
from tinygrad_bp.source.module import Module as Module
from tinygrad_bp.source.readable import readable
from tinygrad_bp.source.writer import Writer as Writer


def module(program: Program, arrays: str = "") -> Module:
    """The program as a module that needs only NumPy, as a person would write it.

    arrays: a module that conforms to the Array API standard, which is needed instead of NumPy. Raises TracingError for
    what the standard does not have.
    """
    named = [(program.names[step], step.shape) for step in program.inputs if step.shape]
    shapes = ", ".join([f"{printed(name)} {shape}" for name, shape in named])
    program = readable(program)
    summary = f"Written by tinygrad_bp for {shapes or 'numbers'}."
    if not arrays:
        return Writer(program).module(summary)
    return Writer(program, "array_api", silent=False, arrays=f"import {arrays} as xp").module(summary)
