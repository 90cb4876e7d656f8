"""The rule for a step, out of all tables."""

from __future__ import annotations

from tinygrad_bp.export.arrays import ARRAYS
from tinygrad_bp.export.linear import LINEAR
from tinygrad_bp.export.loops import looped
from tinygrad_bp.export.places import PLACES, arranged, assignment, indexed, padded
from tinygrad_bp.export.scalars import elementwise
from tinygrad_bp.export.writer import Rule
from tinygrad_bp.program import Step
from tinygrad_bp.program.loop import Loop
from tinygrad_bp.program.step import ASSIGN, INDEX
from tinygrad_bp.source.places import arrangement


def rule(step: Step) -> Rule | None:
    """How a step is written in ONNX; None if it is not."""
    if step.opcode == INDEX:
        return indexed
    if step.opcode == ASSIGN:
        return assignment
    if isinstance(step.function, Loop):
        return looped
    if not step.pure:
        return None
    table = ARRAYS.get(step.function) or PLACES.get(step.function) or LINEAR.get(step.function)
    found = table or padded(step) or elementwise(step)
    if found is None and step.dtype is not None and arrangement(step) is not None:
        return arranged
    return found
