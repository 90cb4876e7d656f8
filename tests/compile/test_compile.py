"""Compiled functions: called like the function, with the same results, for every kind of call."""

import sys
import threading
import warnings
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import tinygrad_bp as tg
from tinygrad_bp.errors import ArgumentError, TracingError
from tinygrad_bp.trees import flatten

rng = np.random.default_rng(0)


def on_numpy(f):
    return tg.compile(f, backend="numpy")


def loss(parameters, x, y):
    a = x
    for W, b in parameters["hidden"]:
        a = tg.tanh(a @ W + b)
    W, b = parameters["last"]
    return tg.mse(a @ W + b, y)


def network(widths, m, seed=0):
    random = np.random.default_rng(seed)
    layers = [(random.normal(size=(n, k)) / np.sqrt(n), random.normal(size=k)) for n, k in pairwise(widths)]
    x, y = random.normal(size=(m, widths[0])), random.normal(size=(m, widths[-1]))
    return {"hidden": layers[:-1], "last": layers[-1]}, x, y


def leaves(tree):
    return flatten(tree)[0]


@given(st.lists(st.integers(1, 6), min_size=2, max_size=5), st.integers(1, 8), st.integers(0, 99))
@settings(max_examples=40)
def test_value_and_gradient_of_random_networks(widths, m, seed):
    f = tg.value_and_grad(loss)
    fast = on_numpy(f)
    for s in (seed, seed + 1):
        args = network(widths, m, s)
        for got, want in zip(leaves(fast(*args)), leaves(f(*args)), strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-14)


def test_a_whole_training_step():
    def moved(parameters, gradients, rate):
        return [(W - rate * dW, b - rate * db) for (W, b), (dW, db) in zip(parameters, gradients, strict=True)]

    def step(parameters, x, y, rate):
        cost, gradients = tg.value_and_grad(loss)(parameters, x, y)
        hidden = moved(parameters["hidden"], gradients["hidden"], rate)
        return cost, {"hidden": hidden, "last": moved([parameters["last"]], [gradients["last"]], rate)[0]}

    parameters, x, y = network([3, 5, 4, 2], 6)
    fast, costs, slow = on_numpy(step), [], parameters
    for rate in (0.1, 0.1, 0.05, 0.2):
        cost, parameters = fast(parameters, x, y, rate)
        expected, slow = step(slow, x, y, rate)
        costs.append(cost)
        assert cost == pytest.approx(expected, rel=1e-12)
        for got, want in zip(leaves(parameters), leaves(slow), strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-12)
    assert costs[-1] < costs[0]
    assert "rate" in fast.source
    assert isinstance(parameters["hidden"], list)
    assert isinstance(parameters["last"], tuple)


@pytest.mark.parametrize(
    "transform",
    [
        lambda f: tg.grad(f),
        lambda f: tg.value_and_grad(f),
        lambda f: tg.hessian(f),
        lambda f: lambda x: tg.jvp(f, (x,), (x + 1.0,)),
        lambda f: lambda x: tg.hvp(f, (x,), (x + 1.0,)),
        lambda f: tg.jacobian(lambda x: tg.sin(x) * f(x)),
        lambda f: lambda x: tg.vjp(lambda x: x * f(x), x)[1](x),
        lambda f: tg.grad(lambda x: tg.sum(tg.grad(f)(x) ** 2)),
        lambda f: tg.grad(tg.checkpoint(f)),
    ],
)
def test_transforms_compile(transform):
    f = transform(lambda x: tg.sum(tg.sigmoid(x) * tg.exp(-x * x)) + tg.max(x))
    fast = on_numpy(f)
    for x in (np.array([0.3, -1.2, 2.0]), np.array([1.5, 0.1, -0.4])):
        for got, want in zip(leaves(fast(x)), leaves(f(x)), strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-15)


class Point(NamedTuple):
    x: object
    y: object


@dataclass
class Settings:
    scale: object
    power: int
    name: str = "p"


