"""Graphs of other origin, and two graphs held against each other: what stands behind `tg.graph`."""

from __future__ import annotations

from typing import Any, final

from tinygrad_bp.graph import Graph, graph as snapshot
from tinygrad_bp.reading.difference import GraphDifference as GraphDifference, diff


@final
class _Graphs:
    """`graph(C)` is the snapshot of what C was computed from; its methods make graphs in other ways."""

    diff = staticmethod(diff)

    def __call__(self, C: Any, gradients: bool = True) -> Graph:
        return snapshot(C, gradients)

    def __repr__(self) -> str:
        return "<function graph>"


graph = _Graphs()
graph.__doc__ = snapshot.__doc__
