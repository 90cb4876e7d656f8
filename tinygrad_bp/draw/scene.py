"""What a picture shows, whatever lays it out: boxes, links, and notes below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Literal

from tinygrad_bp.draw.collapse import collapsed
from tinygrad_bp.draw.labels import NodeWords, clean, edge_words, node_words, shortened
from tinygrad_bp.draw.legend import Sample, legend_of
from tinygrad_bp.draw.marks import Mark, marks
from tinygrad_bp.draw.palette import Theme
from tinygrad_bp.draw.spine import from_above, spine
from tinygrad_bp.draw.symbols import Notation
from tinygrad_bp.graph import Graph

Values = Literal["summary", "none"]

VALUES: tuple[Values, ...] = ("summary", "none")

MAX_NODES = 300


@dataclass(frozen=True, slots=True)
class Options:
    """How a picture is to look; see `draw`. marked: what stands out, by id. lit: two names, whose edge stands out."""

    values: Values = "summary"
    gradients: bool = True
    heat: bool = False
    theme: Theme = "auto"
    title: str | None = None
    legend: bool = False
    max_nodes: int = MAX_NODES
    marked: Mapping[str, Mark] = field(default_factory=dict, hash=False)
    lit: tuple[str, str] | None = None


DEFAULT = Options()


@dataclass(frozen=True, slots=True)
class Box:
    """A node: kind is its fill, classes and heat what stands out about it."""

    id: str
    kind: str
    scope: str
    words: NodeWords
    mark: Mark

    @property
    def fill(self) -> str:
        """The name of its colour."""
        return self.mark.fill or (self.kind if self.mark.heat is None else f"heat{self.mark.heat}")

    @property
    def css(self) -> str:
        """Its classes in the SVG."""
        classes = [self.kind, *self.mark.classes]
        if self.fill != self.kind:
            classes.append(self.fill)
        words = self.words
        return " ".join([*classes, f"v{len(words.value)}", f"a{len(words.about)}", f"g{len(words.gradient)}"])


@dataclass(frozen=True, slots=True)
class Link:
    """One use of a value, and which of its two directions are drawn; "unused" is one without a gradient.

    lit: the direction that stands out, if one does.
    """

    number: int
    source: str
    target: str
    ways: tuple[str, ...]
    label: tuple[str, ...]
    on_spine: bool
    lit: str | None = None

    def css(self, way: str) -> str:
        """The classes of one direction in the SVG."""
        return f"{way} lit" if way == self.lit else way


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything that is drawn. The heading stands above the picture, notes and the legend below it.

    spine: the boxes on the longest way from the data to the result, which a layout puts on one row; from_above:
    places in the order that it begins with. names: of all values; layered: l is in brackets behind them.
    """

    boxes: tuple[Box, ...]
    links: tuple[Link, ...]
    spine: tuple[str, ...]
    from_above: dict[str, int]
    notes: tuple[str, ...]
    legend: tuple[Sample, ...]
    heading: str
    theme: Theme
    title: str
    description: str
    tooltips: dict[str, str]
    names: frozenset[str]
    layered: bool


def scene(given: Graph, options: Options) -> Scene:
    """The scene of a graph, collapsed if it has too many nodes."""
    graph, notes = collapsed(given, options.max_nodes)
    special = {**marks(graph, options.heat and options.gradients), **options.marked}
    notation = Notation.of(graph)
    boxes, tooltips = [], {}
    way = spine(graph)
    words = node_words(graph)
    for node in graph.nodes:
        mark = special.get(node.id, Mark())
        said = words[node.id] if options.values == "summary" else notation.node(node, words[node.id])
        said = said if options.gradients else replace(said, gradient=())
        boxes.append(Box(node.id, node.kind, node.scope, _marked(said, mark), mark))
        tooltips[node.id] = "\n".join([words[node.id].tooltip, *mark.lines, *mark.norm])
    legend = legend_of(graph.passes, options.legend, options.heat and options.gradients)
    heading = clean(options.title) if options.title else ""
    title = f"Computation graph of {shortened(clean(graph.root.name))}"
    links = _links(graph, options, notation, way, tooltips)
    about = _description(graph, notes)
    names = frozenset([node.name for node in graph.nodes])
    layered = notation.layered and options.values == "none"
    order = from_above(graph, way)
    return Scene(
        tuple(boxes), links, way, order, notes, legend, heading, options.theme, title, about, tooltips, names, layered
    )


def _links(
    graph: Graph, options: Options, notation: Notation, way: Sequence[str], tooltips: dict[str, str]
) -> tuple[Link, ...]:
    symbols = {node.id: node.symbol for node in graph.nodes}
    names = {node.id: node.name for node in graph.nodes}
    steps = {*pairwise(way)}
    links = []
    for i, (edge, text) in enumerate(zip(graph.edges, edge_words(graph), strict=True)):
        carries = edge.template is not None
        ways: tuple[str, ...] = ("forward",) if graph.passes != "backward" else () if carries else ("unused",)
        back = carries and graph.passes != "forward"
        label: tuple[str, ...] = ()
        if back and options.values == "none":
            label = notation.edge(graph, edge, symbols)
        elif back:
            label = *text.derivative, *(text.contribution if options.gradients else ())
        on_spine = (edge.source, edge.target) in steps
        steps.discard((edge.source, edge.target))  # of several uses one is straight
        ways = (*ways, "backward") if back else ways
        lit = ways[-1] if (names[edge.source], names[edge.target]) == options.lit else None
        links.append(Link(i, edge.source, edge.target, ways, label, on_spine, lit))
        tooltips[f"e{i}-forward"] = text.forward_tooltip
        tooltips[f"e{i}-backward"] = text.backward_tooltip
    return tuple(links)


def _marked(words: NodeWords, mark: Mark) -> NodeWords:
    """The words with those of a mark. Of the gradient the norm takes the place; of a fan-out the Σ stays."""
    gradient = (*[line for line in words.gradient if "Σ" in line], *mark.norm) if mark.norm else words.gradient
    return replace(words, title=(*words.title, *mark.lines), gradient=gradient)


def _description(graph: Graph, notes: tuple[str, ...]) -> str:
    passes = {
        "forward": "The forward pass, from left to right, with the value above every name.",
        "backward": "The backward pass, from right to left, with the gradient below every name.",
        "both": "From left to right the forward pass, with the value above every name; from right to left, dashed, "
        "the backward pass, with the gradient below and the derivative at every edge.",
    }
    named = [node for node in graph.nodes if node.kind == "op" and node.named]
    shown = [shortened(clean(f"{node.name} = {node.formula}"), 200) for node in named[:20]]
    more = "; …" if len(named) > 20 else ""
    return " ".join([passes[graph.passes], *notes, f"{'; '.join(shown)}{more}"])
