"""Graph → DOT text, Graphviz's language. The same graph gives the same bytes."""

from __future__ import annotations

from collections.abc import Iterator

from tinygrad_bp.draw.labels import LINE, clean, shortened
from tinygrad_bp.draw.measures import box_width, parts
from tinygrad_bp.draw.palette import colors
from tinygrad_bp.draw.scene import Box, Scene

POINTS = 72.0
"""In an inch, by which Graphviz measures nodes."""

_STRAIGHT = 1000

_FONT = 'fontname="Helvetica,Arial,sans-serif"'


def to_dot(scene: Scene, footer: bool = True) -> str:
    """The picture as DOT: a record for each node, and for each link a forward edge and its mirrored backward edge.

    footer: with the heading above it, or the notes and the legend below it.
    """
    lines = [*_head(scene), *_boxes(scene), *_links(scene)]
    if footer:
        lines[:0] = _label(scene)
    return 'digraph "computation graph" {\n' + "".join([f"  {line}\n" for line in lines]) + "}\n"


def _head(scene: Scene) -> Iterator[str]:
    color = colors(scene.theme)
    page = "transparent" if scene.theme == "auto" else color["page"]
    apart = 0.06 if any(link.label for link in scene.links) else 0.4  # texts keep the columns apart
    yield f'graph [rankdir=LR, nodesep=0.3, ranksep={apart}, {_FONT}, fontsize=13, bgcolor="{page}"];'
    yield (
        f'node [shape=record, style="rounded,filled", color="{color["line"]}", fontcolor="{color["ink"]}", {_FONT}, '
        'fontsize=13, height=0.3, margin="0.1,0.05"];'
    )
    yield f"edge [{_FONT}, fontsize=13, arrowsize=0.8];"


def _label(scene: Scene) -> Iterator[str]:
    """Heading, notes, and the legend as a row of cells: the label of the graph, a table without markup of users.

    It stands above the picture if it is a heading only, else below.
    """
    color = colors(scene.theme)
    cells = []
    for look, css, text in scene.legend:
        if look == "box":
            cells.append(f'<TD BORDER="1" BGCOLOR="{color[css]}">{_quoted(text)}</TD>')
        else:
            ink, sign = color.get(css, color["soft"]), {"forward": "→ ", "backward": "⇠ "}.get(css, "")
            cells.append(f'<TD><FONT COLOR="{ink}">{sign}{_quoted(text)}</FONT></TD>')
    words = [f"<B>{_quoted(scene.heading)}</B>"] if scene.heading else []
    words += [_quoted(note) for note in scene.notes]
    rows = [f'<TR><TD COLSPAN="{max(len(cells), 1)}" ALIGN="LEFT">{line}</TD></TR>' for line in words]
    rows += [f"<TR>{''.join(cells)}</TR>"] * bool(cells)
    if rows:
        at = "b" if scene.notes or cells else "t"
        table = f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="4">{"".join(rows)}</TABLE>'
        yield f'graph [labelloc={at}, labeljust=l, fontcolor="{color["ink"]}", label=<{table}>];'


def _links(scene: Scene) -> Iterator[str]:
    """For each link its forward edge and, mirrored on the same nodes, its backward edge.

    The forward edge has an empty label, which keeps the two apart. On the spine it has none and pulls hard, so that
    the spine is straight, and the backward edge hangs below it.
    """
    color = colors(scene.theme)
    back = f'color="{color["backward"]}", fontcolor="{color["backward"]}", style=dashed, dir=back, arrowtail=vee'
    looks = {
        "forward": f'color="{color["forward"]}", penwidth=1.4, arrowhead=normal',
        "unused": f'color="{color["soft"]}66", arrowhead=none',
    }
    for link in scene.links:
        for way in link.ways:
            identity = f"e{link.number}-{'backward' if way == 'backward' else 'forward'}"
            look = looks[way] if way != "backward" else f'label="{_roomy(link.label)}", {back}'
            if way == link.ways[0] and link.on_spine:
                look += f", weight={_STRAIGHT}"
            elif way == "forward":
                look = f'label=" ", {look}'
            if way == link.lit:
                look += f', color="{color["bad"]}", fontcolor="{color["bad"]}", penwidth=4'
            yield f'{link.source} -> {link.target} [id="{identity}", class="{link.css(way)}", {look}];'


def _boxes(scene: Scene) -> Iterator[str]:
    """The nodes, those of a scope inside its cluster, and clusters inside each other."""
    inside: dict[str, list[Box]] = {}
    for box in sorted(scene.boxes, key=lambda box: scene.from_above[box.id]):
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
        yield from [_box(box, color, box.id in scene.spine) for box in inside[scope]]
    yield from ["}"] * len(opened)


def _shared(first: list[str], second: list[str]) -> int:
    """How many parts two scopes have in common at the beginning."""
    for i, (a, b) in enumerate(zip(first, second, strict=False)):
        if a != b:
            return i
    return min(len(first), len(second))


def _box(box: Box, color: dict[str, str], on_spine: bool) -> str:
    words = box.words
    label = "|".join([r"\n".join(map(_field, lines)) for lines in parts(words)])
    width = box_width(words) / POINTS
    fill = color[box.fill]
    bad = f', color="{color["bad"]}", penwidth={4 if "first-bad" in box.mark.classes else 1}'
    special = (bad if "bad" in box.mark.classes else "") + (', group="spine"' if on_spine else "")
    return (
        f'{box.id} [id="{box.id}", class="{box.css}", fillcolor="{fill}"{special}, width={width:.2f}, label="{label}"];'
    )


def _roomy(lines: tuple[str, ...]) -> str:
    """The text at an edge with spaces around it and an empty line below, where the edge runs.

    Graphviz allows for the narrow font that it knows; the reader's may be wider.
    """
    padded = [f"{pad}{_quoted(line)}{pad}" for line in lines if (pad := " " * (1 + len(line) // 12))]
    return "".join([rf"{line}\n" for line in [*padded, " "]])


_QUOTED = str.maketrans({"\\": r"\\", '"': r"\"", "&": "&amp;", "<": "&lt;", ">": "&gt;"})
_FIELD = str.maketrans({c: f"\\{c}" for c in "{}|"})


def _quoted(text: str) -> str:
    """Text inside a quoted DOT string. Graphviz reads entities there, so & < > are written as such."""
    return text.translate(_QUOTED)


def _field(text: str) -> str:
    """Text inside a field of a record, where braces, bars and spaces mean something too."""
    return _quoted(text).translate(_FIELD).replace(" ", r"\ ")
