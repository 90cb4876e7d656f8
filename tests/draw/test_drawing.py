"""Pictures: deterministic DOT, an SVG that reads well and is safe whatever a name says."""

import re
import shutil
from base64 import b64decode
from importlib.util import find_spec
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import tinygrad_bp as tg
from tinygrad_bp.draw import Drawing, draw, layout
from tinygrad_bp.draw.dot import to_dot
from tinygrad_bp.draw.layered_svg import drawn
from tinygrad_bp.draw.svg import styled
from tinygrad_bp.errors import ArgumentError
from tinygrad_bp.graph import graph

SVG = "{http://www.w3.org/2000/svg}"


needs_graphviz = pytest.mark.skipif(
    shutil.which("dot") is None and find_spec("pygraphviz") is None, reason="Graphviz comes with the extra dot"
)


def network():
    """The article's 7-2-1 network."""
    rng = np.random.default_rng(0)
    X, y = tg.tensor(rng.normal(size=(7, 4)), name="X"), tg.tensor(np.ones((1, 4)), name="y")
    W1, b1, W2, b2 = (
        tg.tensor(rng.normal(size=shape), requires_grad=True, name=name)
        for name, shape in (("W1", (2, 7)), ("b1", (2, 1)), ("W2", (1, 2)), ("b2", (1, 1)))
    )
    a1 = tg.sigmoid((W1 @ X + b1).named("z1")).named("a1")
    a2 = tg.sigmoid((W2 @ a1 + b2).named("z2")).named("a2")
    return tg.binary_cross_entropy(a2, y).named("C")


def product(name, scope="s"):
    x = tg.tensor(3.0, requires_grad=True, name=name)
    with tg.scope(scope):
        return (x * 2.0).named(name)


def shown(element):
    return (element.text or "").replace("\N{NO-BREAK SPACE}", " ").strip()


def elements(svg, tag):
    return list(ElementTree.fromstring(svg).iter(SVG + tag))


# --- DOT --------------------------------------------------------------------------------------------------------------


def test_both_passes_mirror_every_link():
    dot = draw(network()).dot
    links = re.findall(r"^  (n\d+ -> n\d+) \[id=\"e(\d+)-(\w+)\"", dot, re.MULTILINE)
    forward = {link for link, _, way in links if way == "forward"}
    backward = {link for link, _, way in links if way == "backward"}
    assert len(forward) == 10
    assert backward < forward
    assert len(backward) == 8  # X and y carry no gradient
    assert dot.count("dir=back") == 8
    assert "rankdir=LR" in dot
    for label in (
        "δ·Xᵀ",
        "W2ᵀ·δ",
        "∂a2/∂z2 =",
        "a2(1 − a2)",
        "z1\\ =\\ W1·X\\ +\\ b1",
        "∂C/∂C\\ =\\ 1",
        "∂C/∂X\\ =\\ –",
    ):
        assert label in dot


def test_one_pass_shows_its_own_edges():
    forward, backward = draw(network(), passes="forward").dot, draw(network(), passes="backward").dot
    assert "dir=back" not in forward
    assert "∂" not in forward
    assert 'class="forward"' not in backward
    assert backward.count('class="unused"') == 2
    assert re.search(r"∂C/∂a2 · *\\n *∂a2/∂z2 = *\\n", backward)


def test_the_same_program_gives_the_same_bytes():
    assert draw(network()).dot == draw(network()).dot
    assert draw(network()).svg == draw(network()).svg


def test_scopes_become_clusters():
    a = tg.tensor(1.0, requires_grad=True, name="a")
    with tg.scope("net"):
        b = a * 2
        with tg.scope("one"):
            c = b + a
        with tg.scope("two"):
            d = c * c
    with tg.scope("net-2"):
        e = d * 2
    dot = draw(e, detail="ops").dot
    assert re.findall(r'subgraph cluster_\d+ \{ label="([^"]*)"', dot) == ["net", "one", "two", "net-2"]
    assert dot.count("{") - dot.count(r"\{") == dot.count("}") - dot.count(r"\}")


def test_tensors_and_graphs_are_drawn_alike():
    C = network()
    assert draw(graph(C)).dot == draw(C).dot
    assert draw(C, passes="forward").graph.root.gradient is None


# --- SVG --------------------------------------------------------------------------------------------------------------


def test_the_svg_scales_and_speaks():
    svg = draw(network()).svg
    root = ElementTree.fromstring(svg)
    assert root.get("viewBox")
    assert root.get("role") == "img"
    title, description = (root.get("aria-labelledby") or "").split()
    assert [e.text for e in root if e.get("id") == title] == ["Computation graph of C"]
    assert "z1 = W1·X + b1" in next(e.text for e in root if e.get("id") == description)
    style = elements(svg, "style")[0].text
    for needed in ("max-width: 100%", "prefers-color-scheme: dark", "var(--forward)", "var(--backward)"):
        assert needed in style
    tooltips = [e.text for e in elements(svg, "title")]
    assert any("δ·a1ᵀ\ncontributes to ∂C/∂W2: min" in t for t in tooltips)
    assert not any(re.match(r"n\d+", t) for t in tooltips)
    values = [e.text for e in elements(svg, "text") if e.get("class") == "gradient"]
    assert "∂C/∂C = 1" in [v.replace("\N{NO-BREAK SPACE}", " ") for v in values]


def test_a_long_description_is_cut():
    x = tg.tensor(1.0, requires_grad=True, name="x")
    for i in range(25):
        x = (x * 2.0).named(f"x{i}")
    assert draw(x)._scene.description.endswith("; …")


