"""Parts of a graph: scopes as one node, slices, names by op family, and the way to networkx."""

import sys

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp.errors import ArgumentError, MissingExtraError
from tinygrad_bp.graph import Graph, Group, graph
from tinygrad_bp.registry import OPS
from tinygrad_bp.traits import Role


class Block(tg.nn.Layer):
    def __init__(self, n):
        self.inner = tg.nn.Linear(n, n, seed=0)

    def forward(self, x):
        return tg.tanh(self.inner(x))


def network(blocks=10):
    """Linear, then equal blocks, then Linear, and a loss outside of all scopes."""
    layers = [tg.nn.Linear(3, 4, seed=1), *[Block(4) for _ in range(blocks)], tg.nn.Linear(4, 1, seed=2)]
    y = tg.nn.Sequential(*layers)(tg.tensor(np.ones((5, 3)), name="x"))
    return (y * y).sum()


def scalar(value, name):
    return tg.tensor(float(value), requires_grad=True, name=name)


def edges(g):
    return [(g[e.source].name, g[e.target].name, e.formula, e.count) for e in g.edges]


def checked(g):
    """The graph, which JSON must not change in anything it says."""
    read = Graph.from_json(g.to_json())
    assert read == g
    assert read.root == g.root
    assert [n.formula for n in read.nodes] == [n.formula for n in g.nodes]
    assert [(e.formula, e.symbol) for e in read.edges] == [(e.formula, e.symbol) for e in g.edges]
    return g


# --- scopes -----------------------------------------------------------------------------------------------------------


def test_a_number_that_is_used_several_times_in_a_scope():
    x = tg.tensor(0.5, requires_grad=True, name="x")
    with tg.scope("s"):
        y = tg.stack([x, x, x])
    (edge,) = [e for e in graph(tg.sum(y * np.arange(3.0))).view("scopes").edges if e.source == "n0"]
    assert (edge.count, edge.contribution.mean) == (3, 3.0)


def test_a_model_is_one_node():
    v = checked(graph(network()).view("scopes"))
    assert [n.name for n in v.nodes] == ["x", "Sequential", "multiply", "C"]
    assert v["Sequential"].group == Group(ops=22, repeats=1, parameters=221, inputs=((5, 3),), outputs=((5, 1),))
    assert v["Sequential"].op == "22 ops"
    assert v["multiply"].formula == "Sequential²"
    assert edges(v) == [
        ("x", "Sequential", None, 1),
        ("Sequential", "multiply", "∂(Sequential²)/∂Sequential", 2),
        ("multiply", "C", "∂C/∂(Sequential²) = 1", 1),
    ]


def test_equal_neighbours_are_rolled_up():
    v = checked(graph(network()).view("scopes", depth=2))
    assert [n.name for n in v.nodes] == ["x", "layers.0", "layers.1 … 10 ×10", "layers.11", "multiply", "C"]
    blocks = v["layers.1 … 10 ×10"]
    assert blocks.group == Group(ops=20, repeats=10, parameters=200, inputs=((5, 4),), outputs=((5, 4),))
    assert (blocks.op, blocks.scope, blocks.shape) == ("10 × 2 ops", "Sequential", (5, 4))
    assert [v[p].name for p in blocks.parents] == ["layers.0"]
    assert v.edges[1].contribution.size == 20


def test_the_group_has_the_value_and_gradient_of_its_output():
    g = graph(network(1))
    v = g.view("scopes", "forward", depth=2)
    assert v.passes == "forward"
    np.testing.assert_array_equal(v["layers.1"].data, g["a1"].data)
    np.testing.assert_array_equal(v["layers.1"].gradient_data, g["a1"].gradient_data)


def test_ops_above_the_depth_stay():
    v = graph(network(2)).view("scopes", depth=3)
    assert [n.name for n in v.nodes if n.kind == "op"] == ["z1", "inner", "a1", "inner", "a2", "z4", "multiply", "C"]
    assert graph(network(2)).view("scopes", depth=9).nodes == graph(network(2)).nodes


