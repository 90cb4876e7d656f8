"""A picture of what the derivative for one input goes through."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from tinygrad_bp.draw import Drawing, draw
from tinygrad_bp.draw.marks import Mark
from tinygrad_bp.tensor import Tensor, asarray
from tinygrad_bp.testing.subject import Array
from tinygrad_bp.trees import flatten

_RED = "removed"
"""The red of the palette, light and dark."""


def drawn(
    f: Callable[..., Any],
    arrays: Sequence[Array],
    labels: Sequence[str],
    rebuild: Callable[[Iterator[Any]], Any],
    wrong: str,
) -> Drawing | None:
    """The graph of f, what was computed from the input of this label in red; None if it takes no tensors."""
    pairs = zip(arrays, labels, strict=True)
    given = [asarray(x, requires_grad=x.dtype.kind == "f").named(label) for x, label in pairs]
    try:
        found = [y for y in flatten(f(*rebuild(iter(given))))[0] if isinstance(y, Tensor) and y.requires_grad]
    except Exception:  # it was written for arrays only
        return None
    if not found:
        return None
    picture = draw(found[0], detail="ops", values="none")
    start = next((node for node in picture.graph.nodes if node.name == wrong), None)
    if start is None:
        return None
    marks = {node.id: Mark((), ("bad",), fill=_RED) for node in picture.graph.descendants(start).nodes}
    marks[start.id] = Mark(("⚠ its gradient is wrong",), ("bad", "first-bad"), fill=_RED)
    return Drawing(picture.graph, replace(picture.options, marked=marks))
