"""tg.checkpoint: the same numbers from a graph that keeps less."""

import gc
import weakref

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp.engine import Node
from tinygrad_bp.errors import GraphFreedError
from tinygrad_bp.modes import tracing
from tinygrad_bp.testing import check_gradients
from tinygrad_bp.transforms import checkpoint

x, W = np.array([0.5, -1.0, 2.0]), np.arange(6.0).reshape(2, 3) / 5


def block(W, x):
    h = tg.tanh(W @ x)
    return (h * tg.exp(h)).sum() + h[0] * 2.0


def counted(f):
    def counting(*args):
        counting.calls += 1
        return f(*args)

    counting.calls = 0
    return counting


def test_value_and_derivatives_of_two_orders():
    check_gradients(checkpoint(block), W, x)


def test_every_way_to_differentiate_agrees():
    f = checkpoint(block)
    for transform in (
        lambda f: tg.grad(f, argnums=(0, 1))(W, x),
        lambda f: tg.jvp(f, (W, x), (W, x)),
        lambda f: tg.jacobian(f, argnums=(0, 1), mode="forward")(W, x),
        lambda f: tg.hessian(f, argnums=1)(W, x),
        lambda f: tg.jacobian(tg.jacobian(f, argnums=1, mode="forward"), argnums=1, mode="reverse")(W, x),
        lambda f: tg.jacobian(tg.hessian(f, argnums=1), argnums=1)(W, x),
    ):
        for got, expected in zip(transform(f), transform(block), strict=True):
            np.testing.assert_allclose(got, expected, rtol=1e-12)


def test_one_recomputation_serves_all_inputs():
    square = counted(lambda x: x * x)
    computed = []

    class Watched:
        __name__ = "watched"

        def __call__(self, a, b, c):
            return square(a * b) * c

    a, b, c = [tg.tensor(v, requires_grad=True) for v in (2.0, 3.0, 5.0)]
    y = checkpoint(Watched())(a, b, c)
    replay = y.op.forward
    segment = replay.__self__
    original = type(segment).replay
    try:
        type(segment).replay = lambda self, *xs: computed.append(xs) or original(self, *xs)
        y.backward()
    finally:
        type(segment).replay = original
    assert (a.grad, b.grad, c.grad) == (2 * 2 * 9 * 5, 2 * 3 * 4 * 5, 36)
    assert (square.calls, len(computed)) == (1, 1)
    assert y.op.name == "watched"


def test_what_lies_between_is_not_kept():
    between = []

    def f(x):
        h = tg.exp(x)
        between.append(weakref.ref(h))
        return h * h

    t = tg.tensor(x, requires_grad=True)
    y = checkpoint(f)(t)
    gc.collect()
    assert between[0]() is None
    assert [p for p in y.parents if isinstance(p, Node)] == [t]
    plain = f(t)
    assert between[1]() is not None
    np.testing.assert_array_equal(y.data, plain.data)


def test_tensors_from_around_get_their_gradient_too():
    layer = tg.nn.Linear(3, 2, seed=0)
    checkpoint(layer)(x[None]).sum().backward()
    got = [p.grad for p in layer.parameters()]
    for p in layer.parameters():
        p.zero_grad()
    layer(x[None]).sum().backward()
    for p, g in zip(layer.parameters(), got, strict=True):
        np.testing.assert_array_equal(p.grad, g)


def test_containers_in_and_out_and_results_that_share():
    def f(p, scale=1.0):
        h = tg.exp(p["a"]) * scale
        return {"h": h, "double": h + h, "again": h, "argument": p["a"], "number": 3}

    def run(f):
        a = tg.tensor(x, requires_grad=True)
        out = f({"a": a}, scale=2.0)
        assert out["number"] == 3
        assert out["argument"] is a
        assert out["again"] is out["h"]
        (out["h"] * out["double"]).sum().backward()
        return a.grad

    np.testing.assert_allclose(run(checkpoint(f)), run(f), rtol=1e-15)


def test_checkpoints_nest():
    inner = checkpoint(lambda x: tg.tanh(x) * x)
    f = checkpoint(lambda x: inner(inner(x)).sum())
    g = lambda x: (lambda h: tg.tanh(h) * h)(tg.tanh(x) * x).sum()  # noqa: E731
    np.testing.assert_allclose(tg.grad(f)(x), tg.grad(g)(x), rtol=1e-14)
    np.testing.assert_allclose(tg.hessian(f)(x), tg.hessian(g)(x), rtol=1e-12, atol=1e-14)


def test_random_numbers_and_branches_stay_what_they_were():
    random = np.random.default_rng(0)
    drawn = []

    def f(x):
        drawn.append(random.random(3))
        return (x * drawn[-1]).sum() if len(drawn) == 1 else x.sum()

    t = tg.tensor(x, requires_grad=True)
    checkpoint(f)(t).backward()
    np.testing.assert_array_equal(t.grad, drawn[0])


def test_retained_and_released_graphs():
    t = tg.tensor(2.0, requires_grad=True)
    y = checkpoint(lambda x: x * x * x)(t)
    y.backward(retain_graph=True)
    y.backward()
    assert t.grad == 24
    with pytest.raises(GraphFreedError):
        y.backward()


def test_without_gradients_there_is_nothing_to_keep():
    f = checkpoint(lambda x: x * x)
    assert f(3.0) == 9
    with tg.no_grad():
        assert f(tg.tensor(3.0, requires_grad=True)).is_leaf
    assert (checkpoint(lambda x: x > 0)(tg.tensor(x, requires_grad=True))).data.tolist() == [True, False, True]


def test_a_float32_segment_stays_float32():
    t = tg.tensor(x, dtype=np.float32, requires_grad=True)
    checkpoint(lambda x: (tg.exp(x) * 2.0).sum())(t).backward()
    assert t.grad.dtype == np.float32


def test_tracing_sees_inside():
    with tracing():
        y = checkpoint(lambda x: x * x)(tg.tensor(3.0))
    assert y.op.name == "multiply"


def test_in_a_graph_it_is_one_node_with_its_name():
    t = tg.tensor(x, requires_grad=True, name="x")
    h = checkpoint(lambda x: tg.tanh(x) * x)(t).named("h")
    assert h.local_derivatives[0].formula == "∂h/∂x"
    np.testing.assert_allclose(h.local_derivatives[0].vjp(np.ones(3)), tg.grad(lambda x: (tg.tanh(x) * x).sum())(x))
    graph = tg.graph(h.sum(), gradients=True)
    assert [node.op for node in graph.nodes] == [None, "checkpoint", "sum"]


def test_a_gradient_function_is_traced_through_it():
    f = checkpoint(lambda x: tg.tanh(x) * x)
    fast = tg.compile(tg.grad(lambda x, y: (f(x) * y).sum(), argnums=(0, 1)), backend="numpy")
    fast(x, x)
    expected = tg.grad(lambda x, y: (tg.tanh(x) * x * y).sum(), argnums=(0, 1))(2 * x, x)
    for got, wanted in zip(fast(2 * x, x), expected, strict=True):
        np.testing.assert_allclose(got, wanted)
