"""What a derivation says, as equations: how a value is computed, the chain rule, its factors, what they come to."""

from __future__ import annotations

from collections.abc import Sequence

from tinygrad_bp.derive.layers import Rule, general
from tinygrad_bp.derive.show import Row, Writer
from tinygrad_bp.derive.sweep import Factor, Step
from tinygrad_bp.formula import COTANGENT, fill, slot
from tinygrad_bp.graph import Graph, GraphNode

MOST_PATHS = 8
"""With more of them the chain rule is written for the last link only."""


def forward(node: GraphNode) -> Row:
    """How a value is computed."""
    return Row(slot(node.id), (node.template,), _shape(node))


def chain(graph: Graph, steps: Sequence[Step], step: Step) -> Row:
    """The general product: one for every path, or where they are many, the last link of each."""
    root = graph.root
    ways = {root.id: 1}
    for done in steps:
        ways[done.node.id] = sum([ways[factor.target.id] for factor in done.factors])
    if (count := ways[step.node.id]) > MOST_PATHS:
        links = [_last_link(root, factor) for factor in step.factors]
        return Row(step.left, (" + ".join(links),), f"{count} paths, added up where they meet")
    products = [
        r" \cdot ".join([edge.symbols.derivative(edge.target, edge.source) for edge in reversed(path.edges)])
        for path in graph.view("named").paths(step.node)
    ]
    return Row(step.left, (" + ".join(products),))


def _last_link(root: GraphNode, factor: Factor) -> str:
    symbols, target = root.symbols, factor.target.id
    link = symbols.derivative(target, factor.source.id)
    return link if target == root.id else rf"{symbols.derivative(root.id, target)} \cdot {link}"


def local(factor: Factor) -> Row:
    """One link of the chain: the derivative, or what the link makes of the cotangent δ."""
    target, source = factor.target, factor.source
    link, right = target.symbols.derivative(target.id, source.id), (factor.formula.template,)
    if factor.elementwise:
        return Row(link, right, _shape(source))
    product = fill(r"‹d› \cdot ‹x›", {"d": COTANGENT, "x": link})
    return Row(product, right, f"{target.shape} → {source.shape}")


def equation(step: Step) -> Row:
    """The gradient of one value, from the chain rule to what it simplifies to."""
    return Row(step.left, tuple([right.template for right in step.rights]), _shape(step.node))


def result(step: Step) -> Row:
    """The gradient in terms of values alone, or as far as that fits on a line."""
    return Row(step.left, ((step.closed or step.rights[-1]).template,), _shape(step.node))


def every_layer(graph: Graph, steps: Sequence[Step], writer: Writer) -> tuple[Row, ...]:
    """What two or more layers have in common, written for layer l."""
    return tuple([Row(rule.left, (rule.right,), _which(rule, writer)) for rule in general(graph, steps)])


def _which(rule: Rule, writer: Writer) -> str:
    which = f"l = {', '.join(map(str, rule.layers))}"
    return which if rule.inputs is None else f"{which}; {rule.inputs[0]} = {writer.names[rule.inputs[1]]}"


def _shape(node: GraphNode) -> str:
    return str(node.shape) if node.shape else ""
