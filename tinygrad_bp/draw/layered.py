"""A layered layout of our own: layers by longest path, order by barycentres, heights by least squares.

Nodes stand in the even columns. The odd ones between them hold the labels of the edges; an edge that passes a column
has a place of its own there. Between two columns there are only edges, so that none runs through a text. The spine is
straight, and what is too wide goes on in another row.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import inf
from types import MappingProxyType

from tinygrad_bp.draw.measures import Size

GAP = 26.0
"""Least room between two columns, where edges bend; more where they climb high, up to `WIDEST_GAP`."""

WIDEST_GAP = 140.0
_SLOPE = 0.06

APART = 16.0
"""Room between two boxes of a column."""

PASSING = 14.0
"""Height of the place where an edge passes a column."""

ROW_GAP = 24.0
"""Least room between two rows."""

LANE = 8.0
"""Room for one direction of a link that goes on in the next row."""

_SPINE = 1e9
_SWEEPS = 6
_MOST_PLACES = 30_000


@dataclass(slots=True, eq=False)
class Place:
    """Something in a column: a node, the label of a link, or the place where edges pass by."""

    column: int
    width: float
    height: float
    before: list[Place] = field(default_factory=list)
    after: list[Place] = field(default_factory=list)
    straight: bool = False
    order: float = 0.0
    x: float = 0.0
    y: float = 0.0
    """Of the middle."""
    left: float = 0.0
    right: float = 0.0
    """The sides of its column."""
    row: int = 0


@dataclass(frozen=True, slots=True)
class Route:
    """The way of one link: places from its source to its target; `label` is one of them. Empty: the long way round."""

    places: tuple[Place, ...]
    label: Place | None


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything is; width and height include all of it. tops: the upper side of each row."""

    nodes: dict[str, Place]
    routes: list[Route]
    tops: list[float]
    width: float
    height: float


def lay_out(
    nodes: dict[str, Size],
    links: Sequence[tuple[str, str]],
    labels: Sequence[Size],
    spine: Sequence[str] = (),
    order: Mapping[str, int] = MappingProxyType({}),
    widest: float = inf,
) -> Layout:
    """Places for nodes and for links, whose sources all come before their targets in `nodes`.

    The nodes of the spine are on one row; `order` is what the columns begin with, from above; no row is wider than
    `widest` if its columns are not.
    """
    layers = _layers(nodes, links)
    places = {name: Place(2 * layers[name], *size) for name, size in nodes.items()}
    routes = _routes(places, links, labels)
    _straighten(places, links, routes, spine)
    first = sorted(places, key=lambda name: order.get(name, 0))
    columns = _columns([*[places[name] for name in first], *[p for route in routes for p in route.places]])
    _ordered(columns)
    _downward(columns)
    _across(columns)
    tops = _in_rows(columns, widest)
    every = [place for column in columns for place in column]
    width = max([place.right for place in every], default=0.0)
    return Layout(places, routes, tops, width, max([place.y + place.height / 2 for place in every], default=0.0))


def _layers(nodes: Iterable[str], links: Sequence[tuple[str, str]]) -> dict[str, int]:
    """The longest way from a leaf to each node; leaves stand just before their first use."""
    layer = dict.fromkeys(nodes, 0)
    into: dict[str, list[str]] = {name: [] for name in layer}
    first: dict[str, int] = {}
    for source, target in links:
        into[target].append(source)
    for name, sources in into.items():
        if sources:
            layer[name] = 1 + max([layer[source] for source in sources])
    for source, target in links:
        first[source] = min(first.get(source, layer[target]), layer[target])
    return {name: layer[name] if into[name] or name not in first else first[name] - 1 for name in layer}


def _routes(places: dict[str, Place], links: Sequence[tuple[str, str]], labels: Sequence[Size]) -> list[Route]:
    """The places that each link goes along. Links from one source share their way until they turn to their targets."""
    spans = [places[target].column - places[source].column for source, target in links]
    budget = _MOST_PLACES + 2 * len(links)
    routes: list[Route] = [Route((), None)] * len(links)
    shared: dict[str, list[Place]] = {}
    for i in sorted(range(len(links)), key=spans.__getitem__):
        source, target = (places[name] for name in links[i])
        way = shared.setdefault(links[i][0], [source])
        needed = spans[i] - 1 - (len(way) - 1)
        if needed > budget:
            continue
        budget -= max(needed, 1)
        while len(way) < spans[i] - 1:
            way.append(_linked(way[-1], Place(way[-1].column + 1, 0.0, PASSING)))
        width, height = labels[i]
        label = _linked(way[spans[i] - 2], Place(target.column - 1, width, max(height, PASSING)))
        _linked(label, target)
        routes[i] = Route((*way[1 : spans[i] - 1], label), label)
    return routes


def _straighten(
    places: dict[str, Place], links: Sequence[tuple[str, str]], routes: Sequence[Route], spine: Sequence[str]
) -> None:
    """Mark what stands on the spine: its nodes, and the places on the way from one to the next."""
    steps = {*pairwise(spine)}
    for name in spine:
        places[name].straight = True
    for link, route in zip(links, routes, strict=True):
        for place in route.places if link in steps else ():
            place.straight = True


