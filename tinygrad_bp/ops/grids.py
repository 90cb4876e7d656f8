"""Ranges of numbers, and functions given by samples or coefficients: NumPy's, differentiable for their ends too."""

from __future__ import annotations

import operator
from typing import Any, Literal, overload

import numpy as np

from tinygrad_bp.annotations import DType
from tinygrad_bp.calls import guarded
from tinygrad_bp.errors import ArgumentError, ShapeError, describe
from tinygrad_bp.ops.arithmetic import maximum, mod, power
from tinygrad_bp.ops.comparison import equal, isinf, where
from tinygrad_bp.ops.complex import require_real
from tinygrad_bp.ops.counting import any, searchsorted
from tinygrad_bp.ops.cumulative import cumprod
from tinygrad_bp.ops.differences import diff
from tinygrad_bp.ops.exponential import log10
from tinygrad_bp.ops.indexing import at
from tinygrad_bp.ops.joining import concatenate
from tinygrad_bp.ops.linear_algebra import operand
from tinygrad_bp.ops.ordering import argsort
from tinygrad_bp.ops.padding import linear_padding
from tinygrad_bp.ops.rounding import absolute, floor
from tinygrad_bp.ops.shaping import astype, broadcast_to, converted, expand_dims, moveaxis
from tinygrad_bp.ops.sizes import require_size

# --- ranges -----------------------------------------------------------------------------------------------------------


@overload
def linspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, retstep: Literal[False] = False,
    dtype: DType | None = None, axis: int = 0,
) -> Any: ...  # fmt: skip
@overload
def linspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, *, retstep: Literal[True],
    dtype: DType | None = None, axis: int = 0,
) -> tuple[Any, Any]: ...  # fmt: skip
@guarded
def linspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, retstep: bool = False,
    dtype: DType | None = None, axis: int = 0,
) -> Any:  # fmt: skip
    """`num` numbers at equal distances from start to stop, startₖ = start + k·(stop − start)/(num − 1), for arrays
    along a new `axis`; differentiable for both ends.

    endpoint: whether stop is the last of them. retstep: the pair (numbers, distance). An integer dtype rounds down and
    carries no gradient. Raises ArgumentError if num is negative.
    """
    count = _count("linspace", num)
    parts = count - 1 if endpoint else count
    width = (operand(stop) if isinstance(start, int | float) else stop) - start
    width = width * 1.0 if width.dtype.kind not in "fc" else width
    require_size("linspace", (count, *width.shape), width)
    step = width / parts if parts > 0 else width * np.nan
    places = np.arange(count).astype(width.dtype).reshape((count,) + (1,) * width.ndim)
    numbers = places * (step if parts > 0 else width) + start
    if endpoint and count > 1:
        end = broadcast_to(converted(operand(stop), numbers.dtype), shape=width.shape)
        numbers = concatenate([numbers[:-1], end[None]])
    numbers = moveaxis(numbers, 0, axis) if axis else numbers
    if dtype is not None:
        numbers = astype(floor(numbers) if np.dtype(dtype).kind in "iu" else numbers, dtype)
    return (numbers, step) if retstep else numbers


def _count(name: str, num: Any) -> int:
    count = operator.index(num)
    if count < 0:
        raise ArgumentError(f"{name}: num, how many numbers there are, is 0 or more; got {count}.")
    return count


@guarded
def logspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, base: Any = 10.0, dtype: DType | None = None,
    axis: int = 0,
) -> Any:  # fmt: skip
    """Powers of `base` whose exponents are `linspace(start, stop)`: each is the one before times the same factor."""
    exponents = linspace(start, stop, num, endpoint, axis=axis)
    numbers = power(expand_dims(base, axis) if np.ndim(base) else base, exponents)
    return numbers if dtype is None else astype(numbers, dtype)


