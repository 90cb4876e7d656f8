"""The regions of the classes, or of the numbers, that a network predicts over a plane."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import NamedTuple

import numpy as np

from tinygrad_bp.annotations import Array
from tinygrad_bp.cli.learning import Examples
from tinygrad_bp.cli.network import Network
from tinygrad_bp.draw.document import picture
from tinygrad_bp.draw.palette import CLASSES, LIGHT, chart_style
from tinygrad_bp.draw.plot import Axes, Key, label, legend, region, span, ticks, words

WIDTH, HEIGHT = 900.0, 542.0
LEFT, TOP, RIGHT, BOTTOM = 84.0, 20.0, 680.0, 490.0
"""The sides of the plane; the legend is at the right."""
STEPS = 60
"""The regions are found on a grid of so many points a side."""
SURE = 3.0
"""Where a class is so many times as probable as any other, its region is darker."""
LONG, LONGEST = 22, 60
"""So many letters of a name are in the legend, and at an axis."""
POINTS = 500
"""Up to so many examples of a part are shown."""
BANDS = 9
"""So many ranges of numbers have a colour of their own."""

_INSIDE = {"train": 'fill="currentColor"', "test": 'fill="none" stroke="currentColor" stroke-width="1.8"'}
_NEUTRAL = f'class="neutral" color="{LIGHT["soft"]}"'
_RING = f'class="swatch" fill="none" stroke="{LIGHT["line"]}" stroke-width="1.5"'


class Part(NamedTuple):
    """Examples of train or of test: their places on the plane, their targets, what the network returns for them."""

    name: str
    places: Array
    y: Array
    z: Array


class Field(NamedTuple):
    """A grid on the picture: where its columns and rows are, and what the network returns there, row by row."""

    u: Array
    v: Array
    z: Array

    def rows(self, numbers: Array) -> Array:
        """A number of every point, as the grid has them."""
        return numbers.reshape(len(self.v), len(self.u))


def boundary_chart(network: Network, train: Examples, test: Examples) -> bytes:
    """What the network makes of the plane of two features, or of the first two principal components, as SVG.

    The plane of components goes through the mean of the training examples, and all examples are projected onto it.
    """
    plane, names = _plane(network, train[0])
    parts = [
        Part(name, network.scaled(X[:POINTS]) @ plane.T, y[:POINTS], network.outputs(X[:POINTS]))
        for name, (X, y) in (("train", train), ("test", test))
    ]
    ends = [span(column, 0.08) for column in np.concatenate([part.places for part in parts]).T]
    u, v = (np.linspace(*end, STEPS) for end in ends)
    mean, deviation = network.scaling
    z = network.outputs(np.stack(np.meshgrid(u, v), axis=-1).reshape(-1, 2) @ plane * deviation + mean)
    if len(network.features) == 2:  # in the features' own units
        u, v = u * deviation[0] + mean[0], v * deviation[1] + mean[1]
        parts = [part._replace(places=part.places * deviation + mean) for part in parts]
    axes = Axes(LEFT, TOP, RIGHT - LEFT, BOTTOM - TOP, (u[0], u[-1]), (v[0], v[-1]))
    drawn = (_numbers if network.classes is None else _classes)(
        network, axes, names, Field(axes.across(u), axes.down(v), z), parts
    )
    head = words(label(network.target, LONG), RIGHT + 24, TOP + 14, "name")
    title = f"What the network predicts of {label(network.target, LONGEST)}"
    about = f"Over {' and '.join(names)}"
    return picture(WIDTH, HEIGHT, title, [*drawn, head], about, chart_style()).encode()


def _plane(network: Network, X: Array) -> tuple[Array, tuple[str, str]]:
    """Two directions in the standardised features, as rows, and their names."""
    if len(network.features) == 2:
        first, second = [label(name, LONGEST) for name in network.features]
        return np.eye(2), (first, second)
    _, s, directions = np.linalg.svd(network.scaled(X), full_matrices=False)
    shares = s**2 / max(float(np.sum(s**2)), np.finfo(float).tiny)
    plane = np.zeros((2, directions.shape[1]))
    plane[: len(directions[:2])] = directions[:2]  # one example has one component
    first, second = [
        f"principal component {k + 1} ({share:.0%} of the variance)" for k, share in enumerate([*shares, 0.0][:2])
    ]
    return plane, (first, second)


# --- classes ----------------------------------------------------------------------------------------------------------


def _classes(
    network: Network, axes: Axes, names: tuple[str, str], field: Field, parts: Sequence[Part]
) -> Iterator[str]:
    """The class of every place, and the examples: full marks those trained on, hollow ones those of the test."""
    yield from _regions(network, field)
    yield from axes.grid(*names)
    classes = [label(name, LONG) for name in network.classes or ()]
    wrong = []
    for part in parts:
        predicted = network.probabilities(part.z).argmax(axis=1)
        for k in np.unique(part.y).tolist():
            yield f"<g {_color(k)} {_INSIDE[part.name]}>{_circles(axes, part.places[part.y == k])}</g>"
        for i in np.flatnonzero(predicted != part.y).tolist():
            said = f"{part.name}: {classes[part.y[i]]}, taken for {classes[predicted[i]]}"
            wrong.append(_circles(axes, part.places[i : i + 1], 7.5, said))
    yield f"<g {_RING}>{''.join(wrong)}</g>"
    yield from _legend(classes, len(wrong))


def _regions(network: Network, field: Field) -> Iterator[str]:
    """Where each class is the most probable one; logarithms of probabilities are nearly even between the points."""
    logs = np.log(np.maximum(network.probabilities(field.z), np.finfo(float).tiny))
    borders = []
    for k in range(logs.shape[1]):
        lead = field.rows(logs[:, k] - np.delete(logs, k, axis=1).max(axis=1))
        area, border = region(field.u, field.v, lead, 0.0)
        sure, _ = region(field.u, field.v, lead, float(np.log(SURE)))
        borders.append(border)
        yield f'<g {_color(k)} fill="currentColor" fill-opacity="0.15"><path d="{area}"/><path d="{sure}"/></g>'
    look = f'fill="none" stroke="{LIGHT["soft"]}" stroke-width="1.5"'
    yield f'<g class="grid"><path {look} d="{"".join(borders[:-1])}"/></g>'  # the last class borders on the others


def _legend(classes: Sequence[str], wrong: int) -> Iterator[str]:
    """What colours and marks mean; of more classes than there are colours, the marks only."""
    dot = '<circle r="4"/>'
    keys = [Key(f"<g {_color(k)} {_INSIDE['train']}>{dot}</g>", name) for k, name in enumerate(classes)]
    shown = keys if len(keys) <= len(CLASSES) else []
    yield from legend(shown, RIGHT + 34, TOP + 38, 22)
    shades = '<path d="M-8,-6h16v12h-16Z"/><path d="M0,-6h8v12h-8Z"/>'
    marks = [
        *[Key(f"<g {_NEUTRAL} {look}>{dot}</g>", part) for part, look in _INSIDE.items()],
        Key(f'<g {_RING}><circle r="7.5"/></g>', f"misclassified: {wrong}"),
        Key(f'<g {_NEUTRAL} fill="currentColor" fill-opacity="0.25">{shades}</g>', f"darker: {SURE:g} : 1 or surer"),
    ]
    yield from legend(marks, RIGHT + 34, TOP + 56 + 22 * len(shown), 22)


def _color(k: int) -> str:
    k %= len(CLASSES)
    return f'class="k{k}" color="{CLASSES[k]}"'


def _circles(axes: Axes, places: Array, r: float = 4.0, said: str = "") -> str:
    inside = f"><title>{escape(said)}</title></circle>" if said else "/>"
    at = zip(axes.across(places[:, 0]).tolist(), axes.down(places[:, 1]).tolist(), strict=True)
    return "".join([f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{r:g}"{inside}' for x, y in at])


# --- numbers ----------------------------------------------------------------------------------------------------------


def _numbers(
    network: Network, axes: Axes, names: tuple[str, str], field: Field, parts: Sequence[Part]
) -> Iterator[str]:
    """The number that is predicted at every place, and the examples in the colours of theirs."""
    numbers = field.rows(network.numbers(field.z))
    ends = span(np.concatenate([numbers.ravel(), *[part.y for part in parts]]))
    levels = ends[0] + (ends[1] / BANDS - ends[0] / BANDS) * np.arange(BANDS)
    whole = f"M{axes.left:g},{axes.top:g}h{axes.width:g}v{axes.height:g}h{-axes.width:g}Z"
    for band, level in enumerate(levels.tolist()):
        area = region(field.u, field.v, numbers, level)[0] if band else whole
        yield f'<g {_heat(band)}><path d="{area}"/></g>'
    yield from axes.grid(*names)
    for part in parts:
        at = zip(axes.across(part.places[:, 0]).tolist(), axes.down(part.places[:, 1]).tolist(), strict=True)
        bands = np.searchsorted(levels[1:], part.y).tolist()
        yield from [_mark(x, y, band, part.name) for (x, y), band in zip(at, bands, strict=True)]
    yield from legend([Key(_mark(0, 0, BANDS // 2, part.name), part.name) for part in parts], RIGHT + 34, TOP + 38, 22)
    yield from _bar(Axes(RIGHT + 24, TOP + 90, 20.0, 20.0 * BANDS, (0.0, 1.0), ends))


def _mark(x: float, y: float, band: int, part: str) -> str:
    """Round for an example of the training, square for one of the test."""
    look = f'stroke="{LIGHT["line"]}" width="9" height="9" rx="{4.5 if part == "train" else 0:g}"'
    return f'<rect {_heat(band, "swatch ")} {look} x="{x - 4.5:.1f}" y="{y - 4.5:.1f}"/>'


def _bar(bar: Axes) -> Iterator[str]:
    """The colours, and the numbers that they stand for."""
    height = bar.height / BANDS
    for band in range(BANDS):
        y = bar.top + bar.height - height * (band + 1)
        yield f'<rect {_heat(band)} x="{bar.left:g}" y="{y:g}" width="{bar.width:g}" height="{height:g}"/>'
    for number, text in ticks(bar.y).items():
        yield words(text, bar.left + bar.width + 8, float(bar.down(np.array(number))) + 4, "about")


def _heat(band: int, css: str = "") -> str:
    return f'class="{css}heat{band}" fill="{LIGHT[f"heat{band}"]}"'
