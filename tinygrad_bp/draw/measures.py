"""How much room text takes, estimated on the safe side: fonts differ from one reader to the next."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from tinygrad_bp.draw.labels import NodeWords

Size = tuple[float, float]

FONT, SMALL = 13, 13
"""Sizes of the text in nodes and at edges."""

WIDEST = 1290.0
"""Of a picture: at 900 px, the width of a README, its text is 9 px high."""

LINE = 16.0
"""Height of a line in a node."""

SMALL_LINE = 15.0
"""Height of a line at an edge."""

PADDING = 5.0
"""Above and below the text of each part of a node."""

_NARROW, _WIDE = frozenset("iIjl.,:;'|!()[] ·ft/"), frozenset("mwMW∂—@%‖≥≤…∞")


@lru_cache(4096)
def text_width(text: str, size: float, bold: bool = False) -> float:
    """About how wide a line is."""
    ems = 0.0
    for c in text:
        if c in _NARROW:
            ems += 0.36
        elif c in _WIDE or c.isupper():
            ems += 0.88 if c in _WIDE else 0.74
        elif c < "\u0370":
            ems += 0.6
        else:
            ems += 1.0 if unicodedata.east_asian_width(c) in "WF" else 0.0 if unicodedata.combining(c) else 0.7
    return ems * size * (1.08 if bold else 1.0)


def parts(words: NodeWords) -> list[tuple[str, ...]]:
    """The parts of a node that have text, from top to bottom."""
    return [lines for lines in (words.value, (*words.title, *words.about), words.gradient) if lines]


def box_size(words: NodeWords, ports: int) -> Size:
    """Room for a node, with `ports` edges at its busier side."""
    height = sum([len(lines) * LINE + 2 * PADDING for lines in parts(words)])
    return box_width(words), max(height, min(12.0 * ports + 8.0, 600.0), 24.0)


def box_width(words: NodeWords) -> float:
    """Room for the lines of a node; those of the title are bold."""
    lines = [text_width(line, FONT) for line in (*words.value, *words.about, *words.gradient)]
    return max([*lines, *[text_width(line, FONT, bold=True) for line in words.title]], default=20.0) + 14.0


def label_size(lines: tuple[str, ...]) -> Size:
    """Room for the text at an edge, between its two directions."""
    width = max([text_width(line, SMALL) for line in lines], default=0.0)
    return (width + 12.0, len(lines) * SMALL_LINE + 10.0) if lines else (0.0, 0.0)
