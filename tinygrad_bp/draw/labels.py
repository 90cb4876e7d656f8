"""What a picture says: the words of every node and edge, as plain text, whatever draws them."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import defaultdict
from dataclasses import dataclass

from tinygrad_bp.graph import Graph, GraphEdge, GraphNode, Summary

WIDEST = 64
"""Characters of a label; the tooltip has the rest."""

LINE = 26
"""Characters on one line of a node."""

SHORT_LINE = 22
"""Characters on one line of what can be broken anywhere: op and shape, the norm of a gradient."""

EDGE_LINE = 18
"""Characters on one line at an edge, which stretches the picture."""

NOT_COMPUTED = "–"
_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_MOST_SUMMANDS = 4


@dataclass(frozen=True, slots=True)
class NodeWords:
    """The parts of a node, from top to bottom, and its tooltip; `about`, below the title, tells op and shape."""

    value: tuple[str, ...]
    title: tuple[str, ...]
    about: tuple[str, ...]
    gradient: tuple[str, ...]
    tooltip: str


@dataclass(frozen=True, slots=True)
class EdgeWords:
    """The lines at a backward edge, and the tooltips of both directions.

    contribution: what the edge adds to the gradient of its source, said only where others add to it too.
    """

    derivative: tuple[str, ...]
    contribution: tuple[str, ...]
    forward_tooltip: str
    backward_tooltip: str


def clean(text: str) -> str:
    """Text in which nothing is invisible: control and direction characters become a replacement mark, blank text ␣."""
    if text.isspace() or not text:
        return "\N{OPEN BOX}"
    if text.isprintable():
        return text
    shown = {ord(c): "\N{REPLACEMENT CHARACTER}" if unicodedata.category(c) in _INVISIBLE else c for c in set(text)}
    return text.translate(shown)


def shortened(text: str, widest: int = WIDEST) -> str:
    """Text cut to a width."""
    return text if len(text) <= widest else text[: widest - 1].rstrip() + "…"


_BRACKET_OR_BREAK = re.compile(r"[(\[{)\]}]| (?=[=+−] )")


def wrapped(text: str, widest: int = LINE) -> list[str]:
    """A formula on as many lines as it needs, broken after = and before + and − that stand in the fewest brackets.

    A symbol ∂y/∂x that is too long even for a node is broken before its stroke.
    """
    if len(text) <= widest:
        return [text]
    depth, breaks = 0, []
    for found in _BRACKET_OR_BREAK.finditer(text):
        i, character = found.start(), found[0]
        depth += (character in "([{") - (character in ")]}")
        if character == " ":
            breaks.append((depth, abs(i - len(text) // 2), i + 2 * (text[i + 1] == "=")))
    if breaks:
        at = min(breaks)[2]
        return [*wrapped(text[:at], widest), *wrapped(text[at + 1 :], widest)]
    stroke = text.find("/∂") if len(text) > LINE else -1
    return [text] if stroke < 1 else [text[:stroke], text[stroke:]]


def written(x: float) -> str:
    """A number with four significant digits and a true minus sign."""
    if math.isnan(x):
        return "NaN"
    if math.isinf(x):
        return "∞" if x > 0 else "−∞"
    return f"{x:.4g}".replace("-", "−")


def summary(given: Summary | None) -> str:
    """A number, or the smallest, mean and largest of an array; one NaN stands for all three, which then are NaN."""
    if given is None:
        return NOT_COMPUTED
    if given.size == 1 or math.isnan(given.minimum):
        return written(given.mean)
    return f"min {written(given.minimum)}  mean {written(given.mean)}  max {written(given.maximum)}"


def shape(node: GraphNode) -> str:
    """`2×5`, or `scalar`."""
    return "×".join([str(n) for n in node.shape]) or "scalar"


def node_words(graph: Graph) -> dict[str, NodeWords]:
    """The words of every node, by its id."""
    uses = defaultdict(list)
    for edge in graph.edges:
        if edge.contribution is not None:
            uses[edge.source].append(edge.contribution)
    root = graph.root.symbol
    return {node.id: _node(graph, node, uses[node.id], clean(f"∂{root}/∂{node.symbol}")) for node in graph.nodes}


def _node(graph: Graph, node: GraphNode, uses: list[Summary], symbol: str) -> NodeWords:
    is_number = node.kind == "constant" and not node.named
    value, title = _stacked(node.value), clean(_full_title(node))
    gradient = () if is_number else _gradient(node, uses, shortened(symbol, LINE))
    kind = node.op if node.op is not None else node.kind
    if node.group is not None and node.group.parameters:
        kind = f"{kind}, {node.group.parameters:,} parameter{'s' * (node.group.parameters > 1)}"
    about, name = f"{kind} · {shape(node)}", shortened(clean(node.name), LINE)
    tooltip = [title, f"{kind}, {shape(node)}, {node.dtype}", f"value: {summary(node.value)}"]
    if not is_number:
        tooltip.append(f"{symbol}: {summary(node.gradient)}")
    return NodeWords(
        value=value if graph.passes != "backward" and not is_number else (),
        title=(name,) if is_number else tuple(wrapped(title if len(title) <= WIDEST else name)),
        about=() if is_number else (about,) if len(about) <= SHORT_LINE else (kind, shape(node)),
        gradient=gradient if graph.passes != "forward" else (),
        tooltip="\n".join(tooltip),
    )


def _full_title(node: GraphNode) -> str:
    formula = node.formula
    if node.group is not None:
        return node.name
    if not node.named:
        return formula
    return node.name if node.kind != "op" or formula == node.name else f"{node.name} = {formula}"


def _stacked(given: Summary | None) -> tuple[str, ...]:
    """A summary on one line, an array's on three."""
    return tuple(summary(given).split("  "))


