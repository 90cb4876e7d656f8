"""Colours: of both themes, of the gradient norms, and the style sheet that an SVG carries."""

from __future__ import annotations

from typing import Literal

Theme = Literal["auto", "light", "dark"]

THEMES: tuple[Theme, ...] = ("auto", "light", "dark")

LIGHT = {
    "forward": "#1a7f37", "backward": "#c62828", "ink": "#1f2328", "line": "#57606a", "soft": "#59636e",
    "op": "#ffffff", "parameter": "#fff8e1", "input": "#eef4fb", "constant": "#f3f4f6", "page": "#ffffff",
    "bad": "#8a00c2", "cause": "#f0d6ff",
    "heat0": "#4f9fd6", "heat1": "#83bde4", "heat2": "#b5d8ef", "heat3": "#e0eef8", "heat4": "#f7f7f7",
    "heat5": "#fdead5", "heat6": "#fbc98f", "heat7": "#f6a354", "heat8": "#ec7d33",
}  # fmt: skip
DARK = {
    "forward": "#56d364", "backward": "#ff8a80", "ink": "#e6edf3", "line": "#8b949e", "soft": "#9ea7b1",
    "op": "#161b22", "parameter": "#2d2712", "input": "#14243a", "constant": "#21262d", "page": "#0d1117",
    "bad": "#e29bff", "cause": "#3f1457",
    "heat0": "#0b5fa5", "heat1": "#124a7c", "heat2": "#153756", "heat3": "#18293c", "heat4": "#1b1f24",
    "heat5": "#33261a", "heat6": "#5a3512", "heat7": "#7f420e", "heat8": "#a04c0a",
}  # fmt: skip

CLASSES = (
    "#2f7fb8", "#ec7d33", "#3a9d5d", "#8a00c2", "#b8860b", "#c62828", "#5b6770", "#0f9ba8", "#a0527d", "#6b8e23",
)  # fmt: skip
"""A colour for each class of a data set."""
DARK_CLASSES = (
    "#58a6df", "#f6a354", "#56c97f", "#d08bff", "#e3b341", "#ff8a80", "#a9b4be", "#3fd0dd", "#e08cbc", "#a8c957",
)  # fmt: skip
COMPARED = {
    "added": ("#cdf3d4", "#14471f"), "removed": ("#ffd4d0", "#5a1c1c"), "changed": ("#ffedb8", "#4f3d08"),
}  # fmt: skip
"""What differs between two graphs, light and dark."""

CLASS = "tinygrad-bp"


def colors(theme: Theme) -> dict[str, str]:
    """The colours of a picture that cannot ask its reader: of "auto", the light ones."""
    dark = theme == "dark"
    return (DARK if dark else LIGHT) | {name: pair[dark] for name, pair in COMPARED.items()}


def root_class(theme: Theme) -> str:
    """The class of a picture; a theme that was asked for has its own, so that others on the page stay as they are."""
    return CLASS if theme == "auto" else f"{CLASS} {CLASS}-{theme}"


def style(theme: Theme, lit: bool = False, compared: bool = False) -> str:
    """The style sheet; `lit`: of a picture in which an edge stands out; compared: of one of two graphs."""
    if theme != "auto":
        head = f".{CLASS}-{theme} {{ {_variables(DARK if theme == 'dark' else LIGHT)} background: var(--page); }}"
    else:
        dark = f".{CLASS} {{ {_variables(DARK)} }}"
        head = f".{CLASS} {{ {_variables(LIGHT)} }}\n@media (prefers-color-scheme: dark) {{ {dark} }}"
    return f"\n{head}{_RULES}{_LIT if lit else ''}{_compared(theme) if compared else ''}"


def _compared(theme: Theme) -> str:
    def rules(dark: bool) -> str:
        return " ".join([f".{CLASS} .{name} path {{ fill: {pair[dark]}; }}" for name, pair in COMPARED.items()])

    if theme != "auto":
        return f"{rules(theme == 'dark')}\n"
    return f"{rules(False)}\n@media (prefers-color-scheme: dark) {{ {rules(True)} }}\n"


def chart_style() -> str:
    """The further rules of charts: an element of CSS class k0, k1, … has the colour of that class as `currentColor`."""
    light, dark = (
        " ".join([f".{CLASS} .k{i} {{ color: {color}; }}" for i, color in enumerate(colors)])
        for colors in (CLASSES, DARK_CLASSES)
    )
    neutral = f".{CLASS} .neutral {{ color: var(--soft); }} .{CLASS} .grid path {{ stroke: var(--soft); }}"
    return f"{light} {neutral}\n@media (prefers-color-scheme: dark) {{ {dark} }}\n"


def _variables(values: dict[str, str]) -> str:
    return " ".join([f"--{name}: {value};" for name, value in values.items()])


_HEAT = "\n".join(
    [
        f".{CLASS} .heat{i} path, .{CLASS} rect.heat{i} {{ fill: var(--heat{i}); }} "
        f".{CLASS} .heat{i} text {{ fill: var(--ink); }}"
        for i in range(9)
    ]
)
_RULES = f"""
.tinygrad-bp {{ max-width: 100%; height: auto; }}
.tinygrad-bp text {{ fill: var(--ink); }}
.tinygrad-bp .node path, .tinygrad-bp .node polygon, .tinygrad-bp .node polyline {{ stroke: var(--line); }}
.tinygrad-bp .op path {{ fill: var(--op); }}
.tinygrad-bp .parameter path {{ fill: var(--parameter); }}
.tinygrad-bp .input path {{ fill: var(--input); }}
.tinygrad-bp .constant path {{ fill: var(--constant); }}
.tinygrad-bp .value {{ fill: var(--forward); }}
.tinygrad-bp .gradient {{ fill: var(--backward); }}
.tinygrad-bp .name {{ font-weight: 600; }}
.tinygrad-bp .about {{ fill: var(--soft); }}
.tinygrad-bp .forward path {{ stroke: var(--forward); }}
.tinygrad-bp .forward polygon {{ stroke: var(--forward); fill: var(--forward); }}
.tinygrad-bp .backward path {{ stroke: var(--backward); }}
.tinygrad-bp .backward polygon {{ stroke: var(--backward); fill: var(--backward); }}
.tinygrad-bp .backward text {{ fill: var(--backward); stroke: var(--page); }}
.tinygrad-bp .cluster polygon, .tinygrad-bp .unused path {{ stroke: var(--soft); stroke-opacity: 0.4; }}
.tinygrad-bp .cluster path {{ fill: none; stroke: var(--soft); }}
.tinygrad-bp .note {{ fill: var(--soft); }}
.tinygrad-bp .heading {{ font-weight: 600; }}
.tinygrad-bp .swatch {{ stroke: var(--line); }}
.tinygrad-bp .swatch.parameter {{ fill: var(--parameter); }}
.tinygrad-bp .swatch.input {{ fill: var(--input); }}
.tinygrad-bp .swatch.op {{ fill: var(--op); }}
.tinygrad-bp .bad path {{ stroke: var(--bad); stroke-dasharray: 5 2; }}
.tinygrad-bp .bad polyline {{ stroke-width: 1; }}
.tinygrad-bp .first-bad path {{ fill: var(--cause); stroke: var(--bad); stroke-width: 4; stroke-dasharray: none; }}
{_HEAT}
"""
_LIT = """.tinygrad-bp .lit path { stroke: var(--bad); stroke-width: 4; }
.tinygrad-bp .lit polygon { stroke: var(--bad); fill: var(--bad); }
.tinygrad-bp .lit text { fill: var(--bad); font-weight: 700; }
"""
