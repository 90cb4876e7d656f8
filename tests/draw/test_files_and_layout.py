"""Files by suffix, the ways to Graphviz, and the layout of our own that comes where they end."""

import re
import subprocess
import sys
from itertools import pairwise
from xml.etree import ElementTree

import graphviz
import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp.draw import draw, engines, layered, layout
from tinygrad_bp.errors import ArgumentError, MissingExtraError, RenderError

from .test_drawing import elements, needs_graphviz, network, product, shown


@pytest.fixture
def no_graphviz(monkeypatch):
    monkeypatch.setattr(layout, "rendered", _missing)


def _missing(*_args):
    return layout._checked(engines.NO_GRAPHVIZ, b"")


# --- files ------------------------------------------------------------------------------------------------------------


def test_save_by_suffix(tmp_path):
    picture = draw(network())
    texts = {"net.svg": picture.svg, "net.dot": picture.dot, "net.gv": picture.dot, "net.mmd": picture.mermaid}
    for name, text in texts.items():
        assert picture.save(tmp_path / name).read_text(encoding="utf-8") == text
    assert picture.save(str(tmp_path / "net.PNG")).read_bytes().startswith(b"\x89PNG")
    assert picture.save(tmp_path / "net.pdf").read_bytes().startswith(b"%PDF")
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([*texts, "net.PNG", "net.pdf"])


def test_a_failed_save_leaves_what_was_there(tmp_path, monkeypatch):
    path = tmp_path / "net.dot"
    path.write_text("before")
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError("disk")))
    with pytest.raises(OSError, match="disk"):
        draw(network()).save(path)
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_other_suffixes_are_refused(tmp_path):
    with pytest.raises(ArgumentError, match=r"suffix is one of \.svg, \.dot, .*; got 'net.txt'"):
        draw(network()).save(tmp_path / "net.txt")


def test_a_png_has_the_resolution_that_was_asked_for():
    small, large = (draw(product("x")).png(dpi)[16:24] for dpi in (72, 144))
    width = [int.from_bytes(size[:4], "big") for size in (small, large)]
    assert width[1] == pytest.approx(2 * width[0], rel=0.05)


def test_images_have_a_page_of_their_own():
    sent = []
    scene = draw(product("x"))._scene
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(layout, "rendered", lambda dot, *_: sent.append(dot) or b"")
        layout.to_image(scene, "png", 72)
    assert 'bgcolor="#ffffff"' in sent[0]
    assert "dpi=72" in sent[0]


def test_mermaid():
    text = draw(product("x")).mermaid
    assert text.startswith("flowchart LR\n")
    assert "  n0 --> n2\n" in text
    assert re.search(r'n2 -\. "[^"]+" \.-> n0', text)


# --- Graphviz ---------------------------------------------------------------------------------------------------------


def test_dot_on_the_path_comes_first(monkeypatch):
    monkeypatch.setattr("shutil.which", lambda _: "/usr/bin/dot")
    monkeypatch.setattr(graphviz.Source, "pipe", lambda self, **_: b"<svg/>")
    assert engines.render("digraph {}") == (engines.DONE, b"<svg/>")
    monkeypatch.setattr(graphviz.Source, "pipe", lambda self, **_: 1 / 0)
    assert engines.render("digraph {}") == (engines.FAILED, b"division by zero")


def test_pygraphviz_comes_next(monkeypatch):
    pytest.importorskip("pygraphviz")
    monkeypatch.setattr("shutil.which", lambda _: None)
    code, svg = engines.render("digraph { a -> b }")
    assert (code, b"<svg" in svg) == (engines.DONE, True)
    assert engines.render("digraph {")[0] == engines.FAILED


def test_without_graphviz_the_picture_comes_and_images_name_the_extra(monkeypatch):
    monkeypatch.setattr("shutil.which", lambda _: None)
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    monkeypatch.setattr(sys, "executable", "")
    picture = draw(network())
    with pytest.raises(MissingExtraError, match=re.escape("pip install 'tinygrad_bp[dot]'")):
        picture.png()
    assert picture.dot.startswith("digraph")
    assert len(elements(picture.svg, "g")) > 20


def test_without_an_interpreter_to_start_it_runs_here(monkeypatch):
    monkeypatch.setattr(sys, "executable", "")
    assert b"<svg" in layout.rendered("digraph { a -> b }")


