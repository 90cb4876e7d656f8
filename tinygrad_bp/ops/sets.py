"""The different elements of an array, ascending. Each is read at its first place, and its gradient goes there."""

from __future__ import annotations

from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np

from tinygrad_bp.annotations import Array
from tinygrad_bp.engine import Node
from tinygrad_bp.ops.linear_algebra import operand
from tinygrad_bp.ops.ordering import take

A = TypeVar("A")


class UniqueAllResult(NamedTuple, Generic[A]):
    """Different elements, their first places in the flattened array, where each element is among them, how often."""

    values: A
    indices: Array
    inverse_indices: Array
    counts: Array


class UniqueCountsResult(NamedTuple, Generic[A]):
    """Different elements, and how often each is there."""

    values: A
    counts: Array


class UniqueInverseResult(NamedTuple, Generic[A]):
    """Different elements, and where each element of the array is among them."""

    values: A
    inverse_indices: Array


def unique_all(x: Any) -> UniqueAllResult[Any]:
    """The different elements of x in ascending order, with places and counts; every NaN differs from the others.

    A gradient goes to the first of equal elements. In compiled functions the length of the result is not known, so they
    refuse it.
    """
    x = operand(x)
    value = x.value if isinstance(x, Node) else x
    _, indices, inverse, counts = np.unique(
        value, return_index=True, return_inverse=True, return_counts=True, equal_nan=False
    )
    return UniqueAllResult(take(x, indices), indices, inverse.reshape(x.shape), counts)


def unique_counts(x: Any) -> UniqueCountsResult[Any]:
    """The different elements of x in ascending order, and how often each is there; as `unique_all`."""
    found = unique_all(x)
    return UniqueCountsResult(found.values, found.counts)


def unique_inverse(x: Any) -> UniqueInverseResult[Any]:
    """The different elements of x in ascending order, and where each element is among them; as `unique_all`."""
    found = unique_all(x)
    return UniqueInverseResult(found.values, found.inverse_indices)


def unique_values(x: Any) -> Any:
    """The different elements of x in ascending order; as `unique_all`."""
    return unique_all(x).values