def _gradient(node: GraphNode, uses: list[Summary], symbol: str) -> tuple[str, ...]:
    numbers = _stacked(node.gradient)
    if len(uses) < 2:
        return (f"{symbol} = {numbers[0]}",) if len(numbers) == 1 else (symbol, *numbers)
    if math.prod(node.shape) == 1 and len(uses) <= _MOST_SUMMANDS:
        terms = " + ".join([t if t[0] != "−" else f"({t})" for t in map(summary, uses)])
        return f"{symbol} =", f"Σ ({terms}) = {numbers[0]}"
    return f"{symbol} = Σ of {len(uses)} paths", *numbers


def edge_words(graph: Graph) -> list[EdgeWords]:
    """The words of every edge, in the graph's order."""
    symbols, root = {node.id: node.symbol for node in graph.nodes}, graph.root.symbol
    uses: dict[str, int] = defaultdict(int)
    for edge in graph.edges:
        uses[edge.source] += edge.template is not None
    return [_edge(graph, edge, symbols, root, uses[edge.source]) for edge in graph.edges]


def _edge(graph: Graph, edge: GraphEdge, symbols: dict[str, str], root: str, uses: int) -> EdgeWords:
    source, target, formula = symbols[edge.source], symbols[edge.target], edge.formula
    way = clean(f"{source} → {target}")
    if formula is None:
        return EdgeWords((), (), way, "")
    rule = clean(formula)
    words = wrapped(shortened(rule), EDGE_LINE)
    if graph.passes == "backward" and edge.target != graph.root.id:
        own = clean(edge.symbol)
        words = [shortened(clean(f"∂{root}/∂{target} ·")), *([] if rule.startswith(own) else [shortened(own)]), *words]
    if edge.count > 1:
        words.append(f"{edge.count} uses")
    adds: tuple[str, ...] = ()
    if uses > 1 and edge.contribution is not None:
        numbers = _stacked(edge.contribution)
        adds = ("contributes", *numbers) if len(numbers) > 1 else (f"contributes {numbers[0]}",)
    about = clean(f"∂{root}/∂{source}")
    tooltip = f"{rule}\ncontributes to {about}: {summary(edge.contribution)}"
    return EdgeWords(tuple(words), adds, way, tooltip)
