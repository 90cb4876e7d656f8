"""Functions of square matrices, and equations between matrices, by SciPy's names. They need the `scipy` extra.

The derivative of the exponential along t stands in itself: exp [[a, t], [0, a]] has it in the upper right corner. So
its rule is the exponential again, of a matrix twice as large, to any order. The derivative of the square root solves
Sylvester's equation, and the logarithm is made of square roots.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_bp.calls import guarded
from tinygrad_bp.domains import Shapes
from tinygrad_bp.errors import LinearAlgebraError
from tinygrad_bp.ops.joining import concatenate
from tinygrad_bp.ops.linear_algebra import floating, matmul, operand
from tinygrad_bp.ops.special import scipys
from tinygrad_bp.ops.systems import dominant, solve
from tinygrad_bp.registry import op


def _along(a: Any, t: Any) -> Any:
    """The derivative of the exponential at a along t."""
    n = a.shape[-1]
    low = concatenate([np.zeros(a.shape, a.dtype), a], axis=-1)
    return expm(concatenate([concatenate([a, t], axis=-1), low], axis=-2))[..., :n, n:]


def _of_each(name: str, a: Any) -> Any:
    """SciPy's function of every matrix (…, n, n), computed in double precision, in that of a."""
    function, double = scipys("linalg", name), a.astype(np.result_type(a.dtype, np.float64))
    y = np.stack([function(x) for x in double.reshape(-1, *a.shape[-2:])]).reshape(a.shape)
    return y.astype(np.result_type(floating(a), np.complex64) if y.dtype.kind == "c" else floating(a), copy=False)


def _transposed(a: Any) -> Any:
    return a.swapaxes(-1, -2)


@op(
    vjps=(lambda g, y, a: _along(_transposed(a), g),),
    jvp=lambda t, y, a: _along(a, t),
    latex=r"\exp({0})",
    domain=Shapes("ii", "bii", smallest=1, prepare=lambda a: (a / 4,), bounded=True, analytic=False),
    whole=True,
)
def expm(a: Any) -> Any:
    """Exponential Σ aᵏ/k! of square matrices (…, n, n). VJP: the derivative of expm at aᵀ along g. Needs SciPy."""
    return _of_each("expm", a)


@op(
    vjps=(lambda g, y, a: solve_sylvester(_transposed(y), _transposed(y), g),),
    jvp=lambda t, y, a: solve_sylvester(y, y, t),
    latex=r"\sqrt{{0}}",
    domain=Shapes("ii", "bii", smallest=1, prepare=dominant, bounded=True, analytic=False),
    whole=True,
)
def sqrtm(a: Any) -> Any:
    """Principal square root y of square matrices (…, n, n), y·y = a; complex for negative eigenvalues.

    VJP: w with yᵀ·w + w·yᵀ = g. Needs SciPy.
    """
    return _of_each("sqrtm", a)


_PLACES, _WEIGHTS = np.polynomial.legendre.leggauss(8)
_ROOTS = 64


@guarded
def logm(a: Any) -> Any:
    """Principal logarithm of square matrices (…, n, n), the inverse of `expm`; complex for negative eigenvalues.

    Square roots bring a near 1, x = a − 1; there log a = ∫₀¹ x·(1 + t·x)⁻¹ dt, eight points of Gauss's rule to the last
    digits. Needs SciPy. Raises LinearAlgebraError if a is singular.
    """
    root, unit, doubled = operand(a), np.eye(np.shape(a)[-1], dtype=operand(a).dtype), 1.0
    while _is_far(root - unit):
        root, doubled = sqrtm(root), 2.0 * doubled
        if doubled > 2.0**_ROOTS:
            raise LinearAlgebraError("logm: the matrix is singular, and has no logarithm. Check its rank.")
    x, y = root - unit, 0.0
    for place, weight in zip(_PLACES.tolist(), _WEIGHTS.tolist(), strict=True):
        y = y + (0.5 * weight * doubled) * solve(unit + (0.5 * (place + 1.0)) * x, x)
    return y


def _is_far(x: Any) -> bool:
    """Whether some matrix is larger than a half."""
    x = getattr(x, "value", x)
    return bool(np.max(np.sum(np.absolute(x), axis=-1), initial=0.0) > 0.5)


def _moved(a: Any, b: Any, right: Any) -> Any:
    return -solve_sylvester(a, b, right)


@op(
    vjps=(
        lambda g, y, a, b, q: matmul(_moved(_transposed(a), _transposed(b), g), _transposed(y)),
        lambda g, y, a, b, q: matmul(_transposed(y), _moved(_transposed(a), _transposed(b), g)),
        lambda g, y, a, b, q: solve_sylvester(_transposed(a), _transposed(b), g),
    ),
    jvp=(
        lambda t, y, a, b, q: _moved(a, b, matmul(t, y)),
        lambda t, y, a, b, q: _moved(a, b, matmul(y, t)),
        lambda t, y, a, b, q: solve_sylvester(a, b, t),
    ),
    latex=r"\operatorname{sylvester}({0}, {1}, {2})",
    domain=Shapes(
        "ii,jj,ij",
        smallest=1,
        prepare=lambda a, b, q: (*dominant(a), *dominant(b), q),
        bounded=True,
        analytic=False,
    ),
    whole=True,
)  # fmt: skip
def solve_sylvester(a: Any, b: Any, q: Any) -> Any:
    """Solution x of a·x + x·b = q, for matrices a (…, m, m), b (…, n, n) and q (…, m, n). Needs SciPy.

    VJPs, with w of aᵀ·w + w·bᵀ = g: −w·xᵀ, −xᵀ·w and w.
    """
    function, parts = scipys("linalg", "solve_sylvester"), [x.reshape(-1, *x.shape[-2:]) for x in (a, b, q)]
    return np.stack(list(map(function, *parts))).reshape(q.shape).astype(floating(a, b, q), copy=False)
