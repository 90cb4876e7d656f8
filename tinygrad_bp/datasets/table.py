"""Examples from a file of separated values: features, a target, and what kind of target it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Any, Literal, final, get_args

import numpy as np
from numpy.typing import NDArray

from tinygrad_bp.calls import guarded
from tinygrad_bp.datasets.sheet import Sheet, read_sheet
from tinygrad_bp.errors import ArgumentError, DataError

Task = Literal["binary", "multi-class", "regression"]
TASKS: tuple[Task, ...] = get_args(Task)
FEW = 20
"""Whole numbers of up to so many values are taken to be classes."""


@final
@dataclass(frozen=True)
class Table:
    """Examples as read from a file.

    X: (m, n), float64. y: (m,), class numbers, int64, or for regression float64. classes: the classes' names by their
    number, sorted, or None for regression. features and target: names of columns; columns: of all in the file's order,
    which are numbers if it names none; found: what the file looks like, in words.
    """

    X: NDArray[np.float64]
    y: NDArray[Any]
    features: tuple[str, ...]
    target: str
    task: Task
    classes: tuple[str, ...] | None
    columns: tuple[str, ...]
    has_header: bool
    found: str


@guarded
def read_table(
    path: str | PathLike[str], target: str | int = -1, task: Task | None = None, header: bool | None = None
) -> Table:
    """Read examples and their targets from a CSV file, whatever its delimiter, with names of columns or without.

    target: the name or the number, from 1, of its column; −1 is the last. All others are features, numbers. task: what
    to learn; with None a target of texts, or of few whole numbers, is classes, any other number regression. header: see
    `read_sheet`. Delimiters are commas, semicolons and tabs; with the latter two numbers may have a decimal comma.

    Raises DataError naming line and column of what is missing or is no finite number, and for a target of one class.

    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp(), "wheat.csv")
    >>> _ = path.write_text("area;variety\\n15,3;Kama\\n17,6;Rosa\\n")
    >>> table = read_table(path)
    >>> table.X.tolist(), table.y.tolist(), table.classes, table.task
    ([[15.3], [17.6]], [0, 1], ('Kama', 'Rosa'), 'binary')
    >>> table.found
    'delimiter semicolon, decimal comma, column names in the first line'
    """
    if task is not None and task not in TASKS:
        raise ArgumentError(f"task is one of {', '.join(TASKS)}; got {task!r}.")
    sheet = read_sheet(path, header)
    place = sheet.index(target)
    others = [k for k in range(len(sheet.names)) if k != place]
    if task == "regression" or sheet.is_numeric(place):
        numbers = sheet.numbers(range(len(sheet.names)))
        X, values = np.ascontiguousarray(numbers[:, others]), numbers[:, place].copy()
        if task is None and _is_measured(values):
            task = "regression"
        classes, y = (None, values) if task == "regression" else _numbered(values)
    else:
        X, (classes, y) = sheet.numbers(others), _named(sheet.texts(place))
    name = sheet.names[place]
    if classes is not None:
        _require_classes(sheet, name, classes, len(y), task)
        task = task or ("binary" if len(classes) == 2 else "multi-class")
    features = tuple([sheet.names[k] for k in others])
    return Table(X, y, features, name, task or "regression", classes, sheet.names, sheet.has_header, sheet.found)


@guarded
def load_table(
    path: str | PathLike[str], target: str | int = -1, task: Task | None = None
) -> tuple[NDArray[np.float64], NDArray[Any]]:
    """Load examples from a CSV file: features X (m, n), float64, and targets y (m,).

    y holds class numbers, int64, in the order of the classes' names, or numbers, float64; see `read_table`, which tells
    the names too, and raises what this raises.

    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp(), "wheat.csv")
    >>> _ = path.write_text("15.3,Kama\\n17.6,Rosa\\n")
    >>> load_table(path)
    (array([[15.3], [17.6]]), array([0, 1]))
    """
    table = read_table(path, target, task)
    return table.X, table.y


def _is_measured(values: NDArray[np.float64]) -> bool:
    """Whether a target of numbers is a quantity, not the number of a class."""
    distinct = np.unique(values)
    most = max(2, min(FEW, len(values) // 2))
    return len(distinct) > most or bool(np.any(distinct != np.floor(distinct)))


def _numbered(values: NDArray[np.float64]) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """The classes of a target of numbers, sorted as numbers, and each example's."""
    distinct, y = np.unique(values, return_inverse=True)
    names = [f"{value:.0f}" if value.is_integer() else repr(value) for value in distinct.tolist()]
    return tuple(names), y.astype(np.int64)


def _named(texts: Sequence[str]) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """The classes of a target of texts, and each example's."""
    classes = tuple(sorted(set(texts)))
    number = {name: k for k, name in enumerate(classes)}
    return classes, np.array([number[text] for text in texts], dtype=np.int64)


def _require_classes(sheet: Sheet, target: str, classes: Sequence[str], examples: int, task: Task | None) -> None:
    where = f"{sheet.path}: the target, column {target!r},"
    if len(classes) < 2:
        raise DataError(f"{where} has one class only, {classes[0]!r}. There is nothing to tell apart.")
    if task == "binary" and len(classes) > 2:
        raise DataError(f"{where} has {len(classes)} classes, not two: {', '.join(classes[:4])}, …. Try multi-class.")
    if task is None and len(classes) > max(2, examples // 2):
        raise DataError(
            f"{where} has {len(classes)} different texts in {examples} examples, so they are no classes. "
            "Name another column as the target."
        )
