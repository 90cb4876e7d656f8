"""Names for the steps of a program: those of the graph it was traced with, and dv for the cotangent of v."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tinygrad_bp.codegen.symbolic import Symbolic
from tinygrad_bp.engine import Node, Trail
from tinygrad_bp.graph.naming import adds, name_nodes
from tinygrad_bp.transforms.forward import between


def history(results: Sequence[Any], trail: Trail, since: int) -> list[Node]:
    """Every node younger than `since` that led to the results or to the value that was differentiated, with leaves."""
    roots = [y for y in results if isinstance(y, Node)] + [edge[0] for edge in trail[:1]]
    made = between(roots, since)
    found = {p.number: p for node in made for p in node.parents if isinstance(p, Node)}
    found |= {node.number: node for node in [*made, *roots]}
    return [found[number] for number in sorted(found)]


def name_steps(nodes: Sequence[Node], trail: Trail) -> None:
    """Give steps the names that their nodes have in a picture, and the cotangent of v the name dv."""
    forward = [node for node in nodes if not trail or node.number <= trail[0][0].number]
    named = {number: name for number, (name, told) in name_nodes(forward).items() if told} if forward else {}
    for node in forward:
        _name(node, named.get(node.number))
    sums = {_numbers(node.parents): node for node in nodes if adds(node)}
    totals: dict[int, Any] = {}
    for node, i, share in trail:
        number, before = node.parents[i].number, totals.get(node.parents[i].number)
        totals[number] = share if before is None else sums.get(_numbers((before, share)), share)
    for number, total in totals.items():
        _name(total, f"d{named[number]}" if number in named else None)


def _numbers(values: Sequence[Any]) -> tuple[int, ...]:
    """What tells nodes apart; constants, a cotangent of 0 among them, have 0."""
    return tuple([getattr(v, "number", 0) for v in values])


def _name(node: Any, name: str | None) -> None:
    value = node.value if isinstance(node, Node) else node
    if name and isinstance(value, Symbolic) and not value.step.name:
        value.step.name = name
