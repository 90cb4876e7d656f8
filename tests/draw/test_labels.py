"""What pictures say."""

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp.draw.labels import EDGE_LINE, clean, edge_words, node_words, shortened, summary, wrapped, written
from tinygrad_bp.graph import Summary, graph


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.0, "0"), (-1.5, "−1.5"), (1 / 3, "0.3333"), (np.inf, "∞"), (-np.inf, "−∞"), (np.nan, "NaN")],
)
def test_numbers(value, expected):
    assert written(value) == expected


def test_summaries():
    assert summary(None) == "–"
    assert summary(Summary(1, 2.0, 2.0, 2.0)) == "2"
    assert summary(Summary(3, -1.0, 0.0, 1.0)) == "min −1  mean 0  max 1"
    assert summary(Summary.of([1.0, np.nan])) == "NaN"


def test_invisible_characters_are_shown():
    assert clean("a\nb\u202ec\x00\u2028é∂") == "a�b�c��é∂"


def test_long_text_is_cut():
    assert shortened("x" * 100, 10) == "x" * 9 + "…"
    assert shortened("short") == "short"


def test_formulas_break_where_they_hold_together_least():
    assert wrapped("a + b") == ["a + b"]
    assert wrapped("∂C/∂a2 = ((1 − y)/(1 − a2) − y/a2)/5") == ["∂C/∂a2 =", "((1 − y)/(1 − a2)", "− y/a2)/5"]
    assert wrapped("C = −mean(y log a2 + (1 − y) log(1 − a2))") == ["C =", "−mean(y log a2", "+ (1 − y) log(1 − a2))"]
    assert wrapped("∂a1/∂z1 = a1(1 − a1)", EDGE_LINE) == ["∂a1/∂z1 =", "a1(1 − a1)"]
    assert wrapped("∂layer 1 … layer 12 ×12/∂layer 0") == ["∂layer 1 … layer 12 ×12", "/∂layer 0"]
    assert wrapped("x" * 40) == ["x" * 40]


def square():
    x = tg.tensor(3.0, requires_grad=True, name="x")
    h = (x * x).named("h")
    return (h + h).named("C")


def test_a_node_has_three_parts():
    words = node_words(graph(square()))
    assert words["n0"].value == ("3",)
    assert (words["n0"].title, words["n0"].about) == (("x",), ("parameter · scalar",))
    assert (words["n1"].title, words["n1"].about) == (("h = x²",), ("multiply · scalar",))
    assert words["n1"].gradient == ("∂C/∂h =", "Σ (1 + 1) = 2")
    assert words["n2"].gradient == ("∂C/∂C = 1",)
    assert words["n1"].tooltip == "h = x²\nmultiply, scalar, float64\nvalue: 9\n∂C/∂h: 2"


def test_fan_out_tells_each_path():
    words = edge_words(graph(square()))
    assert words[0].derivative == ("∂h/∂x = x",)
    assert words[0].contribution == ("contributes 6",)
    assert words[2].contribution == ("contributes 1",)
    assert words[0].backward_tooltip == "∂h/∂x = x\ncontributes to ∂C/∂x: 6"
    assert words[0].forward_tooltip == "x → h"


def test_many_paths_and_arrays_are_counted():
    x = tg.tensor(-1.0, requires_grad=True, name="x")
    assert node_words(graph((x + x + x + x + x).named("C")))["n0"].gradient == ("∂C/∂x = Σ of 5 paths", "5")
    v = tg.tensor([1.0, 2.0], requires_grad=True, name="v")
    gradient = node_words(graph((v * v).sum().named("C")))["n0"].gradient
    assert gradient == ("∂C/∂v = Σ of 2 paths", "min 2", "mean 3", "max 4")
    assert edge_words(graph((v * v).sum().named("C")))[0].contribution == ("contributes", "min 1", "mean 1.5", "max 2")
    assert node_words(graph((-x - x).named("C")))["n0"].gradient == ("∂C/∂x =", "Σ ((−1) + (−1)) = −2")


def test_what_was_not_computed_is_a_dash():
    x = tg.tensor([1.0, 2.0], name="x")
    w = tg.tensor([1.0, 2.0], requires_grad=True, name="w")
    words = node_words(graph((w * x).sum().named("C")))
    assert words["n0"].gradient == ("∂C/∂x = –",)
    assert words["n1"].gradient == ("∂C/∂w", "min 1", "mean 1.5", "max 2")


def test_the_passes_show_their_own_part():
    g = graph(square())
    assert node_words(g.view("ops", "forward"))["n0"].gradient == ()
    backward = g.view("ops", "backward")
    assert node_words(backward)["n0"].value == ()
    assert [w.derivative for w in edge_words(backward)][1:3] == [
        ("∂C/∂h ·", "∂h/∂x = x"), ("∂C/∂h = 1",),
    ]  # fmt: skip


def test_numbers_are_small_nodes():
    x = tg.tensor(3.0, requires_grad=True, name="x")
    words = node_words(graph((x**2).named("C")))["n1"]
    assert (words.value, words.title, words.about, words.gradient) == ((), ("2",), (), ())


def test_op_and_shape_stand_on_two_lines_where_they_are_long():
    z = tg.tensor([[1.0, 2.0]], requires_grad=True, name="z")
    words = node_words(graph(tg.softmax_cross_entropy(z, tg.tensor([0], name="labels"))))
    assert words["n2"].about == ("softmax_cross_entropy", "scalar")


def test_a_long_formula_leaves_the_name():
    x = tg.tensor(3.0, requires_grad=True, name="a_rather_long_name_for_one_number_that_goes_on")
    y = (x * x * x + x).named("y")
    words = node_words(graph(y).view("named"))
    assert words["n3"].title[0].endswith("…") or words["n3"].title[0] == "y"
    assert max(len(line) for w in words.values() for line in w.title) <= 60
