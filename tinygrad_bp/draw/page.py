"""The step-through page: one file with everything in it, which asks nothing of a network or a server."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Any, Literal, final

from tinygrad_bp.calls import guarded
from tinygrad_bp.draw import Drawing
from tinygrad_bp.draw.cards import Cards
from tinygrad_bp.draw.document import filled, framed, page, suited
from tinygrad_bp.draw.frames import Frame, steps
from tinygrad_bp.draw.labels import clean, shortened
from tinygrad_bp.draw.widget import is_there, made, shown
from tinygrad_bp.errors import ArgumentError
from tinygrad_bp.files import write_whole
from tinygrad_bp.graph import Graph, graph as snapshot

MOST_NODES = 300


@final
@dataclass(frozen=True, repr=False)
class StepThrough:
    """A computation and its chain rule, to go through step by step in a browser. Notebooks show it by themselves."""

    graph: Graph

    @cached_property
    def steps(self) -> tuple[Frame, ...]:
        """The steps, as data."""
        return steps(self.graph)

    @cached_property
    def html(self) -> str:
        """The page. Raises what `Drawing.svg` raises."""
        css, js = _part("page.css"), _part("page.js") + _part("start.js")
        return page(_part("page.html"), self._title, css, js, pictures=[self._svg], body=self._body)

    @cached_property
    def widget(self) -> Any:
        """The page as a widget of a live notebook, without a frame; its `step`, from 1, can be read, set and observed.

        Raises MissingExtraError without anywidget (extra `notebook`).
        """
        return made(len(self.steps), _part("page.js"), _part("page.css"), self._body)

    @cached_property
    def _svg(self) -> str:
        return Drawing(self.graph).svg

    @cached_property
    def _title(self) -> str:
        return escape(f"{shortened(clean(self.graph.root.name), 40)}, step by step")

    @cached_property
    def _body(self) -> str:
        cards = Cards(self.graph, self.steps)
        count = str(len(self.steps))
        return filled(
            _part("body.html"),
            title=self._title, svg=self._svg, cards=cards.cards(), outline=cards.outline(), count=count,
        )  # fmt: skip

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the page to a file, `.html`. The file appears whole or not at all."""
        return write_whole(suited(path, "a page", ".html", ".htm"), self.html.encode())

    def __repr__(self) -> str:
        return f"<StepThrough of {self.graph.root.name}: {len(self.steps)} steps>"

    def _repr_html_(self) -> str:
        return framed(self.html, "step by step", 720)

    def _repr_mimebundle_(self, **options: Any) -> dict[str, Any]:
        """What a live notebook prefers to `_repr_html_`; nothing without anywidget."""
        return shown(self.widget) if is_there() else {}


@guarded
def step_through(C: Any, detail: Literal["named", "ops"] = "named") -> StepThrough:
    """A page that goes through what C, a tensor or a Graph, was computed from, and back through the chain rule.

    detail: "named" or "ops", as in `Graph.view`. Raises ArgumentError above 300 nodes, which nobody steps through, and
    for a part of a graph, or one of scopes, in which gradients have no beginning or no rule.

    >>> import tinygrad_bp as tg
    >>> x = tg.tensor(3.0, requires_grad=True, name="x")
    >>> page = step_through((x * x).named("h"))
    >>> [step.kind for step in page.steps]
    ['given', 'forward', 'seed', 'backward', 'backward', 'sum', 'result']
    """
    graph = C if isinstance(C, Graph) else snapshot(C)
    operands = {parent for node in graph.nodes for parent in node.parents}
    is_part = graph.whole is not None or not operands <= {node.id for node in graph.nodes}
    if is_part or "scopes" in (graph.detail, detail):
        raise ArgumentError("step_through: takes all of a graph, with detail='named' or 'ops'. Pass C or tg.graph(C).")
    graph = graph.view(detail)
    if len(graph.nodes) > MOST_NODES:
        instead = "Take detail='named'" if detail == "ops" else "Name fewer values, or take a smaller model"
        raise ArgumentError(
            f"step_through: at most {MOST_NODES} nodes can be gone through one by one; the graph has "
            f"{len(graph.nodes)} at detail={detail!r}. {instead}, or draw it: tg.draw(C)."
        )
    return StepThrough(graph)


def _part(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")
