"""The snapshot: complete, immutable, the same bytes for the same program, and no change to what it looks at."""

import dataclasses
import importlib
import json
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, strategies as st

import tinygrad_bp as tg
from tinygrad_bp.errors import ArgumentError, GraphFreedError
from tinygrad_bp.graph import Graph, Summary, graph, serial

snapshot = importlib.import_module("tinygrad_bp.graph.snapshot")


def network(m=1, named=True):
    """The article's 7-2-1 network."""
    rng = np.random.default_rng(0)
    X, y = tg.tensor(rng.normal(size=(7, m)), name="X"), tg.tensor(np.ones((1, m)), name="y")
    W1, b1, W2, b2 = (
        tg.tensor(rng.normal(size=shape), requires_grad=True, name=name)
        for name, shape in (("W1", (2, 7)), ("b1", (2, 1)), ("W2", (1, 2)), ("b2", (1, 1)))
    )
    values = {}

    def name(value, given):
        values[given] = value.named(given) if named else value
        return value

    a1 = name(tg.sigmoid(name(W1 @ X + b1, "z1")), "a1")
    a2 = name(tg.sigmoid(name(W2 @ a1 + b2, "z2")), "a2")
    return name(tg.binary_cross_entropy(a2, y), "C")


def scalars(*values):
    return [tg.tensor(float(v), requires_grad=True, name=n) for n, v in zip("abc", values, strict=False)]


def edges(g):
    return [(g[e.source].name, g[e.target].name, e.formula) for e in g.edges]


# --- what is in it ----------------------------------------------------------------------------------------------------


def test_nodes_tell_everything():
    a, b, c = scalars(2, 3, 4)
    with tg.scope("model"):
        f = ((a * b + c) ** 2).named("f")
    g = graph(f)
    assert [(n.id, n.name, n.kind, n.formula) for n in g.nodes] == [
        ("n0", "a", "parameter", "a"),
        ("n1", "b", "parameter", "b"),
        ("n2", "c", "parameter", "c"),
        ("n3", "multiply", "op", "a·b"),
        ("n4", "add", "op", "a·b + c"),
        ("n5", "2", "constant", "2"),
        ("n6", "f", "op", "(a·b + c)²"),
    ]
    assert g.root.parents == ("n4", "n5")
    assert g.root.scope == "model"
    assert g.root.latex == r"(a \cdot b + c)^{2}"
    assert (g.root.shape, g.root.dtype) == ((), "float64")
    assert [n.gradient.mean for n in g.nodes if n.gradient] == [60, 40, 20, 20, 20, 1]
    assert g["a"].value == Summary(1, 2.0, 2.0, 2.0)
    assert g["multiply"].symbol == "(a·b)"
    assert edges(g)[-2:] == [("add", "f", "∂f/∂(a·b + c) = 2(a·b + c)"), ("2", "f", None)]
    assert g.edges[-1].latex is None
    assert g.edges[-2].latex == r"\frac{\partial f}{\partial (a \cdot b + c)} = 2 \cdot (a \cdot b + c)"


def test_gradients_are_those_of_backward():
    C = network(m=5)
    g = graph(C)
    C.backward()
    W1 = next(n for n in g.nodes if n.name == "W1")
    assert W1.gradient.size == 14
    leaves = [p for p in _leaves_of(network(m=5)) if p.requires_grad]
    for leaf in leaves:
        assert g[leaf.name].gradient.mean == pytest.approx(leaf.grad.mean())
        assert g[leaf.name].gradient.maximum == pytest.approx(leaf.grad.max())


def _leaves_of(C):
    found, pending = {}, [C]
    while pending:
        node = pending.pop()
        if node.op is None:
            found[node.number] = node
        pending += [p for p in node.parents if isinstance(p, tg.Tensor)]
    C.backward()
    return list(found.values())


def test_looking_changes_nothing():
    C = network()
    before = [(leaf.grad, leaf.value) for leaf in _leaves_of(network())]
    a, b = scalars(2, 3)
    f = a * b
    graph(f)
    assert a.grad is None
    assert f.grad is None
    graph(C)
    assert len(before) == 6
    with pytest.raises(ValueError, match="read-only"):
        graph(f)["a"].data[...] = 9


