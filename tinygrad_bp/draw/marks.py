"""What stands out in a picture: gradients that vanish or explode, and the first op that made NaN or infinity."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from tinygrad_bp.draw.labels import LINE, SHORT_LINE, clean, wrapped, written
from tinygrad_bp.graph import Graph, GraphNode, Summary

LIMITS = (1e-8, 1e-6, 1e-4, 1e-2, 1e2, 1e4, 1e6, 1e8)
"""Between these the norm of a gradient has one colour; the middle, around ‖∂C/∂C‖ = 1, has none."""

LEGEND = tuple(
    [f"≤ 10{e}" for e in ("⁻⁸", "⁻⁶", "⁻⁴", "⁻²")] + ["around 1"] + [f"> 10{e}" for e in ("²", "⁴", "⁶", "⁸")]
)
LEGEND_TITLE = "Norm of the gradient"
_VANISHING, _EXPLODING = 1, 7


@dataclass(frozen=True, slots=True)
class Mark:
    """What is special about a node: lines to add, classes, the norm of its gradient in words, and a fill of its own."""

    lines: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    heat: int | None = None
    norm: tuple[str, ...] = ()
    fill: str = ""


def norm(node: GraphNode) -> float | None:
    """‖∂C/∂v‖₂; None if it was not computed. Numbers that overflow on the way are scaled first."""
    if node.gradient is None:
        return None
    if node.gradient_data is None:
        return abs(node.gradient.mean) if node.gradient.size == 1 else None
    g = np.abs(np.asarray(node.gradient_data, dtype=np.result_type(node.gradient_data, np.float64))).ravel()
    largest = float(g.max())
    if not largest or not math.isfinite(largest):
        return largest
    return largest * math.sqrt(float(np.square(g / largest).sum()))


def marks(graph: Graph, heat: bool) -> dict[str, Mark]:
    """The marks of the nodes that have any, by id."""
    bad = _not_finite(graph, lambda node: node.value, "")
    if graph.passes != "forward":
        worse = _not_finite(graph, lambda node: node.gradient, " gradient", caused=bool(bad))
        bad |= {k: v + bad.get(k, ()) for k, v in worse.items()}
    found = {}
    for node in graph.nodes:
        lines = bad.get(node.id, ())
        classes = ("bad", *(("first-bad",) if any("first" in line for line in lines) else ()))[: 2 * bool(lines)]
        if heat and graph.passes != "forward" and (node.kind != "constant" or node.gradient is not None):
            size, level = _heat(graph, node)
            found[node.id] = Mark(lines, classes, level, size)
        elif lines:
            found[node.id] = Mark(lines, classes)
    return found


def _heat(graph: Graph, node: GraphNode) -> tuple[tuple[str, ...], int | None]:
    size = norm(node)
    if size is None:
        return (), None
    level = bisect_left(LIMITS, size) if size == size else None
    symbol = clean(f"∂{graph.root.symbol}/∂{node.symbol}")
    lines = wrapped(f"‖{symbol if len(symbol) <= LINE else 'gradient'}‖ = {written(size)}", SHORT_LINE)
    if level is None or _VANISHING < level < _EXPLODING:
        return tuple(lines), level
    return (*lines, "zero" if size == 0 else "↓ vanishing" if level <= _VANISHING else "↑ exploding"), level


def _not_finite(
    graph: Graph, read: Callable[[GraphNode], Summary | None], what: str, caused: bool = False
) -> dict[str, tuple[str, ...]]:
    """A line for every node with NaN or infinity in it: loud where nothing that it came from has any, else quiet.

    Values come from the parents, gradients from the nodes that use a node; all are `caused` by values that are bad.
    Infinity that is written as a constant, as in a mask, is meant, where the result is finite.
    """
    kinds = {node.id: kind for node in graph.nodes if (kind := _kind(read(node)))}
    if not kinds:
        return {}
    origins: Mapping[str, list[str]] = {node.id: [] for node in graph.nodes}
    for edge in graph.edges:
        if what:
            origins[edge.source].append(edge.target)
        else:
            origins[edge.target].append(edge.source)
    if not what and graph.root.id not in kinds:
        _leave_out_what_is_meant(graph, kinds, origins)
    firsts = [] if caused else [k for k in kinds if not any(origin in kinds for origin in origins[k])]
    return {
        identity: (f"⚠ first {kind}{what} here" if identity in firsts else f"{kind}{what} from there",)
        for identity, kind in kinds.items()
    }


def _leave_out_what_is_meant(graph: Graph, kinds: dict[str, str], origins: Mapping[str, list[str]]) -> None:
    """Take from the kinds infinite constants, and the infinity of ops that comes of nothing but these."""
    meant: set[str] = set()
    for node in graph.nodes:
        causes = origins[node.id]
        written_so = node.kind == "constant" or not meant.isdisjoint(causes)
        if kinds.get(node.id) == "∞" and written_so and kinds.keys().isdisjoint(causes):
            meant.add(node.id)
            del kinds[node.id]


def _kind(given: Summary | None) -> str:
    if given is None:
        return ""
    ends = given.minimum, given.maximum
    if any(map(math.isnan, ends)):
        return "NaN"
    return "∞" if any(map(math.isinf, ends)) else ""
