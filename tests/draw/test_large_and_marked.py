"""Graphs too large to draw whole, gradients that vanish or explode, and numbers that are none."""

import re

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp.draw import draw
from tinygrad_bp.draw.marks import LEGEND, LIMITS, norm
from tinygrad_bp.graph import Graph, graph

from .test_drawing import elements, network, shown


def ladder(length, scale=1.0, scope=None):
    h = tg.tensor(0.5, requires_grad=True, name="x")
    for i in range(length):
        h = h * scale if scope is None else _in_scope(h, scale, f"{scope}{i}")
    return h.named("C")


def _in_scope(h, scale, name):
    with tg.scope(name):
        return tg.tanh(h * scale)


def texts(svg):
    return [shown(e) for e in elements(svg, "text")]


# --- large ------------------------------------------------------------------------------------------------------------


def test_above_the_limit_the_picture_collapses_and_says_so():
    h = ladder(400)
    svg = draw(h, detail="ops").svg
    nodes = [e for e in elements(svg, "g") if (e.get("class") or "").startswith("node")]
    assert 2 <= len(nodes) <= 14
    note = next(t for t in texts(svg) if "more than 300" in t)
    assert re.match(r"\d+ nodes, more than 300: runs of consecutive ops are drawn as one\.", note)
    assert any(re.search(r"\d+ multiply", t) for t in texts(svg))
    assert note in draw(h, detail="ops").dot
    whole = draw(h, detail="ops", max_nodes=1000)
    assert len(whole._scene.boxes) == len(whole.graph.nodes)
    assert not whole._scene.notes


def test_collapsing_leaves_the_graph_as_it_was():
    g = graph(ladder(400))
    before = dict(g.root.symbols.names)
    first = draw(g, detail="ops").dot
    assert g.root.symbols.names == before
    assert draw(g, detail="ops").dot == first


@pytest.mark.parametrize("most", [2, 3, 7, 12, 13])
def test_what_is_collapsed_is_small_and_has_no_cycles(most):
    scene = draw(network(), detail="ops", max_nodes=most)._scene
    at = {box.id: i for i, box in enumerate(scene.boxes)}
    assert len(scene.boxes) <= most
    assert all(at[link.source] < at[link.target] for link in scene.links)
    assert {link.target for link in scene.links} >= {scene.boxes[-1].id} or len(scene.boxes) == 1


@pytest.mark.parametrize("part", [
    lambda g: g.ancestors("h300"), lambda g: g.descendants("h50"), lambda g: g.neighbourhood("h200", 300),
])  # fmt: skip
def test_a_large_part_of_a_graph_collapses_too(part):
    h = tg.tensor(0.5, requires_grad=True, name="x")
    for i in range(400):
        h = (h * 1.01).named(f"h{i}")
    given = part(graph(h.named("C")))
    scene = draw(given, detail="ops")._scene
    assert len(scene.boxes) <= 13
    assert scene.boxes[-1].words.title[0].startswith(given.nodes[-1].name)
    assert len(scene.links) >= len(scene.boxes) - 1
    assert any("∂C/∂" in line for box in scene.boxes for line in box.words.gradient)


def test_scopes_are_rolled_up_first():
    h = ladder(30, scope="block")
    scene = draw(h, detail="ops", max_nodes=20)._scene
    assert len(scene.boxes) <= 20
    assert "scopes are rolled up" in scene.notes[0]
    assert any(re.search(r"block.* ×\d+$", line) for box in scene.boxes for line in box.words.title)
    assert draw(h, detail="scopes")._scene.notes == ()
    assert draw(h, max_nodes=20).dot == draw(h, detail="ops", max_nodes=20).dot


def test_ten_thousand_nodes_need_no_recursion():
    picture = draw(ladder(10_000), detail="ops")
    assert "more than 300" in picture.svg


# --- heat -------------------------------------------------------------------------------------------------------------


