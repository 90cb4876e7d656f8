"""Stretches: runs of elementwise steps over large arrays, found in a program and put into one step each.

NumPy goes through memory once for every call. A stretch goes through it once for all of them, a block at a time, so
that what one call leaves in the processor's cache is still there for the next.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from math import prod
from typing import Any, final

import numpy as np

from tinygrad_bp.codegen.elementwise import is_total
from tinygrad_bp.codegen.simplify import SCALE, uniform
from tinygrad_bp.codegen.symbolic import CONSTANT, FUNCTION, INDEX, INPUT, UFUNC, WHOLE, Step, mapped
from tinygrad_bp.compile.blocks import Blockwise

LARGE = 1 << 17
"""From this many elements on going through memory costs more than starting threads."""

WORTH = 1 << 22
"""From this many elements times steps on it costs so much more that threads pay, even where BLAS keeps them busy."""


@final
class Stretch:
    """Elementwise steps on arrays of one shape, and sums over all of their elements.

    before: the stretches whose results this one gets by way of steps outside of both.
    """

    def __init__(self, shape: tuple[int, ...]):
        self.shape = shape
        self.steps: list[Step] = []
        self.before: set[Stretch] = set()

    @property
    def pays(self) -> bool:
        """Whether it saves more than it costs."""
        return len(self.steps) > 1 and prod(self.shape) * len(self.steps) >= WORTH

    def needs(self, other: Stretch) -> bool:
        """Whether something here is computed from what the other gives."""
        seen: set[Stretch] = set()
        pending = [self]
        while pending:
            stretch = pending.pop()
            if stretch not in seen:
                seen.add(stretch)
                pending += stretch.before
        return other in seen


def stretched(
    steps: Sequence[Step], outputs: Sequence[Step], native: bool
) -> tuple[list[Step], list[Step], list[Blockwise]]:
    """A program with each of its stretches in one step; its outputs, and the stretches.

    native: whether they may become machine code.
    """
    copies = {step: step if step.kind == INPUT else replace(step) for step in steps}
    for step in copies.values():
        step.args, step.kwargs = mapped((step.args, step.kwargs), Step, lambda s: copies.get(s, s))
    outputs = [copies.get(y, y) for y in outputs]
    needed = _needed(copies.values())
    member = _members(needed)
    stretches = set(member.values())
    if not stretches:
        return list(copies.values()), outputs, []
    outside = _read_outside(copies.values(), outputs, member)
    spent = _spent(copies.values(), outputs, member)
    ordered: list[Step] = []
    for unit in _in_order(needed, member):
        ordered += _blockwise(unit, outside, spent, native) if isinstance(unit, Stretch) else [unit]
    parts = {step.value: step for step in ordered if step.kind == INDEX and isinstance(step.value, Step)}
    for step in ordered:
        step.args, step.kwargs = mapped((step.args, step.kwargs), Step, lambda s: parts.get(s, s))
    found = [step.function for step in ordered if isinstance(step.function, Blockwise)]
    return ordered, [parts.get(y, y) for y in outputs], found


# --- finding them -----------------------------------------------------------------------------------------------------


def _needed(steps: Iterable[Step]) -> dict[Step, list[Step]]:
    """What each step comes after: its operands, and the random draw before it if it draws too."""
    needed: dict[Step, list[Step]] = {}
    drawn: list[Step] = []
    for step in steps:
        needed[step] = step.operands() if step.pure else step.operands() + drawn
        drawn = drawn if step.pure else [step]
    return needed


def _members(needed: Mapping[Step, Sequence[Step]]) -> dict[Step, Stretch]:
    """The stretch that each step belongs to, for those in a stretch of several."""
    member: dict[Step, Stretch] = {}
    latest: dict[tuple[int, ...], Stretch] = {}
    behind: dict[Step, set[Stretch]] = defaultdict(set)
    for step, operands in needed.items():
        shape = _shape(step)
        stretch = latest.get(shape) if shape is not None else None
        through = _through(operands, stretch, member, behind)
        if shape is None:
            behind[step] = through
            continue
        if stretch is None or any(other.needs(stretch) for other in through):
            stretch = latest[shape] = Stretch(shape)
            through = _through(operands, stretch, member, behind)
        stretch.before |= through
        stretch.steps.append(step)
        member[step] = stretch
    return {step: stretch for step, stretch in member.items() if stretch.pays}


def _through(
    operands: Sequence[Step],
    stretch: Stretch | None,
    member: Mapping[Step, Stretch],
    behind: Mapping[Step, set[Stretch]],
) -> set[Stretch]:
    """The stretches that reach a step other than from within its own."""
    found: set[Stretch] = set()
    for operand in operands:
        home = member.get(operand)
        found |= behind.get(operand, set()) if home is None else {home} - {stretch}
    return found


def _shape(step: Step) -> tuple[int, ...] | None:
    """The shape of the large arrays that a step goes through element by element; None for other steps."""
    if is_total(step) and _is_over_all(step):
        shape = step.args[0].shape
    elif _is_elementwise(step):
        shape = step.shape
    else:
        return None
    return shape if prod(shape) >= LARGE else None


def _is_over_all(step: Step) -> bool:
    """Whether a sum is over all elements of something computed."""
    options = {"axis": None, "keepdims": False} | dict(step.kwargs)
    source = step.args[0]
    plain = options == {"axis": None, "keepdims": False} and len(step.args) == 1 and step.dtype.kind == "f"
    return plain and isinstance(source, Step) and source.kind in (UFUNC, WHOLE)


def _is_elementwise(step: Step) -> bool:
    if step.kind == WHOLE:
        known = step.function is SCALE
    elif step.kind == FUNCTION:
        known = step.function is np.where and len(step.args) == 3
    else:
        known = step.kind == UFUNC and step.function.signature is None and step.function.nout == 1 and not step.kwargs
    return known and all(o.shape in ((), step.shape) and _is_readable(o) for o in step.operands())


def _is_readable(operand: Step) -> bool:
    return operand.kind != CONSTANT or uniform(operand) is not None


def _read_outside(steps: Iterable[Step], outputs: Sequence[Step], member: Mapping[Step, Stretch]) -> set[Step]:
    """The steps of stretches that something outside of theirs reads."""
    found = {y for y in outputs if y in member}
    for step in steps:
        found |= {o for o in step.operands() if o in member and member[o] is not member.get(step)}
    return found


def _spent(steps: Iterable[Step], outputs: Sequence[Step], member: Mapping[Step, Stretch]) -> set[Step]:
    """The steps with memory of their own that one stretch reads, and nobody else."""
    readers: dict[Step, set[Any]] = defaultdict(set)
    for step in steps:
        for operand in step.operands():
            readers[operand].add(member.get(step))
    return {
        step
        for step, units in readers.items()
        if (step.kind == UFUNC or step.function is np.dot) and step not in outputs
        if len(units) == 1 and units != {None} and step.shape == next(iter(units)).shape
    }


# --- putting them in order --------------------------------------------------------------------------------------------


def _in_order(needed: Mapping[Step, Sequence[Step]], member: Mapping[Step, Stretch]) -> list[Any]:
    """Stretches and other steps, each after all that it needs."""
    done: dict[Any, None] = {}
    pending: list[Any] = [member.get(step, step) for step in needed][::-1]
    while pending:
        unit = pending.pop()
        if unit in done:
            continue
        inside = unit.steps if isinstance(unit, Stretch) else [unit]
        others = dict.fromkeys([member.get(o, o) for step in inside for o in needed.get(step, ())])
        missing = [other for other in others if other is not unit and other not in done]
        if missing:
            pending += [unit, *missing]
        else:
            done[unit] = None
    return list(done)


def _blockwise(stretch: Stretch, outside: set[Step], spent: set[Step], native: bool) -> list[Step]:
    """The step for a stretch, and one for each of its results, whose value says which step it stands for."""
    inside = set(stretch.steps)
    results = sorted([s for s in stretch.steps if s in outside], key=is_total)
    operands = dict.fromkeys([o for step in stretch.steps for o in step.operands()])
    inputs = [o for o in operands if o not in inside and o.kind != CONSTANT]
    run = Blockwise(stretch.shape, inputs, stretch.steps, results, native, spent)
    call = Step(WHOLE, run, tuple(inputs), name="stretch", order=results[0].order)
    return [
        call,
        *[replace(s, kind=INDEX, function=None, args=(call, i), kwargs={}, value=s) for i, s in enumerate(results)],
    ]
