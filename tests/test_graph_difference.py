"""What differs between two graphs, in words and in colour."""

import re
from itertools import pairwise
from xml.etree import ElementTree

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp.errors import ArgumentError


def network(widths, activation=tg.sigmoid, decay=False):
    random = np.random.default_rng(0)
    a = tg.tensor(random.normal(size=(widths[0], 5)), name="X")
    for l, (inputs, outputs) in enumerate(pairwise(widths), 1):
        W = tg.tensor(random.normal(size=(outputs, inputs)), requires_grad=True, name=f"W{l}")
        z = (W @ a).named(f"z{l}")
        a = (tg.sigmoid if l == len(widths) - 1 else activation)(z).named(f"a{l}")
    C = tg.binary_cross_entropy(a, tg.tensor(np.ones((widths[-1], 5)), name="y"))
    return (C + 0.01 * tg.sum(W * W) if decay else C).named("C")


def names(nodes):
    return {node.name for node in nodes}


def test_a_graph_does_not_differ_from_itself():
    found = tg.graph.diff(network([7, 2, 1]), network([7, 2, 1]))
    assert not found
    assert found.text == "The graphs are alike."


def test_a_layer_more():
    found = tg.graph.diff(network([7, 2, 1]), network([7, 2, 2, 1]))
    assert found
    assert names(found.added) == {"W3", "z3", "a3"}
    assert not found.removed
    back = tg.graph.diff(network([7, 2, 2, 1]), network([7, 2, 1]))
    assert names(back.removed) == {"W3", "z3", "a3"}
    assert "− a3 = σ(z3) (1, 5)" in back.text
    assert "~ W2: shape (2, 2) → (1, 2)" in back.text


def test_what_changed_is_said():
    found = tg.graph.diff(network([7, 2, 1]), network([7, 3, 1], tg.tanh, decay=True))
    lines = found.text.splitlines()
    assert "~ a1: formula σ(z1) → tanh(z1); shape (2, 5) → (3, 5)" in lines
    assert "~ W1: shape (2, 7) → (3, 7)" in lines
    assert any(line.startswith("~ C: formula ") and line.endswith("0.01Σ W2²") for line in lines)


def test_values_that_moved_are_the_same_by_name():
    a, b = (tg.tensor(1.0, requires_grad=True, name=name) for name in "ab")
    first = (tg.exp(a).named("u") * tg.sin(b).named("v")).named("y")
    second = tg.sin(b).named("v")
    second = (tg.exp(a).named("u") * second).named("y")
    assert not tg.graph.diff(first, second)


def test_graphs_from_json_can_be_compared(tmp_path):
    old = tg.Graph.from_json(tg.graph(network([7, 2, 1])).to_json())
    assert names(tg.graph.diff(old, network([7, 2, 2, 1])).added) == {"W3", "z3", "a3"}


def test_the_picture_has_both_graphs_and_words_for_the_colours(tmp_path):
    found = tg.graph.diff(network([7, 2, 2, 1]), network([7, 3, 1], tg.tanh))
    root = ElementTree.fromstring(found.svg)
    texts = ["".join(element.itertext()) for element in root.iter() if element.tag.endswith("}text")]
    assert texts.count("removed") == len(found.removed)
    assert texts.count("changed:") == len(found.changed)
    assert any(text.startswith("Before: 3 removed") for text in texts)
    left, top, *_ = map(float, root.get("viewBox").split())
    assert (left, top) == (0, 0)
    assert len(re.findall(r"translate\(", found.svg)) >= 2
    ids = re.findall(r'\bid="', found.svg)
    assert not ids
    assert found.save(tmp_path / "d.svg").read_text() == found.svg
    assert found.save(tmp_path / "d.txt").read_text() == f"{found.text}\n"
    with pytest.raises(ArgumentError, match="suffix"):
        found.save(tmp_path / "d.png")
    assert repr(found).startswith("<GraphDifference of C and C: 3 removed")


def test_the_public_graph_is_a_function_with_methods():
    C = network([7, 2, 1])
    assert isinstance(tg.graph(C), tg.Graph)
    assert "Snapshot" in tg.graph.__doc__