@guarded
def geomspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: DType | None = None, axis: int = 0
) -> Any:
    """`num` numbers from start to stop, each the one before times the same factor; both real, of one sign, not 0.

    endpoint: whether stop is the last of them. Raises ArgumentError for an end of 0.
    """
    count = _count("geomspace", num)
    start, stop = [operand(end) for end in (start, stop)]
    for end in (start, stop):
        require_real("geomspace", end)
        if any(equal(end, 0)):
            raise ArgumentError(f"geomspace: no factor leads to 0; start and stop are other numbers; got {end}.")
    sign = where(start < 0, -1.0, 1.0)
    sign = converted(sign, start.dtype) if start.dtype.kind == "f" else sign
    numbers = sign * logspace(log10(start * sign), log10(stop * sign), count, endpoint)
    ends = [broadcast_to(converted(end, numbers.dtype), shape=numbers.shape[1:])[None] for end in (start, stop)]
    if count > 0:
        last = count - 1 if endpoint and count > 1 else count
        numbers = concatenate([ends[0], numbers[1:last], *ends[1 : 1 + count - last]])
    numbers = moveaxis(numbers, 0, axis) if axis else numbers
    return numbers if dtype is None else astype(numbers, dtype)


# --- functions by their samples and coefficients ----------------------------------------------------------------------


@guarded
def interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: float | None = None) -> Any:
    """The function through the points (xp, fp), straight from one to the next, at x; differentiable for all three.

    xp: ascending, a vector like fp. left, right: values outside, those of the ends if None. period: of the function;
    then xp may have any order. ∂y/∂x is the slope, at a point the one of smaller size of both sides, 0 if they differ
    in sign; 0 outside. Raises ShapeError unless xp and fp are vectors of one length, and ArgumentError if period is 0.
    """
    x, xp, fp = operand(x), operand(xp), operand(fp)
    if xp.ndim != 1 or xp.shape != fp.shape or not xp.size:
        raise ShapeError(
            f"interp: the points are two vectors of one length, 1 or more; got xp {describe(xp)}, fp {describe(fp)}."
        )
    if period is not None:
        if period == 0:
            raise ArgumentError("interp: a period is any number but 0; got 0.")
        left = right = None
        x, xp, fp = _one_period(x, xp, fp, abs(period))
    place = searchsorted(xp, x, side="right")  # between place − 1 and place
    nearest = maximum(place - 1, 0)
    start = at(xp, nearest)
    slopes = linear_padding(diff(fp) / diff(xp), pad_width=1)
    slope = at(slopes, place)
    if fp.dtype.kind != "c":
        slope = where(equal(x, start), _flatter(at(slopes, nearest), slope), slope)
    y = where(isinf(x), 0.0, x - start) * slope + at(fp, nearest)
    y = y if left is None else where(x < xp[0], left, y)
    return y if right is None else where(x > xp[-1], right, y)


def _one_period(x: Any, xp: Any, fp: Any, period: float) -> tuple[Any, Any, Any]:
    """Everything in one period, which goes on for a point on either side."""
    x, xp = mod(x, period), mod(xp, period)
    order = argsort(xp)
    xp, fp = at(xp, order), at(fp, order)
    xp = concatenate([xp[-1:] - period, xp, xp[:1] + period])
    return x, xp, concatenate([fp[-1:], fp, fp[:1]])


def _flatter(a: Any, b: Any) -> Any:
    """The slope between a and b that is nearest to 0."""
    return where(a * b <= 0, 0.0, where(absolute(a) < absolute(b), a, b))


@guarded
def polyval(p: Any, x: Any) -> Any:
    """The polynomial p₀·xⁿ + … + pₙ at x, elementwise, by Horner's scheme; differentiable for p and x."""
    p, x = operand(p), operand(x)
    y = x * 0
    for i in range(len(p)):
        y = y * x + p[i]
    return y


@guarded
def vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:
    """The matrix of the powers of a vector x, xᵢᴺ⁻¹ … xᵢ⁰ in row i, or with `increasing` xᵢ⁰ … xᵢᴺ⁻¹.

    N: how many, as many as x has elements if None. Raises ShapeError unless x is a vector.
    """
    x = operand(x)
    if x.ndim != 1:
        raise ShapeError(f"vander: the numbers are a vector; got {describe(x)}.")
    columns = x.size if N is None else operator.index(N)
    if columns < 0:
        raise ArgumentError(f"vander: N, the number of columns, is 0 or more; got {N}.")
    require_size("vander", (x.size, columns), x)
    ones = np.ones((x.size, 1), np.result_type(x.dtype, int))
    factors = concatenate([ones, broadcast_to(x[:, None], shape=(x.size, max(columns - 1, 0)))], 1)
    powers = cumprod(factors, axis=1)[:, :columns]
    return powers if increasing else powers[:, ::-1]