@pytest.mark.parametrize(
    "transform",
    [
        lambda f, x: tg.grad(lambda x: tg.sum(f(x)))(x),
        lambda f, x: tg.jvp(f, (x,), (np.ones_like(x),)),
        lambda f, x: tg.jvp(lambda x: tg.jvp(f, (x,), (np.ones_like(x),))[1], (x,), (np.ones_like(x),))[1],
        lambda f, x: tg.vjp(f, x)[1](np.ones_like(x)),
        lambda f, x: tg.hessian(lambda x: tg.sum(f(x)))(x),
    ],
    ids=["grad", "jvp", "jvp of jvp", "vjp", "hessian"],
)
def test_transforms_for_arrays_that_are_no_arguments_compile(transform):
    """The argument is a weight; what is differentiated for, the places, is a constant of the function."""
    places = np.linspace(0.5, 2.0, 3)

    def derivative(w):
        return transform(lambda x: tg.sin(w * x) * x, places)

    fast = tg.compile(derivative, backend="numpy")
    for w in (np.array(2.0), np.array(3.0)):
        for got, want in zip(flatten(fast(w))[0], flatten(derivative(w))[0], strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12)


def test_containers_go_in_and_come_out():
    def f(point, settings, rest):
        return (
            Point(point.x * settings.scale, {"sum": tg.sum(point.y), "name": settings.name}),
            [r**settings.power for r in rest],
            None,
        )

    fast = on_numpy(f)
    for scale in (2.0, 3.0):
        args = Point(np.ones(2), np.arange(3.0)), Settings(scale, 2), (np.array([1.0, 2.0]), 3.0)
        got, powers, nothing = fast(*args)
        assert type(got) is Point
        np.testing.assert_array_equal(got.x, [scale, scale])
        assert (got.y["sum"], got.y["name"], nothing) == (3.0, "p", None)
        np.testing.assert_array_equal(powers[0], [1.0, 4.0])
        assert powers[1] == 9.0


def test_one_trace_for_each_kind_of_call():
    traces = []

    def f(x, n, *, shift=0.0):
        traces.append((x.shape, n))
        return x**n + shift

    fast = on_numpy(f)
    x = np.array([1.0, 2.0])
    for _ in range(3):
        np.testing.assert_array_equal(fast(x, 2), [1.0, 4.0])
    np.testing.assert_array_equal(fast(x, 3), [1.0, 8.0])
    np.testing.assert_array_equal(fast(x[:1], 2), [1.0])
    np.testing.assert_array_equal(fast(x, 2, shift=0.5), [1.5, 4.5])
    np.testing.assert_array_equal(fast(x, 2, shift=1.5), [2.5, 5.5])
    np.testing.assert_array_equal(fast(x.astype(np.float32), 2), [1.0, 4.0])
    np.testing.assert_array_equal(fast(x, 2), [1.0, 4.0])
    assert fast(x, True).dtype == float
    assert traces == [((2,), 2), ((2,), 3), ((1,), 2), ((2,), 2), ((2,), 2), ((2,), True)]


def test_the_cache_is_bounded(monkeypatch):
    monkeypatch.setattr(sys.modules["tinygrad_bp.compile.compiled"], "SPECIALIZATIONS", 2)
    traces = []
    fast = on_numpy(lambda x, n: traces.append(n) or x * n)
    for n in (1, 2, 3, 2, 1):
        fast(np.ones(2), n)
    assert traces == [1, 2, 3, 1]


