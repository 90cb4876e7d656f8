"""Fusion groups: runs of elementwise steps over large arrays, to be computed in one pass through memory.

NumPy goes through memory once for every call. A group goes through it once for all of its steps, a tile at a time, so
that what one call leaves in the processor's cache is still there for the next.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any, final

import numpy as np

from tinygrad_bp.program.step import (
    CONSTANT,
    FUNCTION,
    SCALE,
    UFUNC,
    WHOLE,
    Step,
    is_total,
    uniform,
)


@final
@dataclass(frozen=True, eq=False, slots=True)
class FusionGroup:
    """Elementwise steps on arrays of one shape, and sums over all of their elements.

    inputs: the steps outside that they read, but for constants. results: the steps that something outside reads, arrays
    before sums. dead: the inputs whose memory nobody needs afterwards.
    """

    shape: tuple[int, ...]
    steps: Sequence[Step]
    inputs: Sequence[Step]
    results: Sequence[Step]
    dead: frozenset[Step]


@final
@dataclass(eq=False, slots=True)
class _Draft:
    """A group while it is found. before: the groups whose results it gets by way of steps outside of both."""

    shape: tuple[int, ...]
    steps: list[Step] = field(default_factory=list)
    before: set[_Draft] = field(default_factory=set)

    def needs(self, other: _Draft) -> bool:
        """Whether something here is computed from what the other gives."""
        seen: set[_Draft] = set()
        pending = [self]
        while pending:
            draft = pending.pop()
            if draft not in seen:
                seen.add(draft)
                pending += draft.before
        return other in seen


def fusion_groups(
    steps: Sequence[Step], outputs: Sequence[Step], elements: int, element_steps: int
) -> list[FusionGroup | Step]:
    """The groups, and the steps that are in none, each after all that it needs.

    Steps on arrays of fewer elements are in none; nor is there a group of fewer elements times steps.
    """
    needed = _needed(steps)
    drafts = _members(needed, elements)
    pays = {draft for draft in drafts.values() if len(draft.steps) > 1}
    pays = {draft for draft in pays if prod(draft.shape) * len(draft.steps) >= element_steps}
    member = {step: draft for step, draft in drafts.items() if draft in pays}
    if not member:
        return list(steps)
    outside, dead = _read_outside(steps, outputs, member), _dead(steps, outputs, member)
    ordered = _in_order(needed, member)
    return [_group(unit, outside, dead) if isinstance(unit, _Draft) else unit for unit in ordered]


def _group(draft: _Draft, outside: set[Step], dead: set[Step]) -> FusionGroup:
    inside = set(draft.steps)
    results = sorted([s for s in draft.steps if s in outside], key=is_total)
    operands = dict.fromkeys([o for step in draft.steps for o in step.operands])
    inputs = [o for o in operands if o not in inside and o.opcode != CONSTANT]
    return FusionGroup(draft.shape, draft.steps, inputs, results, frozenset(dead & set(inputs)))


def _needed(steps: Iterable[Step]) -> dict[Step, Sequence[Step]]:
    """What each step comes after: its operands, and the random draw before it if it draws too."""
    needed: dict[Step, Sequence[Step]] = {}
    drawn: list[Step] = []
    for step in steps:
        needed[step] = step.operands if step.pure else [*step.operands, *drawn]
        drawn = drawn if step.pure else [step]
    return needed


def _members(needed: Mapping[Step, Sequence[Step]], elements: int) -> dict[Step, _Draft]:
    """The group that each step on so many elements belongs to."""
    member: dict[Step, _Draft] = {}
    latest: dict[tuple[int, ...], _Draft] = {}
    behind: dict[Step, set[_Draft]] = defaultdict(set)
    for step, operands in needed.items():
        shape = _shape(step)
        shape = shape if shape is not None and prod(shape) >= elements else None
        draft = latest.get(shape) if shape is not None else None
        through = _through(operands, draft, member, behind)
        if shape is None:
            behind[step] = through
            continue
        if draft is None or any(other.needs(draft) for other in through):
            draft = latest[shape] = _Draft(shape)
            through = _through(operands, draft, member, behind)
        draft.before |= through
        draft.steps.append(step)
        member[step] = draft
    return member


def _through(
    operands: Sequence[Step], draft: _Draft | None, member: Mapping[Step, _Draft], behind: Mapping[Step, set[_Draft]]
) -> set[_Draft]:
    """The groups that reach a step other than from within its own."""
    found: set[_Draft] = set()
    for operand in operands:
        home = member.get(operand)
        found |= behind.get(operand, set()) if home is None else {home} - {draft}
    return found


def _shape(step: Step) -> tuple[int, ...] | None:
    """The shape of the arrays that a step goes through element by element; None for other steps."""
    if is_total(step) and _is_over_all(step):
        return step.args[0].shape  # type: ignore[no-any-return]
    return step.shape if _is_elementwise(step) else None


def _is_over_all(step: Step) -> bool:
    """Whether a sum is over all elements of something computed."""
    options = {"axis": None, "keepdims": False} | dict(step.kwargs)
    source = step.args[0]
    plain = options == {"axis": None, "keepdims": False} and len(step.args) == 1 and step.dtype.kind == "f"
    return plain and isinstance(source, Step) and source.opcode in (UFUNC, WHOLE)


def _is_elementwise(step: Step) -> bool:
    if step.opcode == WHOLE:
        known = step.function is SCALE
    elif step.opcode == FUNCTION:
        known = step.function is np.where and len(step.args) == 3
    else:
        known = step.opcode == UFUNC and step.function.signature is None and step.function.nout == 1 and not step.kwargs
    return known and all(o.shape in ((), step.shape) and _is_readable(o) for o in step.operands)


def _is_readable(operand: Step) -> bool:
    return operand.opcode != CONSTANT or uniform(operand) is not None


def _read_outside(steps: Iterable[Step], outputs: Sequence[Step], member: Mapping[Step, _Draft]) -> set[Step]:
    """The steps of groups that something outside of theirs reads."""
    found = {y for y in outputs if y in member}
    for step in steps:
        found |= {o for o in step.operands if o in member and member[o] is not member.get(step)}
    return found


def _dead(steps: Iterable[Step], outputs: Sequence[Step], member: Mapping[Step, _Draft]) -> set[Step]:
    """The steps with memory of their own that one group reads, and nobody else."""
    readers: dict[Step, set[Any]] = defaultdict(set)
    for step in steps:
        for operand in step.operands:
            readers[operand].add(member.get(step))
    return {
        step
        for step, units in readers.items()
        if (step.opcode == UFUNC or step.function is np.dot) and step not in outputs
        if len(units) == 1 and units != {None} and step.shape == next(iter(units)).shape
    }


def _in_order(needed: Mapping[Step, Sequence[Step]], member: Mapping[Step, _Draft]) -> list[Any]:
    """Groups and other steps, each after all that it needs."""
    done: dict[Any, None] = {}
    pending: list[Any] = [member.get(step, step) for step in needed][::-1]
    while pending:
        unit = pending.pop()
        if unit in done:
            continue
        inside = unit.steps if isinstance(unit, _Draft) else [unit]
        others = dict.fromkeys([member.get(o, o) for step in inside for o in needed.get(step, ())])
        missing = [other for other in others if other is not unit and other not in done]
        if missing:
            pending += [unit, *missing]
        else:
            done[unit] = None
    return list(done)
