"""The activation sheet: what every activation is, with its derivative, range, convention and both curves."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from html import escape
from inspect import unwrap
from pathlib import Path
from typing import Any, NamedTuple, final

import numpy as np

from tinygrad_bp.calls import guarded
from tinygrad_bp.draw.document import image, picture, suited
from tinygrad_bp.draw.palette import CLASS, LIGHT
from tinygrad_bp.draw.plot import DASHED, Axes, words
from tinygrad_bp.engine import Op
from tinygrad_bp.errors import ArgumentError
from tinygrad_bp.files import write_whole
from tinygrad_bp.formula import plain
from tinygrad_bp.formula.tidy import as_number
from tinygrad_bp.formula.trace import expression
from tinygrad_bp.modes import quietly, tracing
from tinygrad_bp.nn.activations import ACTIVATIONS
from tinygrad_bp.registry import OPS
from tinygrad_bp.tables import Table
from tinygrad_bp.tensor import Tensor
from tinygrad_bp.transforms import grad

_NEAR, _FAR = 15.0, 1e6
"""Up to where curves are looked at for what they reach, and for what they tend to."""

_WIDTH, _HEIGHT, _PLOT, _COLUMNS = 310.0, 278.0, 122.0, 4
_LINE = 46
"""Characters on one line of a card."""

_RULES = (
    f".{CLASS} .ticks text {{ stroke: var(--page); stroke-width: 3; stroke-linejoin: round; paint-order: stroke; }}"
)
"""Numbers stay readable where a curve runs through them."""

_SHOWN = 4.0
"""Half of what the horizontal axis shows."""


class Entry(NamedTuple):
    """One activation: all of it comes from its op's record; formula and range from running its function."""

    name: str
    formula: str
    derivative: str
    range: str
    convention: str


