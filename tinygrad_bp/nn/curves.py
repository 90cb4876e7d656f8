"""Epochs as people look at them: a table, and the curves of cost and metrics."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from tinygrad_bp.errors import missing_extra
from tinygrad_bp.files import replacing
from tinygrad_bp.nn.records import Epoch
from tinygrad_bp.tables import Table

SHOWN = 20
"""So many epochs a table shows, the first and the last of them."""


def columns(epochs: Sequence[Epoch]) -> list[str]:
    """The names of the numbers that epochs have."""
    return list(dict.fromkeys([name for epoch in epochs for name in epoch.numbers]))


def table(epochs: Sequence[Epoch], end: str) -> Table:
    """A row for each epoch; `end` is the last line."""
    heads, *rows = _rows(epochs)
    return Table(heads, tuple(rows), foot=end, numbers=heads)


def _rows(epochs: Sequence[Epoch]) -> list[tuple[str, ...]]:
    """A head and a row of texts for every epoch, of many the first and the last."""
    names = columns(epochs)
    half = SHOWN // 2
    shown = [*epochs] if len(epochs) <= SHOWN else [*epochs[:half], *epochs[-half:]]
    rows = [(str(epoch.epoch), *[_text(epoch.numbers.get(name)) for name in names]) for epoch in shown]
    if len(shown) < len(epochs):
        rows.insert(half, ("…",) * (len(names) + 1))
    return [("epoch", *names), *rows]


def _text(number: float | None) -> str:
    return "–" if number is None else f"{number:.4g}"


def plotted(epochs: Sequence[Epoch], best: int, path: str | PathLike[str] | None) -> Any:
    """A figure with the costs, and below them the metrics, each with its validation's beside it. best: to mark."""
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
        with replacing(path) as file:
            figure.savefig(file, format=Path(path).suffix[1:] or "png")
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
