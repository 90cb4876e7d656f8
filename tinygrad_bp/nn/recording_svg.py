"""A recording as an animated SVG: the decision boundary moves, a cursor goes along curves and gradient norms."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import Any

import numpy as np

from tinygrad_bp.annotations import Array
from tinygrad_bp.draw.document import picture
from tinygrad_bp.draw.palette import CLASSES, LIGHT
from tinygrad_bp.draw.plot import DASHED, Axes, words

WIDTH, HEIGHT = 960.0, 420.0
SIDE = 330.0
LEFT, TOP = 24.0, 56.0
RIGHT = LEFT + SIDE + 96.0
CURVES, STRIP = 150.0, 18.0

SECONDS = 0.12
"""That a frame is shown; all together at least `SHORTEST`."""

SHORTEST, LONGEST = 4.0, 12.0

_STYLES = {"cost": "backward", "validation cost": "backward", "accuracy": "forward", "validation accuracy": "forward"}


def drawn(frames: Sequence[Any], plane: tuple[Array, Array, Array, Array] | None) -> str:
    """The animation. frames: epochs with their norms and classes; plane: points, labels, its low and high end."""
    seconds = min(max(SECONDS * len(frames), SHORTEST), LONGEST)
    names = list(frames[0].norms)
    height = max(HEIGHT, TOP + CURVES + 64 + STRIP * len(names) + 40)
    parts = [*_title(frames, seconds), *_curves(frames, seconds), *_norms(frames, names, seconds)]
    if plane is not None:
        parts = [*_plane(frames, *plane, seconds), *parts]
    return picture(WIDTH, height, f"Training, epoch {frames[0].epoch.epoch} to {frames[-1].epoch.epoch}", parts)


def _animated(attribute: str, values: Iterable[str], seconds: float, smooth: bool = False) -> str:
    """An animation of an attribute, over and over; the last value is shown twice as long as the others."""
    listed = list(values)
    if len(listed) < 2 or len(set(listed)) == 1:
        return ""
    listed.append(listed[-1])
    mode = "linear" if smooth else "discrete"
    return (
        f'<animate attributeName="{attribute}" values="{";".join(listed)}" dur="{seconds:g}s" calcMode="{mode}" '
        'repeatCount="indefinite"/>'
    )


def _title(frames: Sequence[Any], seconds: float) -> Iterator[str]:
    """The numbers of each epoch, shown one after the other; where nothing moves, those of the last."""
    for i, frame in enumerate(frames):
        numbers = {name: x for name, x in frame.epoch.numbers.items() if name not in ("lr", "seconds")}
        said = "   ".join([f"{name} {x:.3f}" for name, x in numbers.items()])
        shown = ["0"] * len(frames)
        shown[i] = "1"
        text = escape(f"epoch {frame.epoch.epoch}   {said}")
        last = "1" if i == len(frames) - 1 else "0"
        animation = _animated("opacity", shown, seconds)
        yield f'<text class="name" x="{LEFT:g}" y="30" opacity="{last}">{text}{animation}</text>'


# --- the plane --------------------------------------------------------------------------------------------------------


def _plane(
    frames: Sequence[Any], points: Array, labels: Array, low: Array, high: Array, seconds: float
) -> Iterator[str]:
    """The class of every place, and the examples."""
    grid = np.stack([frame.classes for frame in frames])
    two = int(labels.max()) < 2 and grid.max() <= 1
    size = SIDE / grid.shape[1]
    yield f'<g transform="translate({LEFT:g},{TOP:g})"><g shape-rendering="crispEdges">'
    for row in range(grid.shape[1]):
        for column in range(grid.shape[2]):
            fills = [_fill(x, two) for x in grid[:, row, column]]
            at = f'x="{column * size:.2f}" y="{row * size:.2f}" width="{size + 0.4:.2f}" height="{size + 0.4:.2f}"'
            yield f'<rect {at} fill="{fills[-1]}">{_animated("fill", fills, seconds)}</rect>'
    yield "</g>"
    places = (points - low) / (high - low)
    for (x, y), label in zip(places, labels, strict=True):
        yield (
            f'<circle cx="{x * SIDE:.1f}" cy="{(1 - y) * SIDE:.1f}" r="3.5" fill="{CLASSES[label % len(CLASSES)]}" '
            f'stroke="#ffffff"/>'
        )
    yield f'<rect width="{SIDE:g}" height="{SIDE:g}" fill="none" stroke="{LIGHT["line"]}"/></g>'


def _fill(x: float, two: bool) -> str:
    """A light colour for a place: of its class, or between the colours of two as the probability says."""
    if two:
        first, second = (_channels(color) for color in CLASSES[:2])
        share = round(x * 10) / 10  # few colours keep the file small
        mixed = [(1 - share) * a + share * b for a, b in zip(first, second, strict=True)]
    else:
        mixed = [*_channels(CLASSES[int(x) % len(CLASSES)])]
    return "#" + "".join([f"{round(0.45 * c + 0.55 * 255):02x}" for c in mixed])


def _channels(color: str) -> tuple[int, int, int]:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


# --- curves and norms -------------------------------------------------------------------------------------------------


def _curves(frames: Sequence[Any], seconds: float) -> Iterator[str]:
    """Cost and metrics over the epochs, each between its smallest and largest number, 0 and 1 included."""
    width = WIDTH - RIGHT - LEFT
    names = [name for name in frames[-1].epoch.numbers if name not in ("lr", "seconds")]
    yield f'<g transform="translate({RIGHT:g},{TOP:g})">'
    numbers = {name: np.array([frame.epoch.numbers.get(name, math.nan) for frame in frames]) for name in names}
    top = max([1.0, *[float(x) for column in numbers.values() for x in column if math.isfinite(x)]])
    axes = Axes(0.0, 0.0, width, CURVES, (0.0, float(max(len(frames) - 1, 1))), (0.0, top))
    yield f'<path fill="none" stroke="{LIGHT["soft"]}" d="M0,0 V{CURVES:g} H{width:g}"/>'
    yield words(f"{top:.3g}", -6, 10, "about", "end")
    yield words("0", -6, CURVES, "about", "end")
    step = width / max(len(frames) - 1, 1)
    for i, (name, column) in enumerate(numbers.items()):
        css = _STYLES.get(name, "note")
        color = LIGHT.get(css, LIGHT["soft"])
        dashed = DASHED if name.startswith("validation ") else ""
        way = axes.curve(np.arange(len(column)), column)
        yield f'<g class="{css}"><path fill="none" stroke="{color}" stroke-width="2"{dashed} d="{way}"/></g>'
        text = {"forward": "value", "backward": "gradient"}.get(css, css)
        sign = "╌ " if dashed else "— "
        yield f'<text class="{text}" x="{i * 130:g}" y="-10" fill="{color}">{sign}{escape(name)}</text>'
    yield _cursor(len(frames), step, CURVES, seconds)
    yield "</g>"


def _norms(frames: Sequence[Any], names: Sequence[str], seconds: float) -> Iterator[str]:
    """A row for each parameter, a cell for each epoch, in the colours of gradient norms."""
    width = WIDTH - RIGHT - LEFT
    cell = width / len(frames)
    top = TOP + CURVES + 56
    yield f'<g transform="translate({RIGHT:g},{top:g})">'
    known = [x for frame in frames for x in frame.norms.values() if 0 < x < math.inf] or [1.0]
    low, high = min(known), max(known)
    said = f"Norm of ∂C/∂p, from {low:.2g} (light) to {high:.2g} (dark)"
    yield f'<text class="note" y="-12" fill="{LIGHT["soft"]}">{said}</text>'
    for row, name in enumerate(names):
        y = row * STRIP
        yield f'<text x="-6" y="{y + 13:g}" text-anchor="end" fill="{LIGHT["ink"]}">{escape(name[-14:])}</text>'
        for i, frame in enumerate(frames):
            norm = frame.norms[name]
            at = f'x="{i * cell:.2f}" y="{y:g}" width="{cell + 0.3:.2f}" height="{STRIP - 2:g}"'
            said = f"{escape(name)}, epoch {frame.epoch.epoch}: {norm:.3g}"
            yield f'<rect {at} fill="{_shade(norm, low, high)}"><title>{said}</title></rect>'
    yield _cursor(len(frames), cell, STRIP * len(names), seconds, cell / 2)
    yield "</g>"


def _shade(norm: float, low: float, high: float) -> str:
    """The darker the larger, on a logarithmic scale; NaN and infinity in the colour of what is wrong."""
    if not norm < math.inf:
        return LIGHT["bad"]
    share = math.log(max(norm, low) / low) / math.log(high / low) if high > low else 0.5
    return "#" + "".join([f"{round((1 - share) * 240 + share * c):02x}" for c in _channels(CLASSES[0])])


def _cursor(count: int, step: float, height: float, seconds: float, offset: float = 0.0) -> str:
    places = [f"{i * step + offset:.1f}" for i in range(count)]
    moving = _animated("x1", places, seconds) + _animated("x2", places, seconds)
    last = places[-1]
    return f'<line x1="{last}" x2="{last}" y1="0" y2="{height:g}" stroke="{LIGHT["line"]}">{moving}</line>'