@pytest.mark.parametrize("difference", ["shape", "number", "wiring", "name", "between"])
def test_what_differs_is_not_rolled_up(difference):
    x, w = tg.tensor(np.ones(3), requires_grad=True, name="x"), tg.tensor(np.ones(1), requires_grad=True, name="w")
    y = x
    for i in range(2):
        other = difference if i else None
        with tg.scope("other" if other == "name" else f"step{i}"):
            factor = tg.tensor(np.ones(3 if other == "shape" else 1), requires_grad=True)
            y = y * factor * (3.0 if other == "number" else 2.0)
            y = y * (factor if other == "wiring" else w)
        if difference == "between":
            y = -y
    v = graph(y.sum()).view("scopes")
    assert [n.group.repeats for n in v.nodes if n.group] == [1, 1]


def test_a_scope_entered_again_is_another_node():
    x = scalar(1, "x")
    with tg.scope("s"):
        y = tg.exp(x)
    y = -y
    with tg.scope("s"):
        y = tg.exp(y)
    v = checked(graph(y.named("y")).view("scopes"))
    assert [n.name for n in v.nodes] == ["x", "s", "negative", "s"]
    order = {n.id: i for i, n in enumerate(v.nodes)}
    assert all(order[e.source] < order[e.target] for e in v.edges)


def test_several_outputs_and_shared_parameters():
    x, w = tg.tensor(np.ones(2), requires_grad=True, name="x"), scalar(3, "w")
    with tg.scope("s"):
        a = x * w
        b = (a.sum() - 1.0).named("b")
    C = ((b + tg.exp(a)).sum() * w).named("C")
    v = checked(graph(C).view("scopes"))
    s = v["s"]
    assert s.group.outputs == ((2,), ())
    assert s.group.parameters == 2  # x is drawn in as w goes in, and w is used outside as well
    assert s.group.inputs == ((),)
    assert (s.value, s.gradient, s.data, s.gradient_data) == (None,) * 4
    assert [n.name for n in v.nodes] == ["w", "s", "exp", "add", "sum2", "C"]
    assert ("s", "exp", "∂(e^s)/∂s", 1) in edges(v)


def test_uses_by_one_scope_are_one_edge_with_their_sum():
    x = tg.tensor(np.array([1.0, 2.0]), name="x", requires_grad=True)
    y = tg.exp(x).named("y")
    with tg.scope("s"):
        C = (y * y + y).sum()
    g = graph(C)
    v = checked(g.view("scopes"))
    use = v.edges[1]
    assert (use.count, use.formula) == (3, "∂s/∂y")
    np.testing.assert_allclose(use.contribution_data, g["y"].gradient_data)
    assert Graph.from_json(g.to_json()).view("scopes").edges[1].contribution is None


def test_ops_that_are_not_known_here_are_written_as_functions():
    with tg.scope("s"):
        y = tg.exp(scalar(1, "x")) * 2.0
    g = Graph.from_json(graph((y + 1.0).named("C")).to_json().replace('"op": "add"', '"op": "plus"'))
    assert g.view("scopes").root.formula == "plus(s, 1)"


def test_without_scopes_the_view_is_the_ops():
    g = graph(tg.exp(scalar(1, "x")))
    assert g.view("scopes").nodes == g.nodes
    leaf = graph(scalar(1, "x"))
    assert leaf.view("scopes").nodes == leaf.nodes


def test_views_of_contracted_graphs():
    v = graph(network()).view("scopes")
    assert v.view("scopes", "backward").nodes == v.nodes
    for detail in ("ops", "named"):
        with pytest.raises(ArgumentError, match="are gone"):
            v.view(detail)


# --- slices -----------------------------------------------------------------------------------------------------------


def diamond():
    x, w = scalar(0.5, "x"), scalar(2, "w")
    h = (x * w).named("h")
    a, b = tg.exp(h).named("a"), tg.sin(h).named("b")
    return graph((a * b).named("C"))


def names(g):
    return [n.name for n in g.nodes]


