"""The living page: a graph's program in the page itself, so that everything in it follows what the reader changes."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Any, final

import numpy as np

from tinygrad_bp.derive import rows
from tinygrad_bp.derive.equations import Equation
from tinygrad_bp.derive.page import in_layers
from tinygrad_bp.derive.show import Notation, Row
from tinygrad_bp.draw import Drawing
from tinygrad_bp.draw.document import framed, page, suited
from tinygrad_bp.draw.labels import LINE, clean, shortened
from tinygrad_bp.files import write_whole
from tinygrad_bp.graph import Graph, GraphNode
from tinygrad_bp.play.replay import Replay, uses
from tinygrad_bp.source.javascript import library


@final
@dataclass(frozen=True, repr=False)
class LivingPage:
    """A computation that lives in a page of its own: what one changes there, everything follows. `save` writes it.

    script: the program, as JavaScript. examples: by the name of an input, what it is with each example.
    """

    graph: Graph
    steps: tuple[Equation, ...]
    replay: Replay
    examples: Mapping[str, Any]

    @property
    def script(self) -> str:
        """The program of the page: a JavaScript function from the leaves to all values and gradients."""
        return self.replay.script

    @cached_property
    def html(self) -> str:
        """The page. Raises what `Drawing.svg` raises."""
        svg, css = Drawing(self._shown).svg, _part("page.css")
        # `<` could end the script; in JSON it occurs in texts only
        model = json.dumps(self._model(), ensure_ascii=False, separators=(",", ":")).replace("<", r"\u003c")
        own = [_part(f"{name}.js") for name in ("state", "picture", "panels", "page")]
        js = "\n".join([library(), self.script, self.replay.forward, f"const model = {model};", *own])
        return page(
            _part("page.html"),
            escape(f"{shortened(clean(self.graph.root.name), 40)}, live"),
            cost=escape(shortened(clean(self.graph.root.name), 24)),
            css=css, js=js, pictures=[svg], svg=svg, forward=self._forward(), backward=self._backward(),
        )  # fmt: skip

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the page to a file, `.html`. The file appears whole or not at all."""
        return write_whole(suited(path, "a page", ".html", ".htm"), self.html.encode())

    def __repr__(self) -> str:
        return f"<living page of {self.graph.root.name}: {', '.join([node.name for node in self.replay.inputs])}>"

    def _repr_html_(self) -> str:
        return framed(self.html, "living page", 800)

    @cached_property
    def _shown(self) -> Graph:
        return self.graph.view("named")

    @cached_property
    def _notation(self) -> Notation:
        return Notation(self.graph)

    def _model(self) -> dict[str, Any]:
        """What the page's script has to know."""
        places = self.replay
        shares = {id(edge): places.shares[use] for use, edge in uses(self.graph, self._shown).items()}
        edges = [(i, edge) for i, edge in enumerate(self._shown.edges) if id(edge) in shares]
        return {
            "cost": places.values[self.graph.root.id],
            "inputs": [self._input(node) for node in places.inputs],
            "nodes": [
                {
                    "id": node.id, "value": places.values[node.id], "gradient": places.gradients.get(node.id),
                    "symbol": shortened(clean(f"∂{self.graph.root.symbol}/∂{node.symbol}"), LINE),
                    "uses": [shares[id(edge)] for _, edge in edges if edge.source == node.id],
                }
                for node in self._shown.nodes
                if node.id in places.values
            ],
            "edges": [{"id": f"e{i}-backward", "share": shares[id(edge)]} for i, edge in edges],
            "examples": self._examples(),
        }  # fmt: skip

    def _input(self, node: GraphNode) -> dict[str, Any]:
        gradient = self.replay.gradients.get(node.id)
        return {
            "id": node.id, "name": shortened(clean(node.name), 24), "shape": node.shape, "data": _numbers(node.data),
            "size": int(np.prod(node.shape)), "float32": node.dtype == "float32", "gradient": gradient,
            "trained": gradient is not None,
        }  # fmt: skip

    def _examples(self) -> dict[str, Any] | None:
        if not self.examples:
            return None
        known = {node.name: i for i, node in enumerate(self.replay.inputs)}
        data = {name: [_numbers(x) for x in array] for name, array in self.examples.items()}
        given = [{"input": known[name], "data": each} for name, each in data.items()]
        return {"count": len(next(iter(data.values()))), "inputs": given}

    # --- formulas ---

    def _forward(self) -> str:
        values = self.replay.values
        return "\n".join(
            [
                self._row(node.id, replace(rows.forward(node), remark=""), values[node.id])
                for node in self._shown.nodes
                if node.kind == "op"
            ]
        )

    def _backward(self) -> str:
        return "\n".join([self._equation(step) for step in in_layers(self.steps)] if self.steps else [])

    def _equation(self, step: Equation) -> str:
        """A gradient by the chain rule, and what that comes to."""
        row = rows.equation(step)
        row = replace(row, rights=tuple(dict.fromkeys((row.rights[0], row.rights[-1]))), remark="")
        return self._row(step.node.id, row, self.replay.gradients[step.node.id])

    def _row(self, node: str, row: Row, place: int) -> str:
        """An equation, and where its numbers stand."""
        return f'<li data-node="{node}">{self._notation.equation(row)}<output data-slot="{place}"></output></li>'


def _numbers(x: Any) -> list[Any]:
    return np.asarray(x, dtype=float).ravel().tolist()


def _part(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")
