"""What training accepts: each mistake has one message, which says what was expected and what was given."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

import numpy as np

from tinygrad_bp.errors import ArgumentError, DataError

Array = np.ndarray[Any, Any]
_LARGEST = sys.float_info.max
_REAL = int | float | np.integer | np.floating


def positive(name: str, value: Any) -> float:
    """A finite number above 0, as a float."""
    if isinstance(value, bool) or not isinstance(value, _REAL) or not 0 < value <= _LARGEST:
        raise ArgumentError(f"{name} is a finite number above 0; got {value!r}.")
    return float(value)


def nonnegative(name: str, value: Any) -> float:
    """A finite number from 0 on, as a float."""
    return _between(name, value, np.inf, "a finite number from 0 on")


def fraction(name: str, value: Any) -> float:
    """A number from 0 to below 1, as a float."""
    return _between(name, value, 1.0, "a number from 0 to below 1")


def _between(name: str, value: Any, end: float, expected: str) -> float:
    if isinstance(value, bool) or not isinstance(value, _REAL) or not 0 <= value < end or value > _LARGEST:
        raise ArgumentError(f"{name} is {expected}; got {value!r}.")
    return float(value)


def whole(name: str, value: Any, least: int) -> int:
    """A whole number from `least` on, as an int."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise ArgumentError(f"{name} is a whole number from {least} on; got {value!r}.")
    return int(value)


def widths(architecture: Any) -> tuple[int, ...]:
    """The widths of the layers, input first: two or more whole numbers from 1 on."""
    given = list(architecture) if isinstance(architecture, Iterable) else []
    if len(given) < 2:
        raise ArgumentError(
            f"an architecture lists the width of two or more layers, input first, as in [7, 2, 1]; "
            f"got {architecture!r}."
        )
    return tuple([whole(f"the width of layer {l}", n, 1) for l, n in enumerate(given)])


def numbers(name: str, data: Any) -> Array:
    """A fresh float64 array of finite numbers."""
    array = real(name, data)
    require_finite(name, array)
    return array.astype(np.float64)


def real(name: str, data: Any, where: str = "") -> Array:
    """An array of real numbers, data itself if it is one; its numbers are not looked at."""
    try:
        array = np.asarray(data)
    except ValueError as error:
        raise DataError(f"{name}{where}: the rows differ in length. Give every example all features.") from error
    if array.dtype.kind not in "biuf":
        raise DataError(f"{name}{where} holds real numbers; got dtype {array.dtype}. Convert the data.")
    return array


def require_finite(name: str, array: Array, where: str = "") -> None:
    """Raise DataError if there is NaN or infinity in the array."""
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        bad = np.count_nonzero(~np.isfinite(array))
        raise DataError(
            f"{name} holds {bad} NaN or infinite values{where}. Remove those examples or fill the values in."
        )
