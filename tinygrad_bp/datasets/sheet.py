"""A file of separated values as it was found: encoding, delimiter, names of the columns, and its cells on demand."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from math import inf, isfinite
from os import PathLike
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from tinygrad_bp.calls import guarded
from tinygrad_bp.errors import DataError

DELIMITERS = {"\t": "tab", ";": "semicolon", ",": "comma"}
"""Tried in this order: commas may also stand inside of numbers and texts of the other two."""
SAMPLE = 100
"""So many lines are looked at to find delimiter and header."""

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
COMMA_NUMBER = re.compile(r"[+-]?\d+,\d+([eE][+-]?\d+)?", re.ASCII)
MISSING = frozenset({"", "?", "-", "na", "n/a", "nan", "null", "none", "nil", "#n/a"})
BYTE_ORDER_MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe\0\0": "utf-32", b"\0\0\xfe\xff": "utf-32"}
BYTE_ORDER_MARKS |= {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}  # after UTF-32, whose marks begin with these
CONTROLS = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]")

Record = tuple[int, list[str]]
"""A line's number and its cells."""


@final
@dataclass(frozen=True)
class Sheet:
    """The text below the header, and how it is read. `names` are the columns' numbers, from 1, without a header."""

    path: str
    body: str
    first_line: int
    encoding: str
    delimiter: str
    has_decimal_comma: bool
    has_header: bool
    names: tuple[str, ...]

    @property
    def found(self) -> str:
        """What was found, for the user to see."""
        header = "column names in the first line" if self.has_header else "no column names, so columns are numbered"
        decimal = ", decimal comma" if self.has_decimal_comma else ""
        encoding = "" if self.encoding.startswith("utf-8") else f", encoding {self.encoding}"
        return f"delimiter {DELIMITERS[self.delimiter]}{decimal}, {header}{encoding}"

    def index(self, column: str | int) -> int:
        """The place, from 0, of a column given by its name or by its number from 1; −1 is the last one."""
        if str(column) in self.names:
            return self.names.index(str(column))
        try:
            number = int(column)
        except ValueError:
            number = 0
        place = number - 1 if number > 0 else number + len(self.names)
        if number == 0 or not 0 <= place < len(self.names):
            raise DataError(f"{self.path}: there is no column {column!r}. Name one of {', '.join(self.names)}.")
        return place

    def records(self) -> Iterator[Record]:
        """Every line that is not empty. Raises DataError for one with another number of cells."""
        for line, cells in _parsed(self.path, self.body, self.delimiter, self.first_line):
            if len(cells) != len(self.names):
                as_in = "as the names of columns are" if self.has_header else "as in the first line"
                raise DataError(f"{self.path}, line {line}: {len(cells)} cells, expected {len(self.names)}, {as_in}.")
            yield line, cells

    def texts(self, column: int) -> list[str]:
        """The cells of a column, without blanks around. Raises DataError if one is missing."""
        found = []
        for line, cells in self.records():
            cell = cells[column].strip()
            if cell.lower() in MISSING:
                raise self._missing(line, column, cell)
            found.append(cell)
        return found

    def numbers(self, columns: Sequence[int]) -> NDArray[np.float64]:
        """Some columns as (rows, columns), float64. Raises DataError naming the first cell that is no finite number."""
        found = self._loaded(columns)
        if found is not None and np.isfinite(found).all():
            return found
        rows = [self._row(line, cells, columns) for line, cells in self.records()]
        return np.array(rows, dtype=np.float64).reshape(len(rows), len(columns))

    def is_numeric(self, column: int) -> bool:
        """Whether most of a column's first cells are numbers."""
        return _mostly_numbers([cells[column] for _, cells in islice(self.records(), SAMPLE)], self.has_decimal_comma)

    def _loaded(self, columns: Sequence[int]) -> NDArray[np.float64] | None:
        """What NumPy's quick reader makes of the columns; None where it stumbles, or a line has other cells."""
        body = self.body
        if self.has_decimal_comma:
            if "." in body:
                return None
            body = body.replace(",", ".")
        wanted = set(columns)
        kinds = [(str(k), np.float64 if k in wanted else "U1") for k in range(len(self.names))]
        try:
            table: Any = np.loadtxt(
                io.StringIO(body), kinds, comments=None, delimiter=self.delimiter, quotechar='"', ndmin=1
            )
        except ValueError:
            return None
        return np.stack([table[str(k)] for k in columns], axis=1)

    def _row(self, line: int, cells: Sequence[str], columns: Sequence[int]) -> list[float]:
        """The numbers of some cells: at once by Python's reading where it is no laxer, else one after the other."""
        chosen = [cells[k] for k in columns]
        text = "".join(chosen)
        if text.isascii() and "_" not in text and not self.has_decimal_comma:
            try:
                row = [*map(float, chosen)]
            except ValueError:
                pass
            else:
                if isfinite(sum(row)):
                    return row
        return [self._number(line, k, cells[k]) for k in columns]

    def _number(self, line: int, column: int, cell: str) -> float:
        cell = cell.strip()
        if cell.lower() in MISSING:
            raise self._missing(line, column, cell)
        value = _value(cell, self.has_decimal_comma)
        if value is None:
            raise DataError(
                f"{self._place(line, column)}: {cell!r} is not a finite number. Correct the cell, or leave its line or "
                "its column out."
            )
        return value

    def _missing(self, line: int, column: int, cell: str) -> DataError:
        shown = f"{cell!r}, so " if cell else ""
        return DataError(f"{self._place(line, column)}: {shown}the value is missing. Fill it in, or remove the line.")

    def _place(self, line: int, column: int) -> str:
        name = f" ({self.names[column]})" if self.has_header else ""
        return f"{self.path}, line {line}, column {column + 1}{name}"


