"""tg.scan: a loop as one op, equal to the loop of Python's that it stands for, with derivatives of every order."""

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import assume, given, settings, strategies as st

import tinygrad_bp as tg
from tinygrad_bp.engine import history
from tinygrad_bp.errors import ArgumentError, DTypeError, NoGradientError, ShapeError, TracingError
from tinygrad_bp.testing import check_gradients

rng = np.random.default_rng(0)
W, xs, h0 = rng.normal(size=(3, 3)) / 2, rng.normal(size=(4, 2, 3)), rng.normal(size=(2, 3))


def python_loop(f, carry, xs, length=None):
    """What scan stands for, on arrays and lists of arrays."""
    leaves, rebuild = tg.transforms.inputs.flatten(xs)
    ys = []
    for t in range(len(leaves[0]) if length is None else length):
        carry, y = f(carry, rebuild(iter([leaf if leaf is None else leaf[t] for leaf in leaves])))
        ys.append(y)
    parts = [tg.transforms.inputs.flatten(y)[0] for y in ys]
    again = tg.transforms.inputs.flatten(ys[0])[1]
    return carry, again(iter([None if column[0] is None else tg.stack(column) for column in zip(*parts, strict=True)]))


def cost(loop):
    """A small recurrent network that uses W by closure, and its carry and its ys afterwards."""

    def f(W, h0, xs):
        def cell(h, x):
            h = tg.tanh(h @ W + x)
            return h, (h * x, {"sum": h.sum()})

        h, (ys, rest) = loop(cell, h0, xs)
        return (h * h).sum() + (ys**3).sum() + (rest["sum"] ** 2).sum()

    return f


def assert_equal(got, expected, rtol=1e-10):
    for a, b in zip(tg.transforms.inputs.flatten(got)[0], tg.transforms.inputs.flatten(expected)[0], strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-12)
        assert np.asarray(a).dtype == np.asarray(b).dtype


# --- values -----------------------------------------------------------------------------------------------------------


def test_arrays_give_arrays():
    total, products = tg.scan(lambda total, x: (total + x, total * x), 0.0, np.array([1.0, 2.0, 3.0]))
    assert isinstance(products, np.ndarray)
    assert total == 6.0
    np.testing.assert_array_equal(products, [0.0, 2.0, 9.0])


class State(NamedTuple):
    position: object
    count: object


def test_nested_containers_and_none():
    def step(state, x):
        new = State(state.position + x["v"] * x["dt"], state.count + 1)
        return new, {"at": new.position, "nothing": None, "odd": [new.count % 2 == 1]}

    series = {"v": np.arange(6.0).reshape(3, 2), "dt": np.array([0.5, 1.0, 2.0]), "unused": None}
    state, ys = tg.scan(step, State(np.zeros(2), 0), series)
    assert isinstance(state, State)
    assert state.count == 3
    assert ys["nothing"] is None
    np.testing.assert_array_equal(ys["at"], [[0.0, 0.5], [2.0, 3.5], [10.0, 13.5]])
    np.testing.assert_array_equal(ys["odd"][0], [True, False, True])


@pytest.mark.parametrize("carry", [None, (), {"a": None}])
def test_without_a_carry_it_is_a_map(carry):
    same, ys = tg.scan(lambda c, x: (c, x * x), carry, np.arange(3.0))
    assert same == carry
    np.testing.assert_array_equal(ys, [0.0, 1.0, 4.0])


def test_a_length_instead_of_xs():
    halved, ys = tg.scan(lambda c, x: (c / 2.0, c), 8.0, None, length=3)
    assert halved == 1.0
    np.testing.assert_array_equal(ys, [8.0, 4.0, 2.0])


def test_nothing_at_all_to_compute():
    assert tg.scan(lambda c, x: (c, None), None, None, length=5) == (None, None)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
def test_no_steps_leave_the_carry_and_shape_the_ys(dtype):
    h = h0.astype(dtype)
    carry, (ys, numbers) = tg.scan(
        lambda h, x: (tg.sin(h) + x, (h.reshape(3, 2), h.size)), h, np.zeros((0, 2, 3), dtype)
    )
    np.testing.assert_array_equal(carry, h)
    assert carry is not h
    assert (ys.shape, ys.dtype, numbers.shape) == ((0, 3, 2), dtype, (0,))


def test_no_steps_have_derivatives():
    empty = np.zeros((0, 2, 3))
    dW, dh, dxs = tg.grad(cost(tg.scan), (0, 1, 2))(W, h0, empty)
    np.testing.assert_array_equal(dW, np.zeros((3, 3)))
    np.testing.assert_array_equal(dh, 2 * h0)
    assert dxs.shape == empty.shape


