"""Names for the steps of a program: those of the graph it was traced with, and dv for the cotangent of v."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tinygrad_bp.engine import Node, Trail
from tinygrad_bp.graph.naming import adds, name_nodes
from tinygrad_bp.program.step import Step
from tinygrad_bp.program.tracer import TracedArray


def name_steps(nodes: Sequence[Node], trail: Trail, names: dict[Step, str]) -> dict[Step, list[str]]:
    """Give steps the names that their nodes have in a picture, and the cotangent of v the name dv.

    Returns the names of the gradients, for one step may be several: of leaves, in the order in which they were made.
    """
    forward = [node for node in nodes if not trail or node.number <= trail[0][0].number]
    named = {number: name for number, (name, told) in name_nodes(forward).items() if told} if forward else {}
    for node in forward:
        _name(node, named.get(node.number), names)
    sums = {_numbers(node.parents): node for node in nodes if adds(node)}
    totals: dict[int, Any] = {}
    for node, i, share in trail:
        number = node.parents[i].number
        before = totals.get(number)
        totals[number] = share if before is None else sums.get(_numbers((before, share)), share)
    for number, total in totals.items():
        _name(total, f"d{named[number]}" if number in named else None, names)
    gradients: dict[Step, list[str]] = {}
    for leaf in forward:
        step = _step(totals.get(leaf.number))
        if leaf.op is None and step is not None and leaf.number in named:
            gradients.setdefault(step, []).append(f"d{named[leaf.number]}")
    return gradients


def _numbers(values: Sequence[Any]) -> tuple[int, ...]:
    """What tells nodes apart; constants, a cotangent of 0 among them, have 0."""
    return tuple([getattr(v, "number", 0) for v in values])


def _name(node: Any, name: str | None, names: dict[Step, str]) -> None:
    step = _step(node)
    if name and step is not None:
        names.setdefault(step, name)


def _step(node: Any) -> Step | None:
    value = node.value if isinstance(node, Node) else node
    return value.step if isinstance(value, TracedArray) else None
