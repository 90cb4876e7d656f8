"""Pictures of computation graphs."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, final

from tinygrad_bp.calls import guarded
from tinygrad_bp.draw.document import image
from tinygrad_bp.draw.dot import to_dot
from tinygrad_bp.draw.layout import to_image, to_svg
from tinygrad_bp.draw.mermaid import to_mermaid
from tinygrad_bp.draw.palette import THEMES, Theme
from tinygrad_bp.draw.scene import DEFAULT, MAX_NODES, VALUES, Options, Scene, Values, scene
from tinygrad_bp.draw.svg import for_page, styled
from tinygrad_bp.errors import ArgumentError, describe
from tinygrad_bp.files import write_whole
from tinygrad_bp.graph import Detail, Graph, Passes, graph as snapshot
from tinygrad_bp.tensor import Tensor, asarray
from tinygrad_bp.trees import flatten


@final
@dataclass(frozen=True, repr=False)
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

    def _repr_html_(self) -> str:
        return image(self.svg)

    def __repr__(self) -> str:
        return repr(self.graph).replace("Graph", "Drawing", 1)


@guarded
def draw(
    C: Any,
    *inputs: Any,
    passes: Passes = "both",
    detail: Detail = "named",
    values: Values = "summary",
    gradients: bool = True,
    heat: bool = False,
    theme: Theme = "auto",
    title: str | None = None,
    legend: bool = False,
    max_nodes: int = MAX_NODES,
) -> Drawing:
    """Draw what C, a tensor or a Graph, was computed from; or a model, a function of tensors, called with `inputs`.

    passes: "forward" (values), "backward" (gradients) or "both". detail: how much of it, as in `Graph.view`; a
    Graph that is a view already is drawn as it is.
    values: "summary" (numbers, arrays as min, mean and max) or "none": symbols only, and the chain rule as a product at
    every edge. gradients: whether nodes show theirs. heat: colour every node by the norm of its gradient, and print it,
    so that layers where it vanishes or explodes stand out. theme: "light", "dark" or, as the reader's page is, "auto".
    title: a line above the picture; legend: what lines and fills mean, below it. max_nodes: with more of them the
    picture is collapsed, and says so. Where it would be too wide to be read it goes on in rows.

    >>> import tinygrad_bp as tg
    >>> x = tg.tensor(3.0, requires_grad=True, name="x")
    >>> picture = tg.draw((x * x).named("h"))
    >>> "∂h/∂x = x" in picture.dot
    True
    >>> tg.draw(tg.nn.Linear(2, 3, seed=0), [[1.0, 2.0]])
    <Drawing of z1: 4 nodes, 3 edges, both passes>
    """
    for name, given, known in (("theme", theme, THEMES), ("values", values, VALUES)):
        if given not in known:
            raise ArgumentError(f"draw: {name} is one of {known}; got {given!r}.")
    if max_nodes < 2:
        raise ArgumentError(f"draw: max_nodes is at least 2; got {max_nodes!r}.")
    if not isinstance(C, Graph):
        C = snapshot(_called(C, inputs), gradients=passes != "forward")
    if C.detail != "ops":
        detail = C.detail
    shown = C.view(detail, passes)
    if len(shown.nodes) > max_nodes and C.detail == "ops":
        shown = C.view("ops", passes)  # which can still be collapsed by scopes
    return Drawing(shown, Options(values, gradients, heat, theme, title, legend, max_nodes))


def _called(C: Any, inputs: tuple[Any, ...]) -> Any:
    """What a model makes of its inputs; a tensor as it is."""
    if not inputs:
        return C
    if isinstance(C, Tensor) or not callable(C):
        raise ArgumentError(
            f"draw: inputs are for a model, a function of tensors; got {describe(C)}. "
            'Say what else is meant by name: tg.draw(C, passes="forward").'
        )
    names = ["x"] if len(inputs) == 1 else [f"x{i}" for i in range(1, len(inputs) + 1)]
    given = [x if isinstance(x, Tensor) else asarray(x).named(name) for x, name in zip(inputs, names, strict=True)]
    result = C(*given)
    found = [y for y in flatten(result)[0] if isinstance(y, Tensor)]
    if not found:
        raise ArgumentError(f"draw: the model returned {describe(result)}, which holds no tensor to draw.")
    return found[0]
