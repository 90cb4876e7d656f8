"""Constants: the operands of an op that are no nodes, and its settings, as a graph may keep them."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import numpy as np

from tinygrad_bp.errors import DTypeError, ShapeError, describe

IMMUTABLE = frozenset({bool, int, float, complex, type(None), str, *np.sctypeDict.values()})
"""Types of operands that nobody can write to, and that are kept as they are."""

_WRITABLE = frozenset({list, dict, np.ndarray})


def plain(data: Any) -> Any:
    """data itself; DTypeError for matrices and masked arrays, whose products and sums are not those of their values."""
    if isinstance(data, np.ndarray) and type(data).__mul__ is not np.ndarray.__mul__:
        raise DTypeError(
            f"a {type(data).__name__} has an arithmetic of its own, which tensors do not follow. Pass np.asarray(a); "
            "write a @ b for the product of matrices, and np.where for a mask."
        )
    return data


def constant(a: Any) -> Any:
    """An operand as an array of numbers, or one that writes down calls; DTypeError for objects."""
    if a.__class__ is not np.ndarray and hasattr(a, "__lift__"):
        return a
    try:
        array = np.asarray(plain(a))
    except ValueError as error:
        raise ShapeError(f"{describe(a)}: its rows differ in length or depth. An array has as many in each.") from error
    if array.dtype.kind == "O":
        raise DTypeError(f"ops take numbers and arrays of numbers; got {describe(a)}, an object. Convert it.")
    return array


def copied(a: Any) -> Any:
    """An operand that nobody else can write to."""
    return a if hasattr(a, "__lift__") else np.array(a)


def owned(params: Mapping[str, Any]) -> Mapping[str, Any]:
    """Settings that the caller cannot write to before the sweep reads them."""
    if _WRITABLE.isdisjoint(map(type, params.values())):
        return params
    return {key: deepcopy(p) if type(p) in _WRITABLE else p for key, p in params.items()}
