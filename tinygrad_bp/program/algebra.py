"""Algebraic identities: a step that changes nothing is its operand, a roundabout one is said in simpler words.

Each rule takes a step whose operands are already simple, and gives the step to take in its place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from tinygrad_bp.program.ranges import Ranges, shields
from tinygrad_bp.program.step import (
    ASSIGN,
    ATTRIBUTE,
    FUNCTION,
    INDEX,
    METHOD,
    SCALE,
    UFUNC,
    WHOLE,
    Step,
    is_reversal,
    uniform,
)


def simpler(step: Step, ranges: Ranges) -> Step:
    """A step that gives the same: simpler, an operand, or itself."""
    same: Any
    if step.opcode == UFUNC and step.function is np.add and not step.kwargs:
        step = _added_to_a_part(step)
    if step.opcode == ASSIGN:
        return _without_copy(step)
    if step.opcode == UFUNC and step.function not in _PRODUCTS:
        same = _NEUTRAL[step.function](*step.args) if step.function in _NEUTRAL and not step.kwargs else None
    elif step.opcode == WHOLE:
        return _unshielded(step, ranges) if step.function is SCALE else step
    else:
        step = _outer(_without_kept_axes(step))
        same = _same_elements(step) if step.opcode in (METHOD, FUNCTION, ATTRIBUTE, INDEX) else None
    if isinstance(same, Step) and same.shape == step.shape and same.dtype == step.dtype:
        return same
    return step


def _unshielded(step: Step, ranges: Ranges) -> Step:
    """Cotangent times derivative is a plain product where a cotangent of 0 never meets infinity or NaN."""
    g, d = step.args
    if shields(g, d, ranges):
        return step
    return simpler(replace(step, opcode=UFUNC, function=np.multiply), ranges)


def _without_kept_axes(step: Step) -> Step:
    """A sum whose axes are kept only to be dropped is a sum without them."""
    total = step.args[0] if step.called == "reshape" else None
    if isinstance(total, Step) and total.function == np.add.reduce and total.kwargs.get("keepdims"):
        axis = total.kwargs["axis"]
        dropped = range(len(total.shape)) if axis is None else [i % len(total.shape) for i in np.atleast_1d(axis)]
        if step.shape == tuple([n for i, n in enumerate(total.shape) if i not in dropped]):
            kwargs = {"axis": axis}
            return replace(step, opcode=FUNCTION, function=total.function, args=total.args, kwargs=kwargs, view=False)
    return step


def _added_to_a_part(step: Step) -> Step:
    """Adding an array that is 0 but for a part is adding to that part."""
    for whole, sparse in (step.args, step.args[::-1]):
        if not isinstance(sparse, Step) or sparse.opcode != ASSIGN or sparse.function is not None:
            continue
        same = all(isinstance(x, Step) and (x.shape, x.dtype) == (step.shape, step.dtype) for x in step.args)
        if same and uniform(sparse.args[0]) == 0:
            return replace(step, opcode=ASSIGN, function=np.add, args=(whole, *sparse.args[1:]))
    return step


def _without_copy(step: Step) -> Step:
    """An assignment makes a new array by itself."""
    array = step.args[0]
    if array.opcode == METHOD and array.function == "copy":
        return replace(step, args=(array.args[0], *step.args[1:]))
    return step


_PRODUCTS = (np.dot, np.matmul)


def _outer(step: Step) -> Step:
    """A column times a row is an elementwise product."""
    if step.opcode in (FUNCTION, UFUNC) and step.function in _PRODUCTS and not step.kwargs:
        shapes = [x.shape for x in step.operands]
        if len(step.args) == 2 and [len(shape) for shape in shapes] == [2, 2] and shapes[0][1] == 1:
            return replace(step, opcode=UFUNC, function=np.multiply)
    return step


def _one_of(a: Any, b: Any) -> Any:
    return a if uniform(b) == 1 else b if uniform(a) == 1 else None


def _twice_negated(a: Any) -> Any:
    return a.args[0] if isinstance(a, Step) and a.opcode == UFUNC and a.function is np.negative else None


_NEUTRAL: Mapping[Any, Callable[..., Any]] = {
    np.multiply: _one_of,
    np.divide: lambda a, b: a if uniform(b) == 1 else None,
    np.power: lambda a, b: a if uniform(b) == 1 else None,
    np.add: lambda a, b: a if uniform(b) == 0 else b if uniform(a) == 0 else None,
    np.subtract: lambda a, b: a if uniform(b) == 0 else None,
    np.positive: lambda a: a,
    np.negative: _twice_negated,
}
"""By ufunc: the operand that is the result, if shape and dtype say so too."""

_KEEPING = {"reshape", "astype", "broadcast_to", "transpose", "ravel", "squeeze", "expand_dims", "asarray", "T", "real"}


def _same_elements(step: Step) -> Any:
    """What a change of shape, order or dtype starts from, where it ends as it started."""
    if step.function == np.add.reduce:
        return step.args[0] if step.kwargs.get("axis", None) == () else None  # over no axis
    source = step.args[0]
    if not isinstance(source, Step):
        return None
    if step.opcode == INDEX:
        return source if step.args[1] in ((), Ellipsis) else None
    if step.called in ("T", "transpose"):
        return _untransposed(step, source)
    return source if step.called in _KEEPING else None


def _untransposed(step: Step, source: Step) -> Any:
    reverses = len(step.args) == 1 and not step.kwargs
    twice = is_reversal(source) and is_reversal(step)
    return source.args[0] if twice else source if len(step.shape) < 2 and reverses else None
