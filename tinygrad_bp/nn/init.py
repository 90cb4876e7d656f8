"""Initial weights, and the random generator they come from."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from tinygrad_bp.calls import guarded
from tinygrad_bp.errors import ArgumentError

Array = np.ndarray[Any, Any]
Seed: TypeAlias = "int | np.random.Generator | None"


def generator(seed: Seed = None) -> np.random.Generator:
    """The random generator of a seed; a generator is returned as it is, so that several users can share one.

    Raises ArgumentError for anything but a whole number from 0 on, a generator, or None (a fresh seed each time).
    """
    try:
        return np.random.default_rng(seed)
    except (TypeError, ValueError) as error:
        raise ArgumentError(f"a seed is a whole number from 0 on, a NumPy generator or None; got {seed!r}.") from error


@guarded
def glorot_normal(shape: tuple[int, ...], seed: Seed = None, fans: int | None = None) -> Array:
    """Weights drawn from a normal distribution of mean 0 and variance 2/(n_in + n_out), float64.

    fans: n_in + n_out, how many inputs an output has and how many outputs an input; by default the sum of the lengths
    of `shape`, which for a matrix are the two in either order. With this variance a signal keeps its size on the way
    through a layer, forward and backward.

    >>> glorot_normal((2, 7), seed=0).shape
    (2, 7)

    Source: X. Glorot and Y. Bengio, Understanding the difficulty of training deep feedforward neural networks, 2010.
    """
    return generator(seed).normal(0.0, np.sqrt(2.0 / (fans or sum(shape))), shape)
