"""Trading time for memory: a part of the graph that keeps its recipe and forgets its values."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial, wraps
from typing import Any, TypeVar, final

from tinygrad_bp.domains import Reals
from tinygrad_bp.engine import Node, Op, apply, history
from tinygrad_bp.errors import ArgumentError
from tinygrad_bp.modes import current_mode
from tinygrad_bp.transforms.forward import push
from tinygrad_bp.transforms.inputs import Function, Inputs, call, require_function
from tinygrad_bp.trees import flatten

F = TypeVar("F", bound=Function)


def checkpoint(f: F) -> F:
    """f, but what it computes on the way is not kept: the backward pass computes it again from f's inputs.

    Value and derivatives of every order stay the same, also for tensors that f does not get as arguments (the
    parameters of a layer). The ops are replayed as they were recorded, f itself is not called again, so random numbers
    and branches stay what they were. In a graph each result of f is one node; the results are recomputed one by one.
    While a graph is traced, for code or a picture of f's inside, f is recorded as it is.

    >>> import tinygrad_bp as tg
    >>> x = tg.tensor(2.0, requires_grad=True)
    >>> y = checkpoint(lambda x: (x * x) * x)(x)
    >>> y.backward()
    >>> y.op, x.grad
    (<op checkpoint>, array(12.))
    """
    require_function("checkpoint", f)

    @wraps(f)
    def recomputing(*args: Any, **kwargs: Any) -> Any:
        if current_mode().tracing:
            return f(*args, **kwargs)
        since = Node(None).number
        result = f(*args, **kwargs)
        made = [y for y in flatten(result)[0] if isinstance(y, Node) and y.op is not None and y.number > since]
        name = getattr(f, "__name__", type(f).__name__)
        for y, segment, inputs in [(y, *_taken_apart(y, since, name)) for y in made]:
            y.op, y.operands, y.inputs, y.params = segment.record(), inputs, [p.value for p in inputs], {}
        return result

    return recomputing  # type: ignore[return-value]


def _taken_apart(y: Node, since: int, name: str) -> tuple[_Segment, list[Node]]:
    """How y was computed, and the tensors from before that a derivative can reach."""
    steps = [node for node in history([y], since) if node.op is not None]
    inside = {node.number for node in steps}
    around = {p.number: p for node in steps for p in node.parents if isinstance(p, Node) and p.number not in inside}
    inputs = [p for p in around.values() if p.requires_grad]
    return _Segment(steps, [p.number for p in inputs], name), inputs


@final
class _Segment:
    """The ops of a part of a graph, to be replayed on other inputs; the values that they gave are not kept."""

    def __init__(self, nodes: Sequence[Any], inputs: list[int], name: str):
        self.inputs = inputs
        self.name = name if name.isidentifier() else "checkpoint"
        self.constants: dict[int, Any] = {}
        self.last: tuple[Any, list[Any]] | None = None
        known = {*inputs, *[node.number for node in nodes]}
        self.steps = [(n.number, n.op, n.params, self._keys(n, known)) for n in nodes]

    def _keys(self, node: Any, known: set[int]) -> list[int]:
        return [self._key(p, x, known) for p, x in zip(node.parents, node.inputs, strict=True)]

    def _key(self, operand: Any, value: Any, known: set[int]) -> int:
        if isinstance(operand, Node) and operand.number in known:
            return operand.number
        key = -1 - len(self.constants)
        self.constants[key] = value
        return key

    def record(self) -> Op:
        """One op on the segment's inputs. It holds the segment, which must not hold it: the two would be a cycle."""
        indices = range(len(self.inputs))
        vjps, jvps = [[partial(rule, i) for i in indices] for rule in (self.vjp, self.jvp)]
        latex = rf"\operatorname{{{self.name}}}({', '.join([f'{{{i}}}' for i in indices])})"
        return Op(self.name, self.replay, vjps, jvps, latex, Reals(), call=self.call)

    def call(self, *xs: Any) -> Any:
        """The segment as an op, for a checkpoint around it."""
        return apply(self.record(), xs) if any(isinstance(x, Node) for x in xs) else self.replay(*xs)

    def replay(self, *xs: Any) -> Any:
        """The same ops on other inputs."""
        found = self.constants | dict(zip(self.inputs, xs, strict=True))
        for number, op, params, operands in self.steps:
            found[number] = op.call(*[found[key] for key in operands], **params)
        return found[number]

    def vjp(self, i: int, g: Any, y: Any, *xs: Any) -> Any:
        """The cotangent of input i. A sweep asks for one input after the other; all come from one recomputation."""
        last = self.last
        if last is None or last[0] is not g:
            inputs, again = self._recomputed(g, xs)
            last = self.last = g, inputs.pull([again], [g])
        if i == len(xs) - 1:
            self.last = None
        return last[1][i]

    def jvp(self, i: int, t: Any, y: Any, *xs: Any) -> Any:
        """What the tangent of input i adds to y's."""
        inputs, again = self._recomputed(t, xs)
        return inputs.leaf(push(inputs, [again], [t if j == i else None for j in range(len(xs))])[0])

    def _recomputed(self, moving: Any, xs: Any) -> tuple[Inputs, Any]:
        if current_mode().tracing:
            raise ArgumentError(f"{self.name}: the rule of a checkpoint is a computation, and no formula.")
        inputs = Inputs(xs, nested=any(isinstance(x, Node) for x in (moving, *xs)))
        return inputs, call(self.replay, *inputs.values)
