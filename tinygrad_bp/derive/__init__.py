"""`derive`: the chain rule written out in the article's notation, from the graph and the records of its ops."""

from __future__ import annotations

from typing import Any

from tinygrad_bp.calls import guarded
from tinygrad_bp.derive.derivation import Derivation as Derivation
from tinygrad_bp.derive.equations import Equation
from tinygrad_bp.derive.sweep import sweep
from tinygrad_bp.engine import Node
from tinygrad_bp.errors import ArgumentError, NoGradientError, NonScalarBackwardError, describe
from tinygrad_bp.graph import Graph, GraphNode, graph as snapshot, place
from tinygrad_bp.registry import OPS

MOST_NODES = 300
"""Nobody reads a longer derivation."""


def whole(C: Any) -> tuple[Graph, tuple[Equation, ...]]:
    """The graph of C, and the derivation of every gradient in it."""
    if not isinstance(C, Node):
        raise ArgumentError(f"derive: expected a tensor; got {type(C).__name__}. Pass the result of a computation.")
    value: Any = C.value
    if value.size != 1:
        raise NonScalarBackwardError(
            f"derive: the value to differentiate is one number; got {describe(C)}. Reduce it with sum() or mean()."
        )
    if not C.requires_grad:
        raise NoGradientError(
            f"derive: nothing that {describe(C)} was computed from requires a gradient. "
            "Make the parameters with requires_grad=True."
        )
    graph = snapshot(C)
    for node in graph.nodes:
        if node.kind == "op" and node.op not in OPS:
            raise ArgumentError(
                f"derive: the rule of {node.op} is a computation, and no formula. Write it out: a loop as a loop of "
                "Python's, a checkpoint as the function itself."
            )
    if len(graph.view("named").nodes) > MOST_NODES:
        raise ArgumentError(
            f"derive: at most {MOST_NODES} values can be derived one by one; the graph of {describe(C)} has "
            f"{len(graph.view('named').nodes)}. Name fewer values, or take a smaller model."
        )
    return graph, sweep(graph)


@guarded
def derive(C: Any, x: Any = None) -> Derivation:
    r"""The derivation of ∂C/∂x: chain rule, factors, the factors put together and simplified, the rule of every layer.

    C is a tensor with one number; x is a tensor that it was computed from, or the name of one. Formulas come from the
    records of the ops; SymPy, of the extra `derive`, simplifies what is elementwise; without it they stay as they are.
    Each formula is evaluated as it is printed and compared with the gradient of the reverse sweep.

    Raises ArgumentError if C does not depend on x, NoGradientError if x requires no gradient, NonScalarBackwardError,
    and GraphFreedError after a backward() that released the graph.

    >>> import tinygrad_bp as tg
    >>> W, X = tg.tensor([[0.1, 0.2]], requires_grad=True, name="W1"), tg.tensor([[1.0], [2.0]], name="X")
    >>> a = tg.sigmoid((W @ X).named("z1")).named("a1")
    >>> C = tg.binary_cross_entropy(a, tg.tensor([[1.0]], name="y")).named("C")
    >>> print(derive(C, W).text.partition("Result")[2])
    <BLANKLINE>
      ∂C/∂W1 = (a1 − y)·Xᵀ   (1, 2)
    """
    graph, steps = whole(C)
    if x is None:
        names = [step.node.name for step in steps if step.node.kind == "parameter"] or [graph.root.name]
        raise ArgumentError(
            f"derive: the derivative of {describe(C)} for which value? Its parameters: {', '.join(names)}. "
            f"Write derive(C, {names[0]!r}), or pass the tensor itself."
        )
    node = _node(graph, C, x)
    if node.id not in {step.node.id for step in steps}:
        raise NoGradientError(
            f"derive: no gradient of {describe(C)} flows to {describe(x)}. Make it with requires_grad=True."
        )
    derivation = Derivation(graph, node, steps)
    derivation.check()
    return derivation


def _node(graph: Graph, C: Any, x: Any) -> GraphNode:
    """Where x stands in the graph."""
    if isinstance(x, str):
        try:
            return graph[x]
        except KeyError as error:
            raise ArgumentError(f"derive: {describe(C)} depends on nothing named {x!r}: {error.args[0]}.") from error
    if not isinstance(x, Node):
        raise ArgumentError(f"derive: expected a tensor or a name to derive for; got {type(x).__name__}.")
    if x is C:
        raise ArgumentError(f"derive: the derivative of {describe(C)} for itself is 1. Pass what it was computed from.")
    at = place(C, x)
    if at is None:
        raise ArgumentError(
            f"derive: {describe(C)} does not depend on {describe(x)}. Pass a tensor it was computed from."
        )
    return [node for node in graph.nodes if node.kind != "constant"][at]
