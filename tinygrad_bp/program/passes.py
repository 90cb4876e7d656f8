"""The passes of the compiler, in order: each is a function from a program to a program that gives the same."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tinygrad_bp.program.algebra import simpler
from tinygrad_bp.program.fusion import FusionGroup, fusion_groups
from tinygrad_bp.program.loop import Loop, shortened
from tinygrad_bp.program.ranges import Ranges
from tinygrad_bp.program.step import (
    CONSTANT,
    FUNCTION,
    FUSED,
    GUARD,
    INDEX,
    INPUT,
    METHOD,
    NOTHING,
    WHOLE,
    Step,
    is_plain_reduction,
    is_total,
    summed_axes,
)
from tinygrad_bp.program.trace import Program
from tinygrad_bp.sums import as_product, ones


def optimized(program: Program) -> Program:
    """The program after the passes that make it shorter: what people read, and what every backend starts from."""
    for rewrite in PASSES:
        program = rewrite(program)
    return program


def eliminate_dead_steps(program: Program) -> Program:
    """Only the steps that outputs, guards and random draws depend on."""
    needed = set(program.outputs)
    for step in reversed(program.steps):
        if step in needed or step.opcode == GUARD or not step.pure:
            needed.add(step)
            needed.update(step.operands)
    return replace(program, steps=[step for step in program.steps if step in needed or step.opcode == INPUT])


def simplify(program: Program) -> Program:
    """Steps in simpler words, those without effect left out, and what is computed twice computed once."""
    ranges = Ranges()
    known: dict[Any, Step] = {}
    made: set[Step] = set()
    cost: Step | None = None

    def rule(step: Step) -> Step:
        nonlocal cost
        new = _once(simpler(step, ranges, cost), known, made)
        ranges.of(new)
        if program.sweeps == 1 and new.place == program.backward_from and new.size == 1:
            cost = new
        return new

    return rewritten(program, rule)


def _once(step: Step, known: dict[Any, Step], made: set[Step]) -> Step:
    """The step, or one before it that computes the same; a rule may have made its operands too."""
    new = {operand: _once(operand, known, made) for operand in step.operands if operand not in made}
    step = step.on(new) if new else step
    step = known.setdefault(_key(step), step) if step.pure else step
    made.add(step)
    return step


def _key(step: Step) -> Any:
    """Equal for steps that compute the same."""
    if step.opcode in (INPUT, CONSTANT):
        return step
    return step.opcode, id(step.function) if step.opcode == WHOLE else step.function, _text((step.args, step.kwargs))


def _text(part: Any) -> str:
    """Equal for arguments that are the same."""
    if isinstance(part, (Step, np.dtype, type)):
        return f"<{id(part)}>"
    if isinstance(part, Mapping):
        return f"{{{', '.join([f'{key}: {_text(value)}' for key, value in part.items()])}}}"
    if isinstance(part, (list, tuple)):
        return f"{type(part).__name__}({', '.join(map(_text, part))})"
    return repr(part)


def fuse_elementwise(program: Program, elements: int, element_steps: int) -> Program:
    """Elementwise steps over large arrays put together: a FUSED step for each group, and an INDEX step a result.

    elements: of the smallest arrays to fuse; element_steps: elements times steps of the smallest group.
    """
    new: dict[Step, Step] = {}
    steps: list[Step] = []
    for unit in fusion_groups(program.steps, program.outputs, elements, element_steps):
        if isinstance(unit, FusionGroup):
            place = unit.results[0].place
            call = Step(FUSED, unit, tuple([new.get(x, x) for x in unit.inputs]), place=place)
            steps.append(call)
            for i, result in enumerate(unit.results):
                new[result] = replace(result, opcode=INDEX, function=None, args=(call, i), kwargs={})
                steps.append(new[result])
        else:
            new[unit] = unit.on(new)
            steps.append(new[unit])
    return replaced(program, steps, new)


def sums_as_products(program: Program) -> Program:
    """Sums over the first or the last axes as products with ones, see `sums`."""

    def rule(step: Step) -> Step:
        source = step.args[0] if is_total(step) and is_plain_reduction(step) else None
        if not isinstance(source, Step) or not source.contiguous or source.dtype.char not in "fd":
            return step
        way = as_product(source.shape, tuple(summed_axes(step)), bool(step.kwargs.get("keepdims")))
        if way is None or step.dtype != source.dtype:
            return step
        first, rows, columns, shape = way
        matrix = Step(METHOD, "reshape", (source, (rows, columns)), {}, None, (rows, columns), step.dtype, view=True)
        matrix = replace(matrix, place=step.place) if source.shape != matrix.shape else source
        vector = ones(rows if first else columns, step.dtype)
        constant = Step(CONSTANT, value=vector, shape=vector.shape, dtype=step.dtype, place=step.place)
        length = (columns,) if first else (rows,)
        pair = (constant, matrix) if first else (matrix, constant)
        total = replace(step, opcode=FUNCTION, function=np.dot, args=pair, kwargs=NOTHING, shape=length)
        if length == shape:
            return total
        return Step(METHOD, "reshape", (total, shape), NOTHING, None, shape, step.dtype, view=True, place=step.place)

    return rewritten(program, rule)


def shorten_loops(program: Program) -> Program:
    """Loops without the results that nobody uses."""
    used: dict[Step, set[int]] = defaultdict(set)
    for step in program.steps:
        if step.opcode == INDEX and isinstance(step.args[0].function, Loop):
            used[step.args[0]].add(step.args[1])
    new: dict[Step, Step] = {}
    places: dict[Step, list[int]] = {}
    steps: list[Step] = []
    for old in program.steps:
        step = old.on(new)
        if isinstance(step.function, Loop):
            loop, arguments, places[old] = shortened(step.function, used[old])
            if loop is not step.function:
                step = replace(step, function=loop, args=tuple([step.args[i] for i in arguments]))
        elif step.opcode == INDEX and old.args[0] in places:
            step = replace(step, args=(step.args[0], places[old.args[0]].index(step.args[1])))
        new[old] = step
        steps.append(step)
    return replaced(program, steps, new) if places else program


PASSES: Sequence[Callable[[Program], Program]] = (simplify, eliminate_dead_steps, shorten_loops, eliminate_dead_steps)
"""In this order, and nothing is dead before the backward pass was searched for uses of it.
`sums_as_products` and `fuse_elementwise` come last, where a backend asks for them."""


def rewritten(program: Program, rule: Callable[[Step], Step]) -> Program:
    """The program with every step, once its operands have been replaced, replaced by what the rule makes of it."""
    new: dict[Step, Step] = {}
    kept: dict[Step, None] = {}
    for step in program.steps:
        moved = rule(step if new.keys().isdisjoint(step.operands) else step.on(new))
        _keep(moved, kept)
        if moved is not step:
            new[step] = moved
    return replaced(program, list(kept), new)


def _keep(step: Step, kept: dict[Step, None]) -> None:
    """Note a step after those that it needs, which a rule may have made with it."""
    for operand in step.operands:
        if operand not in kept:
            _keep(operand, kept)
    kept[step] = None


def replaced(program: Program, steps: list[Step], new: dict[Step, Step]) -> Program:
    """The program with these steps; names go on to what stands for a step, unless that has one."""
    names = {new.get(step, step): name for step, name in reversed([*program.names.items()])}
    scopes = {new.get(step, step): scope for step, scope in program.scopes.items()}
    return replace(program, steps=steps, outputs=[new.get(y, y) for y in program.outputs], names=names, scopes=scopes)
