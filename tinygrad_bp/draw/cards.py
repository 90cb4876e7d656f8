"""Each step as a card of the page: what happens, in a sentence, in symbols, in numbers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from html import escape
from typing import Any

from tinygrad_bp.draw.frames import Frame, gradient_slot
from tinygrad_bp.draw.labels import shape, shortened, summary
from tinygrad_bp.draw.previews import Notation, equation, inline, preview
from tinygrad_bp.formula import slot
from tinygrad_bp.graph import Graph, Summary

TITLES = {
    "given": "Given", "forward": "Forward", "seed": "Seed", "backward": "Backward", "sum": "Sum", "result": "Result",
}  # fmt: skip
_WIDEST = 60
_MOST_LISTED = 24


class Cards:
    """The cards of one graph."""

    def __init__(self, graph: Graph, steps: tuple[Frame, ...]):
        self.graph = graph
        self.steps = steps
        self.notation = Notation(graph)
        self.nodes = {node.id: node for node in graph.nodes}
        self.paths = Counter([step.nodes[0] for step in steps if step.kind == "backward"])

    def cards(self) -> str:
        """All cards, as items of a list."""
        return "\n".join([self._card(i, step) for i, step in enumerate(self.steps, 1)])

    def outline(self) -> str:
        """A link to each step, as items of a list."""
        items = [
            f'<li class="{step.kind}"><a href="#step-{i}"><span>{TITLES[step.kind]}</span> '
            f"<bdi>{escape(shortened(self._headline(step), _WIDEST))}</bdi></a></li>"
            for i, step in enumerate(self.steps, 1)
        ]
        return "\n".join(items)

    def _card(self, i: int, step: Frame) -> str:
        data = "".join([f' data-{key}="{" ".join(ids)}"' for key, ids in self._marks(step).items()])
        many = step.kind in ("given", "result")
        body = self._list(step) if many else f'<div class="work">{self._equation(step)}{self._tally(step)}</div>'
        return (
            f'<li class="step {step.kind}" id="step-{i}"{data}>'
            f'<h2>{TITLES[step.kind]}</h2><p class="caption">{escape(self._sentence(step))}</p>{body}</li>'
        )

    def _marks(self, step: Frame) -> dict[str, Iterable[str]]:
        """What the picture shows at this step, by the ids of its elements."""
        way = "forward" if step.kind == "forward" else "backward"
        finished = step.kind in ("seed", "sum") or (step.kind == "backward" and self.paths[step.nodes[0]] == 1)
        gradient = list(step.nodes) if finished else []
        if step.kind == "seed":
            gradient += [node.id for node in self.graph.nodes if node.gradient is None]
        return {
            "at": step.nodes,
            "reads": [node for node in step.reads if node in self.nodes],
            "edges": [f"e{edge}-{way}" for edge in step.edges],
            "value": step.nodes if step.kind in ("given", "forward") else (),
            "gradient": gradient,
        }

    def _sentence(self, step: Frame) -> str:
        root = self.notation.text(slot(self.graph.root.id))
        at = self.notation.text(slot(step.nodes[0])) if step.nodes else ""
        paths = self.paths[step.nodes[0]] if step.nodes else 0
        if step.kind == "given":
            return f"What {root} is computed from."
        if step.kind == "forward":
            return f"{at} is computed from {self._listed([slot(node) for node in step.reads])}."
        if step.kind == "seed":
            return f"The way back starts at {root}: when {root} grows by a little, {root} grows by just as much."
        if step.kind == "sum":
            return f"{root} depends on {at} along {paths} paths. What they bring back adds up."
        if step.kind == "result":
            return f"How {root} changes with each parameter: the gradients that backward() gives."
        more = f" One of {paths} paths, which add up." if paths > 1 else ""
        if step.reads[0] == self.graph.root.id:
            return f"{at} acts on {root} directly: the seed, times how {root} changes with {at}.{more}"
        via = self.notation.text(slot(step.reads[0]))
        return f"{at} acts on {root} through {via}: what has arrived at {via}, times how {via} changes with {at}.{more}"

    def _headline(self, step: Frame) -> str:
        if step.kind in ("given", "result"):
            return self._listed([self._entry(step, node) for node in step.nodes])
        if step.kind == "sum":
            return f"{self.notation.text(step.left)} = Σ of {len(step.edges)} paths"
        right = self.notation.text(step.rules[-1])
        return f"{self.notation.text(step.left)} = {right}" if step.left else right

    def _entry(self, step: Frame, node: str) -> str:
        return gradient_slot(node) if step.kind == "result" else slot(node)

    def _listed(self, templates: list[str]) -> str:
        texts = [self.notation.text(template) for template in templates]
        return ", ".join([*texts[:_MOST_LISTED], *["…"] * (len(texts) > _MOST_LISTED)]) or "constants"

    def _list(self, step: Frame) -> str:
        """Names with their arrays."""
        kind = "gradient" if step.kind == "result" else "value"
        shown = [node for node in step.nodes if self.nodes[node].named]
        items = [
            f"<li>{inline(f'{self.notation.symbolic(entry)}<mo>=</mo>{self._preview(entry, kind)}')}</li>"
            for entry in [self._entry(step, node) for node in shown[:_MOST_LISTED]]
        ]
        more = f"<li>… and {len(shown) - _MOST_LISTED} more</li>" if len(shown) > _MOST_LISTED else ""
        return f'<ul class="arrays">{"".join(items)}{more}</ul>'

    def _preview(self, entry: str, kind: str) -> str:
        return preview(self.notation.numbers.get(entry[1:-1]), kind)

    def _equation(self, step: Frame) -> str:
        notation = self.notation
        rights = [notation.symbolic(rule) for rule in step.rules]
        numeric = notation.numeric(step.rules[-1])
        result = preview(step.value, "value" if step.kind == "forward" else "gradient")
        if step.kind != "seed":
            rights += [] if numeric is None or _same(numeric, result) else [numeric]
            rights += [] if step.value is None else [result]
        left = notation.symbolic(step.left) if step.left else notation.symbolic(slot(step.nodes[0]))
        return f'<div class="math">{equation(left, rights)}{self._about(step)}</div>'

    def _about(self, step: Frame) -> str:
        """Op, shape and range of the node that is computed."""
        node = self.nodes[step.nodes[0]]
        parts = [node.op or node.kind, shape(node), node.dtype] if step.kind == "forward" else [shape(node)]
        found = None if step.value is None else Summary.of(step.value)
        if found is not None and found.size > 1:
            parts.append(summary(found))
        return f'<p class="about">{escape(" · ".join(parts))}</p>'

    def _tally(self, step: Frame) -> str:
        """The gradient that has been accumulated, before this step and after it."""
        if step.kind != "backward" or step.value is None:
            return ""
        parts: list[tuple[str, Any]] = [("before", step.before), ("after", step.after)]
        if self.paths[step.nodes[0]] > 1:
            parts.insert(1, ("this path adds", step.value))
        symbol = inline(self.notation.symbolic(step.left))
        terms = [f"<div><dt>{name}</dt><dd>{inline(preview(array, 'gradient'))}</dd></div>" for name, array in parts]
        return f'<div class="tally"><p>{symbol} so far</p><dl>{"".join(terms)}</dl></div>'


def _same(numeric: str, result: str) -> bool:
    return re.sub(r"^<mrow[^>]*>|</mrow>$", "", result) == numeric