def test_float32_stays_float32():
    f = tg.value_and_grad(lambda w, x, rate: tg.mean(tg.sigmoid(w * x)) * rate)
    w, x = np.ones(3, np.float32), np.arange(3, dtype=np.float32)
    fast = on_numpy(f)
    for _ in range(2):
        cost, gradient = fast(w, x, 0.1)
        assert (cost.dtype, gradient.dtype) == (np.float32, np.float32)
    assert fast(w, x, np.float64(0.1))[0].dtype == np.float64


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x if tg.sum(x) > 0 else -x,
        lambda x: x * float(tg.sum(x)),
        lambda x: x[: int(tg.sum(x))],
        lambda x: np.asarray(tg.exp(x)),
        lambda x: x * tg.sum(x).item(),
        lambda x: x + len(x.tolist()),
        lambda x: x * x.data,
        lambda x: x[x.numpy() > 0],
        lambda x: sum(x[i] for i in range(tg.argmax(x))),
        lambda x: np.nonzero(x),
        lambda x: np.allclose(x, 1) and x,
        lambda x: x[x > 0],
    ],
)
def test_code_that_looks_at_numbers_is_refused_with_its_line(f):
    with pytest.raises((TracingError, tg.errors.TinygradError), match=r"test_compile\.py|shape"):
        on_numpy(f)(np.array([1.0, 2.0]))


def test_tensors_go_to_the_function_itself():
    fast = on_numpy(lambda w, x: tg.sum(tg.tanh(w * x)))
    x = np.array([0.5, 1.0])
    w = tg.tensor([1.0, 2.0], requires_grad=True)
    fast(w, x).backward()
    np.testing.assert_allclose(w.grad, tg.grad(lambda w: tg.sum(tg.tanh(w * x)))(w.data))
    np.testing.assert_allclose(tg.grad(fast)(w.data, x), w.grad)


def test_tensors_that_are_used_without_being_given_are_read_at_every_call():
    w = tg.tensor([1.0, 2.0], requires_grad=True, name="w")
    optimizer = tg.nn.SGD([w], lr=0.5)
    fast = on_numpy(lambda x: w * x)
    x = np.array([1.0, 1.0])
    np.testing.assert_array_equal(fast(x), [1.0, 2.0])
    w.grad = np.ones(2)
    optimizer.step()
    np.testing.assert_array_equal(fast(x), [0.5, 1.5])
    assert "(x, w)" in fast.source


def test_generators_are_inputs():
    def f(x, generator):
        return tg.dropout(x, 0.5, generator) + generator.normal(size=3)

    fast, x = on_numpy(f), np.ones(3)
    ours, theirs = np.random.default_rng(3), np.random.default_rng(3)
    for _ in range(4):
        np.testing.assert_array_equal(fast(x, ours), f(x, theirs))


def test_a_generator_comes_back_as_itself():
    fast = on_numpy(lambda g, x: {"generator": g, "x": x + g.normal(size=2)})
    for seed in (1, 1, 2):
        generator, other = np.random.default_rng(seed), np.random.default_rng(seed)
        for _ in range(2):
            result = fast(generator, 1.0)
            assert result["generator"] is generator
            np.testing.assert_array_equal(result["x"], 1.0 + other.normal(size=2))
    assert "raise" not in fast.source


def test_every_way_to_draw_is_drawn_anew():
    def f(g):
        drawn = g.dirichlet([1, 2]), g.f(2, 3, 2), g.hypergeometric(9, 9, 5, 2), g.logseries(0.5, 2), g.pareto(2.0, 2)
        drawn += g.multivariate_hypergeometric([3, 4], 2), g.negative_binomial(3, 0.5, 2), g.power(2.0, 2), g.zipf(2, 2)
        drawn += g.noncentral_chisquare(2, 3, 2), g.noncentral_f(2, 3, 1, 2), g.standard_cauchy(2), g.wald(1, 1, 2)
        return [tg.asarray(x) * 1.0 for x in (*drawn, g.standard_gamma(2.0, 2))]

    fast = on_numpy(f)
    for seed in (1, 2, 3):
        for got, want in zip(fast(np.random.default_rng(seed)), f(np.random.default_rng(seed)), strict=True):
            np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize(
    "f", [lambda g: g.bytes(2), lambda g: g.shuffle(np.arange(3)), lambda g: g.spawn(1)[0].normal(size=2)]
)
def test_what_cannot_be_drawn_anew_is_refused(f):
    with pytest.raises(TracingError, match=r"known only when .*line \d+ of test_compile"):
        on_numpy(f)(np.random.default_rng(0))


