"""Logic on bits: the operators &, |, ^ and ~ for truth values and integers. Nothing here carries a gradient."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_bp.domains import Domain
from tinygrad_bp.registry import op

_BITS = Domain(kinds="b", analytic=False)


@op(derivatives=(None, None), latex=r"\operatorname{bitand}({0}, {1})", domain=_BITS)
def bitwise_and(a: Any, b: Any) -> Any:
    """Bits set in both a and b, for truth values "a and b", elementwise with broadcasting; carries no gradient."""
    return np.bitwise_and(a, b)


@op(derivatives=(None, None), latex=r"\operatorname{bitor}({0}, {1})", domain=_BITS)
def bitwise_or(a: Any, b: Any) -> Any:
    """Bits set in a or b, for truth values "a or b", elementwise with broadcasting; carries no gradient."""
    return np.bitwise_or(a, b)


@op(derivatives=(None, None), latex=r"\operatorname{bitxor}({0}, {1})", domain=_BITS)
def bitwise_xor(a: Any, b: Any) -> Any:
    """Bits set in one of a and b only, for truth values "either or", elementwise with broadcasting; no gradient."""
    return np.bitwise_xor(a, b)


@op(derivatives=(None,), latex=r"\operatorname{bitnot}({0})", domain=_BITS)
def invert(x: Any) -> Any:
    """Every bit turned over, for truth values "not x", elementwise; carries no gradient."""
    return np.invert(x)


_SHIFTS = Domain(kinds="i", intervals=((0, 8),), analytic=False)


@op(derivatives=(None, None), latex=r"{0} \cdot 2^{1}", domain=_SHIFTS)
def left_shift(a: Any, b: Any) -> Any:
    """The bits of the integer a moved up by b places, elementwise with broadcasting; carries no gradient."""
    return np.left_shift(a, b)


@op(derivatives=(None, None), latex=r"\lfloor {0} \cdot 2^{-{1}} \rfloor", domain=_SHIFTS)
def right_shift(a: Any, b: Any) -> Any:
    """The bits of the integer a moved down by b places, elementwise with broadcasting; carries no gradient."""
    return np.right_shift(a, b)
