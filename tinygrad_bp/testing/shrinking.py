"""The smallest inputs for which a check still fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

ATTEMPTS = 150
"""So many inputs are tried, at most."""


def shrunk(arrays: Sequence[Array], fails: Callable[[list[Array]], bool]) -> list[Array]:
    """Arrays with fewer elements and rounder numbers for which `fails` still holds."""
    best, left = list(arrays), ATTEMPTS
    going = True
    while going and left:
        going = False
        for candidate in islice(_smaller(best), left):
            left -= 1
            if fails(candidate):
                best, going = candidate, True
                break
    return best


def _smaller(arrays: Sequence[Array]) -> Iterator[list[Array]]:
    """Simpler inputs, the simplest first: shorter along every axis of one length together, or along one alone."""
    lengths = sorted({n for x in arrays for n in x.shape if n > 1}, reverse=True)
    for length in lengths:
        for part in _parts(length):
            yield [x[tuple([part if n == length else slice(None) for n in x.shape])] for x in arrays]
    for i, x in enumerate(arrays):
        for axis, length in enumerate(x.shape):
            for part in _parts(length):
                yield [*arrays[:i], x[(slice(None),) * axis + (part,)], *arrays[i + 1 :]]
    for i, x in enumerate(arrays):
        if x.dtype.kind == "f":
            for simpler in (np.ones_like(x), np.round(x), np.round(x, 1)):
                if not np.array_equal(simpler, x) and _plainness(simpler) < _plainness(x):
                    yield [*arrays[:i], simpler, *arrays[i + 1 :]]


def _parts(length: int) -> list[slice]:
    """Parts of an axis, from one element on, at both of its ends."""
    shorter = [n for n in dict.fromkeys((1, 2, length // 2, length - 1)) if 0 < n < length]
    return [part for n in shorter for part in (slice(n), slice(length - n, None))]


def _plainness(x: Array) -> int:
    """How many characters its numbers take."""
    return sum([len(repr(float(number))) for number in x.ravel()])
