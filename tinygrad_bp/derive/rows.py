"""What a derivation says, as equations: how a value is computed, the chain rule, its factors, what they come to."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import reduce

from tinygrad_bp.derive.equations import Equation, Factor
from tinygrad_bp.derive.layers import Rule, general
from tinygrad_bp.derive.show import Notation, Row
from tinygrad_bp.derive.terms import complements
from tinygrad_bp.formula import COTANGENT, fill, slot
from tinygrad_bp.graph import Graph, GraphNode

MOST_PATHS = 8
"""With more of them the chain rule is written for the last link only."""


def forward(node: GraphNode) -> Row:
    """How a value is computed."""
    return Row(slot(node.id), (node.template,), _shape(node))


def given(graph: Graph) -> list[Row]:
    """What inputs were computed as before the graph begins, where their numbers tell."""
    shapes = {node.id: _shape(node) for node in graph.nodes}
    return [Row(slot(rest), (f"1 - {slot(of)}",), shapes[rest]) for rest, of in complements(graph).items()]


def chain(graph: Graph, steps: Sequence[Equation], step: Equation) -> Row:
    """The general product: one for every path, or where they are many, the last link of each."""
    root = graph.root
    ways = {root.id: 1}
    for done in steps:
        ways[done.node.id] = sum([ways[factor.target.id] for factor in done.factors])
    if (count := ways[step.node.id]) <= MOST_PATHS:
        return Row(step.left, (_sum_of_products(root, _paths(root, steps, step), steps),))
    last = [(factor,) for factor in step.factors]
    return Row(step.left, (_sum_of_products(root, last, steps),), f"{count} paths, added up where they meet")


def _paths(root: GraphNode, steps: Sequence[Equation], step: Equation) -> list[tuple[Factor, ...]]:
    """The links of every path, from the root on."""
    factors = {done.node.id: done.factors for done in steps}
    pending: list[tuple[Factor, ...]] = [(factor,) for factor in reversed(step.factors)]
    found = []
    while pending:
        path = pending.pop()
        if path[0].target.id == root.id:
            found.append(path)
        else:
            pending += [(factor, *path) for factor in reversed(factors[path[0].target.id])]
    return found


def _sum_of_products(root: GraphNode, paths: Sequence[tuple[Factor, ...]], steps: Sequence[Equation]) -> str:
    one_of_several = shared(steps)
    products = []
    for path in paths:
        first = path[0].target.id
        links = [] if first == root.id else [root.symbols.derivative(root.id, first)]
        for link in path:  # what acts on the root directly, but not only so, has the symbol of the whole: its formula
            is_part = link.target.id == root.id and link.source.id in one_of_several
            links.append(link.formula.template if is_part else _symbol(link))
        products.append(reduce(lambda a, b: fill(r"‹a› \cdot ‹b›", {"a": a, "b": b}), links))
    return reduce(lambda a, b: fill("‹a› + ‹b›", {"a": a, "b": b}), products)


def shared(steps: Sequence[Equation]) -> set[str]:
    """The ids of the values that act on the root in several ways."""
    return {step.node.id for step in steps if len(step.factors) > 1}


def _symbol(link: Factor) -> str:
    return link.target.symbols.derivative(link.target.id, link.source.id)


def local(link: Factor, root: GraphNode, one_of_several: Collection[str]) -> Row:
    """One link of the chain: the derivative, or what the link makes of the cotangent δ."""
    target, source, right = link.target, link.source, (link.formula.template,)
    if not link.elementwise:
        product = fill(r"‹d› \cdot ‹x›", {"d": COTANGENT, "x": _symbol(link)})
        return Row(product, right, f"{target.shape} → {source.shape}")
    is_part = target.id == root.id and source.id in one_of_several
    return Row(_symbol(link), right, ", ".join(filter(None, [_shape(source), "directly" if is_part else ""])))


def equation(step: Equation) -> Row:
    """The gradient of one value, from the chain rule to what it simplifies to."""
    return Row(step.left, tuple([right.template for right in step.rights]), _shape(step.node))


def result(step: Equation) -> Row:
    """The gradient in terms of values alone, or as far as that fits on a line."""
    return Row(step.left, ((step.closed or step.rights[-1]).template,), _shape(step.node))


def every_layer(graph: Graph, steps: Sequence[Equation], notation: Notation) -> tuple[Row, ...]:
    """What layers have in common, numbered: written for layer l, after the last layer L that it begins with."""
    rules = general(graph, steps)
    last = max([rule.layers[0] for rule in rules], default=0)
    rows = [Row(rule.left, (rule.right,), _which(rule, last, notation)) for rule in rules]
    return tuple([replace(row, remark=f"{row.remark}   ({i})") for i, row in enumerate(rows, 1)])


def _which(rule: Rule, last: int, notation: Notation) -> str:
    """The layers that a rule is for: `l = L−1 … 1`."""
    if rule.is_of_last:
        return f"L = {last}"
    first, *others = rule.layers
    begins = {last: "L", last - 1: "L−1"}.get(first, str(first))
    if others and rule.layers == tuple(range(first, others[-1] - 1, -1)):
        which = f"for l = {begins} … {others[-1]}"
    else:
        which = f"for l = {', '.join(map(str, rule.layers))}"
    return which if rule.inputs is None else f"{which}; {rule.inputs[0]} = {notation.names[rule.inputs[1]]}"


def _shape(node: GraphNode) -> str:
    return str(node.shape) if node.shape else ""