def test_a_generator_that_is_no_argument_is_refused():
    generator = np.random.default_rng(0)
    with pytest.raises(TracingError, match="Pass the generator"):
        on_numpy(lambda x: tg.dropout(x, 0.5, generator))(np.ones(3))


def test_results_share_memory_with_nothing():
    def f(x):
        y = tg.exp(x)
        return x, x.T, y, y.T, y[0], tg.broadcast_to(tg.sum(x), (2,)), x[0], y

    fast, x = on_numpy(f), rng.normal(size=(2, 2))
    for _ in range(2):
        results = fast(x)
        for i, y in enumerate(results):
            assert not np.shares_memory(x, y)
            assert not any(np.shares_memory(y, other) for other in results[:i])
            y += 1.0  # they are writable
    fixed = x.copy()
    fast(x)
    np.testing.assert_array_equal(x, fixed)


def test_results_without_axes_share_memory_with_nothing():
    fast, x, y = on_numpy(lambda x, y: (x, x, tg.reshape(y, ()), 2.0 * x)), np.array(3.0), np.array([4.0])
    for _ in range(3):
        results = fast(x, y)
        x += 1.0
        y += 1.0
        assert [float(z) for z in results] == [x - 1.0, x - 1.0, y[0] - 1.0, 2.0 * (x - 1.0)]
        assert not any(np.shares_memory(z, x) for z in results)
        assert not np.shares_memory(results[0], results[1])


@pytest.mark.parametrize("flat", [lambda x: x.reshape(-1), lambda x: tg.ravel(x)])
@pytest.mark.parametrize("n", [2, 200])
def test_results_share_memory_with_nothing_in_any_layout(flat, n):
    def f(x):
        y = flat(x)
        return tg.sum(tg.sin(y)), y * 2.0, y

    fast, x = on_numpy(f), rng.normal(size=(n, n))
    fast(np.asfortranarray(x))
    fixed = x.copy()
    _, doubled, y = fast(x)
    np.testing.assert_array_equal(doubled, 2.0 * fixed.reshape(-1))
    assert not np.shares_memory(x, y)
    np.testing.assert_array_equal(x, fixed)


def test_no_warning_where_the_eager_function_gives_none():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fast = on_numpy(tg.value_and_grad(lambda z: tg.sum(tg.sigmoid(z))))
        for _ in range(2):
            assert fast(np.array([-1000.0, 1000.0]))[0] == 1.0


def test_threads_share_a_compiled_function():
    fast, failures = on_numpy(lambda x, n: tg.sum(x) * n), []

    def work(k):
        for i in range(50):
            x = np.full(1 + (i + k) % 3, float(k))
            if fast(x, k) != k * k * x.size:
                failures.append((k, i))

    workers = [threading.Thread(target=work, args=(k,)) for k in range(1, 5)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not failures


def test_the_first_call_tells_shape_and_plan():
    fast = on_numpy(lambda x: x + 1.0)
    with pytest.raises(ArgumentError, match="Call it first"):
        fast.source  # noqa: B018 - the property raises
    fast(np.ones(3))
    assert (fast.plan.backend, fast.plan.operations, fast.plan.largest) == ("numpy", 1, 3)
    assert "numpy: as asked" in str(fast.plan)


def test_metadata_of_the_function_is_kept():
    assert tg.compile(loss).__name__ == "loss"
    assert tg.compile(loss).__wrapped__ is loss


class Foreign:
    """Like PyTorch's tensors: an array that has a hash, and can change."""

    def __array__(self, dtype=None, copy=None):
        return np.ones(3)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: tg.compile(loss, backend="cuda"), "backend is one of auto, numpy, numba, jax; got 'cuda'"),
        (lambda: tg.compile(3), "expected a function; got int"),
        (lambda: on_numpy(lambda x: x)(np.array(["a"])), "dtype <U1 cannot be compiled"),
        (lambda: on_numpy(lambda x, s: x)(np.ones(2), {1, 2}), "of type set is neither an array nor a value"),
        (lambda: on_numpy(lambda x: x)(Foreign()), r"Foreign is an array of another library. Pass np.asarray\(x\)"),
    ],
)
def test_mistakes(call, match):
    with pytest.raises((ArgumentError, TracingError), match=match):
        call()


