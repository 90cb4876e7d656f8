"""Complex functions as real ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinygrad_bp.ops.complex import imag, real
from tinygrad_bp.tensor import asarray

Array = np.ndarray[Any, Any]


def is_complex(f: Callable[..., Any], inputs: Sequence[Array]) -> bool:
    """Whether f has complex inputs or a complex result."""
    y = f(*[asarray(x) if x.dtype.kind in "fc" else x for x in inputs])
    return any(np.iscomplexobj(x) for x in (*inputs, asarray(y).value))


def in_parts(f: Callable[..., Any], inputs: Sequence[Array]) -> tuple[Callable[..., Any], list[Array]]:
    """f of real and imaginary parts, each an input of its own; of a complex result the last axis holds both."""
    pairs = [np.iscomplexobj(x) for x in inputs]

    def real_function(*values: Any) -> Any:
        given = iter(values)
        y = f(*[next(given) + 1j * next(given) if pair else next(given) for pair in pairs])
        if y.dtype.kind != "c":
            return y
        first = np.array([1.0, 0.0], y.dtype).real
        return real(y)[..., None] * first + imag(y)[..., None] * (1 - first)

    parts = [(x.real, x.imag) if pair else (x,) for x, pair in zip(inputs, pairs, strict=True)]
    return real_function, [np.array(part) for pair in parts for part in pair]
