"""NumPy as programs see it under Numba: the same names, with what Numba is slow at written so that it is not.

Numba takes `np.exp` for one call of the C library after another, and sums over an axis through views; here both are
loops that the compiler can do several elements at a time.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from tinygrad_bp.backends.numba.kernels import numba_itself

OWN_SOURCES = (Path(__file__), Path(__file__).with_name("kernels.py"), Path(__file__).parents[1] / "vector_math.py")
"""The files with the functions that become part of compiled programs."""


def _sum(x: Any, axis: Any = None) -> Any:
    """The sum over one axis of a matrix, or over all of it; others are left to Numba."""
    zero = x.dtype.type(0) + 0  # an integer for truths
    if x.ndim == 2 and axis is not None:
        total = np.full(x.shape[1 - axis], zero)
        if axis:
            for i in range(x.shape[0]):
                for j in range(x.shape[1]):
                    total[i] += x[i, j]
        else:
            for i in range(x.shape[0]):
                for j in range(x.shape[1]):
                    total[j] += x[i, j]
        return total
    if x.ndim == 2:
        whole = zero
        for i in range(x.shape[0]):
            for j in range(x.shape[1]):
                whole += x[i, j]
        return whole
    return np.sum(x) if axis is None else np.sum(x, axis)


def _dot(a: Any, b: Any) -> Any:
    """The product of two small matrices, along the rows of b, or of what b is the transpose of."""
    product = np.empty((a.shape[0], b.shape[1]))
    for i in range(a.shape[0]):
        for j in range(b.shape[1]):
            product[i, j] = 0.0
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
def numba_numpy(used: frozenset[str], blas: bool) -> ModuleType:
    """A module with NumPy's names, for programs that Numba compiles.

    used: the names of functions in the program; making one of them takes Numba a few hundredths of a second. blas:
    leave products of matrices to BLAS, which is better at large ones, but takes long to compile.
    """
    from tinygrad_bp.backends.vector_math import FORMATS, Numbers, exponential, hyperbolic_tangent

    numba = numba_itself()
    module = ModuleType("np")
    vars(module).update(vars(np))
    bits, number = _casts(numba)
    select = numba.njit(lambda condition, a, b: a if condition else b)
    function = numba.njit(fastmath={"contract"})
    numbers = Numbers(FORMATS[np.dtype(np.float64)], bits, number, select, function)
    for name, make in (("exp", exponential), ("tanh", hyperbolic_tangent)):
        if name in used:
            vars(module)[name] = _elementwise(numba, make(numbers))
    vars(module)["sum"] = numba.njit(_sum, fastmath={"reassoc", "nsz"})
    if not blas:
        vars(module)["dot"] = numba.njit(_dot, fastmath={"contract", "reassoc", "nsz"})
    return module


def _elementwise(numba: Any, function: Any) -> Any:
    return numba.vectorize(lambda x: function(x))


def _casts(numba: Any) -> tuple[Any, Any]:
    """Functions that read the bits of a float64 as an int64, and back."""
    from llvmlite import ir

    def cast(source: Any, target: Any, kind: Any) -> Any:
        def intrinsic(typing_context: Any, x: Any) -> Any:
            return target(source), lambda context, builder, signature, args: builder.bitcast(args[0], kind)

        return numba.extending.intrinsic(intrinsic)

    f, i = numba.types.float64, numba.types.int64
    return cast(f, i, ir.IntType(64)), cast(i, f, ir.DoubleType())