def test_results_share_no_memory():
    x = np.arange(6.0).reshape(3, 2)
    start = np.zeros(2)
    (last, other), ys = tg.scan(lambda c, x: ((x, x), x), (start, start), x)
    last[:] = 7.0
    ys[:] = 8.0
    np.testing.assert_array_equal(other, [4.0, 5.0])
    np.testing.assert_array_equal(x, np.arange(6.0).reshape(3, 2))


def test_carries_may_change_places():
    (a, b), ys = tg.scan(lambda c, x: ((c[1], c[0] + c[1]), c[0]), (0, 1), None, length=8)
    assert (a, b) == (21, 34)
    np.testing.assert_array_equal(ys, [0, 1, 1, 2, 3, 5, 8, 13])


def test_arrays_used_by_closure():
    table, index = rng.normal(size=(5, 3)), np.array([2, 0])
    f = lambda c, x: (c + (table[index] * x).sum(), c + table.sum())  # noqa: E731
    assert_equal(tg.scan(f, 0.0, np.arange(3.0)), python_loop(f, 0.0, np.arange(3.0)))


# --- derivatives ------------------------------------------------------------------------------------------------------


def test_two_orders_in_both_modes():
    check_gradients(cost(tg.scan), W, h0, xs, order=2)


@pytest.mark.parametrize(
    "transform",
    [
        lambda f: tg.value_and_grad(f, argnums=(0, 1, 2))(W, h0, xs),
        lambda f: tg.jvp(f, (W, h0, xs), (W, h0, xs)),
        lambda f: tg.jacobian(f, argnums=(0, 2), mode="forward")(W, h0, xs),
        lambda f: tg.hessian(f, argnums=0)(W, h0, xs),
        lambda f: tg.jacobian(tg.grad(f, 1), 1, mode="reverse")(W, h0, xs),
        lambda f: tg.hvp(f, (W, h0, xs), (W, h0, xs)),
        lambda f: tg.grad(tg.checkpoint(f))(W, h0, xs),
        lambda f: tg.grad(lambda h: (tg.hessian(f, 1)(W, h, xs) ** 2).sum())(h0),
        lambda f: tg.jacobian(tg.jacobian(f, 1, mode="forward"), 1, mode="reverse")(W, h0, xs),
    ],
)
def test_every_way_to_differentiate_agrees(transform):
    assert_equal(transform(cost(tg.scan)), transform(cost(python_loop)), rtol=1e-9)


def test_tensors_by_closure_get_gradients():
    grads = []
    for loop in (tg.scan, python_loop):
        w, b = tg.tensor(W, requires_grad=True), tg.tensor(h0[0], requires_grad=True)
        scale = tg.tensor(2.0, requires_grad=True)

        def cell(h, x, w=w, b=b, scale=scale):
            return tg.tanh(h @ w.T * scale + b + x), (h @ w).sum()

        h, ys = loop(cell, np.zeros((2, 3)), xs)
        (h.sum() + (ys * ys).sum()).backward()
        grads.append([w.grad, b.grad, scale.grad])
    assert_equal(*grads)


def test_parts_without_derivatives():
    def f(loop):
        def run(w):
            def step(carry, x):
                h, n = carry
                return (h * w + x["v"], n + x["k"]), (n, h > 0.0)

            (h, n), _ = loop(step, (tg.asarray(1.0), 0), {"v": np.arange(3.0), "k": np.arange(3)})
            assert n == 3
            return h * 2.0

        return run

    assert_equal(tg.value_and_grad(f(tg.scan))(1.5), tg.value_and_grad(f(python_loop))(1.5))


def test_detached_and_unused():
    def f(loop):
        def run(w, unused):
            step = lambda h, x: ((h * w).detach() + w * x, h.detach() * x)  # noqa: E731
            h, ys = loop(step, tg.asarray(1.0), np.arange(4.0))
            return h + (ys * w).sum()

        return run

    got, expected = tg.grad(f(tg.scan), (0, 1))(1.5, 2.0), tg.grad(f(python_loop), (0, 1))(1.5, 2.0)
    assert_equal(got, expected)


def test_a_zero_cotangent_wins():
    f = lambda loop: lambda x: loop(lambda c, x: (tg.where(x > 0, c + tg.sqrt(x), c), None), 0.0, x)[0]  # noqa: E731
    x = np.array([0.0, 4.0, 0.0])
    np.testing.assert_array_equal(tg.grad(f(tg.scan))(x), [0.0, 0.25, 0.0])


def test_a_gradient_inside_of_a_step():
    def f(loop):
        def run(w, xs):
            descend = lambda w, x: w - 0.1 * tg.grad(lambda w: ((w * x) ** 4).sum())(w)  # noqa: E731
            return (loop(lambda w, x: (descend(w, x), (w * w).sum()), w, xs)[0] ** 2).sum()

        return run

    x = rng.normal(size=(3, 2))
    assert_equal(tg.grad(f(tg.scan), (0, 1))(np.ones(2), x), tg.grad(f(python_loop), (0, 1))(np.ones(2), x))


