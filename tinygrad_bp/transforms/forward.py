"""Forward mode: Jacobian–vector products."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, overload

import numpy as np

from tinygrad_bp.annotations import Array, Number, Operand
from tinygrad_bp.calls import guarded
from tinygrad_bp.engine import Node, current, history
from tinygrad_bp.errors import ArgumentError
from tinygrad_bp.modes import current_mode, ignoring, transforming
from tinygrad_bp.ops.shaping import broadcast_to
from tinygrad_bp.tensor import Tensor
from tinygrad_bp.transforms.inputs import Function, Inputs, as_tensor, call, require_function, shaped, suited
from tinygrad_bp.transforms.signatures import Value
from tinygrad_bp.trees import aligned, flatten


@overload
def jvp(f: Callable[..., Value], xs: Sequence[Tensor], ts: Sequence[Operand]) -> tuple[Tensor, Tensor]: ...
@overload
def jvp(f: Callable[..., Value], xs: Sequence[Array | Number], ts: Sequence[Array | Number]) -> tuple[Array, Array]: ...
@overload
def jvp(f: Function, xs: Sequence[Any], ts: Sequence[Any]) -> tuple[Any, Any]: ...
@guarded
def jvp(f: Function, xs: Sequence[Any], ts: Sequence[Any]) -> tuple[Any, Any]:
    """(f(*xs), Σ ∂f/∂x·t): the Jacobian–vector product along the tangents ts, one for each x, by forward mode.

    >>> import tinygrad_bp as tg
    >>> tg.jvp(lambda x: x * x, (3.0,), (1.0,))
    (array(9.), array(6.))
    """
    require_function("jvp", f)
    if len(xs) != len(ts):
        raise ArgumentError(f"jvp: {len(xs)} arguments need as many tangents; got {len(ts)}.")
    given = [leaf for i, (x, t) in enumerate(zip(xs, ts, strict=True)) for leaf in aligned(t, x, f"jvp: tangent {i}")]
    inputs = Inputs(xs).with_tensors(given)
    leaves, rebuild = flatten(call(f, *inputs.values))
    outputs = [as_tensor(y) for y in leaves]
    moved = push(
        inputs, outputs, [shaped(t, x, "jvp: the tangent") for x, t in zip(inputs.tensors, given, strict=True)]
    )
    return rebuild(iter([inputs.result(y) for y in outputs])), rebuild(iter([inputs.leaf(t) for t in moved]))


@ignoring(divide="ignore", over="ignore", invalid="ignore")
def push(inputs: Inputs, outputs: Sequence[Node], tangents: Sequence[Any]) -> list[Any]:
    """The forward sweep: the tangents of the outputs for tangents of the inputs, oldest node first.

    A tangent that is None counts as zero.
    """
    as_graph = inputs.nested and current_mode().recording
    given = zip(inputs.tensors, tangents, strict=True)
    found = {x.number: suited(t, as_graph) for x, t in given if t is not None}
    with transforming():
        for node in history(outputs, inputs.since):
            if node.number in found or node.op is None:
                continue
            record = node.op
            y, xs = (node, current(node)) if as_graph else (node.value, node.inputs)
            moved = [found.get(p.number) if isinstance(p, Node) else None for p in node.parents]
            total = None
            if record.joins and any(t is not None for t in moved):
                total = record.call(*map(_moved, moved, node.inputs), **node.params)
            else:
                for rule, t in zip(record.jvps, moved, strict=False):
                    if rule is not None and t is not None:
                        share = rule(t, y, *xs, **node.params)
                        total = share if total is None else total + share
            if total is not None:
                found[node.number] = _fitted(total, node.value)
    return [found.get(y.number, np.zeros(y.value.shape, y.value.dtype)) for y in outputs]


def _moved(tangent: Any, x: Any) -> Any:
    """A tangent of x, zeros if it is None."""
    return np.zeros(np.shape(x), getattr(x, "dtype", type(x))) if tangent is None else tangent


def _fitted(tangent: Any, value: Any) -> Any:
    """A tangent in the shape and dtype of the value it belongs to."""
    tangent = tangent if tangent.shape == value.shape else broadcast_to(tangent, shape=value.shape)
    if tangent.dtype.kind == "c" and value.dtype.kind != "c":
        tangent = tangent.real
    return tangent if tangent.dtype == value.dtype else tangent.astype(value.dtype)
