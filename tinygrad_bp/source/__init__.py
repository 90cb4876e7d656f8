"""A program as Python text, and the one place where text becomes a function."""

from __future__ import annotations

from tinygrad_bp.program.trace import Program
from tinygrad_bp.source.identifiers import printed
from tinygrad_bp.source.module import Module as Module
from tinygrad_bp.source.readable import readable
from tinygrad_bp.source.writer import Writer as Writer


def module(program: Program) -> Module:
    """The program as a module that needs only NumPy, as a person would write it."""
    named = [(program.names[step], step.shape) for step in program.inputs if step.shape]
    shapes = ", ".join([f"{printed(name)} {shape}" for name, shape in named])
    return Writer(readable(program)).module(f"Written by tinygrad_bp for {shapes or 'numbers'}.")
