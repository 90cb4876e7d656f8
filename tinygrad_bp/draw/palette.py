"""Colours: of both themes, of the gradient norms, and the style sheet that an SVG carries."""

from __future__ import annotations

from typing import Literal

Theme = Literal["auto", "light", "dark"]

THEMES: tuple[Theme, ...] = ("auto", "light", "dark")

LIGHT = {
    "forward": "#1a7f37", "backward": "#c62828", "ink": "#1f2328", "line": "#57606a", "soft": "#6e7781",
    "op": "#ffffff", "parameter": "#fff8e1", "input": "#eef4fb", "constant": "#f3f4f6", "page": "#ffffff",
    "bad": "#8a00c2",
    "heat0": "#7db8de", "heat1": "#a6cfea", "heat2": "#c9e1f2", "heat3": "#e6f1f9", "heat4": "#f7f7f7",
    "heat5": "#fdeedd", "heat6": "#fdd9b5", "heat7": "#fcbd83", "heat8": "#f49d52",
}  # fmt: skip
DARK = {
    "forward": "#56d364", "backward": "#ff8a80", "ink": "#e6edf3", "line": "#8b949e", "soft": "#9ea7b1",
    "op": "#161b22", "parameter": "#2d2712", "input": "#14243a", "constant": "#21262d", "page": "#0d1117",
    "bad": "#e29bff",
    "heat0": "#0b4a7f", "heat1": "#123f68", "heat2": "#163350", "heat3": "#19283a", "heat4": "#1b1f24",
    "heat5": "#33261a", "heat6": "#4d2f14", "heat7": "#6a390f", "heat8": "#8a430a",
}  # fmt: skip

CLASS = "tinygrad-bp"


def colors(theme: Theme) -> dict[str, str]:
    """The colours of a picture that cannot ask its reader: of "auto", the light ones."""
    return DARK if theme == "dark" else LIGHT


def root_class(theme: Theme) -> str:
    """The class of a picture; a theme that was asked for has its own, so that others on the page stay as they are."""
    return CLASS if theme == "auto" else f"{CLASS} {CLASS}-{theme}"


def style(theme: Theme) -> str:
    """The style sheet."""
    if theme != "auto":
        head = f".{CLASS}-{theme} {{ {_variables(colors(theme))} background: var(--page); }}"
    else:
        dark = f".{CLASS} {{ {_variables(DARK)} }}"
        head = f".{CLASS} {{ {_variables(LIGHT)} }}\n@media (prefers-color-scheme: dark) {{ {dark} }}"
    return f"\n{head}{_RULES}"


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
.tinygrad-bp .swatch {{ stroke: var(--line); }}
.tinygrad-bp .bad path {{ stroke: var(--bad); stroke-dasharray: 5 2; }}
.tinygrad-bp .bad polyline {{ stroke-width: 1; }}
.tinygrad-bp .first-bad path {{ stroke: var(--bad); stroke-width: 4; stroke-dasharray: none; }}
{_HEAT}
"""
