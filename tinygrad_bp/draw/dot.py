"""Graph → DOT text, Graphviz's language. The same graph gives the same bytes."""

from __future__ import annotations

from collections.abc import Iterator

from tinygrad_bp.draw.labels import LINE, clean, shortened
from tinygrad_bp.draw.marks import LEGEND, LEGEND_TITLE
from tinygrad_bp.draw.measures import box_width, parts
from tinygrad_bp.draw.palette import colors
from tinygrad_bp.draw.scene import Box, Scene

POINTS = 72.0
"""In an inch, by which Graphviz measures nodes."""

_FONT = 'fontname="Helvetica,Arial,sans-serif"'


def to_dot(scene: Scene, footer: bool = True) -> str:
    """The picture as DOT: a record for each node, and for each link a forward edge and its mirrored backward edge.

    footer: with the notes and the legend below it.
    """
    lines = [*_head(scene), *_boxes(scene), *_links(scene)]
    if footer and (scene.notes or scene.legend):
        lines.insert(0, _footer(scene))
    return 'digraph "computation graph" {\n' + "".join([f"  {line}\n" for line in lines]) + "}\n"


def _head(scene: Scene) -> Iterator[str]:
    color = colors(scene.theme)
    page = "transparent" if scene.theme == "auto" else color["page"]
    yield f'graph [rankdir=LR, nodesep=0.3, ranksep=0.3, {_FONT}, fontsize=13, bgcolor="{page}"];'
    yield (
        f'node [shape=record, style="rounded,filled", color="{color["line"]}", fontcolor="{color["ink"]}", {_FONT}, '
        'fontsize=13, height=0.3, margin="0.14,0.05"];'
    )
    yield f"edge [{_FONT}, fontsize=12, arrowsize=0.8];"


def _footer(scene: Scene) -> str:
    """Notes, and the legend as a row of cells: a table, of which nothing is a user's text."""
    color = colors(scene.theme)
    rows = [f'<TR><TD COLSPAN="9" ALIGN="LEFT">{_quoted(note)}</TD></TR>' for note in scene.notes]
    if scene.legend:
        cells = [f'<TD BORDER="1" BGCOLOR="{color[f"heat{i}"]}">{_quoted(text)}</TD>' for i, text in enumerate(LEGEND)]
        rows.append(f'<TR><TD COLSPAN="9" ALIGN="LEFT">{LEGEND_TITLE}</TD></TR><TR>{"".join(cells)}</TR>')
    table = f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="4">{"".join(rows)}</TABLE>'
    return f'graph [labelloc=b, labeljust=l, fontcolor="{color["ink"]}", label=<{table}>];'


def _links(scene: Scene) -> Iterator[str]:
    """For each link its forward edge and, mirrored on the same nodes, its backward edge.

    The forward edge has an empty label, which keeps the two apart.
    """
    color = colors(scene.theme)
    back = f'color="{color["backward"]}", fontcolor="{color["backward"]}", style=dashed, dir=back, arrowtail=vee'
    looks = {
        "forward": f'label=" ", color="{color["forward"]}", penwidth=1.4, arrowhead=normal',
        "unused": f'color="{color["soft"]}66", arrowhead=none',
    }
    for link in scene.links:
        for way in link.ways:
            identity = f"e{link.number}-{'backward' if way == 'backward' else 'forward'}"
            look = looks[way] if way != "backward" else f'label="{_roomy(link.label)}", {back}'
            yield f'{link.source} -> {link.target} [id="{identity}", class="{way}", {look}];'


def _boxes(scene: Scene) -> Iterator[str]:
    """The nodes, those of a scope inside its cluster, and clusters inside each other."""
    inside: dict[str, list[Box]] = {}
    for box in scene.boxes:
        inside.setdefault(box.scope, []).append(box)
    color = colors(scene.theme)
    look = f'style="rounded,dashed"; color="{color["soft"]}"; fontcolor="{color["ink"]}"'
    opened: list[str] = []
    number = 0
    for names, scope in sorted([(scope.split("/") if scope else [], scope) for scope in inside]):
        shared = _shared(opened, names)
        yield from ["}"] * (len(opened) - shared)
        for name in names[shared:]:
            label = _quoted(shortened(clean(name), LINE))
            yield f'subgraph cluster_{number} {{ label="{label}"; class="scope"; {look};'
            number += 1
        opened = names
        yield from [_box(box, color) for box in inside[scope]]
    yield from ["}"] * len(opened)


def _shared(first: list[str], second: list[str]) -> int:
    """How many parts two scopes have in common at the beginning."""
    for i, (a, b) in enumerate(zip(first, second, strict=False)):
        if a != b:
            return i
    return min(len(first), len(second))


def _box(box: Box, color: dict[str, str]) -> str:
    words = box.words
    label = "|".join([r"\n".join(map(_field, lines)) for lines in parts(words)])
    width = box_width(words) / POINTS
    fill = color[box.kind if box.mark.heat is None else f"heat{box.mark.heat}"]
    bad = f', color="{color["bad"]}", penwidth={4 if "first-bad" in box.mark.classes else 1}'
    special = bad if box.mark.classes else ""
    return (
        f'{box.id} [id="{box.id}", class="{box.css}", fillcolor="{fill}"{special}, width={width:.2f}, label="{label}"];'
    )


def _roomy(lines: tuple[str, ...]) -> str:
    """The text at an edge with spaces around it and an empty line below, where the edge runs.

    Graphviz allows for the narrow font that it knows; the reader's may be wider.
    """
    padded = [f"{pad}{_quoted(line)}{pad}" for line in lines if (pad := " " * (2 + len(line) // 6))]
    return "".join([rf"{line}\n" for line in [*padded, " "]])


_QUOTED = str.maketrans({"\\": r"\\", '"': r"\"", "&": "&amp;", "<": "&lt;", ">": "&gt;"})
_FIELD = str.maketrans({c: f"\\{c}" for c in "{}|"})


def _quoted(text: str) -> str:
    """Text inside a quoted DOT string. Graphviz reads entities there, so & < > are written as such."""
    return text.translate(_QUOTED)


def _field(text: str) -> str:
    """Text inside a field of a record, where braces, bars and spaces mean something too."""
    return _quoted(text).translate(_FIELD).replace(" ", r"\ ")
