"""Complex numbers: their parts, and the conjugate that the rules of other pages need.

The convention for derivatives, JAX's and autograd's: a cotangent g of a complex y stands for the real change
Re(Σ g·dy), without a conjugate. So the rule of an analytic function is the plain transpose, the same as for real
numbers, and the gradient of a real loss is ∂L/∂x − i·∂L/∂y at z = x + i·y; its conjugate points uphill.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_bp.calls import guarded
from tinygrad_bp.domains import Domain, Reals
from tinygrad_bp.engine import Node
from tinygrad_bp.errors import DTypeError, describe
from tinygrad_bp.ops.comparison import where
from tinygrad_bp.ops.linear_algebra import operand
from tinygrad_bp.registry import LINEAR, op

_COMPLEX = Domain(kinds="c", analytic=False)


@op(vjps=(lambda g, y, z: g,), jvp=LINEAR, latex=r"\operatorname{Re} {0}", domain=_COMPLEX)
def real(z: Any) -> Any:
    """Real part of z = x + i·y, elementwise. The gradient of a real loss is g: ∂L/∂x = g, ∂L/∂y = 0."""
    return np.real(z)


@op(vjps=(lambda g, y, z: g * -1j,), jvp=LINEAR, latex=r"\operatorname{Im} {0}", domain=_COMPLEX)
def imag(z: Any) -> Any:
    """Imaginary part of z = x + i·y, elementwise; 0 for a real z. The gradient of a real loss is −i·g: ∂L/∂y = g."""
    return np.imag(z)


@op(
    vjps=(lambda g, y, z: conjugate(g),),
    jvp=LINEAR,
    latex="{0}^{*}",
    domain=_COMPLEX,
)
def conjugate(z: Any) -> Any:
    """Complex conjugate x − i·y, elementwise. VJP: the conjugate of the cotangent."""
    return np.conjugate(z)


conj = conjugate


def _turn(z: Any, deg: bool) -> Any:
    """The a with dθ = Re(a·dz), −i/z in radians, 0 at 0."""
    unit = -180j / np.pi if deg else -1j
    return where(z == 0, 0, unit / where(z == 0, 1, z))


@op(
    vjps=(lambda g, y, z, deg: g * _turn(z, deg),),
    jvp=lambda t, y, z, deg: real(t * _turn(z, deg)),
    latex=r"\arg {0}",
    domain=Reals(
        0.3, 3, kinds="c", analytic=False, bounded=True, params=lambda *_: ({}, {"deg": True})
    ),  # away from the cut along the negative axis
    convention="0 at 0",
)
def angle(z: Any, deg: bool = False) -> Any:
    """Angle θ of z = r·e^{iθ}, elementwise, in (−π, π] radians or in degrees. The gradient of a real loss is −i·g/z."""
    return np.angle(z, deg)


def conjugated(x: Any) -> Any:
    """The conjugate of complex x; real x itself."""
    return conjugate(x) if x.dtype.kind == "c" else x


def require_real(name: str, x: Any) -> None:
    """Raise DTypeError for complex x: the rules of the op of this name are those of real numbers."""
    if operand(x).dtype.kind == "c":
        raise DTypeError(
            f"{name}: {describe(x)} is complex; its rule is one for real numbers. Write it with abs, real and imag."
        )


def adjoint(x: Any) -> Any:
    """The conjugate transpose of matrices."""
    return conjugated(x.swapaxes(-1, -2))


@guarded
def real_if_close(a: Any, tol: float = 100) -> Any:
    """The real part of complex a if all imaginary parts are almost 0, else a.

    tol: how far from 0, in units of the dtype's precision if greater than 1, else as it is. A compiled function is
    traced again where the answer is another.
    """
    a = operand(a)
    if a.dtype.kind != "c":
        return a
    bound = np.finfo(a.dtype).eps * tol if tol > 1 else tol
    values = a.value if isinstance(a, Node) else a
    return real(a) if np.all(np.absolute(np.imag(values)) < bound) else a
