"""A function of arrays, called once with traced ones: what it did is a program."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, final

import numpy as np

from tinygrad_bp.engine import Node, Trail, history
from tinygrad_bp.errors import TracingError
from tinygrad_bp.graph.naming import adds, name_nodes
from tinygrad_bp.modes import tracing
from tinygrad_bp.program.generators import traced_generator
from tinygrad_bp.program.step import CONSTANT, INPUT, Step
from tinygrad_bp.program.tracer import TracedArray, Tracer
from tinygrad_bp.tensor import Tensor


@final
@dataclass(frozen=True, eq=False)
class Program:
    """NumPy calls in order, from inputs to outputs: a value that passes rewrite and that source and backends read.

    name: of the function. inputs: the steps that are given, those of captured tensors last. captured: tensors that the
    function used without being given them. names: what steps are called, where they have a name. gradients: the name of
    each output that is a gradient, as one step may be several. backward_from: the place in the trace where the
    backward pass begins. sweeps: how many backward passes there are. scopes: where in the model steps belong, if they
    belong to a part of it; what leads to such a step belongs there too.
    """

    name: str
    inputs: Sequence[Step]
    captured: Sequence[Tensor]
    steps: Sequence[Step]
    outputs: Sequence[Step]
    names: Mapping[Step, str]
    gradients: Sequence[str | None]
    backward_from: int
    sweeps: int
    scopes: Mapping[Step, str] = field(default_factory=dict)

    @property
    def operations(self) -> list[Step]:
        """The steps that compute something."""
        return [step for step in self.steps if step.opcode not in (INPUT, CONSTANT)]

    @property
    def largest(self) -> int:
        """The number of elements of its largest array."""
        return max([step.size for step in self.steps], default=0)


@final
class NumbersNeeded(TracingError):
    """An op asks for a number that follows from inputs which are numbers: those at `places`."""

    def __init__(self, message: str, places: frozenset[int]):
        super().__init__(message)
        self.places = places


def traced(f: Callable[..., Any], name: str, given: Sequence[tuple[str, Any]]) -> tuple[Program, list[Any]]:
    """The program of a function from arrays to a list of results, as it was traced, and the results themselves.

    f is called with a tensor for each of the values given, which come with their names: once, or twice if it uses
    tensors from before. These are given to the program too, as far as f asks for no numbers of theirs. Raises
    TracingError if it asks for numbers, NumbersNeeded if an op does and they follow from some that are given.
    """
    generators = [x for _, x in given if isinstance(x, np.random.Generator)]
    before = [generator.bit_generator.state for generator in generators]
    once = _traced_once(f, name, given, ())
    if not once.used:
        return once.program, once.results
    after = [generator.bit_generator.state for generator in generators]
    _draw_from(generators, before)
    try:
        with _kept(once.used):
            again = _traced_once(f, name, given, once.used)
        return again.program, again.results
    except TracingError:
        if once.alone is not None:
            raise
    _draw_from(generators, after)
    return once.program, once.results


@contextmanager
def _kept(tensors: Sequence[Tensor]) -> Iterator[None]:
    """After the body the tensors have the values again that they had before."""
    values = [tensor.value for tensor in tensors]
    try:
        yield
    finally:
        for tensor, value in zip(tensors, values, strict=True):
            tensor.value = value


def _draw_from(generators: Sequence[np.random.Generator], states: Sequence[Any]) -> None:
    for generator, state in zip(generators, states, strict=True):
        generator.bit_generator.state = state


@final
@dataclass(frozen=True, eq=False)
class _Trace:
    """What a call of a function did, and gave. used: tensors from before; alone: an op that was given only such."""

    program: Program
    results: list[Any]
    used: Sequence[Tensor]
    alone: Node | None


def _traced_once(
    f: Callable[..., Any], name: str, given: Sequence[tuple[str, Any]], captured: Sequence[Tensor]
) -> _Trace:
    """Call f; the captured tensors get values of the program."""
    tracer, since = Tracer(), Node(None).number
    trail: Trail = []
    inputs = [tracer.input(x) for _, x in given]
    for tensor in captured:
        tensor.value = tracer.input(tensor.value)
    try:
        with tracing(trail):
            results = f(*[_argument(x, n) for x, (n, _) in zip(inputs, given, strict=True)])
    except TracingError as error:
        places = _numbers_behind(tracer.needed, inputs)
        if places:
            raise NumbersNeeded(str(error), places) from error
        raise
    nodes = _nodes([*[y for y in results if isinstance(y, Node)], *[node for node, _, _ in trail[:1]]], since)
    names = {x.step: n for x, (n, _) in zip(inputs, given, strict=True)}
    names |= {tensor.value.step: tensor.name or "x" for tensor in captured}
    inputs += [tensor.value for tensor in captured]
    gradients = name_steps(nodes, trail, names)
    outputs = [_output(tracer, y) for y in results]
    told = [found.pop(0) if (found := gradients.get(y.step)) else None for y in outputs]
    used, alone = _used(nodes, since)
    differentiated = trail[0][0].value if trail else None
    turn = differentiated.step.place if isinstance(differentiated, TracedArray) else len(tracer.steps)
    steps, ends = [x.step for x in inputs], [y.step for y in outputs]
    program = Program(
        name, steps, captured, tracer.steps, ends, names, told, turn, _sweeps(trail), _scopes(nodes, trail)
    )
    constants = _captured(tracer, nodes, since)
    return _Trace(_given(program, constants), [y.value for y in outputs], used, alone)


def _numbers_behind(step: Step | None, inputs: Sequence[TracedArray]) -> frozenset[int]:
    """The places of the inputs that a step is computed from; none if one of them is an array, or anything is drawn."""
    behind: set[Step] = set()
    pending = [] if step is None else [step]
    while pending:
        latest = pending.pop()
        if latest not in behind:
            behind.add(latest)
            pending += latest.operands
    places = frozenset([i for i, x in enumerate(inputs) if x.step in behind])
    fixed = all(x.pure for x in behind) and not any(isinstance(inputs[i].value, np.ndarray) for i in places)
    fixed &= len(places) == len([x for x in behind if x.opcode == INPUT])
    return places if fixed else frozenset()


def _sweeps(trail: Trail) -> int:
    """How many sweeps left the trail: each goes from newer nodes to older ones."""
    numbers = [node.number for node, _, _ in trail]
    return sum([before < after for before, after in pairwise(numbers)], start=bool(numbers))


def _argument(x: TracedArray, name: str) -> Any:
    """What the function is given for an input."""
    return traced_generator(x) if isinstance(x.value, np.random.Generator) else Tensor(x, name=name)


def _nodes(roots: Sequence[Node], since: int) -> list[Node]:
    """Every node younger than `since` that led to the roots, with the older ones they were computed from."""
    made = history(roots, since)
    found = {p.number: p for node in made for p in node.parents if isinstance(p, Node)}
    found |= {node.number: node for node in [*made, *roots]}
    return [found[number] for number in sorted(found)]


def _output(tracer: Tracer, y: Any) -> TracedArray:
    """A result as an array of the program."""
    value = y.value if isinstance(y, Node) else y
    if not isinstance(value, TracedArray | np.ndarray | np.generic):
        value = np.asarray(value)[()]
    return tracer.lifted(value)


def _used(nodes: Sequence[Node], since: int) -> tuple[list[Any], Node | None]:
    """Tensors from before the trace whose plain values ops were given, and an op that was given nothing else."""
    used: dict[int, Node] = {}
    alone: Node | None = None
    for node in nodes:
        pairs = zip(node.parents, node.inputs, strict=True)
        older = [p for p, x in pairs if isinstance(p, Node) and p.number < since and not isinstance(x, TracedArray)]
        used |= {p.number: p for p in older}
        if older and not _is_traced(node.value):
            alone = node
    return [used[number] for number in sorted(used)], alone


def _captured(tracer: Tracer, nodes: Sequence[Node], since: int) -> dict[Tensor, Step]:
    """Tensors from before the trace, whose values may change until the program runs, and the constants they were."""
    found: dict[Any, Step] = {}
    for node in nodes:
        step = tracer.constants.get(id(node.value))
        if step is not None and node.number < since:
            found[node] = step
    return found


def _is_traced(value: Any) -> bool:
    """Whether a value, or one of its parts, is computed by the program."""
    return any(isinstance(part, TracedArray) for part in getattr(value, "parts", (value,)))


def _given(program: Program, captured: Mapping[Tensor, Step]) -> Program:
    """The program with the values of captured tensors as inputs instead of constants."""
    if not captured:
        return program
    new = {step: replace(step, opcode=INPUT, value=None) for step in captured.values()}
    names = {new.get(step, step): name for step, name in program.names.items()}
    for tensor, step in captured.items():
        names[new[step]] = tensor.name or "x"
    steps = []
    for step in program.steps:
        new.setdefault(step, step.on(new))
        steps.append(new[step])
    return replace(
        program, inputs=[*program.inputs, *[new[step] for step in captured.values()]],
        captured=[*program.captured, *captured], steps=steps, outputs=[new[y] for y in program.outputs],
        names={new.get(step, step): name for step, name in names.items()},
        scopes={new.get(step, step): scope for step, scope in program.scopes.items()},
    )  # fmt: skip


# --- names ------------------------------------------------------------------------------------------------------------


def name_steps(nodes: Sequence[Node], trail: Trail, names: dict[Step, str]) -> dict[Step, list[str]]:
    """Give steps the names that their nodes have in a picture, and the cotangent of v the name dv.

    Returns the names of the gradients, for one step may be several: of leaves, in the order in which they were made.
    """
    forward = [node for node in nodes if not trail or node.number <= trail[0][0].number]
    named = {number: name for number, (name, told) in name_nodes(forward).items() if told} if forward else {}
    for node in forward:
        _name(node, named.get(node.number), names)
    sums = {_numbers(node.parents): node for node in nodes if adds(node)}
    totals: dict[int, Any] = {}
    for node, i, share in trail:
        number = node.parents[i].number
        before = totals.get(number)
        totals[number] = share if before is None else sums.get(_numbers((before, share)), share)
    for number, total in totals.items():
        _name(total, f"d{named[number]}" if number in named else None, names)
    gradients: dict[Step, list[str]] = {}
    for leaf in forward:
        step = _step(totals.get(leaf.number))
        if leaf.op is None and step is not None and leaf.number in named:
            gradients.setdefault(step, []).append(f"d{named[leaf.number]}")
    return gradients


def _scopes(nodes: Sequence[Node], trail: Trail) -> dict[Step, str]:
    """The scopes of the steps that nodes are computed by, and of those that take a cotangent back through them."""
    pairs = [*[(share, node.scope) for node, _, share in trail], *[(node, node.scope) for node in nodes]]
    return {step: scope for x, scope in pairs if scope and (step := _step(x)) is not None}


def _numbers(values: Sequence[Any]) -> tuple[int, ...]:
    """What tells nodes apart; constants, a cotangent of 0 among them, have 0."""
    return tuple([getattr(v, "number", 0) for v in values])


def _name(node: Any, name: str | None, names: dict[Step, str]) -> None:
    step = _step(node)
    if name and step is not None:
        names.setdefault(step, name)


def _step(node: Any) -> Step | None:
    value = node.value if isinstance(node, Node) else node
    return value.step if isinstance(value, TracedArray) else None
