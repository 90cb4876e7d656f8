"""NumPy as programs see it under Numba: the same names, with what Numba is slow at written so that it is not.

Numba takes `np.exp` for one call of the C library after another, and sums over an axis through views; here both are
loops that the compiler can do several elements at a time.
"""

from __future__ import annotations

from functools import cache
from math import factorial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from tinygrad_bp.errors import missing_extra

OWN_SOURCE = Path(__file__)
"""The file with the functions that become part of compiled programs."""

_LOG2_E = 1.4426950408889634
_LN2_HIGH, _LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
"""log 2 in two parts; the first has so few digits that its products with exponents are exact."""

_ROUND = 6755399441055744.0
"""1.5·2⁵²: a number that is added to it is rounded to an integer, which stands in the last bits."""

_C2, _C3, _C4, _C5, _C6, _C7, _C8, _C9, _C10, _C11, _C12, _C13 = [1 / factorial(k) for k in range(2, 14)]


def numba_itself() -> Any:
    """The package. Raises MissingExtraError if it is not installed."""
    try:
        import numba
    except ImportError as error:
        raise missing_extra("numba", "jit") from error
    return numba


def scaled(g: float, d: float) -> float:
    """The op `scale` for single numbers, which Numba makes part of the loop around it."""
    return g * d if g != 0 else 0.0


def _sum(x: Any, axis: int) -> Any:
    if x.ndim == 2 and axis == 1:
        total = np.zeros(x.shape[0])
        for i in range(x.shape[0]):
            for j in range(x.shape[1]):
                total[i] += x[i, j]
        return total
    return np.sum(x, axis)


def _dot(a: Any, b: Any) -> Any:
    """The product of two small matrices, along the rows of b, or of what b is the transpose of."""
    product = np.zeros((a.shape[0], b.shape[1]))
    for i in range(a.shape[0]):
        if b.flags.c_contiguous:
            for k in range(a.shape[1]):
                factor = a[i, k]
                for j in range(b.shape[1]):
                    product[i, j] += factor * b[k, j]
        else:
            for j in range(b.shape[1]):
                for k in range(a.shape[1]):
                    product[i, j] += a[i, k] * b[k, j]
    return product


@cache
def numba_numpy(blas: bool) -> ModuleType:
    """A module with NumPy's names, for programs that Numba compiles.

    blas: leave products of matrices to BLAS, which is better at large ones, but takes long to load.
    """
    numba = numba_itself()
    module = ModuleType("np")
    vars(module).update(vars(np))
    exp = numba.njit(_exp(numba), fastmath={"contract"})
    vars(module)["exp"] = numba.vectorize(lambda x: exp(x))
    vars(module)["sum"] = numba.njit(_sum, fastmath={"reassoc", "nsz"})
    if not blas:
        vars(module)["dot"] = numba.njit(_dot, fastmath={"contract", "reassoc", "nsz"})
    return module


def _exp(numba: Any) -> Any:
    r"""eˣ = 2ⁿ·eʳ with n = round(x/log 2) and |r| ≤ log(2)/2, eʳ by its power series; at most two units off at the end.

    2ⁿ is made of two factors, as n itself may be too large or too small for an exponent.
    """
    bits, number = _casts(numba)
    origin = int(np.float64(_ROUND).view(np.int64))

    def exp(x: float) -> float:
        y = min(max(x, -750.0), 710.0)
        rounded = y * _LOG2_E + _ROUND
        n = rounded - _ROUND
        r = (y - n * _LN2_HIGH) - n * _LN2_LOW
        r2 = r * r
        r4 = r2 * r2
        low = ((1.0 + r) + r2 * (_C2 + r * _C3)) + r4 * ((_C4 + r * _C5) + r2 * (_C6 + r * _C7))
        high = ((_C8 + r * _C9) + r2 * (_C10 + r * _C11)) + r4 * (_C12 + r * _C13)
        exponent = bits(rounded) - origin
        half = bits(y * (0.5 * _LOG2_E) + _ROUND) - origin
        power = (low + r4 * r4 * high) * number((half + 1023) << 52) * number((exponent - half + 1023) << 52)
        return power if x == x else x

    return exp


def _casts(numba: Any) -> tuple[Any, Any]:
    """Functions that read the bits of a float64 as an int64, and back."""
    from llvmlite import ir

    def cast(source: Any, target: Any, kind: Any) -> Any:
        def intrinsic(typing_context: Any, x: Any) -> Any:
            return target(source), lambda context, builder, signature, args: builder.bitcast(args[0], kind)

        return numba.extending.intrinsic(intrinsic)

    f, i = numba.types.float64, numba.types.int64
    return cast(f, i, ir.IntType(64)), cast(i, f, ir.DoubleType())
