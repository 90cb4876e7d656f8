"""A program without what nobody needs: dead steps, the same step twice, factors of 1, guards that cannot trip."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from inspect import unwrap
from typing import Any

import numpy as np

from tinygrad_bp.codegen.elementwise import shields
from tinygrad_bp.codegen.symbolic import (
    ATTRIBUTE,
    CONSTANT,
    FUNCTION,
    GUARD,
    INDEX,
    INPUT,
    METHOD,
    UFUNC,
    WHOLE,
    Step,
    mapped,
)
from tinygrad_bp.registry import scale

SCALE: Any = unwrap(scale.op.forward)  # type: ignore[attr-defined]


def simplified(steps: Sequence[Step], outputs: Sequence[Step]) -> tuple[list[Step], list[Step]]:
    """The steps that the outputs need, in order and each once, and what the outputs are now.

    The arguments of the steps are changed; a trace is simplified once.
    """
    replaced: dict[Step, Step] = {}
    known: dict[Any, Step] = {}
    kept: list[Step] = []
    for step in live(steps, outputs):
        step.args = mapped(step.args, Step, lambda s: replaced.get(s, s))
        step.kwargs = mapped(step.kwargs, Step, lambda s: replaced.get(s, s))
        same = _neutral(step)
        if same is None and step.pure:
            same = known.setdefault(_key(step), step)
        if same is None or same is step:
            kept.append(step)
        else:
            replaced[step] = same
            same.name = same.name or step.name
    outputs = [replaced.get(y, y) for y in outputs]
    return live(kept, outputs), outputs


def live(steps: Iterable[Step], outputs: Sequence[Step]) -> list[Step]:
    """The steps that outputs, guards and random draws depend on, in order."""
    ordered = list(steps)
    needed = set(outputs)
    for step in reversed(ordered):
        if step in needed or step.kind == GUARD or not step.pure:
            needed.add(step)
            needed.update(step.operands())
    return [step for step in ordered if step in needed or step.kind == INPUT]


def _key(step: Step) -> Any:
    """Equal for steps that compute the same."""
    if step.kind in (INPUT, CONSTANT):
        return id(step)
    parts = mapped((step.args, step.kwargs), (Step, np.dtype, type), lambda part: (id(part),))
    return step.kind, id(step.function) if step.kind == WHOLE else step.function, repr(parts)


def uniform(step: Any) -> Any:
    """The number that all elements of a constant are; None if there is no such number."""
    value: Any = step.value if isinstance(step, Step) and step.kind == CONSTANT else step
    if not isinstance(value, np.ndarray | np.generic):
        return value if isinstance(value, bool | int | float | complex) else None
    if not value.size:
        return None
    first: Any = value.reshape(-1)[0] if value.ndim else value
    if any(getattr(value, "strides", ())):
        bits = np.ascontiguousarray(value).reshape(-1, 1).view(np.uint8)  # 0 and −0 are equal and not the same
        if not (bits == bits[:1]).all():
            return None
    return first.item()


# --- steps that change nothing ----------------------------------------------------------------------------------------


def _neutral(step: Step) -> Step | None:
    """The operand that a step only passes on; a step that can be said in simpler words is changed to them."""
    if step.kind == WHOLE and step.function is SCALE:
        _unshielded(step)
    _without_kept_axes(step)
    _outer(step)
    candidate = None
    if step.kind == UFUNC and step.function in _NEUTRAL:
        candidate = _NEUTRAL[step.function](*step.args) if not step.kwargs else None
    elif step.function == np.add.reduce and dict(step.kwargs).get("axis", None) == ():
        candidate = step.args[0]  # over no axis
    elif step.kind in (METHOD, FUNCTION, ATTRIBUTE, INDEX):
        candidate = _same_elements(step)
    fits = isinstance(candidate, Step) and candidate.shape == step.shape and candidate.dtype == step.dtype
    return candidate if fits else None


def _unshielded(step: Step) -> None:
    """Cotangent times derivative is a plain product where a cotangent of 0 never meets infinity or NaN."""
    g, d = step.args
    if not shields(g, d):
        step.kind, step.function = UFUNC, np.multiply


def _without_kept_axes(step: Step) -> None:
    """A sum whose axes are kept only to be dropped is a sum without them."""
    total = step.args[0] if step.called == "reshape" else None
    if isinstance(total, Step) and total.function == np.add.reduce and total.kwargs.get("keepdims"):
        axis = total.kwargs["axis"]
        dropped = range(len(total.shape)) if axis is None else [i % len(total.shape) for i in np.atleast_1d(axis)]
        if step.shape == tuple([n for i, n in enumerate(total.shape) if i not in dropped]):
            step.kind, step.function, step.view = FUNCTION, total.function, False
            step.args, step.kwargs = total.args, {"axis": axis}


def _outer(step: Step) -> None:
    """A column times a row is an elementwise product."""
    if step.kind in (FUNCTION, UFUNC) and step.function in (np.dot, np.matmul) and not step.kwargs:
        shapes = [x.shape for x in step.operands()]
        if len(step.args) == 2 and [len(shape) for shape in shapes] == [2, 2] and shapes[0][1] == 1:
            step.kind, step.function = UFUNC, np.multiply


def _one_of(a: Any, b: Any) -> Any:
    return a if uniform(b) == 1 else b if uniform(a) == 1 else None


def _twice_negated(a: Any) -> Any:
    return a.args[0] if isinstance(a, Step) and a.kind == UFUNC and a.function is np.negative else None


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
    source = step.args[0]
    if not isinstance(source, Step):
        return None
    if step.kind == INDEX:
        return source if step.args[1] in ((), Ellipsis) else None
    if step.called in ("T", "transpose"):
        return _untransposed(step, source)
    return source if step.called in _KEEPING else None


def _untransposed(step: Step, source: Step) -> Any:
    reverses = len(step.args) == 1 and not step.kwargs
    twice = is_reversal(source) and is_reversal(step)
    return source.args[0] if twice else source if len(step.shape) < 2 and reverses else None


def is_reversal(step: Step) -> bool:
    """Whether a step reverses the order of all axes: a matrix transposed."""
    axes = [*step.args[1:], *step.kwargs.values()]
    return step.called in ("T", "transpose") and step.kind != WHOLE and all(part is None for part in axes)
