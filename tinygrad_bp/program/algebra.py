"""Algebraic identities: a step that changes nothing is its operand, a roundabout one is said in simpler words.

Each rule takes a step whose operands are already simple, and gives the step to take in its place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from math import frexp
from typing import Any

import numpy as np

from tinygrad_bp.program.ranges import Ranges
from tinygrad_bp.program.step import (
    ASSIGN,
    ATTRIBUTE,
    CONSTANT,
    FUNCTION,
    INDEX,
    METHOD,
    NOTHING,
    NUMBERS,
    SCALE,
    UFUNC,
    WHOLE,
    Step,
    is_plain_reduction,
    is_reversal,
    summed_axes,
    uniform,
)
from tinygrad_bp.program.zeros import shields


def simpler(step: Step, ranges: Ranges, cost: Step | None = None) -> Step:
    """A step that gives the same: simpler, an operand, or itself. cost: the one number that is differentiated."""
    same: Any = None
    if step.opcode == UFUNC:
        step = _with_pythons(step)
    if step.opcode == WHOLE:
        return _unshielded(step, ranges, cost) if step.function is SCALE else step
    if step.opcode == ASSIGN:
        return _without_copy(step)
    if step.opcode == UFUNC and step.function in (np.maximum, np.minimum):
        same = _bounded(step, ranges)
    elif step.opcode == UFUNC:
        same = _RULES[step.function](step, *step.args) if step.function in _RULES and not step.kwargs else None
    else:
        step = _without_kept_axes(step)
        same = _same_elements(step) if step.opcode in (METHOD, FUNCTION, ATTRIBUTE, INDEX) else None
    if isinstance(same, Step) and same.shape == step.shape and same.dtype == step.dtype:
        return same
    return step


def _with_pythons(step: Step) -> Step:
    """The step on Python's numbers, where NumPy's give the same: beside an array whose dtype is the result's."""
    numbers = {x: x.args[0] for x in step.operands if x.function in NUMBERS.values()}
    wide = [x for x in step.operands if x.shape and x.dtype == step.dtype]
    return step.on(numbers) if numbers and wide else step


def _bounded(step: Step, ranges: Ranges) -> Any:
    """The operand that is never beyond the other, a number: a maximum with something smaller."""
    sign = 1 if step.function is np.maximum else -1
    for x, c in (step.args, step.args[::-1]):
        r, bound = ranges.of(x), uniform(c)
        if bound is not None and sign * (r.low if sign > 0 else r.high) >= sign * bound:
            return x
    return None


def _unshielded(step: Step, ranges: Ranges, cost: Step | None) -> Step:
    """Cotangent times derivative is a plain product where a cotangent of 0 never meets infinity or NaN."""
    g, d = step.args
    c = _unmasked(g, d)
    if c is not None and not shields(d, c, ranges, cost):  # made by the derivative of such a product
        return _unshielded(replace(step, args=(c, d)), ranges, cost)
    if shields(g, d, ranges, cost):
        return step
    return simpler(replace(step, opcode=UFUNC, function=np.multiply), ranges)


def _unmasked(x: Any, d: Any) -> Any:
    """c where x is `np.where(d == 0, 0, c)`; None else."""
    if not isinstance(x, Step) or x.function is not np.where or len(x.args) != 3 or uniform(x.args[1]) != 0:
        return None
    condition, _, c = x.args
    is_zero = condition.opcode == UFUNC and condition.function is np.equal and condition.args[0] is d
    same = isinstance(c, Step) and (c.shape, c.dtype) == (x.shape, x.dtype)
    return c if is_zero and same and uniform(condition.args[1]) == 0 else None


def _without_kept_axes(step: Step) -> Step:
    """A sum whose axes are kept only to be dropped is a sum without them."""
    total = step.args[0] if step.called == "reshape" else None
    if isinstance(total, Step) and total.function == np.add.reduce and total.kwargs.get("keepdims"):
        dropped = summed_axes(total)
        if step.shape == tuple([n for i, n in enumerate(total.shape) if i not in dropped]):
            kwargs = {"axis": total.kwargs["axis"]}
            return replace(step, opcode=FUNCTION, function=total.function, args=total.args, kwargs=kwargs, view=False)
    return step


