"""The article's figures: symbols only, a straight spine, rows where it is too wide; and drawings of models."""

import re
from itertools import pairwise
from xml.etree import ElementTree

import numpy as np
import pytest

import tinygrad_bp as tg
from examples.gallery import article
from tinygrad_bp.draw import draw, layered, layout
from tinygrad_bp.draw.measures import WIDEST
from tinygrad_bp.draw.scripts import runs
from tinygrad_bp.draw.spine import spine
from tinygrad_bp.draw.symbols import Notation
from tinygrad_bp.errors import ArgumentError

from .test_drawing import elements, needs_graphviz, network, shown


def titles(drawing):
    return {" ".join(box.words.title) for box in drawing._scene.boxes}


# --- symbols ----------------------------------------------------------------------------------------------------------


def test_the_articles_figure_has_its_formulas_and_no_numbers():
    picture = draw(article(), values="none")
    assert titles(picture) >= {
        "W[1]", "b[3]", "z[2] = W[2]·a[1] + b[2]", "a[1] = σ(z[1])", "y′ = a[3] = σ(z[3])",
        "C = −mean(y log y′ + (1 − y) log(1 − y′))",
    }  # fmt: skip
    assert all(not (b.words.value or b.words.about or b.words.gradient) for b in picture._scene.boxes)


def test_an_edge_back_says_its_product_once():
    labels = {link.label for link in draw(article(), values="none", passes="backward")._scene.links if link.label}
    assert labels >= {("∂C/∂a[3]",), ("∂C/∂a[3]·", "∂a[3]/∂z[3]"), ("∂C/∂z[2]·", "∂z[2]/∂W[2]")}
    assert len(labels) == 6 + 6 + 1 - 1  # three layers with W and b, and between them; X needs no gradient


def test_other_graphs_keep_their_names_in_symbols():
    x = tg.tensor(2.0, requires_grad=True, name="x1")
    assert titles(draw((x * x).named("h"), values="none")) == {"x1", "h = x1²"}
    assert Notation.of(tg.graph(x * x)) == Notation(False, None)


def test_the_last_activation_is_a_prediction_only_where_nothing_comes_after_it():
    z = tg.tensor(np.ones((1, 1)), requires_grad=True, name="W1").named("z1")
    a = tg.sigmoid(z).named("a1")
    end = (a * tg.tensor(1.0, name="W1") * 2.0).named("z2")
    assert Notation.of(tg.graph(end)).prediction is None


def test_layers_are_raised_and_indices_lowered():
    assert list(runs("z[1] = W[12]·X", True, frozenset())) == [
        ("z", 0.0), ("[1]", 0.24), (" = W", 0.0), ("[12]", 0.24), ("·X", 0.0),
    ]  # fmt: skip
    assert list(runs("z[1]", False, frozenset())) == [("z[1]", 0.0)]
    names = frozenset(["z", "labels", "running_mean", "mean"])
    assert list(runs("z_labels", False, names)) == [("z", 0.0), ("labels", -0.2), ("", 0.0)]
    assert list(runs("running_mean", False, names)) == [("running_mean", 0.0)]
    assert list(runs("log_sigmoid", False, names)) == [("log_sigmoid", 0.0)]


def test_an_svg_has_them_and_its_text_stays_whole():
    texts = [t for t in elements(draw(article(), values="none").svg, "text") if len(t)]
    spelled = {"".join(t.itertext()) for t in texts}
    assert "∂C/∂a[3]·" in spelled
    for t in texts:
        assert sum(float(part.get("dy", 0)) for part in t) == pytest.approx(0.0) or t[-1].text.startswith("[")


@pytest.mark.parametrize("values", [True, "symbols", None])
def test_values_are_a_word(values):
    with pytest.raises(ArgumentError, match="values is one of"):
        draw(network(), values=values)


# --- the spine and rows -----------------------------------------------------------------------------------------------


def test_the_spine_leads_from_the_data_to_the_cost():
    graph = tg.graph(article()).view("named")
    assert [graph[i].name for i in spine(graph)] == ["X", "z1", "a1", "z2", "a2", "z3", "a3", "C"]


def middles(svg):
    """The middle of every node's box, by its id."""
    found = {}
    for group in elements(svg, "g"):
        if (group.get("class") or "").startswith("node"):
            path = group.find("{http://www.w3.org/2000/svg}path")
            ys = [float(y) for y in re.findall(r"-?[\d.]+,(-?[\d.]+)", path.get("d"))]
            found[group.get("id")] = (min(ys) + max(ys)) / 2
    return found


@needs_graphviz
@pytest.mark.parametrize("passes", ["forward", "backward", "both"])
def test_graphviz_puts_the_spine_on_one_row(passes):
    picture = draw(article(), values="none", passes=passes)
    heights = [middles(picture.svg)[i] for i in picture._scene.spine]
    assert max(heights) - min(heights) < 2.0


