"""Arithmetic with broadcasting: the operators, powers, remainders, the larger and the smaller."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygrad_bp.blocks import by_ufunc
from tinygrad_bp.calls import guarded
from tinygrad_bp.domains import Intervals, Reals
from tinygrad_bp.engine import Node
from tinygrad_bp.ops.bitwise import bitwise_or
from tinygrad_bp.ops.comparison import where
from tinygrad_bp.registry import LINEAR, op, scale
from tinygrad_bp.traits import Limit, Traits


@op(
    vjps=(lambda g, y, a, b: g, lambda g, y, a, b: g),
    jvp=LINEAR,
    latex="{0} + {1}",
    domain=Reals(),
    traits=Traits(algebra=operator.add),
)
@by_ufunc(np.add)
def add(a: Any, b: Any) -> Any:
    """Sum a + b, elementwise with broadcasting. ∂y/∂a = 1, ∂y/∂b = 1."""
    return a + b


@op(
    vjps=(lambda g, y, a, b: g, lambda g, y, a, b: -g),
    jvp=LINEAR,
    latex="{0} - {1}",
    domain=Reals(),
    traits=Traits(algebra=operator.sub),
)
@by_ufunc(np.subtract)
def subtract(a: Any, b: Any) -> Any:
    """Difference a − b, elementwise with broadcasting. ∂y/∂a = 1, ∂y/∂b = −1."""
    return a - b


@op(
    derivatives=(lambda y, a, b: b, lambda y, a, b: a),
    latex=r"{0} \odot {1}",
    domain=Reals(),
    traits=Traits(algebra=operator.mul),
)
@by_ufunc(np.multiply)
def multiply(a: Any, b: Any) -> Any:
    """Product a·b, elementwise with broadcasting. ∂y/∂a = b, ∂y/∂b = a."""
    return a * b


@op(
    derivatives=(lambda y, a, b: y.dtype.type(1.0) / b, lambda y, a, b: -y / b),
    latex=r"\frac{{0}}{{1}}",
    domain=Intervals((-3, 3), (0.3, 3)),
    traits=Traits(algebra=operator.truediv, limits=(Limit.UNDERFLOW, Limit.OVERFLOW)),
)
@by_ufunc(np.divide)
def divide(a: Any, b: Any) -> Any:
    """Quotient a/b, elementwise with broadcasting. ∂y/∂a = 1/b, ∂y/∂b = −a/b²."""
    return a / b


@op(vjps=(lambda g, y, x: negative(g),), jvp=LINEAR, latex="-{0}", domain=Reals(), traits=Traits(algebra=operator.neg))
@by_ufunc(np.negative)
def negative(x: Any) -> Any:
    """Negation −x, elementwise. ∂y/∂x = −1."""
    return -x


@op(vjps=(lambda g, y, x: g,), jvp=LINEAR, latex="{0}", domain=Reals())
def positive(x: Any) -> Any:
    """x itself, the unary +, elementwise. ∂y/∂x = 1."""
    return np.positive(x)


def copy(x: Any) -> Any:
    """x once more, in memory of its own."""
    return bitwise_or(x, x) if np.result_type(x) == np.bool_ else positive(x)


@op(
    derivatives=(lambda y, x: -y * y,),
    latex=r"\frac1{{0}}",
    domain=Reals(0.3, 3),
    traits=Traits(algebra=lambda x: 1 / x),
)
def reciprocal(x: Any) -> Any:
    """Reciprocal 1/x, elementwise. ∂y/∂x = −1/x²."""
    return np.reciprocal(x)


@op(derivatives=(lambda y, x: 2.0 * x,), latex="{0}^2", domain=Reals(), traits=Traits(algebra=lambda x: x * x))
def square(x: Any) -> Any:
    """Square x², elementwise. ∂y/∂x = 2x."""
    return np.square(x)


_POWER = (
    lambda y, a, b: scale(b, a ** (b - 1)),
    lambda y, a, b: scale(y, np.log(where(a == 0, 1, a))),
)
_POWERS = Intervals((0.3, 3), (-2, 2), bounded=True)  # larger ones differ by more digits than a float holds


@op(
    derivatives=_POWER,
    latex="{0}^{{1}}",
    domain=_POWERS,
    convention="∂y/∂a of a⁰ is 0 everywhere; ∂y/∂b at a = 0 is 0",
    traits=Traits(algebra=operator.pow, limits=(Limit.UNDERFLOW, Limit.OVERFLOW, Limit.ARGUMENTS)),
)
def power(a: Any, b: Any) -> Any:
    """Power aᵇ, elementwise with broadcasting. ∂y/∂a = b·aᵇ⁻¹, ∂y/∂b = aᵇ·log a.

    At a = 0 the derivative for b is 0, and for b = 0 the derivative for a is 0.
    """
    return a**b


@op(
    derivatives=_POWER,
    latex="{0}^{{1}}",
    domain=_POWERS,
    convention="∂y/∂a of a⁰ is 0 everywhere; ∂y/∂b at a = 0 is 0",
    traits=Traits(limits=(Limit.UNDERFLOW, Limit.OVERFLOW, Limit.ARGUMENTS)),
)
def float_power(a: Any, b: Any) -> Any:
    """Power aᵇ in float64 at least, elementwise with broadcasting. Derivatives and conventions as `power`."""
    return np.float_power(a, b)


def _to_multiple(a: Any, b: Any) -> Any:
    """Distance from the nearest a or b whose quotient is an integer, where remainders jump."""
    n = np.rint(a / b)
    return (a - n * b) / np.maximum(np.absolute(n), 1)


_QUOTIENT = Intervals((-3, 3), (1, 3), kink=_to_multiple, analytic=False)


@op(
    derivatives=(lambda y, a, b: 1.0, lambda y, a, b: -np.floor_divide(a, b)),
    latex=r"\operatorname{mod}({0}, {1})",
    domain=_QUOTIENT,
    convention="1, −⌊a/b⌋ at the jumps too",
)
def remainder(a: Any, b: Any) -> Any:
    """Remainder a − b·⌊a/b⌋ with the sign of b, elementwise with broadcasting. ∂y/∂a = 1, ∂y/∂b = −⌊a/b⌋."""
    return np.remainder(a, b)


mod = remainder


@op(
    derivatives=(lambda y, a, b: 1.0, lambda y, a, b: -np.rint((a - y) / b)),
    latex=r"\operatorname{fmod}({0}, {1})",
    domain=_QUOTIENT,
    convention="1, −trunc(a/b) at the jumps too",
)
def fmod(a: Any, b: Any) -> Any:
    """Remainder a − b·trunc(a/b) with the sign of a, elementwise with broadcasting. ∂y/∂a = 1, ∂y/∂b = −trunc(a/b)."""
    return np.fmod(a, b)


@op(
    derivatives=(lambda y, a, b: 0.0, lambda y, a, b: 0.0),
    latex=r"\lfloor \frac{{0}}{{1}} \rfloor",
    domain=_QUOTIENT,
    convention="0 everywhere",
)
def floor_divide(a: Any, b: Any) -> Any:
    """⌊a/b⌋, elementwise with broadcasting. Its derivative is 0 where there is one, and 0 at the jumps."""
    return np.floor_divide(a, b)


def divmod(a: Any, b: Any) -> tuple[Any, Any]:
    """(⌊a/b⌋, a − b·⌊a/b⌋): quotient and remainder, elementwise with broadcasting."""
    return floor_divide(a, b), remainder(a, b)


def _share(y: Any, a: Any, b: Any) -> Any:
    """1 where y was chosen to be a, ½ where it might as well have been b."""
    return (a == y) * (y.dtype.type(1.0) - y.dtype.type(0.5) * (a == b))


_CHOICE = (lambda y, a, b: _share(y, a, b), lambda y, a, b: _share(y, b, a))
_LARGEST_GUARD = np.finfo(np.float16).tiny
_APART = Reals(kink=lambda a, b: a - b, analytic=False)


def _kept_from_0(node: Any, operands: Sequence[str]) -> int | None:
    """The number that the other operand only keeps from being 0: a constant no larger than a smallest normal number."""
    guards = [not isinstance(x, Node) and np.ndim(x) == 0 and 0 < x <= _LARGEST_GUARD for x in node.parents]
    return 1 - guards.index(True) if any(guards) else None


@op(
    derivatives=_CHOICE,
    latex=r"\max({0}, {1})",
    domain=_APART,
    convention="½ to each at a tie",
    traits=Traits(guarded=_kept_from_0),
)
def maximum(a: Any, b: Any) -> Any:
    """Larger of a and b, NaN if one is, elementwise with broadcasting.

    Derivative 1 for the larger one, ½ for each at a tie.
    """
    return np.maximum(a, b)


@op(derivatives=_CHOICE, latex=r"\min({0}, {1})", domain=_APART, convention="½ to each at a tie")
def minimum(a: Any, b: Any) -> Any:
    """Smaller of a and b, NaN if one is, elementwise with broadcasting.

    Derivative 1 for the smaller one, ½ for each at a tie.
    """
    return np.minimum(a, b)


@op(derivatives=_CHOICE, latex=r"\operatorname{fmax}({0}, {1})", domain=_APART, convention="½ to each at a tie")
def fmax(a: Any, b: Any) -> Any:
    """Larger of a and b, the number if the other is NaN, elementwise with broadcasting.

    Derivative 1 for the one chosen, ½ for each at a tie.
    """
    return np.fmax(a, b)


@op(derivatives=_CHOICE, latex=r"\operatorname{fmin}({0}, {1})", domain=_APART, convention="½ to each at a tie")
def fmin(a: Any, b: Any) -> Any:
    """Smaller of a and b, the number if the other is NaN, elementwise with broadcasting.

    Derivative 1 for the one chosen, ½ for each at a tie.
    """
    return np.fmin(a, b)


def _below(a: Any, b: Any) -> Any:
    return True if a is None or b is None else a < b


@op(
    internal=True,
    derivatives=(
        lambda y, x, low, high: _below(low, x) * _below(x, high),
        lambda y, x, low, high: _below(x, low) * _below(low, high),
        lambda y, x, low, high: (x if low is None else np.maximum(x, low)) > high,
    ),
    latex=r"\operatorname{clip}({0}, {1}, {2})",
    domain=Intervals(
        (-3, 3), (-2, -0.3), (0.3, 2), kink=lambda x, low, high: np.minimum(abs(x - low), abs(x - high)), analytic=False
    ),
    convention="0 at the ends",
)
def clamp(x: Any, low: Any, high: Any) -> Any:
    """x held between low and high, min(max(x, low), high), elementwise with broadcasting; None is no bound.

    Derivative 1 for x inside, for the bound outside, 0 at the ends.
    """
    return np.clip(x, low, high)


@guarded
def clip(x: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Any:
    """x held between a_min and a_max, elementwise with broadcasting; None is no bound, and bounds may be tensors.

    `min` and `max` are NumPy's newer names for them. Derivative 1 for x inside, for the bound outside, 0 at the ends.
    """
    return clamp(x, a_min if min is None else min, a_max if max is None else max)