def test_errors_of_the_function_are_its_own():
    fast = on_numpy(lambda a, b: a @ b)
    with pytest.raises(tg.errors.ShapeError, match="inner dimensions differ"):
        fast(np.ones((2, 3)), np.ones((2, 3)))
    with pytest.raises(TypeError, match="argument"):
        fast(np.ones((2, 3)))


def test_a_captured_tensor_may_get_another_shape():
    w = tg.tensor([1.0, 2.0], name="w")
    fast = on_numpy(lambda x: tg.sum(w * x))
    assert [fast(3.0), fast(3.0)] == [9.0, 9.0]
    w.value = np.ones(5)
    assert [fast(3.0), fast(3.0)] == [15.0, 15.0]


def test_what_is_computed_of_captured_tensors_alone_is_computed_at_every_call():
    w, v = tg.tensor([1.0, 2.0], requires_grad=True, name="w"), tg.tensor(1.0)
    calls = []

    def f(x, g):
        calls.append(x)
        noise = tg.asarray(g.normal(size=2))
        return tg.sum(w * w + v) * x + v + noise, tg.exp(w)

    fast = on_numpy(f)
    for value in (1.0, 3.0, 5.0):
        w.value = np.array([value, 2.0])
        v.value = np.float64(value)
        for got, want in zip(fast(3.0, np.random.default_rng(1)), f(3.0, np.random.default_rng(1)), strict=True):
            np.testing.assert_array_equal(got, want.data)
    assert len(calls) == 2 + 3
    assert "def f(x, g, w, " in fast.source


def test_gradients_of_what_is_computed_of_captured_tensors_alone():
    w = tg.tensor([1.0, 2.0], requires_grad=True, name="w")
    fast = on_numpy(tg.value_and_grad(lambda x: tg.sum(tg.exp(w) * x)))
    for value in (w.data, np.array([3.0, 4.0])):
        w.value = np.array(value)
        _, g = fast(np.array([1.0, -1.0]))
        np.testing.assert_array_equal(g, np.exp(value))
    np.testing.assert_array_equal(w.data, [3.0, 4.0])


def test_a_branch_on_what_is_computed_of_captured_tensors_alone():
    w = tg.tensor(2.0)

    def f(x):
        return x if w * 2.0 > 3.0 else -x * w

    with pytest.raises(TracingError, match="a branch needs a number"):
        on_numpy(lambda x: f(x) + w * 2.0)(1.0)
    assert w.value == 2.0


def test_a_captured_tensor_whose_number_is_asked_for():
    w = tg.tensor(2.0)
    fast = on_numpy(lambda x, g: tg.linalg.norm(x, ord=w.item()) * w + g.normal(size=1))
    for value in (2.0, 3.0):
        w.value = np.float64(value)
        wanted = 5.0 * value + np.random.default_rng(0).normal(size=1)
        assert fast(np.array([3.0, 4.0]), np.random.default_rng(0)) == pytest.approx(wanted)
    with pytest.raises(TracingError, match="needs the number"):
        on_numpy(lambda x: x * (w * w) * (w + 1.0).item())(1.0)


@pytest.mark.parametrize(
    ("model", "shape"),
    [
        (tg.nn.Conv2d(2, 3, 3, seed=0), (4, 2, 5, 5)),
        (tg.nn.Conv1d(2, 3, 3, seed=0), (4, 2, 5)),
        (tg.nn.Sequential(tg.nn.BatchNorm(2), tg.nn.Dropout(0.5)).eval(), (4, 2, 5)),
    ],
)
def test_layers_that_compute_of_their_parameters_alone(model, shape):
    fast = on_numpy(model)
    for _ in range(3):
        x = rng.normal(size=shape)
        np.testing.assert_allclose(fast(x), model(x).data, rtol=1e-12)
        model.load_state_dict({name: np.exp(a / 2) for name, a in model.state_dict().items()})