def test_heat_colours_and_prints_the_norm():
    picture = draw(ladder(6, 1e-3), detail="ops", heat=True)
    shown = texts(picture.svg)
    assert any("↓ vanishing" in t for t in shown)
    assert "‖∂C/∂C‖ = 1" in shown
    at = shown.index("‖∂C/∂x‖ = 1e−18")
    assert shown[at + 1] == "↓ vanishing"
    assert set(LEGEND) <= set(shown)
    assert re.search(r'class="node parameter heat0 ', picture.svg)
    assert "heat4" in picture.dot
    assert LEGEND[0] in picture.dot
    assert LEGEND[0].split()[-1] in picture.mermaid


def test_exploding_and_zero_gradients():
    assert "↑ exploding" in draw(ladder(6, 1e3), detail="ops", heat=True).dot.replace("\\ ", " ")
    assert r" = 0\nzero" in draw(ladder(2, 0.0), detail="ops", heat=True).dot.replace("\\ ", " ")


def test_the_norm_stands_where_the_gradient_would_and_the_sum_of_a_fan_out_stays():
    v, w = (tg.tensor([3.0, 4.0], requires_grad=True, name=name) for name in "vw")
    C = ((v * v).sum() + (6.0 * w).sum()).named("C")
    words = {box.words.title[0]: box.words for box in draw(C, heat=True)._scene.boxes}
    assert words["w"].gradient == ("‖∂C/∂w‖ = 8.485",)
    assert words["v"].gradient == ("∂C/∂v = Σ of 2 paths", "‖∂C/∂v‖ = 10")


def test_without_a_backward_pass_there_is_no_heat():
    for picture in (draw(network(), passes="forward", heat=True), draw(network(), heat=True, gradients=False)):
        assert "heat0" not in picture.dot
        assert "‖" not in picture.dot


def test_norms():
    v = tg.tensor([0.0, 0.0], requires_grad=True, name="v")
    g = graph((v * np.array([3e200, 4e200])).sum().named("C"))
    assert norm(g["v"]) == pytest.approx(5e200)
    read = Graph.from_json(g.to_json())
    assert norm(read["v"]) is None
    assert norm(read["C"]) == 1.0
    assert len(LEGEND) == len(LIMITS) + 1


# --- NaN and infinity -------------------------------------------------------------------------------------------------


def test_the_first_nan_is_emphasised():
    x = tg.tensor(-1.0, requires_grad=True, name="x")
    with np.errstate(all="ignore"):
        h = tg.log(x).named("h")
        C = (h * x).named("C")
    scene = draw(C)._scene
    lines = {box.words.title[0][0]: box for box in scene.boxes}
    assert "⚠ first NaN here" in lines["h"].words.title
    assert "first-bad" in lines["h"].css
    assert "NaN from there" in lines["C"].words.title
    assert "first-bad" not in lines["C"].css
    assert "NaN gradient from there" in lines["x"].words.title
    assert "first-bad" in draw(C).svg


def test_infinity_is_marked_and_ordinary_numbers_are_not():
    x = tg.tensor([1.0, 0.0], requires_grad=True, name="x")
    with np.errstate(all="ignore"):
        C = (1.0 / x).sum().named("C")
    assert "⚠ first ∞ here" in draw(C, passes="forward", detail="ops").dot.replace("\\ ", " ")
    assert "⚠" not in draw(network()).dot


def test_infinity_that_is_written_and_has_no_effect_is_no_fault():
    x = tg.tensor([1.0, 2.0, 3.0], requires_grad=True, name="x")
    masked = tg.where(np.array([True, True, False]), x, -np.inf)
    assert "⚠" not in draw(tg.sum(tg.softmax(masked) * np.arange(3.0)), detail="ops").dot
    assert "⚠" in draw(tg.sum(masked), detail="ops").dot
    with np.errstate(divide="ignore"):
        assert "⚠" in draw(tg.sum(1.0 / tg.log(x - x)), detail="ops").dot
