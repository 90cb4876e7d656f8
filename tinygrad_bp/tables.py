"""Tables: text, in a terminal drawn by rich if that is installed, in a notebook HTML."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from importlib.util import find_spec
from typing import TYPE_CHECKING, final

if TYPE_CHECKING:
    from rich.table import Table as RichTable


@final
@dataclass(frozen=True)
class Table:
    """Rows of texts under heads. Printed it is text, in a terminal drawn by rich, in a notebook HTML.

    title, foot: a line above and a line below. numbers: the heads of the columns that are aligned to the right. A cell
    is indented by the spaces that it begins with.

    >>> Table(("name", "size"), (("a", "1"), ("  b", "20")), foot="two", numbers=("size",))
    name  size
    a        1
      b     20
    two
    """

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    title: str = ""
    foot: str = ""
    numbers: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The table as plain text."""
        cells = [self.heads, *self.rows]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        return "\n".join([*filter(None, [self.title]), *[self._line(row, widths) for row in cells],
                          *filter(None, [self.foot])])  # fmt: skip

    def _line(self, row: Sequence[str], widths: Sequence[int]) -> str:
        cells = zip(self.heads, row, widths, strict=True)
        aligned = [cell.rjust(width) if head in self.numbers else cell.ljust(width) for head, cell, width in cells]
        return "  ".join(aligned).rstrip()

    def __repr__(self) -> str:
        in_terminal = sys.stdout is not None and sys.stdout.isatty() and find_spec("rich")
        return self._drawn() if in_terminal else self.text

    def __rich__(self) -> RichTable:
        """The table as rich draws it."""
        from rich.table import Table as RichTable
        from rich.text import Text

        title, foot = (Text(line) if line else None for line in (self.title, self.foot))
        table = RichTable(title=title, caption=foot, title_justify="left", caption_justify="left")
        for head in self.heads:
            table.add_column(Text(head), justify="right" if head in self.numbers else "left")
        for row in self.rows:
            table.add_row(*map(Text, row))
        return table

    def _drawn(self) -> str:
        from rich.console import Console

        console = Console()
        with console.capture() as shown:
            console.print(self)
        return shown.get().rstrip()

    def _repr_html_(self) -> str:
        def line(row: Sequence[str], tag: str) -> str:
            sides = ["right" if head in self.numbers else "left" for head in self.heads]
            texts = [escape(cell).replace("  ", "&emsp;") for cell in row]
            cells = [
                f'<{tag} style="text-align:{side}">{text}</{tag}>' for side, text in zip(sides, texts, strict=True)
            ]
            return f"<tr>{''.join(cells)}</tr>"

        title = f"<caption>{escape(self.title)}</caption>" if self.title else ""
        body = "".join([line(row, "td") for row in self.rows])
        foot = f'<tfoot><tr><td colspan="{len(self.heads)}">{escape(self.foot)}</td></tr></tfoot>' if self.foot else ""
        return f"<table>{title}<thead>{line(self.heads, 'th')}</thead><tbody>{body}</tbody>{foot}</table>"
