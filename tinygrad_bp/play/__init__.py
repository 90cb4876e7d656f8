"""`play`: a page in which a computation lives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tinygrad_bp.calls import guarded
from tinygrad_bp.derive.equations import Equation, agree
from tinygrad_bp.derive.sweep import sweep
from tinygrad_bp.engine import Node
from tinygrad_bp.errors import (
    ArgumentError,
    NoGradientError,
    NonScalarBackwardError,
    ShapeError,
    TinygradError,
    describe,
)
from tinygrad_bp.graph import Graph, graph as snapshot
from tinygrad_bp.play.page import LivingPage as LivingPage
from tinygrad_bp.play.replay import Replay, replay

MOST_NODES = 100
"""Nobody plays with a larger picture."""

MOST_EXAMPLES = 500
"""The page works out the cost with each of them whenever a number changes."""


@guarded
def play(C: Any, examples: Mapping[str, Any] | Sequence[Any] | None = None) -> LivingPage:
    """A page in which the computation of C lives: change a number, and picture, gradients, formulas and cost follow.

    C is a tensor with one number. Its program, forward and backward, is in the page as JavaScript, with sliders for its
    leaves, steps of gradient descent for those that require a gradient, and a learning rate. `save` writes it: one
    file, which asks nothing of a network.
    examples: what inputs can be instead, one after the other: arrays by the names of the inputs, or in the order of the
    leaves that require no gradient. Entry i is example i, and has as many numbers as the input.

    Raises TracingError for an op that has no form in JavaScript, NonScalarBackwardError, NoGradientError, ShapeError or
    ArgumentError.

    >>> import tinygrad_bp as tg
    >>> w, x = tg.tensor(0.5, requires_grad=True, name="w"), tg.tensor(2.0, name="x")
    >>> page = play(tg.tanh(w * x).named("C"), examples={"x": [2.0, -1.0, 0.3]})
    >>> page
    <living page of C: w, x>
    >>> print(page.script.splitlines()[4].strip())
    const C = np.each((t1) => Math.tanh(t1), t1);
    """
    _require_cost(C)
    graph = snapshot(C)
    shown = graph.view("named")
    if len(shown.nodes) > MOST_NODES:
        raise ArgumentError(
            f"play: at most {MOST_NODES} values fit on a page; the graph of {describe(C)} has {len(shown.nodes)}. "
            "Name fewer values, or take a smaller model."
        )
    made = replay(C, graph, shown)
    _require_same(made, graph)
    return LivingPage(graph, _equations(graph), made, _examples(examples, made))


def _require_cost(C: Any) -> None:
    if not isinstance(C, Node):
        raise ArgumentError(f"play: expected a tensor; got {type(C).__name__}. Pass the result of a computation.")
    if C.value.size != 1:
        raise NonScalarBackwardError(
            f"play: what is played with is one number; got {describe(C)}. Reduce it with sum() or mean()."
        )
    if not C.requires_grad:
        raise NoGradientError(
            f"play: nothing that {describe(C)} was computed from requires a gradient. "
            "Make the parameters with requires_grad=True."
        )


def _require_same(made: Replay, graph: Graph) -> None:
    """The program has to give what is in the graph."""
    known = {node.id: node for node in graph.nodes}
    first = len(made.inputs)
    for key, place in made.gradients.items():
        if not agree(np.asarray(made.results[place - first]), known[key].gradient_data):
            raise ArgumentError(
                f"play: the gradient of {known[key].name} is not what backward() computes. "
                "Remove the hooks that change gradients on the way."
            )


def _equations(graph: Graph) -> tuple[Equation, ...]:
    """The derivation of every gradient; none where it cannot be written."""
    try:
        return sweep(graph)
    except TinygradError:
        return ()


def _examples(given: Mapping[str, Any] | Sequence[Any] | None, made: Replay) -> Mapping[str, Any]:
    """Examples by the name of their input."""
    if given is None:
        return {}
    inputs = {node.name: node for node in made.inputs}
    if not isinstance(given, Mapping):
        names = [node.name for node in made.inputs if node.kind == "input"]
        if len(given) != len(names):
            raise ArgumentError(
                f"play: examples are for the inputs {', '.join(names) or '(there are none)'}; got {len(given)} arrays."
            )
        given = dict(zip(names, given, strict=True))
    found = {name: np.asarray(x) for name, x in given.items()}
    for name, x in found.items():
        if name not in inputs:
            raise ArgumentError(f"play: no input is named {name!r}; there are {', '.join(inputs)}.")
        size = int(np.prod(inputs[name].shape))
        if not x.ndim or len(x) == 0 or x[0].size != size:
            raise ShapeError(
                f"play: an example of {name} has {size} numbers, as {name} {inputs[name].shape}; got examples "
                f"{x.shape}. Make the graph for one example, and put the examples along the first axis."
            )
    counts = {name: len(x) for name, x in found.items()}
    if len(set(counts.values())) > 1 or max(counts.values(), default=1) > MOST_EXAMPLES:
        raise ArgumentError(f"play: as many examples for each input, at most {MOST_EXAMPLES}; got {counts}.")
    return found
