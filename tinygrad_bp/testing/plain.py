"""The checker for anybody's derivatives: functions of plain arrays, whoever wrote them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np

from tinygrad_bp.calls import guarded
from tinygrad_bp.errors import ArgumentError
from tinygrad_bp.modes import quietly
from tinygrad_bp.testing.picture import drawn
from tinygrad_bp.testing.shrinking import shrunk
from tinygrad_bp.testing.subject import GradientError
from tinygrad_bp.testing.trials import Claim, as_array, short
from tinygrad_bp.trees import flatten, labels

Mode = Literal["finite differences", "complex step"]
MODES = ("finite differences", "complex step")

REPORTED = 60
"""Inputs with more elements in all than this are not written into a message."""


@guarded
def check_grad(
    f: Callable[..., Any],
    grad: Callable[..., Any] | Sequence[Callable[..., Any]],
    *xs: Any,
    mode: Mode = "finite differences",
    tolerance: float | None = None,
    reference: Any = None,
    raising: Sequence[tuple[Any, ...]] = (),
    shrink: bool = True,
    seed: int = 0,
    name: str | None = None,
) -> None:
    """Raise GradientError unless grad(*xs) is the gradient of f(*xs), one number: of anybody's functions.

    f and grad take plain arrays or nested containers of them (NumPy by hand, torch or JAX inside); grad returns a
    gradient built like x, or a tuple of one for each of several. Of one array x, grad may be a list: the gradient, its
    Jacobian (the Hessian) and so on, to any order, each of the shape of the one before it plus that of x. The rest is
    as in `check_vjp`.

    >>> import numpy as np, tinygrad_bp as tg
    >>> tg.testing.check_grad(lambda x: np.sum(x**3), lambda x: 3 * x**2, np.array([1.0, 2.0]))
    >>> tg.testing.check_grad(lambda x: np.sum(x**3), [lambda x: 3 * x**2, lambda x: np.diag(6 * x)], np.ones(2))
    >>> tg.testing.check_grad(lambda x: np.mean(x**2), lambda x: 2 * x, np.array([0.3, 2.7]), name="f")
    Traceback (most recent call last):
    tinygrad_bp.testing.subject.GradientError: f: the gradient for x of shape (2,) at index (0,): expected 0.3, got 0.6.
    It is 2 times too large: is a mean over 2 missing, or a factor too much?
    The smallest inputs with this fault: x = array([0.3, 2.7])
    """
    how = _How(mode, tolerance, raising, shrink, seed)
    if callable(grad):
        gradient = grad
        _check(f, lambda g, *xs: gradient(*xs), xs, name or _name(grad), True, reference, how)
        return
    if len(xs) != 1 or flatten(xs)[0][0] is not xs[0]:
        raise ArgumentError(f"check_grad: a list of derivatives is for one array x; got {len(xs)} inputs.")
    for order, (of, derivative) in enumerate(zip([f, *grad], grad, strict=False), 1):
        label = f"{name or _name(derivative)}, order {order}"
        _check(of, _contracted(derivative), xs, label, order == 1, reference if order == 1 else None, how)


@guarded
def check_vjp(
    f: Callable[..., Any],
    vjp: Callable[..., Any],
    *xs: Any,
    mode: Mode = "finite differences",
    tolerance: float | None = None,
    reference: Any = None,
    raising: Sequence[tuple[Any, ...]] = (),
    shrink: bool = True,
    seed: int = 0,
    name: str | None = None,
) -> None:
    """Raise GradientError unless vjp(g, *xs) is gᵀ·∂f/∂x for each x: of anybody's functions.

    f returns an array or a nested container of arrays; g is built like that, and vjp returns a cotangent built like x,
    or a tuple of one for each of several (None for what carries no derivative). Floating-point arrays are
    differentiated by "finite differences", or if f continues to complex numbers by the "complex step". tolerance is
    relative: 1e-7 and 1e-9 if not given, in single precision what that allows. Further, f and vjp give the same twice
    and write to no input; f(*xs) is `reference`, a value or a function of xs; both raise for each tuple of inputs in
    `raising`.

    The error names the input and the entry, says what is wrong (sign, factor, mean, transposed, summed over an axis,
    ties, one entry …), and gives the smallest inputs that show it, unless shrink=False. Where f takes tensors too, its
    `picture` marks what the derivative for that input goes through.

    >>> import numpy as np, tinygrad_bp as tg
    >>> A, x = np.arange(6.0).reshape(2, 3), np.ones(3)
    >>> tg.testing.check_vjp(lambda A, x: A @ x, lambda g, A, x: (np.outer(g, x), A.T @ g), A, x)
    """
    how = _How(mode, tolerance, raising, shrink, seed)
    _check(f, vjp, xs, name or _name(vjp), False, reference, how)


@dataclass(frozen=True)
class _How:
    """The arguments that both checkers take."""

    mode: Mode
    tolerance: float | None
    raising: Sequence[tuple[Any, ...]]
    shrink: bool
    seed: int


def _check(
    f: Callable[..., Any],
    vjp: Callable[..., Any],
    xs: tuple[Any, ...],
    name: str,
    single: bool,
    reference: Any,
    how: _How,
) -> None:
    if how.mode not in MODES:
        raise ArgumentError(f"mode is one of {MODES}; got {how.mode!r}.")
    for inputs in how.raising:
        _must_raise(f, vjp, inputs, name)
    leaves, rebuild = flatten(xs)
    arrays = [as_array(leaf) for leaf in leaves]
    if any(x.dtype.kind == "c" for x in arrays):
        raise ArgumentError(f"{name}: complex inputs are checked by their parts; take real and imaginary ones apart.")
    analytic = how.mode == "complex step"
    claim = Claim(f, vjp, name, labels(f, xs), rebuild, single, reference, analytic, how.tolerance, how.seed)
    fault = quietly(claim.fault, arrays)
    try:
        if fault is not None:
            raise (fault if fault.input is None else quietly(_told, claim, arrays, fault, how.shrink)) from None
    finally:
        del fault  # whose traceback holds this frame


def _told(claim: Claim, arrays: list[Any], fault: GradientError, shrink: bool) -> GradientError:
    """The error with what is wrong in words, the smallest inputs that show it, and a picture."""
    k = fault.input or 0
    lines = [str(fault), claim.diagnosis(arrays, k)]
    if shrink:
        arrays = shrunk(arrays, lambda smaller: claim.fails_alike(smaller, fault))
        if sum([x.size for x in arrays]) <= REPORTED:
            found = ", ".join([f"{label} = {x!r}" for label, x in zip(claim.labels, arrays, strict=True)])
            lines.append(f"The smallest inputs with this fault: {found}")
    floats = [label for label, x in zip(claim.labels, arrays, strict=True) if x.dtype.kind == "f"]
    picture = partial(drawn, claim.f, arrays, claim.labels, claim.rebuild, floats[k])
    return GradientError("\n".join(filter(None, lines)), fault.what, k, picture)


def _must_raise(f: Callable[..., Any], vjp: Callable[..., Any], inputs: tuple[Any, ...], name: str) -> None:
    for what, call in (("function", f), ("derivative", partial(vjp, np.float64(1)))):
        try:
            call(*inputs)
        except Exception:
            continue
        raise GradientError(f"{name}: the {what} should refuse {short(inputs)}, and gave a result.", "refusing")


def _contracted(derivative: Callable[..., Any]) -> Callable[..., Any]:
    """The vector–Jacobian product that a Jacobian gives: the sum of all its elements with the cotangent's."""
    return lambda g, x: np.tensordot(g, derivative(x), np.ndim(g))


def _name(f: Any) -> str:
    return getattr(f, "__name__", None) or repr(f)
