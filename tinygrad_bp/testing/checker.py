"""The gradient checker: every claim of a derivative, held against numbers that owe nothing to the library's rules."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from tinygrad_bp.calls import guarded
from tinygrad_bp.modes import quietly
from tinygrad_bp.testing.claims import (
    first_order,
    forward_mode,
    higher_orders,
    layouts,
    second_order,
    single_precision,
    ties,
)
from tinygrad_bp.testing.diagnosis import diagnosed
from tinygrad_bp.testing.parts import in_parts, is_complex
from tinygrad_bp.testing.picture import drawn
from tinygrad_bp.testing.subject import GradientError as GradientError, Subject


@guarded
def check_gradients(
    f: Callable[..., Any],
    *xs: Any,
    order: int = 2,
    analytic: bool = False,
    scales: Sequence[float] = (1.0,),
    seed: int = 0,
    name: str | None = None,
) -> None:
    """Raise GradientError unless the derivatives of f at xs are right, up to `order`.

    f takes and returns one array or tensor each; the floating inputs among xs are differentiated, complex ones for
    their real and imaginary parts. Checked are: the vector–Jacobian products against numerical derivatives (complex
    step to 1e-9 if `analytic` says that f continues to complex arguments, else central differences to 1e-6; at a kink
    they must lie between the slopes of both sides, and equal inputs that f treats alike receive equal shares); that
    forward mode agrees, ⟨g, J·t⟩ = ⟨Jᵀ·g, t⟩; that cotangents which are strided, constant (stride 0), read-only or
    zero give what contiguous ones give; that nothing is written to, and no gradient shares memory; dtype and shape;
    float32; and, for order 2, the derivatives of the derivative. `scales` are factors on the inputs: (1, 10) looks
    beyond their range too. An order above 2 is checked of real functions, by differences of the one below it. The error
    says what is wrong with a gradient where that has a name; its `picture` marks what that gradient goes through.

    >>> import tinygrad_bp as tg
    >>> tg.testing.check_gradients(lambda a, b: tg.tanh(a @ b), np.ones((2, 3)), np.ones(3), analytic=True)
    """
    for scale in scales:
        quietly(_check, f, [_scaled(x, scale) for x in xs], order, analytic, name or _name(f), seed)


def _check(f: Callable[..., Any], inputs: list[Any], order: int, analytic: bool, name: str, seed: int) -> None:
    if is_complex(f, inputs):
        f, inputs, analytic = *in_parts(f, inputs), False
    subject = Subject(f, inputs, name, seed, analytic)
    claims: list[Callable[..., None]] = [first_order, layouts, forward_mode, ties, single_precision]
    claims += [second_order] * (order >= 2)
    claims += [partial(higher_orders, order=higher) for higher in range(3, order + 1)]
    for claim in claims:
        try:
            claim(subject)
        except GradientError as error:
            if claim is first_order and error.input is not None:
                raise _explained(subject, error, error.input) from None
            raise
        except Exception as error:
            what = getattr(claim, "func", claim).__name__.replace("_", " ")
            raise GradientError(f"{name}: checking {what} raised {error!r}") from error


def _explained(subject: Subject, error: GradientError, k: int) -> GradientError:
    """The error with what is wrong in words, and a picture."""
    words = diagnosed(subject.terms, subject.values, k, subject.pulled[k], subject.inputs)
    labels = [f"input {i}" for i in range(len(subject.inputs))]
    picture = partial(drawn, subject.f, subject.inputs, labels, tuple, subject.labels[k])
    return GradientError(f"{error} {words}".rstrip(), error.what, k, picture)


def _scaled(x: Any, scale: float) -> Any:
    x = np.array(x)
    double = {"f": np.float64, "c": np.complex128}.get(x.dtype.kind)
    return x if double is None else np.asarray(x.astype(double) * scale)


def _name(f: Any) -> str:
    while isinstance(f, partial):
        f = f.func
    return getattr(f, "__name__", repr(f))
