"""Epochs as people look at them: a table of text or HTML, and the curves of cost and metrics."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from os import PathLike
from typing import Any

from tinygrad_bp.errors import missing_extra
from tinygrad_bp.nn.records import Epoch

SHOWN = 20
"""So many epochs a table shows, the first and the last of them."""


def columns(epochs: Sequence[Epoch]) -> list[str]:
    """The names of the numbers that epochs have."""
    return list(dict.fromkeys([name for epoch in epochs for name in epoch.numbers]))


def table(epochs: Sequence[Epoch], end: str) -> str:
    """The epochs as lines of text; `end` is the last one."""
    rows = _rows(epochs)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join([*["  ".join(map(str.rjust, row, widths)) for row in rows], end])


def html(epochs: Sequence[Epoch], end: str) -> str:
    """The same for a notebook."""
    head, *rows = [[escape(cell) for cell in row] for row in _rows(epochs)]
    heads = "".join([f"<th>{cell}</th>" for cell in head])
    body = "".join([f"<tr>{''.join([f'<td>{cell}</td>' for cell in row])}</tr>" for row in rows])
    last = f'<tr><td colspan="{len(head)}">{escape(end)}</td></tr>'
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody><tfoot>{last}</tfoot></table>"


def _rows(epochs: Sequence[Epoch]) -> list[list[str]]:
    """A head and a row of texts for every epoch, of many the first and the last."""
    names = columns(epochs)
    half = SHOWN // 2
    shown = [*epochs] if len(epochs) <= SHOWN else [*epochs[:half], *epochs[-half:]]
    rows = [[str(epoch.epoch), *[_text(epoch.numbers.get(name)) for name in names]] for epoch in shown]
    if len(shown) < len(epochs):
        rows.insert(half, ["…"] * (len(names) + 1))
    return [["epoch", *names], *rows]


def _text(number: float | None) -> str:
    return "–" if number is None else f"{number:.4g}"


def plotted(epochs: Sequence[Epoch], best: int, path: str | PathLike[str] | None) -> Any:
    """A figure with the costs, and below them the metrics, each with its validation's beside it."""
    names = [name for name in columns(epochs) if name not in ("lr", "seconds")]
    costs = [name for name in names if name.removeprefix("validation ") == "cost"]
    groups = [group for group in (costs, [name for name in names if name not in costs]) if group]
    figure = blank_figure(7, 3 * max(len(groups), 1))
    for i, group in enumerate(groups, 1):
        axes = figure.add_subplot(len(groups), 1, i)
        for name in group:
            style = "--" if name.startswith("validation ") else "-"
            numbers = [epoch.numbers.get(name, float("nan")) for epoch in epochs]
            axes.plot([epoch.epoch for epoch in epochs], numbers, style, label=name, marker="." * (len(epochs) == 1))
        if best:
            axes.axvline(best, color="grey", linewidth=0.8, linestyle=":", label=f"best, epoch {best}")
        axes.set_xlabel("epoch")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.legend()
    if path is not None:
        figure.savefig(path)
    return figure


def blank_figure(width: float, height: float) -> Any:
    """A figure of matplotlib's, in inches, that no window shows. A layout that it has to find would double the time."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise missing_extra("matplotlib", "plot") from error
    figure = Figure(figsize=(width, height))
    figure.subplots_adjust(left=0.7 / width, right=1 - 0.2 / width, bottom=0.5 / height, top=1 - 0.35 / height)
    return figure