def test_it_is_immutable():
    (a,) = scalars(2)
    g = graph(a * a)
    for thing, field in ((g, "nodes"), (g.root, "name"), (g.edges[0], "source")):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(thing, field, None)
    with pytest.raises(AttributeError, match="can't set attribute"):
        g.root.value.mean = None
    with pytest.raises(TypeError):
        g.root.params["axis"] = 1


def test_a_square_keeps_both_edges():
    x = tg.tensor(3.0, requires_grad=True, name="x")
    h = (x * x).named("h")
    g = graph((h + h).named("C"))
    assert [(e.source, e.target, e.position, e.contribution.mean) for e in g.edges] == [
        ("n0", "n1", 0, 6),
        ("n0", "n1", 1, 6),
        ("n1", "n2", 0, 1),
        ("n1", "n2", 1, 1),
    ]
    assert (g["h"].gradient.mean, g["x"].gradient.mean) == (2, 12)
    assert len(g.view("named").edges) == 4


def test_raw_arrays_and_numbers_become_constants():
    w = tg.tensor(np.ones((2, 3)), requires_grad=True, name="k1")
    g = graph(((w @ np.ones((3, 1))) * 2.5 + np.ones((2, 1))).sum())
    assert [(n.name, n.shape) for n in g.nodes if n.kind == "constant"] == [("k2", (3, 1)), ("2.5", ()), ("k3", (2, 1))]
    assert all(n.gradient is None for n in g.nodes if n.kind == "constant")


def test_the_value_that_was_used_is_shown():
    w = tg.tensor(2.0, requires_grad=True, name="w")
    f = w * 3.0
    w.value = np.float64(100.0)
    assert graph(f)["w"].value.mean == 2


def test_constants_that_are_not_numbers():
    x = tg.tensor([1.0, 2.0], requires_grad=True, name="x")
    y = x * 1.0
    y.operands, y.inputs = (x, None), [x.value, None]
    assert graph(y, gradients=False).nodes[1].value is None


# --- when there are no gradients --------------------------------------------------------------------------------------


def test_gradients_only_of_a_single_number_that_requires_them():
    x = tg.tensor([1.0, 2.0], requires_grad=True, name="x")
    for g in (graph(x * x), graph((x * x).sum(), gradients=False)):
        assert all(n.gradient is None for n in g.nodes)
        assert all(e.contribution is None for e in g.edges)
        assert g.edges[0].formula == ("∂(x²)/∂x = x")
    constant = tg.tensor(1.0, name="x")
    assert [n.gradient for n in graph(constant).nodes] == [None]
    assert graph(constant).root.kind == "input"


def test_a_released_graph_says_what_to_do():
    C = network()
    C.backward()
    with pytest.raises(GraphFreedError, match="retain_graph=True"):
        graph(C)


def test_only_tensors_have_graphs():
    with pytest.raises(ArgumentError, match="expected a tensor; got float"):
        graph(1.0)


def test_an_untraced_rule_shows_its_symbol(monkeypatch):
    monkeypatch.setattr(snapshot, "derivatives", lambda node, parents: dict.fromkeys(parents))
    x, _ = scalars(1, 2)
    g = graph(tg.exp(x).named("y"))
    assert g.edges[0].formula == "∂y/∂a"
    assert g.edges[0].latex == r"\frac{\partial y}{\partial a}"


# --- names ------------------------------------------------------------------------------------------------------------


def test_the_notation_names_what_the_user_did_not():
    g = graph(network(named=False))
    assert [n.name for n in g.nodes if n.kind == "op" and n.named] == ["z1", "a1", "z2", "a2", "C"]


def test_automatic_names_avoid_the_user_s():
    x = tg.tensor(np.ones((2, 2)), requires_grad=True, name="z1")
    other = tg.tensor(np.ones((2, 2)), name="C")
    C = tg.tanh(tg.tensor(np.ones((2, 2)), requires_grad=True) @ x) @ tg.tensor(np.ones((2, 2))) * other
    g = graph(C.sum())
    assert [n.name for n in g.nodes] == ["z1", "C", "w1", "z2", "a1", "x1", "z3", "multiply", "sum"]


