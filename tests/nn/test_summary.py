"""The summary of a model: a row for each call, numbers that add up, and a model that is afterwards as it was."""

import sys

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp import nn
from tinygrad_bp.errors import ShapeError, SignatureError


class Net(nn.Layer):
    def __init__(self):
        self.gain = tg.tensor(2.0, requires_grad=True)
        self.hidden = nn.Linear(3, 4, seed=0)
        self.blocks = [nn.Residual(nn.Linear(4, 4, seed=1)), nn.BatchNorm(4), nn.Dropout(0.5)]
        self.unused = nn.Linear(2, 2, seed=2)

    def forward(self, x):
        h = self.gain * self.hidden(x)
        for block in self.blocks:
            h = block(h)
        return self.blocks[0](h)


TEXT = """\
scope             layer      output  dtype    parameters
Net               Net        (5, 4)  float64           1
  hidden          Linear     (5, 4)  float64          16
  blocks.0        Residual   (5, 4)  float64           0
    layers.0      Linear     (5, 4)  float64          20
  blocks.1        BatchNorm  (5, 4)  float64           8
  blocks.2        Dropout    (5, 4)  float64           0
  blocks.0        Residual   (5, 4)  float64           0
    layers.0      Linear     (5, 4)  float64           0
unused            Linear     –       –                 6
total: 51 parameters, 408 bytes"""


def test_a_row_for_each_call_in_order():
    net = Net()
    table = net.summary(np.ones((5, 3)))
    assert [line.split() for line in table.text.splitlines()] == [line.split() for line in TEXT.splitlines()]
    assert repr(table) == table.text
    assert sum(row.parameters for row in table.rows) == table.parameters == sum(p.size for p in net.parameters())
    assert [row.path for row in table.rows] == [
        "", "hidden", "blocks.0", "blocks.0.layers.0", "blocks.1", "blocks.2", "blocks.0", "blocks.0.layers.0", "unused"
    ]  # fmt: skip
    assert [row.depth for row in table.rows] == [0, 1, 1, 2, 1, 1, 1, 2, 0]


def test_the_model_is_afterwards_as_it_was():
    net = Net()
    net.blocks[2].eval()
    before = [dict(vars(layer)) for _, layer in net.named_layers()]
    state = net.blocks[2].generator.bit_generator.state
    net.summary([[1.0, 2.0, 3.0]])
    with pytest.raises(ShapeError, match="hidden: x has to be"):
        net.summary(np.ones((5, 4)))
    after = [vars(layer) for _, layer in net.named_layers()]
    assert [list(attributes) for attributes in after] == [list(attributes) for attributes in before]
    assert all(new[key] is old[key] for new, old in zip(after, before, strict=True) for key in old)
    assert net.blocks[2].generator.bit_generator.state == state


def test_several_outputs_inputs_and_settings():
    (row,) = nn.LSTM(3, 4).summary(np.ones((2, 5, 3), np.float32)).rows
    assert (row.output, row.dtype) == ("(2, 5, 4), (2, 4), (2, 4)", "float64")
    x = tg.tensor(np.ones((1, 3, 4)))
    rows = nn.MultiHeadAttention(4, 2).summary(x, np.ones((1, 5, 4)), causal=True).rows
    assert [(row.scope, row.output) for row in rows] == [
        ("MultiHeadAttention", "(1, 3, 4)"), ("query", "(1, 3, 4)"), ("key", "(1, 5, 4)"), ("value", "(1, 5, 4)"),
        ("output", "(1, 3, 4)"),
    ]  # fmt: skip

    class Silent(nn.Layer):
        def forward(self):
            return None

    assert Silent().summary().rows[0].output == "–"


def test_a_wrong_call_is_explained_as_without_it():
    with pytest.raises(SignatureError, match=r"called as Linear\(x\)"):
        nn.Linear(3, 4).summary()


def test_a_table_in_notebooks():
    layer = nn.Linear(3, 4)
    layer.name = "<b>"
    html = nn.Sequential(layer).summary(np.ones((2, 3)))._repr_html_()
    assert html.startswith("<table><thead><tr><th")
    assert "&emsp;&lt;b&gt;</td>" in html
    assert "<b>" not in html
    assert html.count("<tr>") == 4
    assert "total: 16 parameters, 128 bytes" in html


def test_a_table_in_terminals(monkeypatch):
    pytest.importorskip("rich")
    layer = nn.Linear(3, 4)
    layer.name = "[b]"
    table = nn.Sequential(layer).summary(np.ones((2, 3)))
    assert repr(table) == table.text
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    drawn = repr(table)
    assert drawn != table.text
    assert all(cell.strip() in drawn for row in table.rows for cell in row.cells)
    assert "total: 16 parameters, 128 bytes" in drawn
    monkeypatch.setattr("tinygrad_bp.tables.find_spec", lambda name: None)
    assert repr(table) == table.text
    monkeypatch.setattr(sys, "stdout", None)
    assert repr(table) == table.text
