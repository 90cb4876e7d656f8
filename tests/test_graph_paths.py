"""The chain rule path by path: what all ways together give is what the sweep gives."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

import tinygrad_bp as tg
from tinygrad_bp.errors import ArgumentError
from tinygrad_bp.graph import Graph, graph


def scalar(value, name):
    return tg.tensor(float(value), requires_grad=True, name=name)


def assert_complete(g, source, count=None):
    """The products of all paths add up to the gradient of the sweep."""
    found = g.path(source)
    assert count is None or len(found) == count
    np.testing.assert_allclose(sum(p.product for p in found), g[source].gradient_data, rtol=1e-12)
    for path in found:
        assert (path.nodes[0], path.nodes[-1]) == (g[source], g.root)
        assert [(e.source, e.target) for e in path.edges] == [
            (a.id, b.id) for a, b in zip(path.nodes, path.nodes[1:], strict=False)
        ]
    return found


def test_a_square_has_two_paths():
    x = scalar(3, "x")
    first, second = assert_complete(graph((x * x).named("h")), "x", 2)
    assert (first.product, second.product) == (3, 3)
    assert (first.edges[0].position, second.edges[0].position) == (0, 1)
    assert first.formula == "∂h/∂x"
    assert first.latex == r"\frac{\partial h}{\partial x}"


def test_fan_out():
    x = scalar(0.5, "x")
    h = tg.exp(x).named("h")
    C = (h * tg.sin(h).named("s") + x).named("C")
    found = assert_complete(graph(C), "x", 3)
    assert [p.formula for p in found] == [
        "∂C/∂(h·s)·∂(h·s)/∂h·∂h/∂x",
        "∂C/∂(h·s)·∂(h·s)/∂s·∂s/∂h·∂h/∂x",
        "∂C/∂x",
    ]


def test_arrays_broadcasting_and_parameters_of_ops():
    rng = np.random.default_rng(0)
    W, x, b = (
        tg.tensor(rng.normal(size=shape), requires_grad=True, name=name)
        for name, shape in (("W", (3, 4)), ("x", (4, 2)), ("b", (3, 1)))
    )
    z = W @ x + b
    C = (tg.tanh(z) * tg.softmax(z, axis=0) + (W.sum(axis=1, keepdims=True) ** 2) * np.ones((3, 2))).sum()
    for source in "Wxb":
        assert_complete(graph(C), source)


def test_float32_and_complex_stay_what_they_are():
    x = tg.tensor(np.array([1.0, 2.0], np.float32), requires_grad=True, name="x")
    (path,) = assert_complete(graph((tg.exp(x) * 2.0).sum()), "x", 1)
    assert path.product.dtype == np.float32
    assert not path.product.flags.writeable
    y = tg.tensor(np.array([1.0, 2.0]), requires_grad=True, name="y")
    assert_complete(graph(tg.absolute(tg.exp(y * (1.0 + 2.0j))).sum()), "y", 1)


def test_a_target_that_is_an_array_gives_jacobians():
    x = tg.tensor(np.array([1.0, 2.0, 3.0]), requires_grad=True, name="x")
    y = (x * tg.exp(x)).named("y")
    found = graph(y).path("x", "y")
    np.testing.assert_allclose(sum(p.product for p in found), np.diag(np.exp(x.data) * (1 + x.data)))
    inner = graph((y * y).sum().named("C")).path("x", "y")
    np.testing.assert_allclose(inner[0].product, found[0].product)
    assert (y * y).sum().named("C").shape == ()


def test_of_a_value_for_itself_there_is_one_path():
    x = scalar(2, "x")
    g = graph(tg.exp(x))
    (path,) = g.path(g.root)
    assert (path.edges, path.product, path.formula, path.latex) == ((), 1, "1", "1")


def test_only_ways_that_carry_a_gradient():
    x, c = scalar(2, "x"), tg.tensor(3.0, name="c")
    g = graph((x * c).named("C"))
    assert g.path("c") == ()
    assert g.path("C", "x") == ()
    assert len(graph(tg.where(x > 1.0, x, 2.0 * x).named("y")).path("x")) == 2


def test_backward_does_not_matter():
    x = scalar(2, "x")
    C = (tg.exp(x) * x).named("C")
    g = graph(C)
    C.backward()
    assert_complete(g, "x", 2)


def test_without_the_values_there_is_no_product():
    x, w = scalar(2, "x"), scalar(3, "w")
    h = tg.exp(x).named("h")
    g = graph((h * w).named("C"))
    assert [p.product for p in Graph.from_json(g.to_json()).path("x")] == [None]
    assert [p.product for p in g.descendants("x").path("x")] == [None]  # w is not in this part
    (path,) = g.view("named").path("x")  # its edges stand for several ops
    assert (path.product, path.formula) == (None, "∂C/∂h·∂h/∂x")


def test_too_many_paths_are_refused_at_once():
    y = scalar(1, "x")
    for _ in range(200):
        y = tg.sin(y) + y
    g = graph(y.named("C"))
    with pytest.raises(ArgumentError, match="more than 1000 from x to C"):
        g.path("x")
    near = g.nodes[-5]
    assert len(g.path(near, limit=4)) == 4
    with pytest.raises(ArgumentError, match="more than 3 from"):
        g.path(near, limit=3)


def test_a_path_of_ten_thousand_edges():
    y = scalar(1, "x")
    for _ in range(10_000):
        y = -y
    (path,) = graph(y.named("C"), gradients=False).path("x")
    assert (len(path.edges), path.product) == (10_000, 1)


OPS = (
    lambda a, b: a + b,
    lambda a, b: a * b,
    lambda a, b: a - b * 0.5,
    lambda a, b: tg.sin(a),
    lambda a, b: a * a,
    lambda a, b: tg.tanh(a + b).sum() * b,
    lambda a, b: tg.maximum(a, b),
)


@given(
    st.lists(st.tuples(st.sampled_from(OPS), st.integers(1, 4), st.integers(1, 4)), min_size=1, max_size=7),
    st.sampled_from([(), (3,), (2, 1)]),
)
def test_random_programs(program, shape):
    rng = np.random.default_rng(1)
    values = [tg.tensor(rng.normal(size=s), requires_grad=True, name=n) for n, s in (("u", shape), ("v", shape[-1:]))]
    for op, i, j in program:
        values.append(op(values[-min(i, len(values))], values[-min(j, len(values))]))
    g = graph(values[-1].sum().named("C"))
    for leaf in "uv":
        if leaf in [n.name for n in g.nodes]:
            assert_complete_or_too_many(g, leaf)


def assert_complete_or_too_many(g, leaf):
    try:
        assert_complete(g, leaf)
    except ArgumentError:
        pytest.skip("more than a thousand paths")
