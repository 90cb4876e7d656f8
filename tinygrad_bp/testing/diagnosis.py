"""What is wrong with a gradient, in words: held against the right one, entry by entry."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from tinygrad_bp.testing.numeric import gradient

Array = np.ndarray[Any, Any]

CLOSE = 1e-4
"""How near a number is to one that is named; the right gradient is numerical, good to six digits or so."""


LARGEST = 400
"""Of a gradient with more elements than this nothing is said."""


def diagnosed(
    terms: Callable[[list[Array]], Array], values: Sequence[Array], k: int, got: Array, inputs: Sequence[Array]
) -> str:
    """What is wrong with a gradient of the sum of terms for the k-th of the values; "" where that has no name.

    inputs: all that the function takes: their lengths may be those of a mean that is missing, or taken too often.
    """
    x = values[k]
    if x.size > LARGEST:
        return ""
    lengths = [n for array in inputs for n in array.shape]
    counts = sorted({*lengths, *[array.size for array in inputs], terms(list(values)).size} - {0, 1})
    return next(_named(gradient(terms, values, k), got, x, counts), "")


def _named(right: Array, got: Array, x: Array, counts: Sequence[int]) -> Iterator[str]:
    if got.shape != right.shape:
        yield from _misshapen(right, got)
        return
    if not np.all(np.isfinite(got)):
        yield "It is NaN or infinite: does it divide by something that is 0 here?"
    if not got.any():
        yield "It is 0 everywhere: is a term missing, or the input not used?"
    yield from _tied(right, got, x)
    yield from _scaled(right, got, counts)
    yield from _moved(right, got)
    yield from _partly(right, got, x)
    shift = float(np.mean(got - right))
    if abs(shift) > CLOSE and _close(got - shift, right):
        yield f"It is too large by {shift:.4g} everywhere."


def _misshapen(right: Array, got: Array) -> Iterator[str]:
    shapes = f"{got.shape} instead of {right.shape}"
    if got.shape == right.shape[::-1] and _close(got.T, right):
        yield f"It is transposed: {shapes}."
    lead = got.ndim - right.ndim
    if lead >= 0 and got.size > right.size:
        stretched = tuple(range(lead)) + tuple(
            [lead + k for k, n in enumerate(right.shape) if n == 1 and got.shape[lead + k] > 1]
        )
        if (
            stretched
            and got.sum(stretched).size == right.size
            and _close(got.sum(stretched).reshape(right.shape), right)
        ):
            yield f"It is not summed over axis {_listed(stretched)}, along which the input was broadcast: {shapes}."
    if got.size == 1 < right.size and _close(np.sum(right), got.reshape(())):
        yield f"It is summed over all axes: {shapes}."
    if got.size == right.size and _close(got.reshape(right.shape), right):
        yield f"Its numbers are right, its shape is not: {shapes}."
    for axis in range(right.ndim):
        total = right.sum(axis, keepdims=True)
        if got.shape in (total.shape, total.squeeze(axis).shape) and _close(total.ravel(), got.ravel()):
            yield f"It is summed over axis {axis}: {shapes}."


def _scaled(right: Array, got: Array, counts: Sequence[int]) -> Iterator[str]:
    norm = float(np.vdot(right, right))
    factor = float(np.vdot(right, got)) / norm if norm else 0.0
    if not factor or abs(factor - 1) < CLOSE or not _close(factor * right, got):
        return
    if abs(factor + 1) < CLOSE:
        yield "Its sign is wrong."
    for count in counts:
        if abs(factor / count - 1) < CLOSE:
            yield f"It is {count} times too large: is a mean over {count} missing, or a factor too much?"
        if abs(factor * count - 1) < CLOSE:
            yield f"It is {count} times too small: is a factor missing, or a mean over {count} too much?"
    yield f"It is {factor:.6g} times what it should be: a constant factor is missing or too much."


def _moved(right: Array, got: Array) -> Iterator[str]:
    if right.ndim == 2 and right.shape[0] == right.shape[1] and _close(right.T, got):
        yield "It is transposed."
    for axis in range(right.ndim):
        if _close(np.flip(right, axis), got):
            yield f"It is reversed along axis {axis}."
        if any(_close(np.roll(right, shift, axis), got) for shift in (1, -1)):
            yield f"It is shifted by one along axis {axis}."
        total = np.broadcast_to(right.sum(axis, keepdims=True), right.shape)
        if _close(total, got):
            yield f"It is summed over axis {axis}, which the function does not broadcast along."
        if _close(total / right.shape[axis], got):
            yield f"It is averaged over axis {axis}."
    for other in range(1, right.ndim):
        if right.shape[0] == right.shape[other] and _close(np.swapaxes(right, 0, other), got):
            yield f"Axes 0 and {other} are exchanged."


def _tied(right: Array, got: Array, x: Array) -> Iterator[str]:
    """Where all that is wrong are entries of equal inputs."""
    wrong = _wrong(right, got)
    ties = [x == value for value in np.unique(x[wrong]) if np.count_nonzero(x == value) > 1]
    if ties and not wrong.all() and not (wrong & ~np.any(ties, axis=0)).any():
        yield "Only entries are wrong whose inputs are equal: at exact ties the shares are equal and sum to the whole."


def _partly(right: Array, got: Array, x: Array) -> Iterator[str]:
    """Where only some entries are wrong: which."""
    wrong = _wrong(right, got)
    places = np.argwhere(wrong)
    if not 0 < len(places) < right.size:
        return
    if len(places) == 1:
        yield f"Only the entry {tuple(map(int, places[0]))} is wrong, all others are right."
    for axis in range(right.ndim):
        at = set(places[:, axis].tolist())
        if len(at) == 1 and right.shape[axis] > 1:
            yield f"Only entries with index {at.pop()} on axis {axis} are wrong."
    bad, good = x[wrong], x[~wrong]
    if bad.min() > good.max():
        yield f"Only entries are wrong whose input is above {good.max():.4g}."
    if bad.max() < good.min():
        yield f"Only entries are wrong whose input is below {good.min():.4g}."


def _wrong(right: Array, got: Array) -> Array:
    return ~np.isclose(right, got, rtol=CLOSE, atol=CLOSE * _size(right))


def _close(a: Any, b: Any) -> bool:
    return bool(np.shape(a) == np.shape(b) and np.allclose(a, b, rtol=CLOSE, atol=CLOSE * _size(a)))


def _size(a: Any) -> float:
    return float(np.max(np.abs(a), initial=0.0))


def _listed(axes: Sequence[int]) -> str:
    return ", ".join(map(str, axes))
