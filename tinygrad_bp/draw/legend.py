"""The legend of a picture: what its lines, its fills and the colours of gradient norms mean."""

from __future__ import annotations

from typing import Literal, NamedTuple

from tinygrad_bp.draw.marks import LEGEND, LEGEND_TITLE
from tinygrad_bp.graph import Passes


class Sample(NamedTuple):
    """One thing that a picture has: a line, a box of a colour, or a word that tells what follows."""

    look: Literal["line", "box", "words"]
    css: str
    text: str


_LINES = {
    "forward": Sample("line", "forward", "forward: values"),
    "backward": Sample("line", "backward", "backward: gradients"),
}
_BOXES = (Sample("box", "parameter", "parameter"), Sample("box", "input", "input"), Sample("box", "op", "computed"))


def legend_of(passes: Passes, wanted: bool, heat: bool) -> tuple[Sample, ...]:
    """The samples of a picture: lines and boxes if they are wanted, gradient norms wherever they are coloured."""
    lines = [sample for way, sample in _LINES.items() if passes in (way, "both")]
    samples = [*lines, *_BOXES] if wanted else []
    if heat and passes != "forward":
        norms = [Sample("box", f"heat{i}", text) for i, text in enumerate(LEGEND)]
        samples += [Sample("words", "note", LEGEND_TITLE), *norms]
    return tuple(samples)
