"""Constants: the operands of an op that are no nodes, and its settings, as a graph may keep them."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from numbers import Number
from typing import Any

import numpy as np

from tinygrad_bp.errors import DTypeError, ShapeError, TinygradError, describe, kind_of

IMMUTABLE = frozenset({bool, int, float, complex, type(None), str, *np.sctypeDict.values()})
"""Types of operands that nobody can write to, and that are kept as they are."""

MOST_AXES = 64
"""NumPy's own limit, and so the depth of nested lists."""

_WRITABLE = frozenset({list, dict, np.ndarray})
_KEPT = IMMUTABLE | {tuple}


def plain(data: Any) -> Any:
    """data itself; DTypeError for matrices and masked arrays, whose products and sums are not those of their values."""
    if isinstance(data, np.ndarray) and type(data).__mul__ is not np.ndarray.__mul__:
        raise DTypeError(
            f"{kind_of(data)} has an arithmetic of its own, which tensors do not follow. Pass np.asarray(a); "
            "write a @ b for the product of matrices, and np.where for a mask."
        )
    return data


def numbers(data: Any, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
    """An array of the data, `plain` and with rows of one length; ShapeError or DTypeError says why there is none."""
    try:
        return np.array(plain(data), dtype, copy=copy)
    except TinygradError:
        raise
    except (ValueError, TypeError, OverflowError) as error:
        kind = f"numbers of dtype {dtype}" if dtype else "numbers"
        raise uneven(data) or DTypeError(f"expected {kind}; got {describe(data)}: {error}. Convert it.") from error


def uneven(data: Any) -> ShapeError | None:
    """The error for nested lists whose parts differ in length: which part, and from which; None if they do not.

    >>> print(uneven([[1.0, 2.0], [3.0]]))
    an array has rows of one length: [0] has length 2, [1] has length 1. Fill the short rows, or keep the rows apart.
    """
    level: list[tuple[str, Any]] = [("", data)]
    for _ in range(MOST_AXES):
        level = [
            (f"{place}[{i}]", row)
            for place, rows in level
            if isinstance(rows, list | tuple)
            for i, row in enumerate(rows)
        ]
        for place, row in level:
            if _size(row) != _size(level[0][1]):
                return ShapeError(
                    f"an array has rows of one length: {level[0][0]} {_size(level[0][1])}, {place} {_size(row)}. "
                    "Fill the short rows, or keep the rows apart."
                )
    return None


def _size(row: Any) -> str:
    """How long a row is, in words."""
    shape = getattr(row, "shape", None)
    if isinstance(shape, tuple):
        return f"has the shape {shape}" if shape else "is a number"
    if isinstance(row, list | tuple):
        return f"has length {len(row)}"
    return "is a number"


def constant(a: Any) -> Any:
    """An operand as an array of numbers, or one that writes down calls; DTypeError for objects."""
    if a.__class__ is not np.ndarray and hasattr(a, "__lift__"):
        return a
    array = numbers(a)
    if array.dtype.kind == "O":
        raise DTypeError(f"ops take numbers and arrays of numbers; got {describe(a)}, an object. Convert it.")
    return array


def copied(a: Any) -> Any:
    """An operand that nobody else can write to."""
    return a if hasattr(a, "__lift__") else np.array(a)


def owned(params: Mapping[str, Any]) -> Mapping[str, Any]:
    """Settings that the caller cannot write to before the sweep reads them."""
    if _KEPT.issuperset(map(type, params.values())):
        return params
    return {key: _owned(key, p) for key, p in params.items()}


def _owned(key: str, setting: Any) -> Any:
    if type(setting) in _WRITABLE:
        return deepcopy(setting)
    if isinstance(setting, Number) and not isinstance(setting, int | float | complex | np.generic):
        raise DTypeError(
            f"settings are numbers of Python's or NumPy's; got {key}={setting!r}, with which NumPy would make objects. "
            f"Pass float({key})."
        )
    return setting