def _linked(first: Place, second: Place) -> Place:
    first.after.append(second)
    second.before.append(first)
    return second


def _columns(places: Iterable[Place]) -> list[list[Place]]:
    columns: list[list[Place]] = []
    for place in {id(p): p for p in places}.values():
        while len(columns) <= place.column:
            columns.append([])
        columns[place.column].append(place)
    return columns


def _ordered(columns: list[list[Place]]) -> None:
    """Fewer crossings: every place between its neighbours, to the right and back, several times."""
    for column in columns:
        for i, place in enumerate(column):
            place.order = (i + 0.5) / len(column)
    for sweep in range(_SWEEPS):
        forward = sweep % 2 == 0
        for column in columns if forward else reversed(columns):
            middles = {}
            for place in column:
                neighbours = place.before if forward else place.after
                middles[id(place)] = sum([n.order for n in neighbours]) / len(neighbours) if neighbours else place.order
            column.sort(key=lambda place: middles[id(place)])
            for i, place in enumerate(column):
                place.order = (i + 0.5) / len(column)


def _across(columns: list[list[Place]]) -> None:
    """The columns side by side, everything in the middle of its own."""
    left = 0.0
    for column in columns:
        width = max([place.width for place in column], default=0.0)
        for place in column:
            place.left, place.x, place.right = left, left + width / 2, left + width
        climb = max([abs(place.y - other.y) for place in column for other in place.after], default=0.0)
        left += width + min(max(GAP, _SLOPE * climb), WIDEST_GAP)


def _downward(columns: list[list[Place]]) -> None:
    """Heights: everything as near to the middle of its neighbours as the order allows."""
    stacks = [(column, _stacked(column)) for column in columns]
    for column, offsets in stacks:
        _settle(column, offsets, [0.0] * len(column))
    for sweep in range(2 * _SWEEPS):
        forward = sweep % 2 == 0
        for column, offsets in stacks if forward else reversed(stacks):
            wished = []
            for place in column:
                near = place.before if forward else place.after
                near = near or place.after or place.before
                if sweep >= _SWEEPS:
                    near = [*place.before, *place.after]
                level = sum([n.y for n in near]) / len(near) if near else place.y
                wished.append(0.0 if place.straight else level)
            _settle(column, offsets, wished)


def _stacked(column: list[Place]) -> list[float]:
    """The heights of the middles if the first one is at the top and nothing overlaps."""
    offsets, at, last = [], 0.0, 0.0
    for i, place in enumerate(column):
        at += (last + place.height) / 2 + APART * (i > 0)
        offsets.append(at)
        last = place.height
    return offsets


def _settle(column: list[Place], offsets: list[float], wished: list[float]) -> None:
    """The heights closest to the wished ones, by least squares, at which nothing overlaps: pooled violators.

    A place on the spine gets what it wishes, as nearly as numbers allow.
    """
    pools: list[tuple[float, float, int]] = []  # weighted sum, weight, how many places
    for place, offset, wish in zip(column, offsets, wished, strict=True):
        weight, count = _SPINE if place.straight else 1.0, 1
        total = (wish - offset) * weight
        while pools and pools[-1][0] * weight > total * pools[-1][1]:
            more, heavier, others = pools.pop()
            total, weight, count = total + more, weight + heavier, count + others
        pools.append((total, weight, count))
    i = 0
    for total, weight, count in pools:
        for place, offset in zip(column[i : i + count], offsets[i : i + count], strict=True):
            place.y = total / weight + offset
        i += count


def _in_rows(columns: Sequence[Sequence[Place]], widest: float) -> list[float]:
    """Break the columns into rows, below each other, and return where these begin.

    A row begins with the labels before a node, and with the leaves that they start from.
    """
    rows: list[list[Place]] = [[]]
    for i, column in enumerate(columns):
        start = min([place.left for place in rows[-1]], default=0.0)
        end = max([place.right for place in (*column, *(columns[i + 1] if i + 1 < len(columns) else ()))], default=0.0)
        if i % 2 and end - start > widest and len({place.column for place in rows[-1]}) > 2:
            leaves = [place for place in columns[i - 1] if not place.before and place.after]
            rows[-1] = [place for place in rows[-1] if place not in leaves]
            rows.append(leaves)
        rows[-1] += column
    tops, top = [], 0.0
    for i, row in enumerate(rows):
        tops.append(top)
        coming = sum([any(before not in row for before in place.before) for place in row])
        top += (ROW_GAP + 2 * LANE * coming) * (i > 0)
        down = top - min([place.y - place.height / 2 for place in row], default=0.0)
        left = min([place.left for place in row], default=0.0)
        for place in row:
            place.x, place.y, place.row = place.x - left, place.y + down, i
            place.left, place.right = place.left - left, place.right - left
        top = max([place.y + place.height / 2 for place in row], default=top)
    return tops
