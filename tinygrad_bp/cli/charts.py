"""The history of a training as a chart."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

import tinygrad_bp as tg
from tinygrad_bp.draw.document import picture
from tinygrad_bp.draw.palette import CLASSES, LIGHT, chart_style
from tinygrad_bp.draw.plot import DASHED, Axes, Key, legend, rounded, span, words
from tinygrad_bp.nn.curves import columns

WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 900.0, 350.0, 64.0, 66.0, 52.0


def history_chart(history: tg.nn.History) -> bytes:
    """Cost and metrics over the epochs, those of validation beside them, as SVG."""
    names = [name for name in columns(history) if name not in ("lr", "seconds")]
    panels = list(dict.fromkeys([name.removeprefix("validation ") for name in names]))
    room = WIDTH / len(panels)
    parts = [
        part
        for i, name in enumerate(panels)
        for part in _panel(history, name, f"validation {name}" in names, i * room + LEFT, room - LEFT - 24.0)
    ]
    last = ", ".join([f"{name} {history.column(name)[-1]:.4g}" for name in names])
    about = f"{len(history)} epochs; at the end {last}"
    return picture(WIDTH, HEIGHT, f"Training: {' and '.join(panels)}", parts, about, chart_style()).encode()


def _panel(history: tg.nn.History, name: str, is_validated: bool, left: float, width: float) -> Iterator[str]:
    """One number over the epochs."""
    epochs = np.array([epoch.epoch for epoch in history], np.float64)
    curves = {"train": np.array(history.column(name))}
    if is_validated:
        curves["validation"] = np.array(history.column(f"validation {name}"))
    y = rounded(span(np.concatenate([*curves.values()])))
    axes = Axes(left, TOP, width, HEIGHT - TOP - BOTTOM, span(epochs), y)
    yield from axes.grid("epoch", whole=True)
    keys = []
    for k, (part, numbers) in enumerate(curves.items()):
        head = f'<g class="k{k}" color="{CLASSES[k]}"><path fill="none" stroke="currentColor" stroke-width="2"'
        look = f'{DASHED if k else ""} stroke-linecap="round" stroke-linejoin="round"'
        way = axes.curve(epochs, numbers)
        yield f'{head}{look} d="{f"{way}h0.1" if len(epochs) == 1 else way}"/></g>'
        keys.append(Key(f'{head}{look} d="M-10,0H10"/></g>', part))
    if history.marked:
        x = float(axes.across(np.array(history.marked)))
        head = f'<g class="grid"><path fill="none" stroke="{LIGHT["soft"]}" stroke-dasharray="2,3"'
        yield f'{head} d="M{x:.1f},{TOP:g}V{TOP + axes.height:g}"/></g>'
        keys.append(Key(f'{head} d="M0,-8V8"/></g>', f"best: epoch {history.marked}"))
    yield words(name, left, TOP - 42, "name")
    yield from legend(keys, left + 10, TOP - 20)
