"""Fusion groups: elementwise steps over large arrays, to be computed in one pass through memory.

NumPy goes through memory once for every call. A group goes through it once for all of its steps, a tile at a time, so
that what one call leaves in the processor's cache is still there for the next.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, NamedTuple, final

import numpy as np

from tinygrad_bp.program.step import CONSTANT, FUNCTION, SCALE, UFUNC, WHOLE, Step, is_total, uniform


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


class _Slot(NamedTuple):
    """When a step is computed. Steps in the same slot with a shape are one group; those without come before them."""

    stage: int
    shape: tuple[int, ...] | None


def fusion_groups(
    steps: Sequence[Step], outputs: Sequence[Step], elements: int, element_steps: int
) -> list[FusionGroup | Step]:
    """The groups, and the steps that are in none, each after all that it needs.

    Steps on arrays of fewer elements are in none; nor is there a group of fewer elements times steps.
    """
    slots = _slots(steps, elements)
    members: dict[_Slot, list[Step]] = defaultdict(list)
    for step, slot in slots.items():
        if slot.shape is not None:
            members[slot].append(step)
    home = {
        step: slot
        for slot, inside in members.items()
        if len(inside) > 1 and prod(slot.shape or ()) * len(inside) >= element_steps
        for step in inside
    }
    readers: dict[Step, set[_Slot | None]] = defaultdict(set)
    for step in steps:
        for operand in step.operands:
            readers[operand].add(home.get(step))
    for y in outputs:
        readers[y].add(None)
    ordered = sorted(steps, key=lambda step: (slots[step].stage, slots[step].shape is not None, step.place))
    units = dict.fromkeys([home.get(step, step) for step in ordered])
    return [_group(u, members[u], readers) if isinstance(u, _Slot) else u for u in units]


def _slots(steps: Sequence[Step], elements: int) -> dict[Step, _Slot]:
    """The earliest slot of every step: a group's arrays are there for its own steps, and for others a stage later.

    A sum is there a stage later for all. Random draws keep their order.
    """
    slots: dict[Step, _Slot] = {}
    drawn: tuple[Step, ...] = ()
    for step in steps:
        shape = _shape(step)
        shape = shape if shape is not None and prod(shape) >= elements else None
        stage = 0
        for operand in step.operands if step.pure else (*step.operands, *drawn):
            before = slots[operand]
            later = before.shape is not None and (before.shape != shape or is_total(operand))
            stage = max(stage, before.stage + later)
        slots[step] = _Slot(stage, shape)
        drawn = drawn if step.pure else (step,)
    return slots


def _group(slot: _Slot, steps: Sequence[Step], readers: Mapping[Step, set[_Slot | None]]) -> FusionGroup:
    inside, only = set(steps), {slot}
    results = sorted([s for s in steps if readers[s] - only], key=is_total)
    operands = dict.fromkeys([o for step in steps for o in step.operands])
    inputs = [o for o in operands if o not in inside and o.opcode != CONSTANT]
    owned = [x for x in inputs if x.opcode == UFUNC or x.function is np.dot]
    dead = [x for x in owned if x.shape == slot.shape and readers[x] == only]
    return FusionGroup(slot.shape or (), steps, inputs, results, frozenset(dead))


def _shape(step: Step) -> tuple[int, ...] | None:
    """The shape of the arrays that a step goes through element by element; None for other steps."""
    if is_total(step) and _is_over_all(step):
        return step.args[0].shape  # type: ignore[no-any-return]
    return step.shape if _is_elementwise(step) else None


def _is_over_all(step: Step) -> bool:
    """Whether a sum is over all elements of something computed."""
    options: dict[str, Any] = {"axis": None, "keepdims": False} | dict(step.kwargs)
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
