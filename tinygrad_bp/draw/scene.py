"""What a picture shows, whatever lays it out: boxes, links, and notes below."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tinygrad_bp.draw.collapse import collapsed
from tinygrad_bp.draw.labels import NodeWords, clean, edge_words, node_words, shortened
from tinygrad_bp.draw.marks import Mark, marks
from tinygrad_bp.draw.palette import Theme
from tinygrad_bp.graph import Graph

MAX_NODES = 300


@dataclass(frozen=True, slots=True)
class Options:
    """How a picture is to look; see `draw`."""

    values: bool = True
    gradients: bool = True
    heat: bool = False
    theme: Theme = "auto"
    max_nodes: int = MAX_NODES


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
    def css(self) -> str:
        """Its classes in the SVG."""
        classes = [self.kind, *self.mark.classes]
        if self.mark.heat is not None:
            classes.append(f"heat{self.mark.heat}")
        words = self.words
        return " ".join([*classes, f"v{len(words.value)}", f"a{len(words.about)}", f"g{len(words.gradient)}"])


@dataclass(frozen=True, slots=True)
class Link:
    """One use of a value, and which of its two directions are drawn; "unused" is one without a gradient."""

    number: int
    source: str
    target: str
    ways: tuple[str, ...]
    label: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything that is drawn. notes stand below the picture, legend is that of the gradient norms."""

    boxes: tuple[Box, ...]
    links: tuple[Link, ...]
    notes: tuple[str, ...]
    legend: bool
    theme: Theme
    title: str
    description: str
    tooltips: dict[str, str]


def scene(given: Graph, options: Options) -> Scene:
    """The scene of a graph, collapsed if it has too many nodes."""
    graph, notes = collapsed(given, options.max_nodes)
    special = marks(graph, options.heat and options.gradients)
    boxes, tooltips = [], {}
    words = node_words(graph)
    for node in graph.nodes:
        mark = special.get(node.id, Mark())
        said = _chosen(words[node.id], options)
        boxes.append(Box(node.id, node.kind, node.scope, _marked(said, mark), mark))
        tooltips[node.id] = "\n".join([words[node.id].tooltip, *mark.lines, *mark.norm])
    links = []
    for i, (edge, text) in enumerate(zip(graph.edges, edge_words(graph), strict=True)):
        carries = edge.template is not None
        ways = ("forward",) if graph.passes != "backward" else () if carries else ("unused",)
        back = carries and graph.passes != "forward"
        label = (*text.derivative, *(text.contribution if options.gradients else ())) if back else ()
        links.append(Link(i, edge.source, edge.target, (*ways, "backward") if back else ways, label))
        tooltips[f"e{i}-forward"] = text.forward_tooltip
        tooltips[f"e{i}-backward"] = text.backward_tooltip
    legend = options.heat and options.gradients and graph.passes != "forward"
    title = f"Computation graph of {shortened(clean(graph.root.name))}"
    about = _description(graph, notes)
    return Scene(tuple(boxes), tuple(links), notes, legend, options.theme, title, about, tooltips)


def _marked(words: NodeWords, mark: Mark) -> NodeWords:
    """The words with those of a mark. Of the gradient the norm takes the place; of a fan-out the Σ stays."""
    gradient = (*[line for line in words.gradient if "Σ" in line], *mark.norm) if mark.norm else words.gradient
    return replace(words, title=(*words.title, *mark.lines), gradient=gradient)


def _chosen(words: NodeWords, options: Options) -> NodeWords:
    value = words.value if options.values else ()
    return replace(words, value=value, gradient=words.gradient if options.gradients else ())


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