def test_our_own_layout_puts_it_on_one_row_and_what_is_too_wide_in_several():
    scene = draw(article())._scene
    sizes = {box.id: (120.0, 80.0) for box in scene.boxes}
    links = [(link.source, link.target) for link in scene.links]
    labels = [(60.0, 30.0)] * len(links)
    whole = layered.lay_out(sizes, links, labels, scene.spine, scene.from_above)
    assert len({round(whole.nodes[i].y, 3) for i in scene.spine}) == 1
    wrapped = layered.lay_out(sizes, links, labels, scene.spine, scene.from_above, 700.0)
    assert wrapped.width <= 700.0
    assert len(wrapped.tops) > 1
    for row in range(len(wrapped.tops)):
        inside = [p for p in wrapped.nodes.values() if p.row == row]
        assert len({round(wrapped.nodes[i].y, 3) for i in scene.spine if wrapped.nodes[i].row == row}) == 1
        assert inside
    bottoms = [max(p.y + p.height / 2 for p in wrapped.nodes.values() if p.row == r) for r in range(len(wrapped.tops))]
    assert all(bottom <= top for bottom, top in zip(bottoms, wrapped.tops[1:], strict=False))
    assert all(a <= b for a, b in pairwise([wrapped.nodes[i].row for i in scene.spine]))


def test_what_graphviz_makes_too_wide_goes_on_in_rows():
    svg = ElementTree.fromstring(draw(article()).svg)
    assert float(svg.get("width")) <= WIDEST
    assert "too wide" not in draw(article()).dot


def test_a_wide_picture_with_clusters_stays_graphvizs(monkeypatch):
    wide = '<svg width="5000pt" height="10pt" viewBox="0 0 5000 10" xmlns="http://www.w3.org/2000/svg"></svg>'
    monkeypatch.setattr(layout, "rendered", lambda *_: wide.encode())
    with tg.scope("block"):
        C = (tg.tensor(2.0, requires_grad=True, name="x") ** 2).named("C")
    assert 'width="5000"' in draw(C).svg
    assert 'width="5000"' not in draw(network()).svg


# --- models, titles, legends ------------------------------------------------------------------------------------------


def test_a_model_is_drawn_with_its_input():
    model = tg.nn.Sequential(tg.nn.Linear(3, 2, seed=0), tg.nn.Tanh())
    picture = draw(model, np.ones((4, 3)))
    assert {"x", "layers.0.W", "layers.0.b"} <= {node.name for node in picture.graph.nodes}
    two = draw(lambda a, b: (a * b,), 2.0, tg.tensor(3.0, requires_grad=True, name="b"))
    assert {"x1", "b"} <= {node.name for node in two.graph.nodes}


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ((tg.tensor(1.0, requires_grad=True, name="h"), "forward"), 'by name: tg.draw\\(C, passes="forward"\\)'),
        ((3.0, 1.0), "inputs are for a model"),
        ((lambda x: 1.0, 1.0), "holds no tensor"),
    ],
)
def test_what_is_no_model_is_refused(given, why):
    with pytest.raises(ArgumentError, match=why):
        draw(*given)


def test_a_title_and_a_legend_on_request():
    plain, picture = draw(network()), draw(network(), title="Wheat & <seeds>", legend=True)
    texts = [shown(t) for t in elements(picture.svg, "text")]
    assert {"Wheat & <seeds>", "forward: values", "backward: gradients", "parameter", "input", "computed"} <= {*texts}
    assert "forward: values" not in plain.svg
    assert "Wheat &amp; &lt;seeds&gt;" in picture.dot
    assert "labelloc=t" in draw(network(), title="Wheat").dot
    assert "backward: gradients" not in draw(network(), passes="forward", legend=True).svg


def test_a_repr_is_one_short_line():
    C = network()
    for value, text in (
        (draw(C), "<Drawing of C: "),
        (tg.graph(C), "<Graph of C: "),
        (tg.step_through(C), "<StepThrough of C: "),
    ):
        assert repr(value).startswith(text)
        assert len(repr(value)) < 80
        assert "\n" not in repr(value)


# --- less in the named view -------------------------------------------------------------------------------------------


def test_copies_seeds_and_numbers_of_higher_orders_are_not_drawn():
    x = tg.tensor(2.0, requires_grad=True, name="x")
    g = tg.grad(lambda x: x**3)(x).named("g")
    named = tg.graph(g).view("named")
    assert [(node.name, node.formula) for node in named.nodes] == [("x", "x"), ("g", "3x²")]
    (edge,) = named.edges
    assert edge.formula == "∂g/∂x = 3·2·x"
    assert named["x"].gradient.mean == 12.0


def test_masks_are_not_drawn_and_data_are():
    W = tg.tensor(np.ones((2, 2)), requires_grad=True, name="W")
    C = tg.sum(tg.matmul(np.arange(4.0).reshape(2, 2), W) * np.ones((2, 2))).named("C")
    assert [node.kind for node in tg.graph(C).view("named").nodes] == ["parameter", "constant", "op", "op"]
