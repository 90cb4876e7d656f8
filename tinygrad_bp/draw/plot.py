"""Plots in pictures: axes with round numbers, curves, regions, a legend."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import NamedTuple, final

import numpy as np

from tinygrad_bp.annotations import Array
from tinygrad_bp.draw.labels import clean, shortened
from tinygrad_bp.draw.measures import FONT, text_width
from tinygrad_bp.draw.palette import LIGHT
from tinygrad_bp.modes import ignoring

Span = tuple[float, float]

_MOST = 6
"""About so many ticks at most are on an axis."""

_PLAIN = (1e-3, 1e6)
"""Ticks from here to there are written without a power of ten."""

DASHED = ' stroke-dasharray="5,3"'


# --- round numbers ----------------------------------------------------------------------------------------------------


def span(numbers: Array, room: float = 0.0) -> Span:
    """The smallest and the largest of the finite numbers, with a share of their distance as room; never empty."""
    finite = numbers[np.isfinite(numbers)]
    if not len(finite):
        return 0.0, 1.0
    low, high = float(finite.min()), float(finite.max())
    if not high / 2 - low / 2 > max(abs(low), abs(high), 1e-290) * 1e-9:
        low, high = low - (abs(low) / 2 or 0.5), high + (abs(high) / 2 or 0.5)
    more = room * (high / 2 - low / 2) * 2
    return max(low - more, -1e308), min(high + more, 1e308)


def rounded(ends: Span) -> Span:
    """The ends moved outwards to the next ticks; to 0 if that is not far."""
    low, high = ends
    if 0 < low < high / 2:
        low = 0.0
    step = _step((low, high))
    return math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step


def ticks(ends: Span, whole: bool = False) -> dict[float, str]:
    """Round numbers between the ends, multiples of 1, 2 or 5 times a power of ten, and how they are written.

    >>> ticks((-0.06, 0.13))
    {-0.05: '−0.05', 0.0: '0.00', 0.05: '0.05', 0.1: '0.10'}
    """
    low, high = ends
    step = max(_step(ends), 1.0 if whole else 0.0)
    numbers = [k * step for k in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]
    largest = max(map(abs, numbers), default=0.0)
    digits = math.floor(math.log10(step) + 1e-9)
    if largest and not _PLAIN[0] <= largest < _PLAIN[1]:
        power = math.floor(math.log10(largest) + 1e-9)
        texts = [f"{x:.{max(power - digits, 0)}e}" if x else "0" for x in numbers]
        texts = [f"{mantissa}e{int(e)}" if e else mantissa for mantissa, _, e in [t.partition("e") for t in texts]]
    else:
        texts = [f"{x:.{max(-digits, 0)}f}" for x in numbers]
    return dict(zip(numbers, [text.replace("-", "−") for text in texts], strict=True))


def _step(ends: Span) -> float:
    smallest = ends[1] / _MOST - ends[0] / _MOST
    power = 10.0 ** math.floor(math.log10(smallest))
    return next(k * power for k in (1, 2, 5, 10) if k * power >= smallest * (1 - 1e-9))


# --- axes -------------------------------------------------------------------------------------------------------------


@final
@dataclass(frozen=True)
class Axes:
    """A rectangle of a picture, and the numbers that its sides stand for."""

    left: float
    top: float
    width: float
    height: float
    x: Span
    y: Span

    def across(self, x: Array) -> Array:
        """Where numbers of x are, from left to right."""
        return self.left + _share(x, self.x) * self.width

    def down(self, y: Array) -> Array:
        """Where numbers of y are, from top to bottom."""
        return self.top + (1.0 - _share(y, self.y)) * self.height

    @ignoring(invalid="ignore")
    def curve(self, x: Array, y: Array, jump: float = math.inf) -> str:
        """A path through points, without those that are not inside; what is further apart than a jump is not joined."""
        inside = (self.y[0] <= y) & (y <= self.y[1])
        joined = np.r_[False, inside[:-1] & ~(np.abs(y[1:] - y[:-1]) > jump)]
        places = np.stack([self.across(x), self.down(y)], axis=1)[inside].tolist()
        return " ".join(
            [f"{'L' if on else 'M'}{a:.1f},{b:.1f}" for on, (a, b) in zip(joined[inside], places, strict=True)]
        )

    def grid(self, x_name: str, y_name: str = "", whole: bool = False) -> Iterator[str]:
        """Lines at round numbers, the numbers, and what they are of."""
        right, bottom = self.left + self.width, self.top + self.height
        columns, rows = ticks(self.x, whole), ticks(self.y)
        places = list(zip(self.across(np.array([*columns])).tolist(), columns.values(), strict=True))
        heights = list(zip(self.down(np.array([*rows])).tolist(), rows.values(), strict=True))
        lines = [f"M{x:.1f},{self.top:g} V{bottom:g}" for x, _ in places]
        lines += [f"M{self.left:g},{y:.1f} H{right:g}" for y, _ in heights]
        look = f'fill="none" stroke="{LIGHT["soft"]}" stroke-opacity="0.25"'
        yield f'<g class="grid"><path {look} d="{" ".join(lines)}"/></g>'
        yield from [words(text, x, bottom + 18, "about", "middle") for x, text in places]
        yield from [words(text, self.left - 8, y + 4, "about", "end") for y, text in heights]
        yield words(x_name, self.left + self.width / 2, bottom + 38, anchor="middle")
        if y_name:
            turned = f"translate({self.left - 64:g},{self.top + self.height / 2:g}) rotate(-90)"
            yield f'<g transform="{turned}">{words(y_name, 0, 0, anchor="middle")}</g>'


def _share(x: Array, ends: Span) -> Array:
    """From 0 at the low end to 1 at the high one; of halves, whose difference is finite."""
    return (x / 2 - ends[0] / 2) / (ends[1] / 2 - ends[0] / 2)


def words(text: str, x: float, y: float, css: str = "", anchor: str = "start") -> str:
    """A line of text; whatever it says, it is no markup."""
    color = LIGHT["soft" if css == "about" else "ink"]
    look = f'class="{css}" ' if css else ""
    return f'<text {look}x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{color}">{escape(text)}</text>'


# --- regions ----------------------------------------------------------------------------------------------------------


def region(u: Array, v: Array, values: Array, level: float) -> tuple[str, str]:
    """The part of a grid where values are above a level, and its border: two paths.

    u: the places of the columns; v: of the rows; values: (rows, columns), between which they change evenly.
    """
    above = values > level
    corners = np.add.reduce([above[a : len(v) - 1 + a, b : len(u) - 1 + b] for a in (0, 1) for b in (0, 1)], dtype=int)
    area, border = [], []
    for row in range(len(v) - 1):
        full = np.flatnonzero(np.diff(np.r_[0, corners[row] == 4, 0])).tolist()
        for begin, end in zip(full[::2], full[1::2], strict=True):
            area.append(f"M{u[begin]:.1f},{v[row]:.1f}H{u[end]:.1f}V{v[row + 1]:.1f}H{u[begin]:.1f}Z")
        for column in np.flatnonzero((corners[row] > 0) & (corners[row] < 4)).tolist():
            corner, crossings = _cut(u, v, values, level, row, column)
            area.append(f"M{'L'.join(corner)}Z")
            border += [f"M{a}L{b}" for a, b in zip(crossings[::2], crossings[1::2], strict=True)]
    return "".join(area), "".join(border)


def _cut(u: Array, v: Array, values: Array, level: float, row: int, column: int) -> tuple[list[str], list[str]]:
    """The corners of what is above the level in a cell; those of them on its sides, where it is left, where entered."""
    around = [(row, column), (row, column + 1), (row + 1, column + 1), (row + 1, column)]
    first = next(i for i, place in enumerate(around) if values[place] > level)
    around = around[first:] + around[:first]
    corners, crossings = [], []
    for (i, k), (j, l) in zip(around, [*around[1:], around[0]], strict=True):
        a, b = float(values[i, k]) - level, float(values[j, l]) - level
        if a > 0:
            corners.append(f"{u[k]:.1f},{v[i]:.1f}")
        if (a > 0) != (b > 0):
            share = a / (a - b) if math.isfinite(a - b) else 0.5
            crossings.append(f"{u[k] + share * (u[l] - u[k]):.1f},{v[i] + share * (v[j] - v[i]):.1f}")
            corners.append(crossings[-1])
    return corners, crossings


# --- legend -----------------------------------------------------------------------------------------------------------


class Key(NamedTuple):
    """An entry of a legend: a sample, drawn around (0, 0), and what it stands for."""

    sample: str
    text: str

    @property
    def width(self) -> float:
        """About the room that it takes."""
        return 32.0 + text_width(self.text, FONT) + 16.0


def legend(keys: Sequence[Key], x: float, y: float, down: float = 0.0) -> Iterator[str]:
    """The entries from (x, y) on, side by side or, with a height of lines, one below the other."""
    for sample, text in keys:
        yield f'<g transform="translate({x:.1f},{y:.1f})">{sample}{words(text, 18, 4.5)}</g>'
        x, y = (x, y + down) if down else (x + Key(sample, text).width, y)


def label(text: str, widest: int) -> str:
    """A user's name as it is shown: nothing in it is invisible, and it is cut."""
    return shortened(clean(text), widest)
