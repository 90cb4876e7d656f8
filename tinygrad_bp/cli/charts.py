"""Charts of a training: its history, and the regions of the classes, by matplotlib without windows."""

from __future__ import annotations

import io
import warnings
from typing import Any

import numpy as np

import tinygrad_bp as tg
from tinygrad_bp.annotations import Array
from tinygrad_bp.cli.learning import Examples
from tinygrad_bp.cli.network import Network
from tinygrad_bp.nn.curves import blank_figure

STEPS = 60
"""The regions are found on a grid of so many points a side."""
PALETTE = [f"C{k}" for k in range(10)]
LONG = 16
"""So many letters of a class's name are in the legend."""
BESIDE = {"loc": "center left", "bbox_to_anchor": (1.0, 0.5), "fontsize": "small", "frameon": False}
POINTS = 500
"""Up to so many examples of a part are shown."""


def history_chart(history: tg.nn.History) -> bytes:
    """Cost and accuracy over the epochs, as SVG."""
    return _svg(history.plot())


def boundary_chart(network: Network, train: Examples, test: Examples) -> bytes:
    """What the network makes of the plane of two features, or of the first two principal components, as SVG.

    The plane of components goes through the mean of the training examples, and all examples are projected onto it.
    """
    plane, names = _plane(network, train[0])
    parts = {"train": (_projected(network, train[0][:POINTS], plane), train[1][:POINTS])}
    parts["test"] = (_projected(network, test[0][:POINTS], plane), test[1][:POINTS])
    places = np.concatenate([points for points, _ in parts.values()])
    low, high = places.min(axis=0), places.max(axis=0)
    margin = 0.08 * np.where(high > low, high - low, 1.0)
    u, v = (np.linspace(a, b, STEPS) for a, b in zip(low - margin, high + margin, strict=True))
    grid = np.stack(np.meshgrid(u, v), axis=-1).reshape(-1, 2)
    mean, deviation = network.scaling
    z = network.outputs(grid @ plane * deviation + mean)
    if plane.shape[1] == 2:  # in the features' own units
        u, v = u * deviation[0] + mean[0], v * deviation[1] + mean[1]
        parts = {name: (points * deviation + mean, y) for name, (points, y) in parts.items()}
    figure = blank_figure(7, 5)
    axes = figure.add_subplot()
    axes.locator_params(nbins=6)
    draw = _numbers if network.classes is None else _regions
    draw(network, figure, axes, (u, v, z), parts)
    axes.set_xlabel(names[0], parse_math=False)
    axes.set_ylabel(names[1], parse_math=False)
    return _svg(figure)


def _plane(network: Network, X: Array) -> tuple[Array, list[str]]:
    """Two directions in the standardised features, as rows, and their names."""
    if len(network.features) == 2:
        return np.eye(2), [*network.features]
    _, s, directions = np.linalg.svd(network.scaled(X), full_matrices=False)
    shares = s**2 / max(float(np.sum(s**2)), np.finfo(float).tiny)
    plane = np.zeros((2, directions.shape[1]))
    plane[: len(directions[:2])] = directions[:2]  # one example has one component
    return plane, [
        f"principal component {k + 1} ({share:.0%} of the variance)" for k, share in enumerate([*shares, 0.0][:2])
    ]


def _projected(network: Network, X: Array, plane: Array) -> Array:
    return network.scaled(X) @ plane.T


def _regions(network: Network, figure: Any, axes: Any, grid: Any, parts: Any) -> None:
    """The class of every point, and the examples: full marks those trained on, hollow ones those of the test."""
    u, v, z = grid
    classes = network.classes or ()
    p = network.probabilities(z)
    for k in range(len(classes)):
        colour = PALETTE[k % len(PALETTE)]
        lead = p[:, k] - np.delete(p, k, axis=1).max(axis=1)
        axes.contourf(u, v, lead.reshape(len(v), len(u)), levels=[0.0, 1.0], colors=[colour], alpha=0.2)
        for part, (points, y) in parts.items():
            inside = colour if part == "train" else "none"
            axes.plot(*points[y == k].T, "o", color=colour, markerfacecolor=inside, markersize=4)
    if len(classes) <= len(PALETTE):
        full, hollow = axes.lines[::2], axes.lines[1]
        labels = [name if len(name) <= LONG else f"{name[:LONG]}…" for name in classes]
        # matplotlib leaves out a label that begins with _.
        legend = axes.legend([*full, hollow], [f" {label}" for label in (*labels, "hollow: test")], **BESIDE)
        legend.set_title(network.target)
        for text in (legend.get_title(), *legend.get_texts()):
            text.set_parse_math(False)
        figure.subplots_adjust(right=0.78)


def _numbers(network: Network, figure: Any, axes: Any, grid: Any, parts: Any) -> None:
    """The number that is predicted at every point, and the examples in the colours of theirs."""
    u, v, z = grid
    numbers = network.numbers(z).reshape(len(v), len(u))
    every = np.concatenate([numbers.ravel(), *[y for _, y in parts.values()]])
    limits = {"vmin": every.min(), "vmax": every.max()}
    axes.pcolormesh(u, v, numbers, shading="nearest", rasterized=True, alpha=0.6, **limits)
    for part, marker in (("train", "o"), ("test", "s")):
        points, y = parts[part]
        shown = axes.scatter(*points.T, c=y, s=14, marker=marker, edgecolors="white", linewidths=0.4, **limits)
    figure.colorbar(shown, ax=axes).set_label(network.target, parse_math=False)


def _svg(figure: Any) -> bytes:
    """The same bytes each time; text stays text. A letter that the font lacks is the viewer's to find."""
    from matplotlib import rc_context

    file = io.BytesIO()
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "tinygrad_bp"}), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        figure.savefig(file, format="svg", metadata={"Date": None})
    return file.getvalue()
