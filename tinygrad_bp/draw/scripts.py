"""Raised and lowered text in an SVG: the layer in a[1], the index in z_labels."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree import ElementTree

SIZE = 0.95
"""Of the text around it: no text of a picture may become too small where it is shown small."""

_RAISED, _LOWERED = 0.24, 0.2
_SCRIPT = re.compile(r"(?<=[Wbza])(\[\d+\])|(?<=[^\W_])_([^\W_]+)|(?<=\))_([^\W_]+)")

Run = tuple[str, float]


def runs(text: str, layered: bool, names: frozenset[str]) -> Iterator[Run]:
    """The parts of a text, each with how far it is raised, in heights of the font.

    layered: l in brackets is raised. What follows an underscore is lowered where it is one of `names` or a number, and
    the word itself is not.
    """
    end = 0
    for found in _SCRIPT.finditer(text):
        layer, index = found[1], found[2] or found[3]
        if (layer and not layered) or (index and not _is_index(text, found, index, names)):
            continue
        yield text[end : found.start()], 0.0
        yield layer or index, _RAISED if layer else -_LOWERED
        end = found.end()
    yield text[end:], 0.0


def _is_index(text: str, found: re.Match[str], index: str, names: frozenset[str]) -> bool:
    start = re.search(r"\w*$", text[: found.start()])
    word = (start[0] if start else "") + found[0]
    return word not in names and (index in names or index.isdigit())


def set_scripts(element: ElementTree.Element, layered: bool, names: frozenset[str]) -> None:
    """Give a text element of an SVG its raised and lowered parts."""
    parts = [run for run in runs(element.text or "", layered, names) if run[0]]
    if all(not shift for _, shift in parts):
        return
    tag, size = element.tag.replace("text", "tspan"), float(element.get("font-size", "13"))
    element.text, at = None, 0.0
    for text, shift in parts:
        look = {"font-size": f"{size * SIZE:g}"} if shift else {}
        if shift != at:
            look["dy"] = f"{size * (at - shift):g}"
        at = shift
        ElementTree.SubElement(element, tag, look).text = text
