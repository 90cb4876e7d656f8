"""`tutor`: gradients to write down by hand, judged beside backward(), with the first wrong factor named."""

from __future__ import annotations

from typing import Any

from tinygrad_bp.calls import guarded
from tinygrad_bp.derive import whole
from tinygrad_bp.errors import ArgumentError, describe
from tinygrad_bp.tutor.exercises import Exercise as Exercise, Tutor as Tutor
from tinygrad_bp.tutor.samples import examples, samples
from tinygrad_bp.tutor.verdict import Verdict as Verdict
from tinygrad_bp.tutor.vocabulary import vocabulary

MOST_ELEMENTS = 100_000
"""Of all values together: an answer is evaluated some thousand times to find out what is wrong with it."""


@guarded
def tutor(C: Any) -> Tutor:
    """Exercises on the computation of C: write down ∂C/∂v for a value v, and learn which factor is wrong.

    C is a tensor with one number. An answer is read, never run as Python, and evaluated on the graph's numbers and on
    others; it is right if it gives what backward() gives. If it does not, corrections are tried, a transposition,
    another layer's symbol, a forgotten g′, and the one that makes it right names the mistake and its place.

    Raises ArgumentError if the graph is too large, NonScalarBackwardError, NoGradientError, GraphFreedError.

    >>> import tinygrad_bp as tg
    >>> C = tg.nn.NeuralNetwork([3, 2, 1], seed=0).cost_graph([[0.5], [1.0], [2.0]], [[1.0]])
    >>> tutor = tg.tutor(C)
    >>> print(*[exercise.name for exercise in tutor.exercises])
    z2 a2 W2 b2 a1 z1 W1 b1
    >>> tutor.check("z1", "W2.T @ dz2 * a1 * (1 - a1)")
    <right: Right.>
    >>> print(tutor.check("z1", "W2 @ dz2 * a1 * (1 - a1)"))
    W2 @ dz2 * a1 * (1 - a1)
    ^^
    W2 has to be transposed here.
    """
    graph, everything = whole(C)
    named = [node for node in graph.view("named").nodes if node.named]
    size = sum([node.data.size for node in named])
    if size > MOST_ELEMENTS:
        raise ArgumentError(
            f"tutor: at most {MOST_ELEMENTS} numbers in all values together; the graph of {describe(C)} has {size}. "
            "Take a smaller model, or fewer examples."
        )
    names = {node.id: node.name for node in named}
    return Tutor(graph, everything, samples(C, graph, names), vocabulary(graph), examples(graph))