@guarded
def read_sheet(path: str | PathLike[str], header: bool | None = None) -> Sheet:
    """Open a file of comma-, semicolon- or tab-separated values; header: whether its first line names the columns.

    With None that is found out: it does unless it looks like the lines below it. The encoding is UTF-8, or what the
    byte order mark says, else Windows-1252. Raises DataError if the file cannot be read, is no such text, has no line,
    only one column, or two columns of the same name.

    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp(), "wheat.csv")
    >>> _ = path.write_text("area,variety\\n15.3,Kama\\n17.6,Rosa\\n")
    >>> sheet = read_sheet(path)
    >>> sheet.names, sheet.texts(1), sheet.numbers([0]).tolist()
    (('area', 'variety'), ['Kama', 'Rosa'], [[15.3], [17.6]])
    """
    text, encoding = _decoded(Path(path))
    name = str(path)
    delimiter = _delimiter(name, text)
    sample = list(islice(_parsed(name, text, delimiter, 1), SAMPLE + 1))
    if not sample:
        raise DataError(f"{name} is empty. It needs a line of column names and one for each example.")
    (_, first), *below = sample
    if len(first) < 2:
        raise DataError(
            f"{name} has one column, {first[0]!r}; it needs features and a target, with , ; or tab between."
        )
    columns = list(zip(*[cells for _, cells in below if len(cells) == len(first)], strict=False))
    comma = delimiter != "," and _has_decimal_comma(cells for _, cells in sample)
    if header is None:
        header = _is_header(name, first, columns, comma)
    lines = _height(text, delimiter) if header else 0
    names = tuple([c.strip() or f"column {k}" for k, c in enumerate(first, 1)]) if header else ()
    _require_different(name, names)
    body = [*text.split("\n", lines), ""][lines]
    if not body.strip():
        raise DataError(f"{name} has a line of column names and no example below it.")
    names = names or tuple([str(k) for k in range(1, len(first) + 1)])
    return Sheet(name, body, lines + 1, encoding, delimiter, comma, header, names)


