"""Two graphs held against each other: what was added, removed and changed."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher
from functools import cached_property
from pathlib import Path
from typing import Any, final
from xml.etree import ElementTree

from tinygrad_bp.draw import Drawing, draw
from tinygrad_bp.draw.document import image, suited
from tinygrad_bp.draw.marks import Mark
from tinygrad_bp.draw.svg import for_page
from tinygrad_bp.files import write_whole
from tinygrad_bp.graph import Detail, Graph, GraphNode, graph as snapshot

_SVG = "http://www.w3.org/2000/svg"
GAP = 24.0
"""Between the two pictures."""


@final
@dataclass(frozen=True, repr=False)
class GraphDifference:
    """What differs between two graphs. Notebooks show both, with it in colour; `.text` and `.svg` are what they show.

    before, after: the two graphs. removed, added: values of only one of them. changed: by the ids of a value in both,
    what is not the same: its formula, kind, shape or dtype, in words.
    """

    before: Graph
    after: Graph
    removed: tuple[GraphNode, ...]
    added: tuple[GraphNode, ...]
    changed: Mapping[tuple[str, str], tuple[str, ...]] = field(hash=False)

    def __bool__(self) -> bool:
        return bool(self.removed or self.added or self.changed)

    @property
    def text(self) -> str:
        """A line for each difference: − removed, + added, ~ changed."""
        lines = [f"− {_described(node)}" for node in self.removed] + [f"+ {_described(node)}" for node in self.added]
        for (identity, _), what in self.changed.items():
            lines.append(f"~ {self.before[identity].name}: {'; '.join(what)}")
        return "\n".join(lines) or "The graphs are alike."

    @cached_property
    def svg(self) -> str:
        """Both pictures in one, the first above the second; what differs is in colour and says so."""
        marks: tuple[dict[str, Mark], dict[str, Mark]] = ({}, {})
        marks[0].update({node.id: Mark(("removed",), fill="removed") for node in self.removed})
        marks[1].update({node.id: Mark(("added",), fill="added") for node in self.added})
        for (old, new), what in self.changed.items():
            marks[0][old] = Mark(("changed",), fill="changed")
            marks[1][new] = Mark(("changed:", *what), fill="changed")
        counts = f"{len(self.removed)} removed, {len(self.changed)} changed", f"{len(self.added)} added"
        pairs = zip((self.before, self.after), marks, ("Before", "After"), counts, strict=True)
        return stacked([_drawn(graph, mark, f"{word}: {count}") for graph, mark, word, count in pairs])

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the picture (.svg) or the text (.txt) to a file, which appears whole or not at all."""
        path = suited(path, "a difference of graphs", ".svg", ".txt")
        return write_whole(path, (self.svg if path.suffix == ".svg" else f"{self.text}\n").encode())

    def _repr_svg_(self) -> str:
        return for_page(self.svg)

    def _repr_html_(self) -> str:
        return image(self.svg)

    def __repr__(self) -> str:
        counts = f"{len(self.removed)} removed, {len(self.added)} added, {len(self.changed)} changed"
        return f"<GraphDifference of {self.before.root.name} and {self.after.root.name}: {counts}>"


def diff(before: Any, after: Any, detail: Detail = "named") -> GraphDifference:
    """What differs between two graphs, or between what two tensors were computed from.

    Values with names are held against those of the same name, others in the order in which they were computed.
    Parameters and inputs are compared by name and shape, not by their numbers. `detail` is that of `Graph.view`.

    >>> import tinygrad_bp as tg
    >>> W, x = tg.tensor([[1.0, 2.0]], requires_grad=True, name="W"), tg.tensor([1.0, 1.0], name="x")
    >>> print(tg.graph.diff(tg.tanh(W @ x).named("a"), tg.relu(W @ x + 1.0).named("a")).text)
    ~ z1: formula W·x → W·x + 1
    ~ a: formula tanh(z1) → relu(z1)
    """
    pair = [g if isinstance(g, Graph) else snapshot(g, gradients=False) for g in (before, after)]
    old, new = (g if g.detail != "ops" or detail == "ops" else g.view(detail) for g in pair)
    matched = _matched(old.nodes, new.nodes)
    kept = {a.id for a, _ in matched}, {b.id for _, b in matched}
    changed = {(a.id, b.id): what for a, b in matched if (what := _changes(a, b))}
    removed = tuple([node for node in old.nodes if node.id not in kept[0]])
    added = tuple([node for node in new.nodes if node.id not in kept[1]])
    return GraphDifference(old, new, removed, added, changed)


def _matched(old: Sequence[GraphNode], new: Sequence[GraphNode]) -> list[tuple[GraphNode, GraphNode]]:
    """The values that stand for each other: of the same name, and between those of the same op, in order."""
    tokens = [
        [(node.name if node.named or node.kind != "op" else node.op, node.kind) for node in g] for g in (old, new)
    ]
    blocks = SequenceMatcher(None, tokens[0], tokens[1], autojunk=False).get_matching_blocks()
    pairs = [(old[block.a + k], new[block.b + k]) for block in blocks for k in range(block.size)]
    found = {a.id for a, _ in pairs}, {b.id for _, b in pairs}
    rest = {node.name: node for node in new if node.id not in found[1] and node.named}  # what stands elsewhere now
    pairs += [
        (node, rest.pop(node.name)) for node in old if node.id not in found[0] and node.named and node.name in rest
    ]
    return pairs


def _changes(a: GraphNode, b: GraphNode) -> tuple[str, ...]:
    """What is not the same about two values that stand for each other."""
    pairs = {what: (getattr(a, what), getattr(b, what)) for what in ("kind", "shape", "dtype")}
    if a.kind == b.kind == "op":
        pairs = {"formula": (a.formula, b.formula), **pairs}
    return tuple([f"{what} {was} → {now}" for what, (was, now) in pairs.items() if was != now])


def _described(node: GraphNode) -> str:
    if node.kind == "constant":
        return f"the constant {node.name}"
    how = f" = {node.formula}" if node.kind == "op" else f", {'an' if node.kind == 'input' else 'a'} {node.kind}"
    return f"{node.name}{how} {node.shape}"


def _drawn(graph: Graph, marked: Mapping[str, Mark], title: str) -> str:
    picture = draw(graph, passes="forward", values="none", title=title)
    return Drawing(picture.graph, replace(picture.options, marked=marked)).svg


def stacked(pictures: Sequence[str]) -> str:
    """Pictures one above the other in one SVG, of the first one's title and style."""
    ElementTree.register_namespace("", _SVG)
    roots = [ElementTree.fromstring(for_page(svg)) for svg in pictures]
    boxes = [[float(x) for x in root.get("viewBox", "").split()] for root in roots]
    whole = ElementTree.Element(f"{{{_SVG}}}svg", {k: v for k, v in roots[0].attrib.items() if k != "viewBox"})
    top = 0.0
    for root, (left, above, _, height) in zip(roots, boxes, strict=True):
        group = ElementTree.Element(f"{{{_SVG}}}g", {"transform": f"translate({-left:.2f},{top - above:.2f})"})
        for element in root:
            tag = element.tag.rpartition("}")[2]
            if tag not in ("title", "desc", "style"):
                group.append(element)
            elif root is roots[0] or tag == "style":
                whole.append(element)
        whole.append(group)
        top += height + GAP
    width, height = max(box[2] for box in boxes), top - GAP
    whole.attrib.update(
        {"viewBox": f"0 0 {width:.2f} {height:.2f}", "width": f"{width:.0f}", "height": f"{height:.0f}"}
    )
    return ElementTree.tostring(whole, encoding="unicode") + "\n"