@final
@dataclass(frozen=True, repr=False)
class ActivationSheet:
    """The activations as a sheet. `.entries` is the same as data, `text` a table; notebooks show it by themselves."""

    names: tuple[str, ...]

    @cached_property
    def entries(self) -> tuple[Entry, ...]:
        """One for each activation."""
        return tuple(map(_entry, self.names))

    @property
    def text(self) -> str:
        """The sheet as a table of text."""
        return Table(Entry._fields, self.entries).text

    @cached_property
    def svg(self) -> str:
        """The sheet as a picture, with the curves of g (solid) and g′ (dashed)."""
        columns = min(_COLUMNS, len(self.entries))
        rows = -(-len(self.entries) // columns)
        cards = [
            f'<g transform="translate({i % columns * _WIDTH:g},{i // columns * _HEIGHT:g})">{"".join(_card(entry))}</g>'
            for i, entry in enumerate(self.entries)
        ]
        return picture(columns * _WIDTH, rows * _HEIGHT, f"Activations: {', '.join(self.names)}", cards, rules=_RULES)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the picture to a file, .svg. The file appears whole or not at all."""
        return write_whole(suited(path, "a sheet", ".svg"), self.svg.encode())

    def _repr_svg_(self) -> str:
        return self.svg

    def _repr_html_(self) -> str:
        return image(self.svg)

    def __repr__(self) -> str:
        return f"<ActivationSheet of {len(self.names)} activations>"


@guarded
def activation_sheet(*names: str) -> ActivationSheet:
    """The sheet of these activations, by default of all in `ACTIVATIONS`: formula, derivative, range, convention, plot.

    Everything is made from the records of their ops. Raises ArgumentError for a name that is none.

    >>> print(activation_sheet("relu", "sigmoid").text)
    name     formula         derivative  range   convention
    relu     max(z, 0)       [z > 0]     [0, ∞)  0 at 0
    sigmoid  1/(1 + e^(−z))  a(1 − a)    (0, 1)
    """
    for name in names:
        if name not in ACTIVATIONS:
            raise ArgumentError(f"activation_sheet: names are of {', '.join(ACTIVATIONS)}; got {name!r}.")
    return ActivationSheet(names or tuple(ACTIVATIONS))


def _entry(name: str) -> Entry:
    op: Op = OPS[name]
    z = Tensor(np.array(0.25), requires_grad=True, name="z")
    derivative = op.call(z).named("a").local_derivatives[0].formula
    return Entry(name, _formula(op, z), derivative, _range(op), op.convention)


def _formula(op: Op, z: Tensor) -> str:
    """What the op computes, read off its forward function as it runs on z."""
    with tracing():
        a = quietly(unwrap(op.forward), z)
    return plain(as_number(expression(a, {z.number: "z"}, of_rule=True)))


def _range(op: Op) -> str:
    """The values that g takes: the ends it reaches in brackets, those it only tends to in parentheses."""
    inside = op.forward(np.linspace(-_NEAR, _NEAR, 60_001))
    far = quietly(op.forward, np.array([-_FAR, _FAR]))
    if len(values := np.unique(inside)) <= 2:
        return f"{{{', '.join(map(_number, values))}}}"
    low, high = min(inside.min(), far.min()), max(inside.max(), far.max())
    begins = "(−∞" if low < -_FAR / 1e4 else f"{'[' if inside.min() == low else '('}{_number(low)}"
    ends = "∞)" if high > _FAR / 1e4 else f"{_number(high)}{']' if inside.max() == high else ')'}"
    return f"{begins}, {ends}"


def _number(x: Any) -> str:
    return f"{x:.3g}".replace("-", "−") if x else "0"


# --- the picture ------------------------------------------------------------------------------------------------------


def _card(entry: Entry) -> Iterator[str]:
    """Words above, curves below."""
    yield f'<rect class="swatch op" x="6" y="6" width="{_WIDTH - 12:g}" height="{_HEIGHT - 12:g}" rx="8"/>'
    yield f'<text class="name" x="16" y="28" font-size="15">{escape(entry.name)}</text>'
    lines = [("value", f"a = {entry.formula}"), ("gradient", f"∂a/∂z = {entry.derivative}")]
    y = 48.0
    for css, line in lines:
        for part in textwrap.wrap(line, _LINE, max_lines=2, placeholder=" …"):
            yield f'<text class="{css}" x="16" y="{y:g}" fill="{_COLORS[css]}">{escape(part)}</text>'
            y += 16
    about = f"a in {entry.range}" + (f"; {entry.convention}" if entry.convention else "")
    for part in textwrap.wrap(about, _LINE):
        yield f'<text class="about" x="16" y="{y:g}" fill="{LIGHT["soft"]}">{escape(part)}</text>'
        y += 16
    yield from _plot(OPS[entry.name])


_COLORS = {"value": LIGHT["forward"], "gradient": LIGHT["backward"]}


def _plot(op: Op) -> Iterator[str]:
    """Both curves, with the axes through 0; a jump is not joined."""
    z = np.linspace(-_SHOWN, _SHOWN, 201) + 1e-9  # beside the kinks, which stand at round numbers
    curves = (("forward", op.forward(z)), ("backward", grad(lambda z: op.call(z).sum())(z)))
    low = min(0.0, *[max(float(y.min()), -2.0) for _, y in curves])
    high = max(1.0, *[min(float(y.max()), 2.0) for _, y in curves])
    axes = Axes(16.0, _HEIGHT - _PLOT - 28, _WIDTH - 32, _PLOT, (-_SHOWN, _SHOWN), (low, high))
    middle, (zero, one) = axes.left + axes.width / 2, axes.down(np.array([0.0, 1.0]))
    cross = f"M{axes.left:g},{zero:.1f} h{axes.width:g} M{middle:g},{axes.top:g} v{axes.height:g}"
    yield f'<g class="unused"><path fill="none" stroke="{LIGHT["soft"]}" d="{cross}"/></g>'
    for css, y in curves:
        look = f'fill="none" stroke="{LIGHT[css]}" stroke-width="2"{DASHED if css == "backward" else ""}'
        yield f'<g class="{css}"><path {look} d="{axes.curve(z, y, jump=0.2)}"/></g>'
    right = words(f"z = {_SHOWN:g}", axes.left + axes.width, zero + 15, "about", "end")
    yield f'<g class="ticks">{words("1", middle - 4, one + 4, "about", "end")}{right}</g>'