def _decoded(path: Path) -> tuple[str, str]:
    """The file's text, lines ended by newlines, and its encoding."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}. Give the path of a CSV file.") from error
    marked = next((encoding for mark, encoding in BYTE_ORDER_MARKS.items() if raw.startswith(mark)), None)
    for encoding in [marked] if marked else ["utf-8", "windows-1252"]:
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if not CONTROLS.search(text):
            return text.replace("\r\n", "\n").replace("\r", "\n"), encoding
    raise DataError(f"{path} is not a CSV file: its bytes are no text. Save it as CSV in UTF-8.")


def _parsed(path: str, text: str, delimiter: str, first_line: int) -> Iterator[Record]:
    """Every line that is not empty, by the number at which it begins: quoted cells may go over several."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    line = first_line
    try:
        for cells in reader:
            if cells and (len(cells) > 1 or cells[0].strip()):
                yield line, cells
            line = first_line + reader.line_num
    except csv.Error as error:
        raise DataError(f"{path}, line {line}: {error}; is a quotation mark left open?") from error


def _delimiter(path: str, text: str) -> str:
    """The first one that cuts the lines into as many cells each; else the one that cuts the first line into most."""
    widths = {delimiter: _widths(path, text, delimiter) for delimiter in DELIMITERS}
    even = [delimiter for delimiter, cells in widths.items() if len(set(cells)) == 1 and cells[0] > 1]
    return even[0] if even else max(reversed(DELIMITERS), key=lambda delimiter: widths[delimiter][:1])


def _widths(path: str, text: str, delimiter: str) -> list[int]:
    try:
        return [len(cells) for _, cells in islice(_parsed(path, text, delimiter, 1), SAMPLE)]
    except DataError:  # a long line that it does not cut
        return []


def _has_decimal_comma(rows: Iterable[Sequence[str]]) -> bool:
    cells = [cell.strip() for row in rows for cell in row]
    with_point = any("." in cell and NUMBER.fullmatch(cell) for cell in cells)
    return not with_point and any(map(COMMA_NUMBER.fullmatch, cells))


def _is_header(path: str, first: Sequence[str], columns: Sequence[Sequence[str]], comma: bool) -> bool:
    """Whether the first line has words where the others have numbers. A file of words alone is taken to have names."""
    numeric = [k for k, cells in enumerate(columns) if _mostly_numbers(cells, comma)] if columns else range(len(first))
    given = [first[k] for k in numeric if first[k].strip().lower() not in MISSING]
    words = [cell for cell in given if _value(cell, comma) is None]
    if columns and 0 < len(words) < len(given):
        raise DataError(
            f"{path}, line 1: {words[0]!r} looks like the name of a column, other cells like numbers of an example. "
            "Say which: header=True or False, on the command line --header or --no-header."
        )
    return bool(words) or not given


def _mostly_numbers(cells: Sequence[str], comma: bool) -> bool:
    given = [cell for cell in cells if cell.strip().lower() not in MISSING]
    return 2 * sum(_value(cell, comma) is not None for cell in given) > len(given)


def _value(cell: str, comma: bool) -> float | None:
    """A cell's number, None if it has none that is finite. Python's own reading would take 1_0 and other digits."""
    cell = cell.strip()
    if comma:
        cell = cell.replace(",", ".") if "." not in cell else ""
    value = float(cell) if NUMBER.fullmatch(cell) else inf
    return value if isfinite(value) else None


def _height(text: str, delimiter: str) -> int:
    """How many lines of text the header takes, with the empty ones before it."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    next(cells for cells in reader if cells and (len(cells) > 1 or cells[0].strip()))
    return reader.line_num


def _require_different(path: str, names: Sequence[str]) -> None:
    for k, name in enumerate(names):
        if name in names[:k]:
            raise DataError(
                f"{path}, line 1: columns {names.index(name) + 1} and {k + 1} are both named {name!r}. Rename one."
            )