HOSTILE = [
    "<script>alert(1)</script>",
    '"];evil[URL="javascript:alert(1)"',
    "javascript:alert(1)",
    "a\\N\\G\\\\",
    "{a|b}<p>",
    "&lt;b&gt;&amp;&#x6c;",
    "line\nbreak\r\ttab",
    "\u202eevil\u202c\u2066",
    "\x00\x1b[31m",
    "]]>--><!--",
    "'\"`$(){};",
    "‹g›‹n0›",
    " ",
    "\ud800",
]


def own(drawing):
    """The picture by our own layout."""
    return styled(drawn(drawing._scene), drawing._scene)


@pytest.mark.parametrize("name", [*HOSTILE, "long " * 2000], ids=lambda name: ascii(name[:20]))
@pytest.mark.parametrize("made", [lambda drawing: drawing.svg, own], ids=["graphviz", "own"])
def test_no_name_becomes_markup_link_or_script(name, made):
    svg = made(draw(product(name, name)))
    _require_harmless(svg)
    assert "\n" not in "".join([e.text or "" for e in elements(svg, "text")])


@settings(max_examples=15, deadline=None)
@given(st.text(max_size=12), st.text(max_size=12))
def test_any_name_can_be_drawn(name, scope):
    _require_harmless(draw(product(name or "x", scope or "s")).svg)


PIECES = [*HOSTILE, *"<>&\"'\\\n\t‹›%{|", "</script>", "</svg>", "<![CDATA["]


def test_a_thousand_hostile_labels_in_both_layouts():
    pick = np.random.default_rng(0)
    for _ in range(settings.default.max_examples // 10):
        x = tg.tensor(3.0, requires_grad=True, name="".join(pick.choice(PIECES, 2500))[:10_000])
        for _ in range(50):
            with tg.scope("".join(pick.choice(PIECES, 2))):
                x = (x * 2.0).named("".join(pick.choice(PIECES, pick.integers(1, 6))))
        drawing = draw(x, heat=True)
        scene = drawing._scene
        for svg in (own(drawing), styled(layout.rendered(to_dot(scene, footer=False)).decode(), scene)):
            _require_harmless(svg, nodes=None)
            nodes = [e for e in elements(svg, "g") if (e.get("class") or "").startswith("node")]
            assert len(nodes) == len(scene.boxes)
        _require_harmless_mermaid(drawing.mermaid)


def _require_harmless_mermaid(text):
    for line in text.splitlines():
        for label in re.findall(r'"([^"]*)"', line):
            assert not set(label.replace("<br/>", "")) & set("<>&\\\"'`[]{}|()")
        assert "click" not in re.sub(r'"[^"]*"', "", line)


def _require_harmless(svg, nodes=3):
    root = ElementTree.fromstring(svg)
    assert not set("".join(root.itertext())) & set("\x00\x1b\r\t\u202e\u202c\u2066")
    names = {e.tag.removeprefix(SVG) for e in root.iter()}
    assert names <= {"svg", "title", "desc", "style", "g", "path", "polygon", "polyline", "text", "ellipse", "rect"}
    for element in root.iter():
        for attribute, value in element.attrib.items():
            assert not attribute.lower().startswith("on")
            assert "href" not in attribute
            assert "javascript" not in value
    if nodes is not None:
        assert len([e for e in root.iter(SVG + "g") if (e.get("class") or "").startswith("node")]) == nodes
        assert len([e for e in root.iter(SVG + "g") if (e.get("class") or "").startswith("edge")]) == nodes


def test_names_are_shown_as_they_are():
    svg = draw(product('<b> & "q" {x|y} \\N')).svg
    shown = [(e.text or "").replace("\N{NO-BREAK SPACE}", " ").strip() for e in elements(svg, "text")]
    assert '<b> & "q" {x|y} \\N' in shown


def test_a_drawing_is_a_value():
    g = graph(network())
    assert Drawing(g) == Drawing(g)


# --- options ----------------------------------------------------------------------------------------------------------


def test_values_and_gradients_can_be_left_out():
    bare = draw(network(), values="none")
    assert not [e for e in elements(bare.svg, "text") if e.get("class") in ("value", "gradient")]
    assert 'class="backward"' in bare.dot


def test_themes():
    assert "prefers-color-scheme" in draw(network()).svg
    for theme in ("light", "dark"):
        svg = draw(network(), theme=theme).svg
        assert "prefers-color-scheme" not in svg
        assert f'class="tinygrad-bp tinygrad-bp-{theme}"' in svg
        assert f".tinygrad-bp-{theme} {{" in svg
    assert "#0d1117" in draw(network(), theme="dark").dot


@pytest.mark.parametrize("wrong", [{"theme": "blue"}, {"max_nodes": 1}])
def test_other_options_are_refused(wrong):
    with pytest.raises(ArgumentError, match=next(iter(wrong))):
        draw(network(), **wrong)


def test_pictures_on_one_page_share_no_ids():
    svg = draw(product("a"))._repr_svg_()
    root = ElementTree.fromstring(svg)
    assert not [element for element in root.iter() if "id" in element.attrib]
    assert root.get("aria-label") == root.findtext(f"{SVG}title") == "Computation graph of a"
    assert "aria-labelledby" not in root.attrib
    assert svg == draw(product("a"))._repr_svg_()


def test_notebooks_show_a_picture_that_is_no_wider_than_their_cell():
    html = draw(product("a & <b>"))._repr_html_()
    image = ElementTree.fromstring(html)
    assert image.get("alt") == "Computation graph of a & <b>"
    assert "max-width: 100%" in image.get("style")
    assert b64decode(image.get("src").removeprefix("data:image/svg+xml;base64,")).startswith(b"<svg ")