def _added_to_a_part(step: Step) -> Step | None:
    """Adding an array that is 0 but for a part is adding to that part."""
    for whole, sparse in (step.args, step.args[::-1]):
        if not isinstance(sparse, Step) or sparse.opcode != ASSIGN or sparse.function is not None:
            continue
        same = all(isinstance(x, Step) and (x.shape, x.dtype) == (step.shape, step.dtype) for x in step.args)
        if same and uniform(sparse.args[0]) == 0:
            return replace(step, opcode=ASSIGN, function=np.add, args=(whole, *sparse.args[1:]))
    return None


def _without_copy(step: Step) -> Step:
    """An assignment makes a new array by itself."""
    array = step.args[0]
    if array.opcode == METHOD and array.function == "copy":
        return replace(step, args=(array.args[0], *step.args[1:]))
    return step


# --- arithmetic, to the last bit --------------------------------------------------------------------------------------


def _negated(x: Any) -> Any:
    """What a step is the negative of, if that is no more to compute."""
    if not isinstance(x, Step) or x.opcode != UFUNC:
        return None
    c, y = _multiple(x)
    below = c < 0 and x.dtype.kind == "f"
    return y if c == -1 else replace(x, function=np.multiply, args=(-c, y)) if below else None


def _signed(step: Step) -> Step | None:
    """What is made of a negative is the negative of what is made."""
    inside = _negated(step.args[0])
    if inside is None:
        return None
    made = replace(step, args=(inside, *step.args[1:]))
    return replace(step, opcode=UFUNC, function=np.negative, args=(made,), kwargs=NOTHING, view=False)


def _multiple(x: Any) -> tuple[float, Any]:
    """A number and the step that it is multiplied with; 1 and x if x is no such product."""
    if isinstance(x, Step) and x.function is np.negative and x.opcode == UFUNC:
        return -1.0, x.args[0]
    for c, y in (x.args, x.args[::-1]) if isinstance(x, Step) and x.function is np.multiply else ():
        number = uniform(c)
        if isinstance(number, int | float) and isinstance(y, Step) and y.shape == x.shape and y.dtype == x.dtype:
            return number, y
    return 1.0, x


def _add(step: Step, a: Any, b: Any) -> Any:
    if uniform(b) == 0 or uniform(a) == 0:
        return a if uniform(b) == 0 else b
    if (part := _added_to_a_part(step)) is not None:
        return part
    if a is b and step.dtype.kind == "f":
        return _times(step, 2.0, a)
    for x, y in ((a, _negated(b)), (b, _negated(a))):
        if y is not None:
            return replace(step, function=np.subtract, args=(x, y))
    return None


def _subtract(step: Step, a: Any, b: Any) -> Any:
    if _negated(b) is not None:
        return replace(step, function=np.add, args=(a, _negated(b)))
    return a if uniform(b) == 0 else None


def _multiply(step: Step, a: Any, b: Any) -> Any:
    if uniform(b) == 1 or uniform(a) == 1:
        return a if uniform(b) == 1 else b
    for c, x in ((uniform(a), b), (uniform(b), a)):
        if isinstance(c, int | float) and isinstance(x, Step):
            return _times(step, c, x)
    more, y = _multiple(b)
    first = _times(a, more, a) if more != 1 != _multiple(a)[0] else None
    return None if first is None else replace(step, args=(first, y))


def _times(step: Step, c: float, x: Step) -> Step | None:
    """c·x, the number first, and as one product where x is a multiple itself and only exponents change by that."""
    more, y = _multiple(x)
    if x.shape != step.shape:  # the number stands for an array of it that makes x larger
        return None
    if step.dtype.kind != "f" or x.dtype != step.dtype or 0.5 not in (frexp(abs(c))[0], frexp(abs(more))[0]):
        return None
    if more != 1 and not np.finfo(step.dtype).tiny < abs(c * more) < np.finfo(step.dtype).max:
        return None
    return replace(step, function=np.multiply, args=(c * more, y))