def test_repeated_ops_are_numbered():
    (a,) = scalars(2)
    g = graph((a * 2 + 1) * 3)
    assert [n.name for n in g.nodes if n.kind == "op"] == ["multiply", "add", "C"]
    g = graph(((a * 2 + 1) * 3).named("f"))
    assert [n.name for n in g.nodes if n.kind == "op"] == ["multiply", "add", "f"]
    g = graph((a * 2 * 3 * 4).named("f"))
    assert [n.name for n in g.nodes if n.kind == "op"] == ["multiply1", "multiply2", "f"]


def test_a_missing_name_is_a_key_error():
    with pytest.raises(KeyError, match="no node is named 'b'; there are a"):
        graph(scalars(2)[0])["b"]


# --- views ------------------------------------------------------------------------------------------------------------

ARTICLE = [
    ("W1", "z1", "δ·Xᵀ"),
    ("X", "z1", None),
    ("b1", "z1", "∂z1/∂b1 = 1"),
    ("z1", "a1", "∂a1/∂z1 = a1(1 − a1)"),
    ("W2", "z2", "δ·a1ᵀ"),
    ("a1", "z2", "W2ᵀ·δ"),
    ("b2", "z2", "∂z2/∂b2 = 1"),
    ("z2", "a2", "∂a2/∂z2 = a2(1 − a2)"),
    ("a2", "C", "∂C/∂a2 = (1 − y)/(1 − a2) − y/a2"),
    ("y", "C", None),
]


@pytest.mark.parametrize("named", [True, False])
def test_the_named_view_is_the_article_s_figure(named):
    v = graph(network(named=named)).view("named")
    assert sorted(edges(v), key=str) == sorted(ARTICLE, key=str)
    assert v["z1"].formula == "W1·X + b1"
    assert set(v["z1"].parents) == {v[name].id for name in ("W1", "X", "b1")}


def test_composed_derivatives():
    a, b, _ = scalars(1, 2, 3)
    d = (a - b) * 2
    t = ((d + 1) * d).named("t")
    v = graph((t * 3 - d).named("u")).view("named")
    assert edges(v) == [
        ("a", "multiply1", "∂(2(a − b))/∂a = 2"),
        ("b", "multiply1", "∂(2(a − b))/∂b = −2"),
        ("multiply1", "t", "∂t/∂(2(a − b)) = 2(a − b)"),
        ("multiply1", "t", "∂t/∂(2(a − b)) = 2(a − b) + 1"),
        ("t", "u", "∂u/∂t = 3"),
        ("multiply1", "u", "∂u/∂(2(a − b)) = −1"),
    ]


def test_composed_products_of_arrays():
    W = tg.tensor(np.ones((2, 3)), requires_grad=True, name="W")
    x = tg.tensor(np.ones((3, 4)), requires_grad=True, name="x")
    h = tg.tanh(W @ x * 2.0).named("h")
    v = graph((h * h).sum().named("C")).view("named")
    assert edges(v) == [
        ("W", "z1", "δ·xᵀ"),
        ("x", "z1", "Wᵀ·δ"),
        ("z1", "h", "∂h/∂z1 = 2(1 − h²)"),
        ("h", "C", "∂C/∂h = h"),
        ("h", "C", "∂C/∂h = h"),
    ]
    y = (tg.exp(x.sum(axis=0)) * 2.0).named("y")
    assert edges(graph((y * 1.0).sum().named("C")).view("named"))[0] == ("x", "y", "spread(δ ⊙ 2e^(Σ x))")
    s = tg.exp((W * W).sum(axis=0)).sum().named("s")
    t = (s * 2.0).named("t")
    assert edges(graph(t).view("named"))[0] == ("W", "s", "∂s/∂W = spread(e^(Σ W²)) ⊙ W")


def test_interior_fan_out_adds_up():
    (x,) = scalars(2)
    d = tg.exp(x)
    f = (d * d + d).named("f")
    v = graph((f * 2).named("C")).view("named")
    assert edges(v)[0] == ("a", "f", "∂f/∂a = (1 + e^a + e^a)·e^a")


def test_long_formulas_give_way_to_symbols():
    (x,) = scalars(0.1)
    y = x
    for _ in range(60):
        y = y * y + 0.1
    v = graph((y.named("y") * 2).named("C")).view("named")
    assert edges(v)[0][2] == "∂y/∂a"
    assert v["y"].formula == "f(a)"


