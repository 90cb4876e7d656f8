"""Random programs made smaller as long as they fail."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

import tinygrad_bp as tg
from tests.stress.program.random_programs import RandomProgram


def reduced(program: RandomProgram, fails: Callable[[RandomProgram], bool]) -> RandomProgram:
    """The smallest program found that still fails: fewer roots, values that are leaves, fewer names and scopes."""
    for root in program.roots:
        if fails(single := replace(program, roots=(root,)).pruned()):
            program = single
            break
    program = _shortened(program, fails)
    size = len(program.lines)
    while size:
        for start in range(0, len(program.lines), size):
            smaller = _cut(program, {line.name for line in program.lines[start : start + size]})
            if smaller is not None and fails(smaller):
                program = smaller
                break
        else:
            size //= 2
    program = _shortened(program, fails)
    plain = replace(program, lines=tuple([replace(line, scope="", label="") for line in program.lines]))
    program = plain if fails(plain) else program
    for name, x in program.leaves.items():
        if x.dtype.kind == "f":
            simple = replace(program, leaves={**program.leaves, name: np.asarray(np.round(x, 1))})
            program = simple if fails(simple) else program
    return program


def _shortened(program: RandomProgram, fails: Callable[[RandomProgram], bool]) -> RandomProgram:
    """The program that ends earlier, with what its last value was made of, as long as that fails."""
    while program.lines:
        last = program.lines[-1]
        roots = dict.fromkeys([root for root in program.roots if root != last.name])
        made_of = [{**roots, name: None} for name in last.operands]
        shorter = [replace(program, lines=program.lines[:-1], roots=tuple(names)).pruned() for names in made_of]
        found = next((p for p in shorter if p.lines and p.trainable and fails(p)), None)
        if found is None:
            break
        program = found
    return program


def _cut(program: RandomProgram, names: set[str]) -> RandomProgram | None:
    """The program with these values as leaves; None if that is no smaller."""
    smaller = with_leaves(program, names, evaluated(program))
    is_smaller = (len(smaller.lines), len(smaller.leaves)) < (len(program.lines), len(program.leaves))
    return smaller if is_smaller and smaller.roots and smaller.trainable else None


def with_leaves(program: RandomProgram, names: set[str], values: Mapping[str, Any]) -> RandomProgram:
    """The program with these values as leaves; the roots among them, and those of other leaves, are left out."""
    leaves = {**program.leaves, **{name: values[name] for name in names if values[name].dtype.kind != "c"}}
    gone = {name for name in names if name not in leaves}
    kept = []
    for line in program.lines:
        if line.name not in names and gone.isdisjoint(line.operands):
            kept.append(line)
        elif line.name not in leaves:
            gone.add(line.name)
    roots = tuple([root for root in program.roots if root not in names and root not in gone])
    return RandomProgram(leaves, tuple(kept), roots).pruned()


def evaluated(program: RandomProgram) -> dict[str, Any]:
    """The values of all lines."""
    space = {"np": np, "tg": tg, **{name: tg.asarray(x) for name, x in program.leaves.items()}}
    with np.errstate(all="ignore"):
        for line in program.lines:
            space[line.name] = eval(line.text.format(*line.operands), space)
    return {line.name: np.array(space[line.name].data) for line in program.lines}