def test_loops_in_loops():
    def f(loop):
        def run(w, xs):
            def outer(h, x):
                h, ys = loop(lambda h, v: (tg.tanh(h * w + v), h * v), h, x)
                return h, (ys * ys).sum()

            h, ys = loop(outer, np.zeros(2), xs)
            return (h * h).sum() + ys.sum()

        return run

    w, x = np.array([0.3, -0.7]), rng.normal(size=(3, 4, 2))
    for transform in (
        lambda f: tg.value_and_grad(f, (0, 1))(w, x),
        lambda f: tg.hessian(f)(w, x),
        lambda f: tg.compile(tg.grad(f), backend="numpy")(w, x),
    ):
        assert_equal(transform(f(tg.scan)), transform(f(python_loop)), rtol=1e-9)


def test_a_step_that_looks_at_numbers():
    f = lambda loop: lambda x: loop(lambda c, x: (c + tg.linalg.norm(x) * tg.max(x), c), 0.0, x)[0]  # noqa: E731
    x = rng.normal(size=(4, 3))
    assert_equal(tg.value_and_grad(f(tg.scan))(x), tg.value_and_grad(f(python_loop))(x))


def test_anomalies_are_found():
    with tg.detect_anomaly(), pytest.raises(tg.errors.AnomalyError, match="scan"):
        tg.scan(lambda c, x: (c, tg.log(x)), None, tg.tensor([1.0, -1.0], requires_grad=True))


_unary = st.sampled_from([tg.tanh, tg.sigmoid, tg.sin, lambda x: x * x, lambda x: 2.0 - x])


@st.composite
def cells(draw):
    """A random step on two carries and two xs, one of them a number."""
    unary = draw(st.lists(_unary, min_size=3, max_size=3))
    swap, product, depth = draw(st.booleans()), draw(st.booleans()), draw(st.integers(1, 3))

    def cell_of(w):
        def cell(carry, x):
            a, b = carry["a"], carry["b"]
            v, k = x
            for i in range(depth):
                a = unary[i % 3](a @ w + b) * 0.5 if product else unary[i % 3](a * w[0] + v) * 0.5
            b = unary[1](b)[:2] * 0.3 + a[:2] * k
            b = tg.concatenate([b, v[-1:]])
            return ({"a": b, "b": a} if swap else {"a": a, "b": b}), [a.sum(), (b * v, v[0])]

        return cell

    return cell_of


@settings(max_examples=25, deadline=None)
@given(cells(), st.integers(1, 4), st.integers(0, 2**16))
def test_random_cells_equal_the_loop(cell_of, length, seed):
    draw = np.random.default_rng(seed)
    w, v, k = draw.normal(size=(3, 3)), draw.normal(size=(length, 3)), draw.normal(size=length)
    carry = {"a": draw.normal(size=3), "b": draw.normal(size=3)}

    def f(loop):
        def run(w, carry, v, k):
            last, (sums, (ys, zs)) = loop(cell_of(w), carry, (v, k))
            return (last["a"] * last["a"]).sum() + tg.sin(last["b"]).sum() + (sums * zs).sum() + (ys * ys).sum()

        return run

    with np.errstate(all="ignore"):
        assume(abs(f(python_loop)(w, carry, v, k)) < 1e6)  # squares of squares grow beyond what can be compared
    got, expected = [tg.value_and_grad(f(loop), (0, 1, 2, 3))(w, carry, v, k) for loop in (tg.scan, python_loop)]
    assert_equal(got, expected, rtol=1e-8)
    got, expected = [tg.hvp(lambda w, v: f(loop)(w, carry, v, k), (w, v), (w, v)) for loop in (tg.scan, python_loop)]  # noqa: B023
    assert_equal(got, expected, rtol=1e-7)


# --- one node ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [1, 50])
def test_one_node_whatever_the_length(length):
    w = tg.tensor(W, requires_grad=True, name="W")
    calls = []

    def cell(h, x):
        calls.append(1)
        return tg.tanh(h @ w + x), h

    _, ys = tg.scan(cell, np.zeros((2, 3)), np.ones((length, 2, 3)))
    C = (ys * ys).sum()
    assert len(calls) == 1
    assert sum(node.op is not None and not node.op.traits.part for node in history([ys])) == 1
    graph = tg.graph(C)
    (drawn,) = [node for node in graph.nodes if node.op == f"scan ×{length}"]
    assert (drawn.shape, drawn.formula) == ((length, 2, 3), "cell(W, k1, k2)")
    (edge,) = [edge for edge in graph.edges if edge.source == graph["W"].id]
    np.testing.assert_allclose(edge.contribution_data, graph["W"].gradient_data)
    assert f"scan ×{length}" in tg.draw(C).svg
    with pytest.raises(ArgumentError, match="derive: the rule of scan"):
        tg.derive(C, w)


