"""How long pictures take: snapshot of the graph, words and layout, SVG; both passes, every op."""

import random
import sys
from collections.abc import Callable, Sequence
from itertools import pairwise
from time import perf_counter

import numpy as np

import tinygrad_bp as tg
from tinygrad_bp.draw.layout import to_svg

WHOLE = sys.maxsize


def ladder(nodes: int) -> tg.Tensor:
    """A deep network with scopes: five nodes a layer."""
    rng = np.random.default_rng(0)
    a = tg.tensor(rng.normal(size=(4, 5)), name="X")
    for i in range(nodes // 5):
        W, b = (tg.tensor(rng.normal(size=(4, n)), requires_grad=True) for n in (4, 1))
        with tg.scope(f"layer{i}"):
            a = tg.tanh(W @ a + b)
    return tg.mean(a)


def residual(nodes: int) -> tg.Tensor:
    """Single numbers, each used twice: the shape at which Graphviz takes longest."""
    h = tg.tensor(0.5, requires_grad=True, name="x")
    for _ in range(nodes // 2):
        h = 0.5 * (h + tg.tanh(h)) if nodes < 100 else h + tg.tanh(h)
    return h


def tangled(nodes: int) -> tg.Tensor:
    """Single numbers in a random order, about half of them used more than once."""
    pick = random.Random(0)
    made = [tg.tensor(0.1 * i, requires_grad=True) for i in range(5)]
    while len(made) < nodes // 2:
        made.append(tg.tanh(pick.choice(made[-20:]) * pick.choice(made[-20:])))
    while len(made) > 1:
        made = [a + b for a, b in zip(made[::2], made[1::2], strict=False)] + made[len(made) - len(made) % 2 :]
    return made[0]


PROGRAMS: Sequence[Callable[[int], tg.Tensor]] = (ladder, residual, tangled)
ROWS = ((100, 300), (1_000, WHOLE), (1_000, 300), (10_000, WHOLE), (10_000, 300), (100_000, 300))


def run() -> int:
    """Print a table of seconds."""
    print(f"{'':10}{'nodes':>8}{'edges':>8}{'shown':>7}{'snapshot':>10}{'words':>8}{'layout':>8}{'SVG':>8}{'total':>8}")
    tg.draw(ladder(20)).svg  # noqa: B018 - imports and caches
    for program in PROGRAMS:
        for nodes, most in ROWS:
            print(_row(program, nodes, most), flush=True)
    return 0


def _row(program: Callable[[int], tg.Tensor], nodes: int, most: int) -> str:
    C = program(nodes)
    times = [perf_counter()]
    graph = tg.graph(C)
    times.append(perf_counter())
    drawing = tg.draw(graph, detail="ops", max_nodes=most)
    scene = drawing._scene
    times.append(perf_counter())
    to_svg(scene)
    times.append(perf_counter())
    drawing.svg  # noqa: B018 - lays out once more, and styles
    times.append(perf_counter())
    snapshot, words, layout, svg = (b - a for a, b in pairwise(times))
    cells = f"{len(graph.nodes):8}{len(graph.edges):8}{len(scene.boxes):7}"
    seconds = (snapshot, words, layout, svg - layout, snapshot + words + svg)
    return f"{program.__name__:10}{cells}{snapshot:10.2f}{''.join([f'{t:8.2f}' for t in seconds[1:]])}"
