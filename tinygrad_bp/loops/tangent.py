"""A cell and its tangent: both go forwards, so they are one cell, whose carries are those and their tangents."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from tinygrad_bp.loops.cell import Cell, Counts, Recorder, is_floating, number
from tinygrad_bp.loops.linear import KEPT
from tinygrad_bp.transforms.forward import push
from tinygrad_bp.transforms.inputs import Inputs, as_tensor


@lru_cache(KEPT)
def tangent_cell(cell: Cell, i: int) -> Cell:
    """The cell for a tangent of operand i alone.

    Beside what the cell is given it takes the tangent, after the other captured values or xs if it is one of these, and
    after the carries those of all floating carries. Its outputs are the next carries and their tangents, and then the
    tangents of the floating ys.
    """
    carries = [k for k in cell.carries if is_floating(cell.examples[k])]
    captured = [i] if i < cell.carries.start else []
    xs = [i] if i >= cell.carries.stop else []
    first, stop = cell.carries.start, cell.carries.stop
    places = [*range(first), *captured, *cell.carries, *carries, *range(stop, len(cell.examples)), *xs]
    is_tangent = [False] * first + [True] * len(captured) + [False] * len(cell.carries) + [True] * len(carries)
    is_tangent += [False] * (len(cell.examples) - stop) + [True] * len(xs)
    examples = [np.ones_like(cell.examples[k])[()] if moves else cell.examples[k]
                for k, moves in zip(places, is_tangent, strict=True)]  # fmt: skip
    names = [f"t_{cell.names[k]}" if moves else cell.names[k] for k, moves in zip(places, is_tangent, strict=True)]
    recorder = Recorder(examples, names, [False] * len(examples), closed=True)

    def both(*tensors: Any) -> list[Any]:
        given = list(zip(places, is_tangent, tensors, strict=True))
        return _outputs(cell, {k: t for k, moves, t in given if not moves}, {k: t for k, moves, t in given if moves})

    results = recorder.call(both, *recorder.inputs)
    keys = recorder.found(results)
    counts = Counts(first + len(captured), len(cell.carries) + len(carries), len(examples) - first - len(captured)
                    - len(cell.carries) - len(carries))  # fmt: skip
    return recorder.cell(f"{cell.name}_tangent", counts, keys, list(map(number, results)))


def _outputs(cell: Cell, values: dict[int, Any], tangents: dict[int, Any]) -> list[Any]:
    moving = list(tangents)
    inputs = Inputs([values[k] for k in moving], nested=True)
    values |= dict(zip(moving, inputs.tensors, strict=True))
    outputs = [as_tensor(y) for y in cell(*[values[k] for k in range(len(cell.examples))])]
    floating = [y for y in outputs if is_floating(y)]
    moved = iter(push(inputs, floating, [tangents[k] for k in moving]))
    found = [next(moved) if is_floating(y) else None for y in outputs]
    n = len(cell.carries)
    return [*outputs[:n], *[t for t in found[:n] if t is not None], *[t for t in found[n:] if t is not None]]


def tangent_operands(cell: Cell, i: int, t: Any, operands: Sequence[Any]) -> list[Any]:
    """What the loop of the tangent cell is given."""
    first, stop = cell.carries.start, cell.carries.stop
    zeros = [
        t if k == i else np.zeros_like(cell.examples[k])[()]
        for k in cell.carries if is_floating(cell.examples[k])
    ]  # fmt: skip
    captured, xs = [t] if i < first else [], [t] if i >= stop else []
    return [*operands[:first], *captured, *operands[first:stop], *zeros, *operands[stop:], *xs]