def test_a_broken_graph_is_a_render_error():
    with pytest.raises(RenderError, match="could not lay the graph out"):
        layout.rendered("digraph {")


def test_what_takes_too_long_is_stopped():
    with pytest.raises(RenderError, match=r"took more than 0\.001 s"):
        layout.rendered("digraph { a -> b }", seconds=0.001)


@needs_graphviz
def test_the_child_process_reads_and_writes():
    command = [sys.executable, engines.__file__]
    good = subprocess.run(command, input=b"digraph { a }", capture_output=True, check=False)
    bad = subprocess.run(command, input=b"digraph {", capture_output=True, check=False)
    assert (good.returncode, b"<svg" in good.stdout) == (engines.DONE, True)
    assert (bad.returncode, bad.stdout) == (engines.FAILED, b"")


def test_cheaper_settings_come_second_and_our_own_layout_last(monkeypatch):
    tried = []

    def fail(dot, *_):
        tried.append(dot)
        raise RenderError("slow")

    monkeypatch.setattr(layout, "rendered", fail)
    svg = draw(network()).svg
    assert [layout.CHEAPER in dot for dot in tried] == [False, True]
    assert 'class="node op' in svg
    with pytest.raises(RenderError, match="slow"):
        draw(network()).png()
    monkeypatch.undo()
    assert b"<svg" in layout.rendered(layout.cheaper(draw(network()).dot))


@needs_graphviz
def test_both_layouts_say_the_same(no_graphviz, monkeypatch):
    own = draw(network()).svg
    monkeypatch.undo()
    drawn = draw(network()).svg

    def said(svg):
        found = [(shown(e), e.get("class") or "") for e in elements(svg, "text")]
        return sorted(pair for pair in found if pair[0])

    def parts(svg):
        found = [(e.get("id"), e.get("class") or "") for e in elements(svg, "g")]
        return sorted(pair for pair in found if pair[1].startswith(("node", "edge")))

    assert said(own) == said(drawn)
    assert parts(own) == parts(drawn)
    assert own != drawn


# --- our own ----------------------------------------------------------------------------------------------------------


def random_layout(seed, n=60):
    pick = np.random.default_rng(seed)
    nodes = {f"n{i}": (float(pick.integers(20, 200)), float(pick.integers(20, 90))) for i in range(n)}
    links = [(f"n{j}", f"n{i}") for i in range(5, n) for j in set(pick.integers(max(0, i - 15), i, 2).tolist())]
    labels = [(float(w), 20.0 * (w > 0)) for w in pick.integers(0, 2, len(links)) * 80]
    return layered.lay_out(nodes, links, labels), links


@pytest.mark.parametrize("seed", range(5))
def test_nothing_overlaps_and_links_go_from_left_to_right(seed):
    found, links = random_layout(seed)
    columns = {}
    for place in {*found.nodes.values(), *[p for route in found.routes for p in route.places]}:
        columns.setdefault(place.column, []).append(place)
    for column in columns.values():
        assert all(place.left <= place.x - place.width / 2 + 1e-9 for place in column)
        assert all(place.x + place.width / 2 - 1e-9 <= place.right for place in column)
        ordered = sorted(column, key=lambda place: place.y)
        for a, b in pairwise(ordered):
            assert a.y + a.height / 2 < b.y - b.height / 2
    assert all(a[0].right < b[0].left for (_, a), (_, b) in pairwise(sorted(columns.items())))
    for (source, target), route in zip(links, found.routes, strict=True):
        way = [found.nodes[source].column, *[place.column for place in route.places], found.nodes[target].column]
        assert way == list(range(way[0], way[-1] + 1))
        assert route.label is route.places[-1]


def test_links_too_long_for_places_go_the_long_way_round(no_graphviz, monkeypatch):
    monkeypatch.setattr(layered, "_MOST_PLACES", -12)
    x = h = tg.tensor(0.5, requires_grad=True, name="x")
    for _ in range(4):
        h = tg.tanh(h)
    svg = draw(h * x, detail="ops").svg
    assert re.search(r'd="M[\d.,-]+ H[\d.-]+ V[\d.-]+ H[\d.-]+ V[\d.-]+ H[\d.-]+"', svg)


def test_a_graph_of_one_node_is_drawn(no_graphviz):
    svg = draw(tg.tensor(1.0, requires_grad=True, name="x")).svg
    assert ElementTree.fromstring(svg).get("viewBox")
