"""Where `fit` takes its batches from: arrays of examples, or anything that can be iterated over."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from copy import copy
from itertools import islice
from typing import Any, final

import numpy as np

from tinygrad_bp.errors import ArgumentError, DataError, ShapeError, kind_of
from tinygrad_bp.nn.checks import Array, real, require_finite
from tinygrad_bp.tensor import Tensor

Batch = tuple[Array, Array]

LARGE = 1 << 26
"""Bytes from which on arrays are not looked through before training, but batch by batch."""


@final
class Examples:
    """m examples and their targets, rows of two arrays, which are not copied; taken `size` at a time.

    rows: which of them, None for all. unchecked: whether there may be NaN in X, in y, which batches then show.
    """

    def __init__(self, X: Any, y: Any, size: int, names: tuple[str, str] = ("X", "y")):
        self.X: Array = _array(names[0], X)
        self.y: Array = _array(names[1], y)
        _require_pairs(self.X, self.y, names)
        self.size, self.names = size, names
        self.rows: Array | None = None
        self.unchecked = [a.nbytes >= LARGE or isinstance(g, np.memmap) for a, g in ((self.X, X), (self.y, y))]
        for name, array, later in zip(names, (self.X, self.y), self.unchecked, strict=True):
            if not later:
                require_finite(name, array)

    def __len__(self) -> int:
        return len(self.X) if self.rows is None else len(self.rows)

    @property
    def count(self) -> int:
        """How many batches they make."""
        return -(-len(self) // self.size)

    def split(self, share: float, generator: np.random.Generator) -> tuple[Examples, Examples]:
        """The examples in two: the last `share` of a random permutation of them, and before it the others."""
        m = len(self)
        last = round(share * m)
        if not 0 < last < m:
            raise ArgumentError(f"a validation share of {share!r} of {m} examples leaves a part empty. Change it.")
        order = generator.permutation(m)
        parts = copy(self), copy(self)
        for part, rows in zip(parts, (order[: m - last], order[m - last :]), strict=True):
            part.rows = np.sort(rows)
        return parts

    def order(self, generator: np.random.Generator | None) -> Array:
        """The rows in the order of an epoch: drawn, or without a generator as they are."""
        if generator is not None:
            order = generator.permutation(len(self))
            return order if self.rows is None else self.rows[order]
        return np.arange(len(self)) if self.rows is None else self.rows

    def batches(self, generator: np.random.Generator | None = None, start: int = 0) -> Iterator[Batch]:
        """The batches of an epoch, from number `start` on."""
        order, X, y, size, look = self.order(generator), self.X, self.y, self.size, any(self.unchecked)
        for i in range(start * size, len(order), size):
            rows = order[i : i + size]
            batch = X.take(rows, axis=0), y.take(rows, axis=0)
            if look:
                self._require_finite(batch, rows)
            yield batch

    def _require_finite(self, batch: Batch, rows: Array) -> None:
        for name, part, unchecked in zip(self.names, batch, self.unchecked, strict=True):
            if unchecked:
                require_finite(name, part, f" in rows {_some(rows)}")


@final
class Loader:
    """Batches made elsewhere: an iterable of pairs (x, y), gone over once an epoch, or a function that returns one."""

    def __init__(self, source: Iterable[Any] | Callable[[], Iterable[Any]], names: tuple[str, str] = ("X", "y")):
        if not callable(source) and not hasattr(source, "__iter__") and not hasattr(source, "__getitem__"):
            raise ArgumentError(
                f"{names[0]} is an array with {names[1]} beside it, an iterable of batches (x, y), or a function that "
                f"returns one; got {type(source).__name__}."
            )
        self.source: Any = source
        self.names = names
        self.rows: Array | None = None
        self.size = 0

    @property
    def count(self) -> int | None:
        """How many batches there are, if that is known."""
        return len(self.source) if hasattr(self.source, "__len__") else None

    def batches(self, generator: Any = None, start: int = 0) -> Iterator[Batch]:
        """The batches of an epoch, from number `start` on, in the order they come in."""
        iterable = self.source if hasattr(self.source, "__iter__") or not callable(self.source) else self.source()
        for number, pair in enumerate(islice(iterable, start, None), start + 1):
            where = f" in batch {number}"
            if not isinstance(pair, tuple | list) or len(pair) != 2:
                raise DataError(f"a batch is a pair (x, y){where} is {kind_of(pair)}. Yield x, y.")
            x, y = (_array(name, part, where) for name, part in zip(self.names, pair, strict=True))
            _require_pairs(x, y, self.names, where)
            for name, part in zip(self.names, (x, y), strict=True):
                require_finite(name, part, where)
            yield x, y


Source = Examples | Loader


def source(X: Any, y: Any, size: int, names: tuple[str, str] = ("X", "y")) -> Source:
    """The batches of what `fit` was given."""
    if y is not None:
        return Examples(X, y, size, names)
    if isinstance(X, np.ndarray | Tensor):
        raise ArgumentError(f"{names[0]} is an array, but {names[1]} is missing: pass the targets beside the examples.")
    return Loader(X, names)


def validation_source(given: Any, size: int) -> Source:
    """The batches of `validation`: a pair of arrays, or an iterable of batches."""
    names = "the validation's X", "the validation's y"
    if isinstance(given, tuple) and len(given) == 2:
        return source(*given, size, names)
    return source(given, None, size, names)


def _array(name: str, data: Any, where: str = "") -> Array:
    return real(name, data.value if isinstance(data, Tensor) else data, where)


def _require_pairs(X: Array, y: Array, names: tuple[str, str], where: str = "") -> None:
    if X.ndim == 0 or y.ndim == 0 or len(X) != len(y):
        turn = " Transpose X." if X.ndim == 2 and y.ndim and X.shape[1] == len(y) else ""
        raise ShapeError(
            f"{names[0]} {X.shape} and {names[1]} {y.shape}{where} must have as many rows: an example and its target "
            f"each.{turn}"
        )
    if len(X) == 0:
        raise DataError(f"{names[0]} has shape {X.shape}{where}: there is no example to learn from.")


def _some(rows: Array) -> str:
    return ", ".join(map(str, rows[:4])) + ", …" * (len(rows) > 4)
