"""What a writer has to know of a program before it writes: where every step is used, and for how long."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from tinygrad_bp.program.step import ASSIGN, FUNCTION, UFUNC, Step, is_glance

REUSED_BYTES = 1 << 16
"""From this many bytes on the memory of a value that nobody needs any more is used for the next one: the system hands
out fresh memory slowly."""


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


def can_write(step: Step) -> bool:
    """Whether a step can write its result to memory that is there, which lies as the result would."""
    if step.opcode == FUNCTION and step.function is np.dot:
        writes = [len(x.shape) for x in step.operands] == [2, 2]
    else:
        writes = step.opcode == UFUNC and step.function.nout == 1
    return writes and not step.kwargs