def test_arrays_that_are_used_without_being_given_are_constants():
    short, long = np.ones(3), np.ones(5000)
    fast = on_numpy(lambda x: (x[:3] * short, x * long))
    for _ in range(2):
        assert [tg.sum(y) for y in fast(np.full(5000, 2.0))] == [6.0, 10000.0]
        short += 1.0
        long += 1.0


def test_results_that_depend_on_no_argument():
    w = tg.tensor([1.0, 2.0], requires_grad=True)
    fast = on_numpy(lambda x: (w, np.arange(2.0), tg.grad(lambda z: tg.sum(z * 0.0))(x), 5))
    for _ in range(2):
        a, b, c, five = fast(np.ones(2))
        np.testing.assert_array_equal([a, b, c], [[1.0, 2.0], [0.0, 1.0], [0.0, 0.0]])
        assert five == 5
        a += 1.0
        b += 1.0
    w.value = np.zeros(2)
    np.testing.assert_array_equal(fast(np.ones(2))[0], [0.0, 0.0])


def test_a_model_can_be_compiled_and_named():
    fast = on_numpy(tg.nn.Sequential(tg.nn.Linear(2, 1)))
    with pytest.raises(ArgumentError, match="Sequential is compiled when it is called"):
        fast.source  # noqa: B018 - the property raises
    x = np.ones((3, 2))
    np.testing.assert_array_equal(fast(x), fast.f(tg.asarray(x)).data)


def test_says_what_it_has_programs_for():
    def scaled(x, *more, k=1, rng=None):
        return tg.sum(x * k) + sum(more)

    fast = on_numpy(scaled)
    assert repr(fast) == "Compiled(scaled, backend='numpy', not called yet)"
    assert fast.summary().rows == ()
    fast(np.ones((2, 3), np.float32))
    fast(np.ones(2), k=2.0, rng=np.random.default_rng(0))
    fast(np.ones(2), *range(7), k=np.float64(2.0))
    calls = ["(x (2, 3) float32)", "(x (2,), k float, rng Generator)", "(x (2,), 0, 1, 2, 3, …, k float64)"]
    assert repr(fast).splitlines() == [
        "Compiled(scaled, backend='numpy',", *[f"  {call}: numpy" for call in calls], ")"
    ]  # fmt: skip
    table = fast.summary()
    assert table.title == "scaled, backend='numpy', 3 kinds of calls"
    assert [row[0] for row in table.rows] == calls
    plan = fast.plan
    assert table.rows[-1][1:4] == (plan.backend, str(plan.operations), str(plan.largest))
    assert table.rows[-1][-1] == plan.reason


def test_says_functions_by_their_names():
    fast = on_numpy(lambda x, g: g(x))
    fast(np.ones(2), tg.tanh)
    assert fast.summary().rows[0][0] == "(x (2,), tanh)"


def test_machine_code_is_in_the_summary(settled):
    pytest.importorskip("numba")
    fast = tg.compile(lambda x: tg.sum(tg.sin(x) * 3.25))
    settled(fast, np.ones(3))
    assert repr(fast).splitlines()[1] == "  (x (3,)): numba"
    assert "machine code since call" in fast.summary().rows[0][-1]


def test_shares_that_are_numbers_meet_shares_that_are_traced():
    """The first two cotangents of the matrix are plain zeros, and what they add up to is not written to."""

    def f(a):
        s = tg.linalg.svd(a)[1]
        return tg.sum(s[:, None] * s)

    both = tg.value_and_grad(f)
    for got, want in zip(tg.compile(both, backend="numpy")(np.eye(1) * 2.0), both(np.eye(1) * 2.0), strict=True):
        np.testing.assert_allclose(got, want)
