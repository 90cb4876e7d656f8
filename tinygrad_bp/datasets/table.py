"""Examples from a file of comma-separated values."""

from __future__ import annotations

import csv
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tinygrad_bp.errors import DataError


def load_table(path: str | PathLike[str]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Load examples of two classes from a CSV file: measurements X and labels y.

    The first line names the columns. Every other line is an example: numbers, and in the last column its class, a word
    or a number. X has shape (m, n), float64; y has shape (m,), int64: 0 for the class whose name sorts first, 1 for
    the other. Raises DataError if the file cannot be read, a line has another number of columns, a measurement is
    missing or not a finite number, or there are not exactly two classes.
    """
    lines = _lines(Path(path))
    header, *rows = lines or [(1, [])]
    width = len(header[1])
    if width < 2 or not rows:
        raise DataError(f"{path}: expected a line of column names and one for each example; got {len(lines)} lines.")
    for number, cells in rows:
        if len(cells) != width:
            raise DataError(f"{path}, line {number}: {len(cells)} columns, expected {width}, as in the first line.")
    X = np.array([[_number(path, number, cell) for cell in cells[:-1]] for number, cells in rows])
    classes, y = np.unique([cells[-1].strip() for _, cells in rows], return_inverse=True)
    if len(classes) != 2:
        raise DataError(f"{path}: expected two classes in the last column, got {len(classes)}. Keep the rows of two.")
    return X, y.astype(np.int64)


def _lines(path: Path) -> list[tuple[int, list[str]]]:
    """The lines that are not empty, each with its number and its cells."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return [(number, cells) for number, cells in enumerate(csv.reader(file), start=1) if cells]
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}. Give the path of a CSV file.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} is not a CSV file: {error}.") from error


def _number(path: str | PathLike[str], line: int, cell: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        value = np.nan
    if not np.isfinite(value):
        raise DataError(f"{path}, line {line}: {cell!r} is not a finite number. Remove the line or fill the value in.")
    return value
