"""What an op means to those who read its record: names, formulas, derivations. The engine looks at none of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any


class Role(Enum):
    """The part that an op plays in a network."""

    PRODUCT = "product"
    ACTIVATION = "activation"


class Limit(Enum):
    """Why derivatives of an op are further off than 8 ulps, and where."""

    UNDERFLOW = "not where a number below the smallest normal one is given, met or results: it lacks digits, or is 0"
    ZEROS = "beside a zero of the derivative, where terms cancel, in ulps of the terms"
    TERMS = "where terms cancel, their rounding shows"
    ARGUMENTS = "where it is steep, the rounding of a number on the way shows"
    OVERFLOW = "a number on the way overflows or underflows before the result does"
    SCIPY = "as right as SciPy's function"


def _never(**params: Any) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Traits:
    """What readers of a record go by; most ops need none of it.

    role: its part in a network, after which its results are named: z for products, a for activations.
    algebra: what it does to numbers, for those who compute in symbols: `operator.mul`, another function of operators,
        or a NumPy function whose name SymPy knows too (`np.exp`).
    mirror: from f(x) to f(−x), where the one follows from the other: 1 − y for the sigmoid.
    arranges: from its parameters to whether the result has the elements of the first input in their order, repeated or
        under another shape.
    guarded: from a node and its operands in LaTeX to the number of the one that is all a rule's formula shows of it;
        the rest keeps it from being 0, and the op documents what it gives there.
    limits: where its derivatives are not right to 8 ulps.
    part: whether the result is one array of an operand that is several; pictures show it in the operand's place.
    indexed: from a node, an index and the function that takes it, to what the op gives of that part of its first
        operand alone, or None; for ops that refuse some elements, so that those left out do not matter.

    >>> import operator
    >>> Traits(algebra=operator.mul).algebra(3.0, 4.0)
    12.0
    """

    role: Role | None = None
    algebra: Callable[..., Any] | None = None
    mirror: Callable[[Any], Any] | None = None
    arranges: Callable[..., bool] = _never
    guarded: Callable[[Any, Sequence[str]], int | None] | None = None
    limits: tuple[Limit, ...] = ()
    part: bool = False
    indexed: Callable[[Any, Any, Callable[[Any], Any]], Any] | None = None


NONE = Traits()
PRODUCT = Traits(Role.PRODUCT)
ACTIVATION = Traits(Role.ACTIVATION)
