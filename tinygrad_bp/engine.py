"""Reverse-mode differentiation, the whole idea on one page.

Three things make it:

1. An **op** is a record: how to compute `y = f(x₀, x₁, …)`, and for each input the rule that carries a cotangent back
   through it, the vector–Jacobian product `g ↦ gᵀ·∂y/∂xᵢ`, and the one that carries a tangent forward.
2. A **node** is one computed value, with its op and its parents. Running a program on nodes builds the forward graph.
3. The **sweep** walks that graph from the newest node to the oldest. A node is older than what was computed from it, so
   at its turn every path to it has delivered: the chain rule is one addition where paths meet and one rule per edge.

Rules use operators, ufuncs and array methods only. Given arrays they compute; given nodes they record, and the
backward pass is a graph like any other: it can be differentiated, drawn and printed.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from operator import attrgetter
from typing import Any

import numpy as np

from tinygrad_bp.broadcasting import unbroadcast
from tinygrad_bp.calls import described, refuse
from tinygrad_bp.constants import IMMUTABLE, constant, copied
from tinygrad_bp.domains import Domain
from tinygrad_bp.errors import GraphFreedError, ShapeError, StaleValueError, describe
from tinygrad_bp.modes import MODE, current_mode, ignoring, in_force
from tinygrad_bp.traits import NONE, Traits

Rule = Callable[..., Any]


@dataclass(frozen=True, eq=False, repr=False)
class Op:
    """One operation: its forward function, a VJP and a JVP for every input, its formula and its test domain.

    A rule is called as `vjp(g, y, *inputs, **params)` and `jvp(t, y, *inputs, **params)`, a VJP of an op that `joins`
    many inputs without them; `None` is that of an input without a derivative. `traits` tell readers what it means.
    """

    name: str
    forward: Callable[..., Any]
    vjps: Sequence[Rule | None]
    jvps: Sequence[Rule | None]
    latex: str
    domain: Domain
    derivatives: tuple[Rule | None, ...] | None = None
    convention: str = ""
    defaults: Mapping[str, Any] = field(default_factory=dict)
    differentiable: bool = True
    joins: bool = False
    explain: Callable[..., str] | None = None
    traits: Traits = NONE
    internal: bool = False
    call: Callable[..., Any] = lambda: None

    def __repr__(self) -> str:
        return f"<op {self.name}>"


_numbers = count(1)
_number = attrgetter("number")
_NOTHING: Mapping[str, Any] = {}


class Node:
    """A value, and where it came from.

    `value` is what the op returned (never written to again), `operands` what it was given: nodes, and constants as they
    are; `inputs` are the operands' values at that moment, so an operand may be given a new value later. Both are `None`
    once `backward` has released the graph. `number` counts nodes in the order they were made. `past` exists only after
    `t[i] = v`: what t was before each assignment.
    """

    __slots__ = (
        "__weakref__", "grad", "hooks", "inputs", "name", "number", "op", "operands", "params", "past", "requires_grad",
        "retains_grad", "scope", "value",
    )  # fmt: skip

    def __init__(self, value: Any, requires_grad: bool = False, name: str | None = None):
        """A leaf: a value that nothing was computed for."""
        self.past: list[Node]
        self.value: Any = value
        self.op: Op | None = None
        self.operands: Any = ()
        self.inputs: Any = ()
        self.params: Mapping[str, Any] = _NOTHING
        self.requires_grad: bool = requires_grad
        self.scope: str = ""
        self.number: int = next(_numbers)
        self.name: str | None = name
        self.grad: np.ndarray[Any, Any] | None = None
        self.hooks: tuple[Callable[[Any], Any], ...] | None = None
        self.retains_grad: bool = False

    @property
    def parents(self) -> Any:
        """The operands, each as it was when this node was made."""
        operands = self.operands
        for p in operands or ():
            if isinstance(p, Node) and p.number >= self.number:
                return tuple([_before(p, self.number) if isinstance(p, Node) else p for p in operands])
        return operands


def _before(node: Node, number: int) -> Node:
    """What a node was when another of this number was made: `t[i] = v` makes t newer and keeps what it was."""
    return node.past[bisect_left(node.past, number, key=_number) - 1] if node.number >= number else node


def history(roots: Iterable[Node], since: int = 0, stop: Iterable[Node | int] = ()) -> list[Node]:
    """Every node behind the roots, themselves included, oldest first: the forward graph, in the order it was made.

    Nodes numbered below `since` are left out; the walk does not go past the nodes, or the numbers of nodes, in `stop`.
    """
    ends = {end.number if isinstance(end, Node) else end for end in stop}
    found: dict[int, Node] = {}
    pending = list(roots)
    while pending:
        node = pending.pop()
        if node.number < since or node.number in found:
            continue
        found[node.number] = node
        if node.number not in ends:
            if (parents := node.parents) is None:
                raise freed(node)
            pending += [p for p in parents if isinstance(p, Node)]
    return [found[number] for number in sorted(found)]


_new = object.__new__


def apply(record: Op, args: tuple[Any, ...], params: Mapping[str, Any] = _NOTHING) -> Any:
    """Compute an op on nodes and constants and record the result, if a gradient may be asked of it."""
    inputs = []
    requires_grad = mutable = False
    for a in args:
        if isinstance(a, Node):
            inputs.append(a.value)
            kind = a.__class__
            if a.requires_grad:
                requires_grad = True
        else:
            if a.__class__ not in IMMUTABLE:
                mutable, a = True, constant(a)
            inputs.append(a)
    try:
        value = record.forward(*inputs, **params) if params else record.forward(*inputs)
    except Exception as error:  # it is explained, or raised again
        refuse(record.name, record.forward, args, params, error, record.explain, recorded=True)
    if value.__class__ is complex:  # a Python number times a NumPy one, which Python takes for its own
        value = np.complex128(value)
    if (now := MODE.get()).lock is not None and (now.mixed or not now.lock.locked()):
        now = in_force(now)
    if now.anomaly:
        now.anomaly.made(record, args, inputs, params, value)
    if not now.recording or not (requires_grad or now.tracing):
        return kind(value)
    if mutable:  # the caller may write into a plain array before the sweep reads it
        args = tuple([a if isinstance(a, Node) or a.__class__ in IMMUTABLE else copied(a) for a in args])
        inputs = [a.value if isinstance(a, Node) else a for a in args]
    node = _new(kind)
    node.value = value
    node.op = record
    node.operands = args
    node.inputs = inputs
    node.params = params
    node.requires_grad = requires_grad and record.differentiable
    node.scope = now.scope
    node.number = next(_numbers)
    node.name = node.grad = node.hooks = None
    node.retains_grad = False
    return node


# --- the reverse sweep ------------------------------------------------------------------------------------------------

Trail = list[tuple[Node, int, Any]]


@ignoring(divide="ignore", over="ignore", invalid="ignore")
def sweep(
    root: Node, seed: Any, *, since: int = 0, as_graph: bool = False, trail: Trail | None = None, release: bool = False
) -> list[tuple[Node, Any]]:
    """Carry the cotangent `seed` of `root` back to every node it depends on, newest first.

    Returns (node, cotangent) for the leaves and for the nodes that retain their gradient; writes to no gradient. Nodes
    numbered below `since` are left out. With `as_graph` the rules see nodes instead of arrays, so the cotangents are
    nodes that can be differentiated again. `trail` receives, edge by edge, (node, index of the parent, what the edge
    adds to the parent's cotangent). With `release` a node forgets its parents and saved inputs once its rules are done.
    """
    cotangents = {root.number: seed}
    totals: set[int] = set()  # which cotangents are arrays made here, sums of shares
    pending = [(-root.number, root)]
    arrived = [root] if root.op is None or root.retains_grad else []
    watcher: Any = current_mode().anomaly or None if trail is None else trail
    while pending:
        node = heappop(pending)[1]
        g = cotangents.pop(node.number)
        if node.hooks is not None:
            g = _run_hooks(node, g)
        if node.op is None or node.retains_grad:
            cotangents[node.number] = g
            if node.op is None:
                continue
        for i, parent, share in pull(node, g, since, as_graph):
            key = parent.number
            if watcher is not None:
                watcher.append((node, i, share))
            if key in cotangents:
                if key in totals and share.__class__ is np.ndarray:
                    cotangents[key] += share  # in place: nobody else has seen this array
                    continue
                cotangents[key] = total = cotangents[key] + share
                (totals.add if total.__class__ is np.ndarray else totals.discard)(key)
                continue
            if parent.op is None or parent.retains_grad:
                arrived.append(parent)
                if not as_graph and (share is g or share.base is not None):
                    share = share.copy()  # a gradient that is kept owns its memory
            cotangents[key] = share
            if parent.op is not None or parent.hooks is not None:
                heappush(pending, (-key, parent))
        if release:
            node.operands = node.inputs = None
    return [(node, cotangents[node.number]) for node in arrived]


def pull(node: Any, g: Any, since: int, as_graph: bool) -> list[tuple[int, Node, Any]]:
    """The chain rule at one node: what its cotangent g adds to that of each parent, with the parent's index."""
    number, operands, rules, params = node.number, node.operands, node.op.vjps, node.params
    if operands is None:
        raise freed(node)
    y = node if as_graph else node.value
    inputs = () if node.op.joins else current(node) if as_graph else node.inputs
    shares = []
    for i, parent in enumerate(operands):
        if not isinstance(parent, Node):
            continue
        if parent.number >= number:
            parent = _before(parent, number)
        rule, value = rules[i], parent.value
        if rule is None or not parent.requires_grad or parent.number < since:
            continue
        try:
            share = rule(g, y, *inputs, **params) if params else rule(g, y, *inputs)
            if share.shape != value.shape or share.dtype is not value.dtype:
                share = _fitted(share, value)
        except Exception as error:  # it is explained, or raised again
            refuse(f"the derivative of {node.op.name}", node.op.forward, inputs, params, error)
        shares.append((i, parent, share))
    return shares


def _fitted(share: Any, value: Any) -> Any:
    """A cotangent in the shape and dtype of the input it belongs to."""
    if share.shape != value.shape:
        share = unbroadcast(share, value.shape)
    if share.dtype.kind == "c" and value.dtype.kind != "c":
        share = share.real
    return share if share.dtype == value.dtype else share.astype(value.dtype)


def current(node: Any) -> Any:
    """The parents for rules that record: nodes that still have the value that was used, and constants."""
    found = []
    for parent, used in zip(node.parents, node.inputs, strict=True):
        if isinstance(parent, Node) and parent.value is not used:
            if parent.requires_grad:
                raise StaleValueError(
                    f"{describe(parent)} was given a new value after {node.op.name} used it, and the graph of the "
                    "derivative needs the old one. Differentiate before updating, or compute the forward pass again."
                )
            parent = used
        found.append(parent)
    return found


def _run_hooks(node: Any, g: Any) -> Any:
    for hook in node.hooks:
        replaced = hook(g)
        if replaced is None:
            continue
        if getattr(replaced, "shape", None) != node.value.shape:
            raise ShapeError(
                f"a hook of {describe(node)} returned {described(replaced)}. Return a cotangent of the tensor's shape, "
                "or None to leave it as it is."
            )
        g = _fitted(replaced, node.value)
    return g


def freed(node: Any) -> GraphFreedError:
    """The error for a node whose graph is gone."""
    return GraphFreedError(
        f"the graph behind {describe(node)}, made by {node.op.name}, was released by an earlier backward(). "
        "Call backward(retain_graph=True) the first time, or compute the forward pass again."
    )