def test_ancestors_and_descendants():
    g = diamond()
    assert names(checked(g.ancestors("b"))) == ["x", "w", "h", "b"]
    assert names(checked(g.descendants("a"))) == ["a", "C"]
    assert names(g.descendants(g["x"])) == ["x", "h", "a", "b", "C"]
    assert names(g.ancestors("C")) == names(g)
    assert [(e.source, e.target) for e in g.ancestors("h").edges] == [(g["x"].id, g["h"].id), (g["w"].id, g["h"].id)]


def test_neighbourhood():
    g = diamond()
    assert names(g.neighbourhood("h", 0)) == ["h"]
    assert names(checked(g.neighbourhood("h"))) == ["x", "w", "h", "a", "b"]
    assert names(g.neighbourhood("a", 2)) == [*names(g)[:2], "h", "a", "b", "C"]
    with pytest.raises(ArgumentError, match="k, a number of edges, is -1"):
        g.neighbourhood("h", -1)


def test_a_part_still_knows_whose_gradients_it_shows():
    g = diamond()
    part = g.ancestors("b")
    assert part.root == g.root
    assert part["h"].gradient == g["h"].gradient
    assert checked(part).ancestors("h").root.name == "C"
    assert part.view("named").root.name == "C"
    assert g.descendants("a").root is g.root


def test_parts_of_unnamed_values_keep_their_formulas():
    x = scalar(0.5, "x")
    y = tg.exp(x * 2.0)
    g = graph((tg.sin(y) + y).named("C"))
    assert checked(g.descendants("exp")).nodes[0].formula == "e^(2x)"


def test_a_missing_node_is_a_key_error():
    with pytest.raises(KeyError, match="no node is named 'q'"):
        diamond().ancestors("q")


# --- names ------------------------------------------------------------------------------------------------------------


def test_activations_are_known_wherever_they_stand():
    x = tg.tensor(np.ones(3), requires_grad=True, name="x")
    for op in ("tanh", "arctan", "silu", "hard_tanh", "softsign", "sigmoid"):
        y = OPS[op].call(x + 1.0)
        assert [n.name for n in graph(y.sum()).nodes][-2] == "a1", op


def test_any_function_of_z_is_an_activation():
    W = tg.tensor(np.ones((2, 2)), requires_grad=True, name="W")
    assert names(graph(tg.sin(W @ W).sum())) == ["W", "z1", "a1", "C"]
    assert names(graph(tg.sin(W + W).sum())) == ["W", "add", "sin", "C"]


def test_a_record_says_what_its_results_are_called():
    assert {op.name for op in OPS.values() if op.traits.role is Role.PRODUCT} == {
        "affine", "contract", "convolution", "cross", "matmul",
    }  # fmt: skip
    for op in OPS.values():
        if op.forward.__module__.endswith("activations") and not op.internal:
            assert op.traits.role is Role.ACTIVATION, op


# --- networkx ---------------------------------------------------------------------------------------------------------


def test_networkx():
    networkx = pytest.importorskip("networkx")
    x = scalar(3, "x")
    G = graph((x * x).named("h")).to_networkx()
    assert networkx.is_directed_acyclic_graph(G)
    assert list(G.edges(keys=True)) == [("n0", "n1", 0), ("n0", "n1", 1)]
    assert (G.graph["root"], G.nodes["n1"]["formula"], G.edges["n0", "n1", 1]["contribution"].mean) == ("n1", "x²", 3)


def test_without_networkx_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "networkx", None)
    with pytest.raises(MissingExtraError, match=r"tinygrad_bp\[graph\]"):
        diamond().to_networkx()


# --- size -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scoped", ["all different", "all equal", "one"])
def test_thousands_of_scopes(scoped):
    y = x = scalar(1, "x")
    for i in range(4_000):
        name = "one" if scoped == "one" else f"s{i}"
        with tg.scope(name):
            y = -y if scoped != "all different" or i % 2 else y + x
    g = graph(y.named("y"), gradients=False)
    v = g.view("scopes")
    assert len(v.nodes) == {"all different": 4_001, "all equal": 2, "one": 2}[scoped]
    assert len(g.ancestors("y").nodes) == len(g.nodes)
    assert len(g.neighbourhood("y", 10).nodes) <= len(g.nodes)