def test_two_results_are_two_nodes_with_their_own_shares():
    w = tg.tensor(0.5, requires_grad=True, name="w")
    h, ys = tg.scan(lambda h, x: (h * w + x, h * h), 1.0, np.arange(3.0))
    graph = tg.graph((h * h + ys.sum()).named("C"))
    shares = [edge.contribution_data for edge in graph.edges if edge.source == graph["w"].id]
    assert len(shares) == 2
    np.testing.assert_allclose(sum(shares), graph["w"].gradient_data)
    assert len([node for node in graph.nodes if node.kind == "constant"]) == 2


def test_a_graph_released():
    w = tg.tensor(2.0, requires_grad=True)
    h, _ = tg.scan(lambda h, x: (h * w + x, None), 1.0, np.ones(3))
    h.backward()
    with pytest.raises(tg.errors.GraphFreedError):
        h.backward()


# --- mistakes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "match", "call"),
    [
        (ShapeError, r"carry\['h'\] begins as float64 \(2,\), and f makes it float64 \(2, 2\)",
         lambda: tg.scan(lambda c, x: ({"h": c["h"] * np.ones((2, 1))}, None), {"h": np.ones(2)}, np.ones(3))),
        (DTypeError, r"carry begins as int64 \(\), and f makes it float64 \(\)",
         lambda: tg.scan(lambda c, x: (c + x, None), 0, np.ones(3))),
        (ShapeError, r"xs\[0\] 3, xs\[1\]\['k'\] 4",
         lambda: tg.scan(lambda c, x: (c, None), 0.0, (np.ones(3), {"k": np.ones(4)}))),
        (ShapeError, "xs 3, length 4", lambda: tg.scan(lambda c, x: (c, None), 0.0, np.ones(3), length=4)),
        (ShapeError, "xs is a number", lambda: tg.scan(lambda c, x: (c, None), 0.0, 3.0)),
        (ArgumentError, "Pass length=", lambda: tg.scan(lambda c, x: (c, None), 0.0)),
        (ArgumentError, "the length is 0 or more; got -1", lambda: tg.scan(lambda c, x: (c, c), 0.0, length=-1)),
        (ArgumentError, r"f returns a pair \(carry, y\); it returned a Tensor",
         lambda: tg.scan(lambda c, x: c + x, 0.0, np.ones(3))),
        (ArgumentError, "the carry that f returns", lambda: tg.scan(lambda c, x: ([c], None), {"a": 0.0}, np.ones(3))),
        (DTypeError, "scan: y holds numbers", lambda: tg.scan(lambda c, x: (c, "text"), 0.0, np.ones(3))),
        (TracingError, "called once for all steps.*branch",
         lambda: tg.scan(lambda c, x: (c + x if c > 0 else c, None), 0.0, np.ones(3))),
        (TracingError, "under no_grad", lambda: tg.scan(lambda c, x: (tg.no_grad()(lambda: c + x)(), None), 0.0,
                                                        np.ones(3))),
    ],
)  # fmt: skip
def test_mistakes_are_explained(error, match, call):
    with pytest.raises(error, match=match):
        call()


def test_dropout_in_a_step_is_refused():
    layer = tg.nn.Dropout(0.5, seed=0)
    with pytest.raises(TracingError, match=r"scan: f is called once.*dropout would draw the same at every step"):
        tg.scan(lambda c, x: (layer(c) + x, None), np.ones(3), np.ones((4, 3)))


def test_generators_in_a_step_are_refused():
    draw = np.random.default_rng(0)
    with pytest.raises(TracingError, match="random"):
        tg.scan(lambda c, x: (c + draw.normal(), None), 0.0, np.ones(3))


def test_nothing_recorded_needs_no_gradient():
    with tg.no_grad():
        h, _ = tg.scan(lambda h, x: (h * x, None), tg.tensor(1.0, requires_grad=True), np.ones(3))
    with pytest.raises(NoGradientError):
        h.backward()


def test_memory_is_used_again_only_if_nobody_has_it():
    step, x = lambda h, x: (h + x, h), np.ones((9, 100, 100))
    first = tg.scan(step, np.zeros((100, 100)), x)[1]
    expected, view = first.copy(), first[3]
    for start in (1.0, 2.0, 3.0):
        tg.scan(step, np.full((100, 100), start), x)
    np.testing.assert_array_equal(first, expected)
    del first
    for start in (4.0, 5.0, 6.0):
        tg.scan(step, np.full((100, 100), start), x)
    np.testing.assert_array_equal(view, expected[3])