def _beside_1(x: Any) -> Any:
    """What eʸ is taken of in 1 + eʸ."""
    if not isinstance(x, Step) or x.function is not np.add or uniform(x.args[0]) != 1:
        return None
    power = x.args[1]
    return power.args[0] if isinstance(power, Step) and power.function is np.exp else None


def _logistic_slope(step: Step, y: Any, below: Any) -> Step | None:
    """y/(1 + eˣ) for y = 1/(1 + e⁻ˣ) is y·(y·e⁻ˣ), without a second exponential; where that is 0·∞ it is y.

    In single precision the exponential costs little, and the other way of rounding shows in sums that cancel.
    """
    x = _beside_1(below) if step.dtype == np.float64 else None
    minus = _beside_1(y.args[1]) if x is not None and getattr(y, "function", None) is np.divide else None
    if minus is None or uniform(y.args[0]) != 1 or not (_negated(minus) is x or _negated(x) is minus):
        return None
    rest = replace(step, function=np.multiply, args=(y, y.args[1].args[1]))
    return replace(step, function=np.multiply, args=(y, replace(step, function=np.fmin, args=(rest, 1.0))))


def _divide(step: Step, a: Any, b: Any) -> Any:
    if (slope := _logistic_slope(step, a, b)) is not None:
        return slope
    return a if uniform(b) == 1 else _signed(step) if uniform(b) is not None else None


def _negative(step: Step, a: Any) -> Any:
    c, x = _multiple(a)
    return x if c == -1 else None if c == 1 else _times(step, -1.0, a)


_RULES: Mapping[Any, Callable[..., Any]] = {
    np.multiply: _multiply,
    np.divide: _divide,
    np.power: lambda step, a, b: a if uniform(b) == 1 else None,
    np.add: _add,
    np.subtract: _subtract,
    np.positive: lambda step, a: a,
    np.negative: _negative,
}
"""By ufunc: the step that gives the same, if shape and dtype say so too."""

# --- shapes -----------------------------------------------------------------------------------------------------------

_KEEPING = {"reshape", "astype", "broadcast_to", "transpose", "ravel", "squeeze", "expand_dims", "asarray", "T", "real"}


_EVERYTHING = (slice(None), slice(None, None, 1))


def _same_elements(step: Step) -> Any:
    """What a change of shape, order or dtype starts from, where it ends as it started."""
    if step.function == np.add.reduce:
        if step.kwargs.get("axis", None) == ():  # over no axis
            return step.args[0]
        return _signed(step) if is_plain_reduction(step) else None
    if step.function is np.where and len(step.args) == 3:
        return _one_choice(step)
    source = step.args[0]
    if not isinstance(source, Step):
        return None
    if step.opcode == INDEX:
        parts = step.args[1] if isinstance(step.args[1], tuple) else (step.args[1],)
        return source if all(part is Ellipsis or part in _EVERYTHING for part in parts) else None
    if step.called in ("T", "transpose"):
        return _untransposed(step, source)
    same = source.shape == step.shape
    return source if same and step.called in _KEEPING else _signed(step) if step.called == "broadcast_to" else None


def _one_choice(step: Step) -> Any:
    """What is chosen everywhere, or both ways."""
    condition, a, b = step.args
    if uniform(condition) is not None:
        return a if uniform(condition) else b
    number = uniform(a)
    if number is None or number != uniform(b):
        return a if a is b else None
    value = np.broadcast_to(np.asarray(number, step.dtype), step.shape)
    return Step(CONSTANT, value=value, shape=step.shape, dtype=step.dtype, place=step.place)


def _untransposed(step: Step, source: Step) -> Any:
    reverses = len(step.args) == 1 and not step.kwargs
    twice = is_reversal(source) and is_reversal(step)
    return source.args[0] if twice else source if len(step.shape) < 2 and reverses else None
