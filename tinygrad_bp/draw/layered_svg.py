"""The scene as SVG by our own layout, with the same classes as Graphviz writes: no program needed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from html import escape
from typing import Any

from tinygrad_bp.draw.labels import clean, shortened
from tinygrad_bp.draw.layered import GAP, LANE, ROW_GAP, Layout, Place, Route, lay_out
from tinygrad_bp.draw.measures import FONT, LINE, PADDING, SMALL, SMALL_LINE, WIDEST, box_size, label_size, parts
from tinygrad_bp.draw.palette import colors
from tinygrad_bp.draw.scene import Box, Link, Scene

_MARGIN = 12.0
_SIDE = 3.0
"""How far each direction of a link is from its middle."""

_ROUND = 120.0
"""Room that links take up which go on in another row."""

_HEAD = 9.0
_FONTS = 'font-family="Helvetica,Arial,sans-serif" text-anchor="middle"'


def drawn(scene: Scene) -> str:
    """The scene as SVG."""
    return _Painter(scene).painted()


class _Painter:
    """A scene and its layout while it is written down."""

    def __init__(self, scene: Scene):
        self.scene = scene
        self.color = colors(scene.theme)
        self.boxes = [_with_scope(box) for box in scene.boxes]
        links = [(link.source, link.target) for link in scene.links]
        ports = Counter([source for source, _ in links])
        for name, count in Counter([target for _, target in links]).items():
            ports[name] = max(ports[name], count)
        sizes = {box.id: box_size(box.words, ports[box.id]) for box in self.boxes}
        labels = [label_size(link.label) for link in scene.links]
        self.layout: Layout = lay_out(sizes, links, labels, scene.spine, scene.from_above, WIDEST - _ROUND)
        self.leaving, self.arriving = self._ports()
        self.lanes = 0
        self.turns: dict[int, dict[Any, int]] = {}  # by row, the lanes of the links that come from the row before

    def painted(self) -> str:
        """The whole picture; edges are below nodes."""
        links = zip(self.scene.links, self.layout.routes, strict=True)
        edges = [text for link, route in links for text in self._link(link, route)]
        boxes = [text for box in self.boxes for text in self._box(box)]
        side = _MARGIN + (GAP + LANE * max(map(len, self.turns.values())) if self.turns else 0.0)
        width = self.layout.width + 2 * side + (GAP if self.lanes else 0.0)
        height = self.layout.height + 2 * _MARGIN + self.lanes * 2 * _HEAD
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
            f'viewBox="{-side:g} {-_MARGIN:g} {width:.2f} {height:.2f}">'
        )
        return "\n".join([head, f"<g {_FONTS}>", *edges, *boxes, "</g></svg>"])

    def _ports(self) -> tuple[dict[tuple[Place, Place], float], dict[tuple[Place, Place], float]]:
        """Where each edge leaves and arrives at the side of a node, from top to bottom as their other ends are."""
        leaving: dict[tuple[Place, Place], float] = {}
        arriving: dict[tuple[Place, Place], float] = {}
        for place in self.layout.nodes.values():
            for found, others in ((leaving, place.after), (arriving, place.before)):
                distinct = sorted(dict.fromkeys(others), key=lambda other: other.y)
                for i, other in enumerate(distinct):
                    share = (i + 1) / (len(distinct) + 1) - 0.5
                    found[place, other] = place.y + share * place.height
        return leaving, arriving

    def _link(self, link: Link, route: Route) -> Iterator[str]:
        if not route.places:
            self.lanes += 1
        for way in link.ways:
            down = _SIDE if way == "backward" else -_SIDE if len(link.ways) > 1 else 0.0
            start, path, end = self._round(link, down) if not route.places else self._along(link, route, down)
            name = "backward" if way == "backward" else "forward"
            color = self.color["bad" if way == link.lit else "soft" if way == "unused" else way]
            look = ' stroke-dasharray="5,2"' if way == "backward" else ""
            look += ' stroke-width="4"' if way == link.lit else ""
            yield f'<g id="e{link.number}-{name}" class="edge {link.css(way)}"><title/>'
            yield f'<path fill="none" stroke="{color}"{look} d="{path}"/>'
            if way != "unused":
                yield _arrow(*(start if way == "backward" else end), color, back=way == "backward")
            if way == "backward" and route.label is not None:
                yield from self._label(link, route.label)
            yield "</g>"

    def _along(self, link: Link, route: Route, down: float) -> tuple[tuple[float, float], str, tuple[float, float]]:
        """The path through its places, level inside the columns and bent between them; and its two ends."""
        source, target = self.layout.nodes[link.source], self.layout.nodes[link.target]
        x = source.x + source.width / 2
        y = self.leaving[source, route.places[0]] + down
        start = x, y
        path = [f"M{x:.1f},{y:.1f}", f"H{source.right:.1f}"]
        last = source
        for place in route.places:
            out = max(abs(down), place.height / 2 - 4.0) if place is route.label and link.label else abs(down)
            level = place.y + (out if down > 0 else -out if down < 0 else 0.0)
            path += [self._between(last, y, place, level), f"H{place.right:.1f}"]
            last, y = place, level
        end = target.x - target.width / 2, self.arriving[target, route.places[-1]] + down
        path += [self._between(last, y, target, end[1]), f"H{end[0]:.1f}"]
        return start, " ".join(path), end

    def _between(self, first: Place, y: float, second: Place, to_y: float) -> str:
        """From one column to the next one, which may be in the next row: then round by the sides, between the rows."""
        if first.row == second.row:
            return _bend(first.right, y, second.left, to_y)
        turns = self.turns.setdefault(second.row, {})
        turn = turns.setdefault((id(second), y), len(turns))
        lane = self.layout.tops[second.row] + ROW_GAP / 2 + LANE * (turn + 0.5)
        right, left = self.layout.width + GAP / 2 + LANE * turn, -GAP / 2 - LANE * turn
        return f"H{right:.1f} V{lane:.1f} H{left:.1f} V{to_y:.1f} H{second.left:.1f}"

    def _round(self, link: Link, down: float) -> tuple[tuple[float, float], str, tuple[float, float]]:
        """The long way, below everything else."""
        source, target = self.layout.nodes[link.source], self.layout.nodes[link.target]
        start, end = (source.x + source.width / 2, source.y + down), (target.x - target.width / 2, target.y + down)
        first, last = source.right + GAP / 2 - down, target.left - GAP / 2 + down
        lane = self.layout.height + self.lanes * 2 * _HEAD + down
        path = f"M{start[0]:.1f},{start[1]:.1f} H{first:.1f} V{lane:.1f} H{last:.1f} V{end[1]:.1f} H{end[0]:.1f}"
        return start, path, end

    def _label(self, link: Link, place: Place) -> Iterator[str]:
        y = place.y - len(link.label) * SMALL_LINE / 2 - 3.0
        for i, line in enumerate(link.label):
            yield _text(line, place.x, y + (i + 1) * SMALL_LINE, SMALL, self.color["bad" if link.lit else "backward"])

    def _box(self, box: Box) -> Iterator[str]:
        place = self.layout.nodes[box.id]
        left, top = place.x - place.width / 2, place.y - place.height / 2
        inside = parts(box.words)
        fill = self.color[box.fill]
        stroke = self.color["bad" if "bad" in box.mark.classes else "line"]
        wide = 4 if "first-bad" in box.mark.classes else 1
        yield f'<g id="{box.id}" class="node {box.css}"><title/>'
        right, bottom = left + place.width, top + place.height
        yield (
            f'<path fill="{fill}" stroke="{stroke}" stroke-width="{wide}" d="M{left + 8:.1f},{top:.1f} '
            f"H{right - 8:.1f} q8,0 8,8 V{bottom - 8:.1f} q0,8 -8,8 H{left + 8:.1f} q-8,0 -8,-8 "
            f'V{top + 8:.1f} q0,-8 8,-8 Z"/>'
        )
        spare = place.height - sum([len(lines) * LINE + 2 * PADDING for lines in inside])
        y = top
        for i, lines in enumerate(inside):
            if i:
                points = f"{left:.1f},{y:.1f} {right:.1f},{y:.1f}"
                yield f'<polyline fill="none" stroke="{self.color["line"]}" points="{points}"/>'
            more = spare if i == bool(box.words.value) else 0.0
            y += PADDING + more / 2
            for line in lines:
                y += LINE
                yield _text(line, place.x, y - 4.0, FONT, self.color["ink"])
            y += PADDING + more / 2
        yield "</g>"


def _with_scope(box: Box) -> Box:
    """Without clusters, a node itself tells where it belongs."""
    if not box.scope:
        return box
    about = *box.words.about, shortened(clean(box.scope), 20)
    return replace(box, words=replace(box.words, about=about))


def _bend(x: float, y: float, to_x: float, to_y: float) -> str:
    middle = (x + to_x) / 2
    return f"C{middle:.1f},{y:.1f} {middle:.1f},{to_y:.1f} {to_x:.1f},{to_y:.1f}"


def _arrow(x: float, y: float, color: str, back: bool) -> str:
    """Forward a triangle that points right, backward an open arrow that points left."""
    if back:
        points = f"{x:.1f},{y:.1f} {x + _HEAD:.1f},{y - 3.5:.1f} {x + 5:.1f},{y:.1f} {x + _HEAD:.1f},{y + 3.5:.1f}"
    else:
        points = f"{x:.1f},{y:.1f} {x - _HEAD:.1f},{y - 3.5:.1f} {x - _HEAD:.1f},{y + 3.5:.1f}"
    return f'<polygon fill="{color}" stroke="{color}" points="{points}"/>'


def _text(line: str, x: float, y: float, size: int, color: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{color}">{escape(line)}</text>'
