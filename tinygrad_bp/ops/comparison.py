"""Comparisons, logic and tests of numbers, which carry no gradient, and the choice between two, which does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygrad_bp.domains import BROADCAST, Domain, Reals
from tinygrad_bp.engine import Node
from tinygrad_bp.registry import op
from tinygrad_bp.traits import Traits


def _decided(node: Any, operands: Sequence[str]) -> int | None:
    """2 where both choices are the same, and for `where(b == 0, 1, b)`, which only keeps b from being 0."""
    condition, a, b = operands
    is_number = not isinstance(node.parents[1], Node) and np.ndim(node.inputs[1]) == 0
    return 2 if a == b or (is_number and condition == f"{b} = 0") else None


@op(
    vjps=(None, lambda g, y, c, a, b: where(c, g, 0), lambda g, y, c, a, b: where(c, 0, g)),
    jvp=(None, lambda t, y, c, a, b: where(c, t, 0), lambda t, y, c, a, b: where(c, 0, t)),
    latex=r"({1} \text{ if } {0} \text{ else } {2})",
    domain=Domain(shapes=BROADCAST, kinds="bff"),
    convention="the branch not taken gets 0",
    traits=Traits(guarded=_decided),
)
def where(condition: Any, a: Any, b: Any) -> Any:
    """a where the condition holds, b elsewhere, with broadcasting. The branch that is not taken gets gradient 0."""
    return np.where(condition, a, b)


_COMPARISON = Domain(shapes=BROADCAST, kink=lambda a, b: a - b, analytic=False)
_LOGIC = _TEST = Reals(analytic=False)


@op(derivatives=(None, None), latex="{0} > {1}", domain=_COMPARISON)
def greater(a: Any, b: Any) -> Any:
    """Truth of a > b, elementwise with broadcasting; carries no gradient."""
    return np.greater(a, b)


@op(derivatives=(None, None), latex=r"{0} \ge {1}", domain=_COMPARISON)
def greater_equal(a: Any, b: Any) -> Any:
    """Truth of a ≥ b, elementwise with broadcasting; carries no gradient."""
    return np.greater_equal(a, b)


@op(derivatives=(None, None), latex="{0} < {1}", domain=_COMPARISON)
def less(a: Any, b: Any) -> Any:
    """Truth of a < b, elementwise with broadcasting; carries no gradient."""
    return np.less(a, b)


@op(derivatives=(None, None), latex=r"{0} \le {1}", domain=_COMPARISON)
def less_equal(a: Any, b: Any) -> Any:
    """Truth of a ≤ b, elementwise with broadcasting; carries no gradient."""
    return np.less_equal(a, b)


@op(derivatives=(None, None), latex="{0} = {1}", domain=_COMPARISON)
def equal(a: Any, b: Any) -> Any:
    """Truth of a = b, elementwise with broadcasting; carries no gradient."""
    return np.equal(a, b)


@op(derivatives=(None, None), latex=r"{0} \ne {1}", domain=_COMPARISON)
def not_equal(a: Any, b: Any) -> Any:
    """Truth of a ≠ b, elementwise with broadcasting; carries no gradient."""
    return np.not_equal(a, b)


@op(
    derivatives=(None, None),
    latex=r"\operatorname{isclose}({0}, {1})",
    domain=Domain(
        shapes=BROADCAST,
        params=lambda *_: ({}, {"rtol": 0.1, "atol": 0.5}),
        kink=lambda a, b, rtol=1e-5, atol=1e-8: np.absolute(a - b) - (atol + rtol * np.absolute(b)),
        analytic=False,
    ),
)
def isclose(a: Any, b: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
    """Truth of |a − b| ≤ atol + rtol·|b|, elementwise with broadcasting; carries no gradient."""
    return np.isclose(a, b, rtol=rtol, atol=atol, equal_nan=equal_nan)


@op(derivatives=(None, None), latex=r"\operatorname{and}({0}, {1})", domain=_LOGIC)
def logical_and(a: Any, b: Any) -> Any:
    """Truth of "a and b", elementwise with broadcasting; carries no gradient."""
    return np.logical_and(a, b)


@op(derivatives=(None, None), latex=r"\operatorname{or}({0}, {1})", domain=_LOGIC)
def logical_or(a: Any, b: Any) -> Any:
    """Truth of "a or b", elementwise with broadcasting; carries no gradient."""
    return np.logical_or(a, b)


@op(derivatives=(None, None), latex=r"\operatorname{xor}({0}, {1})", domain=_LOGIC)
def logical_xor(a: Any, b: Any) -> Any:
    """Truth of "either a or b", elementwise with broadcasting; carries no gradient."""
    return np.logical_xor(a, b)


@op(derivatives=(None,), latex=r"\operatorname{not}({0})", domain=_LOGIC)
def logical_not(x: Any) -> Any:
    """Truth of "not x", elementwise; carries no gradient."""
    return np.logical_not(x)


@op(derivatives=(None,), latex=r"\operatorname{isnan}({0})", domain=_TEST)
def isnan(x: Any) -> Any:
    """Whether x is NaN, elementwise; carries no gradient."""
    return np.isnan(x)


@op(derivatives=(None,), latex=r"\operatorname{isinf}({0})", domain=_TEST)
def isinf(x: Any) -> Any:
    """Whether x is ∞ or −∞, elementwise; carries no gradient."""
    return np.isinf(x)


@op(derivatives=(None,), latex=r"\operatorname{isfinite}({0})", domain=_TEST)
def isfinite(x: Any) -> Any:
    """Whether x is a number that is not infinite, elementwise; carries no gradient."""
    return np.isfinite(x)


@op(derivatives=(None,), latex=r"\operatorname{signbit}({0})", domain=Reals(kink=lambda x: x, analytic=False))
def signbit(x: Any) -> Any:
    """Whether the sign bit of x is set: true for negative numbers and −0, elementwise; carries no gradient."""
    return np.signbit(x)
