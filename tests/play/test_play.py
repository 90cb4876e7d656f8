"""The living page, without a browser: its program gives what NumPy gives, and mistakes are said."""

import json
import re
import shutil
from importlib import import_module

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp.domains import Reals
from tinygrad_bp.errors import ArgumentError, NoGradientError, NonScalarBackwardError, ShapeError, TracingError

from ..source.node import run_in_node
from .graphs import SHAPES, cost, first, forks, values

KILOBYTES = 1000


@pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed")
def test_the_program_follows_the_leaves(tmp_path):
    """Written for some numbers, run with others: all values, gradients and shares are those of a new graph."""
    random = np.random.default_rng(0)
    cases, expected = [], []
    for graph in SHAPES:
        for _ in range(20):
            made = tg.play(cost(graph, values(graph, random))).replay
            numbers = values(graph, random)
            cases += [(made.script, [numbers[leaf.name] for leaf in made.inputs])]
            cases += [(made.forward, [numbers[leaf.name] for leaf in made.inputs])]
            expected.append((made, tg.graph(cost(graph, numbers))))
    results = run_in_node(tmp_path, cases)
    for (made, graph), outputs, [total] in zip(expected, results[::2], results[1::2], strict=True):
        found = [*[leaf.data for leaf in made.inputs], *outputs]
        nodes = {node.id: node for node in graph.nodes}
        shares = {(edge.target, edge.position): edge.contribution_data for edge in graph.edges}
        wanted = {place: nodes[key].data for key, place in made.values.items() if nodes[key].kind == "op"}
        wanted |= {place: nodes[key].gradient_data for key, place in made.gradients.items()}
        wanted |= {place: shares[use] for use, place in made.shares.items()}
        assert len(wanted) == len(outputs)
        for place, want in wanted.items():
            assert found[place].shape == want.shape
            np.testing.assert_allclose(found[place], want, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(total, graph.root.data, rtol=1e-9)


def test_the_articles_network_is_small_and_closed():
    net = tg.nn.NeuralNetwork([7, 3, 2, 1])
    X, y = tg.datasets.load_seeds()
    page = tg.play(net.cost_graph(X[:1].T, y[:1, None]), examples=(X, y))
    assert len(page.html.encode()) < 300 * KILOBYTES
    assert repr(page) == "<living page of C: W1, b1, W2, b2, W3, b3, X, y>"
    outside = set(re.findall(r"(?:https?:)?//[\w.-]+", page.html)) - {"http://www.w3.org"}
    assert not {found for found in outside if "." in found}
    assert "default-src 'none'" in page.html
    assert " style=" not in page.html


def test_what_the_page_is_told(tmp_path):
    C, numbers = first()
    path = tg.play(C, examples={"X": np.arange(6.0).reshape(2, 3)}).save(tmp_path / "page.html")
    model = json.loads(re.search(r"const model = (.*);\n", path.read_text(encoding="utf-8"))[1])
    assert [given["name"] for given in model["inputs"]] == [*numbers]
    assert [given["trained"] for given in model["inputs"]] == [True] * 4 + [False] * 2
    assert model["inputs"][0]["data"] == numbers["W1"].ravel().tolist()
    assert model["examples"] == {"count": 2, "inputs": [{"input": 4, "data": [[0, 1, 2], [3, 4, 5]]}]}


def test_names_are_text():
    name = "</script><script>alert(1)</script>\u2028"
    x = tg.tensor([1.0, 2.0], requires_grad=True, name=name)
    html = tg.play(tg.sum((x * x).named("<b>h")).named(name)).html
    assert html.count("<script>") == html.count("</script>") == 1
    assert "<b>" not in html


def test_a_number_beside_float32_stays_weak():
    x = tg.tensor(np.ones(3, np.float32), requires_grad=True, name="x")
    page = tg.play(tg.sum(x * 0.1).named("C"))
    assert "np.rounded(np.reduce(np.sum" in page.script
    assert "0.10000000149011612" in page.script


def test_a_derivation_that_cannot_be_written_is_left_out(monkeypatch):
    def refuse(graph):
        raise ArgumentError("too long")

    monkeypatch.setattr(import_module("tinygrad_bp.play"), "sweep", refuse)
    forward, backward = re.findall(r"<ol>(.*?)</ol>", tg.play(first()[0]).html, re.DOTALL)
    assert forward.count("<li") == 5
    assert backward.strip() == ""


def test_an_op_that_is_not_written_is_named():
    A = tg.tensor(np.eye(2), requires_grad=True, name="A")
    B = tg.linalg.pinv((A + A).named("twice")).named("B")
    with pytest.raises(TracingError, match=r"play: pseudoinverse, which computes B \(2, 2\), .*np\.linalg\.pinv"):
        tg.play(tg.sum(tg.exp(B)).named("C"))


def test_an_op_whose_gradient_is_not_written_is_named():
    x = tg.tensor(np.arange(4.0), requires_grad=True, name="x")
    p = tg.pad(x.named("x"), 1, mode="mean").named("p")
    with pytest.raises(TracingError, match=r"pad, which computes p \(6,\), .*np\.pad"):
        tg.play(tg.sum(p * p).named("C"))


def test_an_op_that_asks_for_numbers_is_named():
    @tg.custom_op(derivatives=(lambda y, x: x * 0.0 + 2.0,), latex="2 {0}", domain=Reals())
    def doubled(x):
        "Twice x, in a way that looks at the number."
        return x * 2.0 if float(np.sum(x)) > -1e9 else x

    x = tg.tensor([1.0, 2.0], requires_grad=True, name="x")
    with pytest.raises(TracingError, match=r"play: doubled, which computes d \(2,\): .*needs a number"):
        tg.play(tg.sum(doubled(x).named("d")).named("C"))


def test_a_short_float_is_refused_by_name():
    x = tg.tensor(np.ones(2, np.float16), requires_grad=True, name="x")
    with pytest.raises(TracingError, match="float16"):
        tg.play(tg.sum(x * x).named("C"))


def test_hooks_are_noticed():
    x = tg.tensor(2.0, requires_grad=True, name="x")
    h = (x * x).named("h")
    h.register_hook(lambda g: 2 * g)
    with pytest.raises(ArgumentError, match="Remove the hooks"):
        tg.play((h * 3.0).named("C"))


@pytest.mark.parametrize(
    ("C", "error", "message"),
    [
        (np.ones(2), ArgumentError, "expected a tensor; got ndarray"),
        (tg.tensor([1.0, 2.0], requires_grad=True, name="v"), NonScalarBackwardError, r"v \(2,\)"),
        (tg.tensor(1.0, name="k"), NoGradientError, "requires_grad=True"),
    ],
)
def test_only_a_cost_can_be_played_with(C, error, message):
    with pytest.raises(error, match=message):
        tg.play(C)


def test_a_large_graph_is_refused():
    x = C = tg.tensor(1.0, requires_grad=True, name="x")
    for i in range(120):
        C = (C * x).named(f"h{i}")
    with pytest.raises(ArgumentError, match="at most 100 values"):
        tg.play(C)


@pytest.mark.parametrize(
    ("examples", "error", "message"),
    [
        ((np.ones((2, 3)),), ArgumentError, "for the inputs X, y; got 1 arrays"),
        ({"Z": np.ones(3)}, ArgumentError, "no input is named 'Z'; there are W1, b1"),
        ({"X": np.ones((4, 2))}, ShapeError, r"an example of X has 3 numbers, as X \(3, 1\); got examples \(4, 2\)"),
        ({"X": np.ones((4, 3)), "y": np.ones(3)}, ArgumentError, "as many examples for each input"),
        ({"X": np.ones((501, 3))}, ArgumentError, "at most 500"),
    ],
)
def test_examples_have_to_fit(examples, error, message):
    with pytest.raises(error, match=message):
        tg.play(first()[0], examples=examples)


def test_a_page_is_saved_as_html(tmp_path):
    page = tg.play(first(forks)[0])
    with pytest.raises(ArgumentError, match=r"the suffix of a page is \.html"):
        page.save(tmp_path / "page.svg")
    assert page._repr_html_().startswith("<iframe srcdoc=")


def test_playing_changes_nothing():
    C, numbers = first()
    W1 = tg.graph(C)["W1"]
    tg.play(C)
    assert tg.graph(C)["W1"] == W1
    np.testing.assert_array_equal(W1.data, numbers["W1"])
    C.backward()


class TestTheCommand:
    """`python -m tinygrad_bp play`."""

    @pytest.fixture
    def main(self):
        pytest.importorskip("typer", reason="the command line needs the extra cli")
        from tinygrad_bp.cli import main

        return main

    def test_it_writes_the_articles_network(self, main, tmp_path, capsys):
        assert main(["play", "--out", str(tmp_path / "new")]) == 0
        path = tmp_path / "new" / "play.html"
        assert capsys.readouterr().out.split() == [str(path)]
        model = json.loads(re.search(r"const model = (.*);\n", path.read_text(encoding="utf-8"))[1])
        assert [given["shape"] for given in model["inputs"]] == [
            [3, 7], [3, 1], [2, 3], [2, 1], [1, 2], [1, 1], [7, 1], [1, 1],
        ]  # fmt: skip
        assert model["examples"]["count"] == 140
        y = np.array(model["examples"]["inputs"][1]["data"])
        assert y.mean() == 0.5
        assert 0 < y[:20].sum() < 20

    def test_other_widths_have_to_fit_the_seeds(self, main, tmp_path, capsys):
        assert main(["play", "--layers", "7,4,1", "--activation", "tanh", "--out", str(tmp_path / "a.html")]) == 0
        assert main(["play", "--layers", "6,1", "--out", str(tmp_path / "b.html")]) == 2
        assert "--layers begins with 7" in capsys.readouterr().err
        assert [path.name for path in tmp_path.iterdir()] == ["a.html"]


def test_a_number_without_a_name_stays_what_it_is():
    w, x = tg.tensor(3.0), tg.tensor([1.0, 2.0], requires_grad=True, name="x")
    page = tg.play(tg.sum(w * w * x).named("C"))
    assert [node.name for node in page.replay.inputs] == ["x"]
