"""A derivation as data: formulas with what they give, the links of the chain, the gradients they add up to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np

from tinygrad_bp.graph import GraphNode
from tinygrad_bp.modes import quietly


@final
@dataclass(frozen=True, slots=True)
class Formula:
    """A formula, what it gives when it is evaluated as it is printed, and what the reverse sweep gave."""

    template: str
    value: Any
    swept: Any

    @property
    def holds(self) -> bool:
        """Whether they agree as far as rounding lets them."""
        return agree(self.value, self.swept)


def difference(value: Any, expected: Any, least: float = 0.0) -> float:
    """How far two arrays are apart, relative to the largest element or `least`; NaN, infinities and axes must agree."""
    expected = np.asarray(expected)
    if np.ndim(value) > expected.ndim:  # an array of one number, where a formula leaves out that it becomes the number
        return np.inf
    value = np.broadcast_to(value, expected.shape)
    same = (value == expected) | (np.isnan(value) & np.isnan(expected))
    apart = np.where(same, 0.0, np.absolute(quietly(np.subtract, value, expected)))
    size = max(largest(expected), least)
    worst = float(np.max(apart, initial=0.0))
    return worst / size if size else worst


def largest(x: Any) -> float:
    """The size of the largest finite element."""
    return float(np.max(np.absolute(x), where=np.isfinite(x), initial=0.0))


def rounding(x: Any) -> float:
    """The difference between two numbers of an array's format."""
    return float(np.finfo(np.asarray(x).dtype).eps)


def agree(value: Any, expected: Any, least: float = 0.0) -> bool:
    """Whether two arrays are as close as rounding lets them be."""
    return bool(difference(value, expected, least) <= tolerance(expected))


def tolerance(x: Any) -> float:
    """How far from an array is near enough, relative to its largest element."""
    return float(rounding(x) ** 0.6)


@final
@dataclass(frozen=True, slots=True)
class Factor:
    """One link of the chain, from `source` to `target`.

    elementwise: whether the formula is ∂target/∂source itself, element by element; else it is what the link makes of
    the cotangent δ, a vector–Jacobian product.
    """

    source: GraphNode
    target: GraphNode
    elementwise: bool
    formula: Formula


@final
@dataclass(frozen=True, slots=True)
class Equation:
    """The gradient of one value: `left = right = right`, from the chain rule to what it simplifies to.

    closed: the gradient in terms of values alone, without another gradient in it; None where that is too long.
    """

    node: GraphNode
    left: str
    rights: tuple[Formula, ...]
    closed: Formula | None
    factors: tuple[Factor, ...]
