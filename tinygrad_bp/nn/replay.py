"""A function of tensors, recorded once and repeated on arrays: what is left of it is a list of ops."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from operator import itemgetter
from typing import Any, final

from tinygrad_bp.engine import Node
from tinygrad_bp.modes import tracing
from tinygrad_bp.registry import OPS
from tinygrad_bp.tensor import asarray

Replay = Callable[..., Sequence[Any]]


def recorded(function: Callable[..., Sequence[Any]], *inputs: Any) -> Replay:
    """What `function` does to tensors of these inputs' shapes and dtypes, as a function that only computes.

    `function` is called once, with tensors; the ops that its results depend on are written down in the order they were
    made. Given a gradient function, that is the forward and the backward pass without making a node, and without the
    ops that only the value of the cost needs. `function` must return tensors and must not branch on values.

    >>> import tinygrad_bp as tg
    >>> step = recorded(tg.grad(lambda x, y: x * x * y, argnums=(0, 1)), 3.0, 1.0)
    >>> [float(g) for g in step(5.0, 2.0)]
    [20.0, 25.0]
    """
    with tracing():
        leaves = [asarray(x, requires_grad=True) for x in inputs]
        results = function(*leaves)
    program = _Program(leaves)
    for node in _history(results):
        program.add(node)
    return program.finished(results)


def _history(results: Iterable[Any]) -> list[Node]:
    """The nodes that the results depend on, oldest first."""
    found: dict[int, Node] = {}
    pending = [r for r in results if isinstance(r, Node)]
    while pending:
        node = pending.pop()
        if node.number not in found:
            found[node.number] = node
            pending += [p for p in node.parents if isinstance(p, Node)]
    return [found[number] for number in sorted(found)]


@final
class _Program:
    """Ops that read and write the slots of one list, which starts with the inputs; constants lie between."""

    def __init__(self, leaves: Sequence[Node]):
        self.slots = {leaf.number: i for i, leaf in enumerate(leaves)}
        self.memory: list[Any] = [None] * len(leaves)
        self.steps: list[tuple[int, Callable[..., Any], Callable[..., Any]]] = []

    def add(self, node: Node) -> None:
        if node.op is None or not any(isinstance(p, Node) and p.number in self.slots for p in node.parents):
            return  # it does not depend on the inputs
        operands = [self.slot(p) for p in node.parents]
        if node.op is OPS["identity"]:
            self.slots[node.number] = operands[0]
            return
        compute = partial(node.op.forward, **node.params) if node.params else node.op.forward
        self.slots[node.number] = len(self.memory)
        self.steps.append((len(self.memory), compute, _picker(operands)))
        self.memory.append(None)

    def slot(self, operand: Any) -> int:
        if isinstance(operand, Node) and operand.number in self.slots:
            return self.slots[operand.number]
        self.memory.append(operand.value if isinstance(operand, Node) else operand)
        return len(self.memory) - 1

    def finished(self, results: Sequence[Any]) -> Replay:
        chosen = _picker([self.slot(r) for r in results])
        steps, memory = self.steps, self.memory

        def replay(*inputs: Any) -> Any:
            values = memory.copy()
            values[: len(inputs)] = inputs
            for slot, compute, operands in steps:
                values[slot] = compute(*operands(values))
            return chosen(values)

        return replay


def _picker(slots: Sequence[int]) -> Callable[[list[Any]], Sequence[Any]]:
    """The function that takes these slots out of a list, always as a sequence."""
    return itemgetter(*slots) if len(slots) > 1 else itemgetter(slice(slots[0], slots[0] + 1))
