"""Pictures of computation graphs."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, final

from tinygrad_bp.draw.dot import to_dot
from tinygrad_bp.draw.layout import to_image, to_svg
from tinygrad_bp.draw.mermaid import to_mermaid
from tinygrad_bp.draw.palette import THEMES, Theme
from tinygrad_bp.draw.scene import DEFAULT, MAX_NODES, Options, Scene, scene
from tinygrad_bp.draw.svg import for_page, styled
from tinygrad_bp.errors import ArgumentError
from tinygrad_bp.files import write_whole
from tinygrad_bp.graph import Detail, Graph, Passes, graph as snapshot


@final
@dataclass(frozen=True)
class Drawing:
    """A picture of a graph. Notebooks show it by themselves; `.svg`, `.dot` and `.mermaid` are its text."""

    graph: Graph
    options: Options = DEFAULT

    @cached_property
    def _scene(self) -> Scene:
        return scene(self.graph, self.options)

    @cached_property
    def svg(self) -> str:
        """The picture as SVG, laid out by Graphviz, or where it is missing or slow by a layout of our own."""
        return styled(to_svg(self._scene), self._scene)

    @cached_property
    def dot(self) -> str:
        """The picture in Graphviz's language; needs nothing installed."""
        return to_dot(self._scene)

    @cached_property
    def mermaid(self) -> str:
        """The picture as a Mermaid flowchart."""
        return to_mermaid(self._scene)

    def png(self, resolution: int = 144) -> bytes:
        """The picture as PNG. Raises MissingExtraError without Graphviz, RenderError if it fails or takes too long."""
        return to_image(self._scene, "png", resolution)

    def pdf(self) -> bytes:
        """The picture as PDF. Raises what `png` raises."""
        return to_image(self._scene, "pdf")

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the picture to a file, by its suffix: .svg, .dot, .gv, .png, .pdf or .mmd.

        The file appears whole or not at all.
        """
        path = Path(path)
        texts = {".svg": "svg", ".dot": "dot", ".gv": "dot", ".mmd": "mermaid"}
        images: dict[str, Callable[[], bytes]] = {".png": self.png, ".pdf": self.pdf}
        suffix = path.suffix.lower()
        if suffix not in {**texts, **images}:
            raise ArgumentError(f"save: the suffix is one of {', '.join([*texts, *images])}; got {path.name!r}.")
        content = images[suffix]() if suffix in images else getattr(self, texts[suffix]).encode()
        return write_whole(path, content)

    def _repr_svg_(self) -> str:
        return for_page(self.svg)


def draw(
    C: Any,
    passes: Passes = "both",
    detail: Detail = "named",
    *,
    values: bool = True,
    gradients: bool = True,
    heat: bool = False,
    theme: Theme = "auto",
    max_nodes: int = MAX_NODES,
) -> Drawing:
    """Draw what C, a tensor or a Graph, was computed from.

    passes: "forward" (values), "backward" (gradients) or "both". detail: how much of it, as in `Graph.view`; a
    Graph that is a view already is drawn as it is.
    values, gradients: whether the nodes show them. heat: colour every node by the norm of its gradient, and print it,
    so that layers where it vanishes or explodes stand out. theme: "light", "dark" or, as the reader's page is, "auto".
    max_nodes: with more of them the picture is collapsed, and says so.

    >>> import tinygrad_bp as tg
    >>> x = tg.tensor(3.0, requires_grad=True, name="x")
    >>> picture = tg.draw((x * x).named("h"))
    >>> "∂h/∂x = x" in picture.dot
    True
    """
    if theme not in THEMES:
        raise ArgumentError(f"draw: theme is one of {THEMES}; got {theme!r}.")
    if max_nodes < 2:
        raise ArgumentError(f"draw: max_nodes is at least 2; got {max_nodes!r}.")
    graph = C if isinstance(C, Graph) else snapshot(C, gradients=passes != "forward")
    if graph.detail != "ops":
        detail = graph.detail
    shown = graph.view(detail, passes)
    if len(shown.nodes) > max_nodes and graph.detail == "ops":
        shown = graph.view("ops", passes)  # which can still be collapsed by scopes
    return Drawing(shown, Options(values, gradients, heat, theme, max_nodes))
