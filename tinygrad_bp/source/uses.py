"""What a writer has to know of a program before it writes: where every step is used, and for how long."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from tinygrad_bp.program.step import ASSIGN, Step, is_glance


def ends(steps: Sequence[Step], uses: Counter[Step]) -> dict[Step, Step]:
    """For assignments to a part of what only the next one needs, the last of them: one variable is all of these."""
    found: dict[Step, Step] = {}
    for step in reversed(steps):
        if step.opcode == ASSIGN and step.args[0].opcode == ASSIGN and uses[step.args[0]] == 1:
            found[step.args[0]] = found.get(step, step)
    return found


def uses(steps: Iterable[Step], outputs: Sequence[Step]) -> Counter[Step]:
    """How often every step is written in an expression."""
    found = Counter(outputs)
    for step in reversed(list(steps)):
        for operand in step.operands:
            found[operand] += found[step] if is_glance(step) else 1
    return found