def test_a_function_of_many_values_names_a_few():
    leaves = [tg.tensor(0.1, requires_grad=True, name=f"leaf{i}") for i in range(60)]
    y = leaves[0]
    for leaf in leaves[1:]:
        y = y * leaf
    v = graph((y.named("y") * 2).named("C")).view("named")
    assert v["y"].formula == "f(leaf0, leaf1, leaf2, leaf3, …)"


def test_cotangents_compose_too():
    x = tg.tensor(np.ones((2, 3)), requires_grad=True, name="x")
    b = tg.tensor(np.ones(3), requires_grad=True, name="b")
    y = (-tg.exp(x + b)).named("y")
    assert edges(graph((y * y).named("C")).view("named"))[:2] == [
        ("x", "y", "∂y/∂x = −e^(x + b)"),
        ("b", "y", "Σ (δ(−e^(x + b)))"),
    ]
    u = tg.exp(-(x.sum(axis=1))).named("u")
    assert edges(graph(u.named("y").sum()).view("named"))[0][2] == "spread(δ(−y))"
    v = tg.tensor(np.ones((3, 3)), requires_grad=True, name="v")
    r = (x + (x @ v)).named("r")
    assert edges(graph((r * r).sum().named("C")).view("named"))[:3] == [
        ("x", "r", "δ·vᵀ"),
        ("v", "r", "xᵀ·δ"),
        ("x", "r", "∂r/∂x = 1"),
    ]
    w = (x.T * 2.0).T.named("w")
    assert edges(graph((w * w).sum().named("C")).view("named"))[0][2] == "(2δᵀ)ᵀ"


def test_paths_of_factors_and_of_products_add_up():
    x = tg.tensor(np.ones((2, 3)), requires_grad=True, name="x")
    m = x * 3.0
    q = (m + tg.exp(m.T).T).named("q")
    assert edges(graph((q * q).sum().named("C")).view("named"))[0][2] == "3(δ + (δᵀ ⊙ e^((3x)ᵀ))ᵀ)"


def test_a_number_is_spread_where_a_product_needs_an_array():
    x = tg.tensor(np.ones((2, 3)), requires_grad=True, name="x")
    n = tg.exp(x).named("n")

    def first(C):
        return edges(graph(C.named("C")).view("named"))[1][2]

    assert first(n.T.sum()) == "∂C/∂n = 𝟏ᵀ"
    assert first((n.T * 3.0).sum()) == "∂C/∂n = (3·𝟏)ᵀ"
    assert first((n.T * n.T).sum().named("s") * 2.0) is not None
    assert first(tg.exp(n.T).sum()) == "∂C/∂n = (e^(nᵀ))ᵀ"


def test_two_hundred_diamonds_stay_small():
    (x,) = scalars(0.5)
    y = x
    for _ in range(200):
        y = tg.sigmoid(y) + y
    g = graph(y.named("C"))
    assert len(g.view("named").edges) <= len(g.edges) == 600
    assert max(len(e.template) for e in g.view("named").edges) < 500


def test_without_named_values_the_view_is_the_ops():
    a, b, _ = scalars(1, 2, 3)
    g = graph(((a * b) ** 2).named("f"))
    assert g.view("named").nodes == g.nodes


def test_views_of_views():
    g = graph(network())
    v = g.view("named", "forward")
    assert (v.detail, v.passes) == ("named", "forward")
    assert v.view("named", "both").nodes == v.nodes
    with pytest.raises(ArgumentError, match="are gone"):
        v.view("ops")
    with pytest.raises(ArgumentError, match="one of"):
        g.view("layers")
    with pytest.raises(ArgumentError, match="one of"):
        g.view("scopes", depth=0)
    with pytest.raises(ArgumentError, match="one of"):
        g.view("ops", "sideways")


# --- JSON -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("detail", ["ops", "named", "scopes"])
def test_json_and_back(detail):
    g = graph(network(m=3)).view(detail, "backward")
    again = Graph.from_json(g.to_json())
    assert again == g
    assert again.to_json() == g.to_json()
    assert [e.formula for e in again.edges] == [e.formula for e in g.edges]
    assert again.root.data is None
    assert json.loads(g.to_json())["nodes"][0]["formula"] == g.nodes[0].formula


@pytest.mark.parametrize("detail", ["ops", "named", "scopes"])
def test_formulas_come_back_that_write_out_values_without_a_name(detail):
    x = tg.tensor([0.5, 2.0], requires_grad=True, name="x")
    u = tg.expm1(tg.where(x > 1, x, 0.5))
    g = graph(tg.binary_cross_entropy_with_logits(tg.tanh(u) * 2.94, tg.sigmoid(u) * 0.9)).view(detail)
    again = Graph.from_json(g.to_json())
    assert [e.formula for e in again.edges] == [e.formula for e in g.edges]
    assert [e.symbol for e in again.edges] == [e.symbol for e in g.edges]
    assert again.to_json() == g.to_json()


def test_a_graph_from_json_still_contracts():
    g = graph(network())
    assert Graph.from_json(g.to_json()).view("named") == g.view("named")


def test_the_same_program_gives_the_same_bytes():
    assert graph(network()).to_json() == graph(network()).to_json()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": "tinygrad_bp.graph", "version": 99}', "null"])
def test_other_json_is_refused(text):
    with pytest.raises(ArgumentError, match="not the JSON of a graph"):
        Graph.from_json(text)


PARAMETERS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5) | st.just(...),
    lambda inner: st.lists(inner, max_size=3) | st.tuples(inner, inner) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)


@given(PARAMETERS)
def test_parameters_survive_json(value):
    written = json.loads(json.dumps(serial._encode({"p": value}), allow_nan=False))
    assert serial._decode(written) == {"p": value}


def test_numpy_parameters_survive_json():
    index = (slice(None, None, -1), np.array([0, 2]), np.int64(3))
    again = serial._decode(json.loads(json.dumps(serial._encode([index, np.dtype("float32"), object]))))
    assert again[0][0] == slice(None, None, -1)
    assert again[0][1].tolist() == [0, 2]
    assert again[0][2] == 3
    assert again[1] == np.dtype("float32")
    assert again[2] == "<class 'object'>"
    kinds = [np.dtype("float32"), np.float32, object, np.inf, (1, slice(2))]
    written = serial._encode(kinds)
    assert serial._encode(serial._decode(written)) == written


def test_values_that_json_does_not_know():
    x = tg.tensor([np.nan, np.inf], requires_grad=True, name="x")
    g = graph((x + 1.0).sum())
    assert Graph.from_json(g.to_json()) == g


# --- summaries --------------------------------------------------------------------------------------------------------


def test_summaries():
    assert Summary.of(np.array([3, 1, 2])) == Summary(3, 1.0, 2.0, 3.0)
    assert Summary.of(np.zeros((0, 3))) is None
    assert Summary.of(None) is None
    assert Summary.of(np.array([3 + 4j])) == Summary(1, 5.0, 5.0, 5.0)
    assert Summary.of(np.float64("nan")) == Summary.of([np.nan])
    assert Summary.of([1e308, 1e308]) == Summary(2, 1e308, np.inf, 1e308)
    assert np.isnan(Summary.of([np.inf, -np.inf]).mean)


@pytest.mark.parametrize(
    "numbers",
    [
        [0.1, -3.0, 7.5], [np.float32(0.1), np.float32(2)], [3, 1, 2], [True, False], [3 + 4j, 1j], [0.1, 0.2, -0.3],
        [np.nan, 1.0], [1.0, np.nan], [np.inf, 1.0], [np.inf, -np.inf], [1e308, 1e308], [2**62, 2**62],
    ],
)  # fmt: skip
def test_short_and_long_arrays_are_summarised_alike(numbers):
    short, long = Summary.of(np.array(numbers)), Summary.of(np.array(numbers * 50))
    for name in ("minimum", "mean", "maximum"):
        np.testing.assert_allclose(getattr(short, name), getattr(long, name), rtol=1e-14)


# --- size -------------------------------------------------------------------------------------------------------------


def test_depth_and_fan_out_of_a_hundred_thousand():
    x = tg.tensor(1.0, requires_grad=True, name="x")
    y = x
    for _ in range(100_000):
        y = -y
    g = graph(y.named("y"))
    assert (len(g.nodes), g["x"].gradient.mean) == (100_001, 1.0)
    assert all(a.target == b.source for a, b in pairwise(g.edges[:100]))
    assert len(g.view("named").nodes) == 100_001
