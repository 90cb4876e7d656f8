"""Sweeps as programs: the same gradients to the last bit, for graphs that are alike and for no others."""

import sys
import threading

import hypothesis
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

import tinygrad_bp as tg
from tinygrad_bp.compile import sweeps
from tinygrad_bp.compile.sweeps import Habit
from tinygrad_bp.engine import SWEEPERS, sweep
from tinygrad_bp.errors import AnomalyError, GraphFreedError, NonScalarBackwardError
from tinygrad_bp.registry import OPS, custom_op
from tinygrad_bp.testing import op_cases

rng = np.random.default_rng(0)


walked_graphs = []
"""The roots of the graphs that `backward` walked."""


@pytest.fixture(autouse=True, scope="module")
def _eager_to_write():
    """Write a kind of graphs down when it is seen the second time, and note the ones that are walked."""

    def noted(root, *args, **options):
        walked_graphs.append(root)
        return sweep(root, *args, **options)

    before = dict(SWEEPERS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sweeps, "WORTH", 0)
        patch.setattr(sweeps, "EVERY", 1)
        patch.setattr(sys.modules["tinygrad_bp.tensor"], "sweep", noted)
        yield
    SWEEPERS.clear()
    SWEEPERS.update(before)


@pytest.fixture(autouse=True)
def _forgetful():
    forget()


def forget():
    """No graph has been seen yet."""
    SWEEPERS.update({op: Habit(op).look for op in OPS.values()})


def walks_of(action):
    """How many graphs were walked while something was done."""
    walked_graphs.clear()
    action()
    return len(walked_graphs)


def leaf(*shape, dtype=np.float64):
    return tg.tensor(rng.normal(size=shape).astype(dtype), requires_grad=True)


def gradients(cost, params):
    for p in params:
        p.grad = None
    cost.backward()
    return [p.grad for p in params]


def walked(cost, params):
    """The gradients by the engine alone."""
    found = {node.number: np.asarray(g) for node, g in sweep(cost, cost._seed(None))}
    return [found.get(p.number) for p in params]


def check(f, *draws, alike=True):
    """f is called with the tensors of each draw; from the third on its graph is swept by a program, or walked."""
    for i, draw in enumerate(draws):
        params = [x for x in draw if isinstance(x, tg.Tensor) and x.requires_grad]
        expected = walked(f(*draw), params)
        cost, found = f(*draw), []
        count = walks_of(lambda cost=cost, found=found, p=params: found.extend(gradients(cost, p)))
        assert count == (0 if alike and i >= 2 else 1)
        for got, want in zip(found, expected, strict=True):
            assert (got is None) == (want is None)
            if got is not None:
                assert got.dtype == want.dtype
                assert got.shape == want.shape
                np.testing.assert_array_equal(got, want)


def same(make, times=4):
    return [make() for _ in range(times)]


# --- the same numbers -------------------------------------------------------------------------------------------------


def test_the_article_s_network():
    X, Y = rng.normal(size=(7, 97)), (rng.random((1, 97)) > 0.5) * 1.0

    def cost(W1, b1, W2, b2):
        return tg.binary_cross_entropy_with_logits(tg.affine(W2, tg.sigmoid(tg.affine(W1, X, b1)), b2), Y)

    check(cost, *same(lambda: [leaf(16, 7), leaf(16, 1), leaf(1, 16), leaf(1, 1)]))


def test_training_takes_the_same_steps():
    X, labels = rng.normal(size=(20, 6)).astype(np.float32), rng.integers(0, 3, 20)

    def trained(steps):
        model = tg.nn.Sequential(
            tg.nn.Linear(6, 5, seed=0, dtype=np.float32), tg.nn.Tanh(), tg.nn.Linear(5, 3, seed=1, dtype=np.float32)
        )
        optimizer = tg.nn.SGD(model.parameters(), lr=0.1)
        for _ in range(steps):
            tg.softmax_cross_entropy(model(tg.tensor(X)), labels).backward()
            optimizer.step()
            optimizer.zero_grad()
        return [p.data for p in model.parameters()]

    quick = []
    assert walks_of(lambda: quick.extend(trained(20))) == 2
    known = dict(SWEEPERS)
    SWEEPERS.clear()
    slow = trained(20)
    SWEEPERS.update(known)
    for a, b in zip(quick, slow, strict=True):
        np.testing.assert_array_equal(a, b)


UNARY = [
    tg.tanh, tg.sigmoid, tg.exp, tg.sin, tg.relu, tg.square, tg.absolute, tg.softplus, lambda x: -x, lambda x: 2.5 * x,
    lambda x: x.T, lambda x: x.reshape(-1), lambda x: x[0], lambda x: x.sum(axis=-1), lambda x: x**2, lambda x: x / 3,
    lambda x: tg.softmax(x), lambda x: x.mean(), lambda x: tg.max(x, axis=0), lambda x: tg.where(x > 0, x, 0.5),
]  # fmt: skip
BINARY = [tg.add, tg.multiply, tg.subtract, tg.maximum, tg.logaddexp, lambda a, b: a / (1.0 + b * b), tg.outer]


@settings(max_examples=settings.default.max_examples // 4, suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99), st.integers(0, 99)), min_size=1, max_size=12),
    st.sampled_from([np.float64, np.float32]),
    st.lists(st.sampled_from([(), (1,), (3,), (2, 3), (2, 1)]), min_size=1, max_size=3),
)
def test_random_graphs(steps, dtype, shapes):
    forget()

    def f(*params):
        pool = list(params)
        for kind, i, j in steps:
            a, b = pool[i % len(pool)], pool[j % len(pool)]
            try:
                if kind % 2:
                    pool.append(UNARY[kind // 2 % len(UNARY)](a))
                else:
                    pool.append(BINARY[kind // 2 % len(BINARY)](a, b))
            except (tg.errors.TinygradError, IndexError, ValueError):
                continue
            if pool[-1].size > 300:
                pool.pop()
        return sum([tg.sum(x) for x in pool[-3:]]) + tg.sum(params[0])

    with np.errstate(all="ignore"):
        check(f, *same(lambda: [leaf(*shape, dtype=dtype) for shape in shapes]))


@pytest.mark.parametrize("name", sorted(OPS))
@hypothesis.seed(0)
@settings(max_examples=settings.default.max_examples // 20, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_every_op(name, data):
    case = data.draw(op_cases(OPS[name]), label="case")
    forget()

    def f(*inputs):
        y = case.function(*inputs)
        y = y if isinstance(y, tg.Tensor) else tg.asarray(y)
        if y.dtype.kind == "c":
            y = tg.real(y) + 2.0 * tg.imag(y)
        return tg.sum(y * np.cos(np.arange(y.size)).reshape(y.shape).astype(y.dtype)) if y.dtype.kind == "f" else y

    def draw():
        return [tg.tensor(x, requires_grad=x.dtype.kind in "fc") for x in case.inputs]

    with np.errstate(all="ignore"):
        if f(*draw()).requires_grad and f(*draw()).size == 1:
            check(f, *same(draw))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_large_arrays(dtype):
    def f(x, y, b):
        return tg.sum(tg.tanh(x) * tg.sigmoid(y) + tg.exp(-x * x) * b) + tg.mean(x**2 * tg.sqrt(y * y + 1.0))

    check(f, *same(lambda: [leaf(700, 600, dtype=dtype), leaf(700, 600, dtype=dtype), leaf(dtype=dtype)]))


def test_large_arrays_in_machine_code(monkeypatch):
    pytest.importorskip("llvmlite")
    on_numpy, stretches = sweeps.on_numpy, []

    def spied(*args):
        run, found = on_numpy(*args)
        stretches.extend(found)
        return run, found

    monkeypatch.setattr(sweeps, "on_numpy", spied)
    monkeypatch.setattr(sweeps, "PATIENCE", 0)
    check(
        lambda x, y: tg.sum(tg.tanh(x) * tg.sigmoid(y) + tg.exp(-x * x)),
        *same(lambda: [leaf(1500, 600, dtype=np.float32), leaf(1500, 600, dtype=np.float32)]),
    )
    assert any(stretch.native for stretch in stretches)


# --- alike and not alike ----------------------------------------------------------------------------------------------


def square(x):
    return tg.sum(x * x)


def test_values_may_differ_and_shapes_may_not():
    check(square, *same(lambda: [leaf(3)]))
    assert walks_of(lambda: gradients(square(x := leaf(4)), [x])) == 1
    assert walks_of(lambda: gradients(square(x := leaf(3, dtype=np.float32)), [x])) == 1
    assert walks_of(lambda: gradients(square(x := leaf(3)), [x])) == 0


def test_a_product_with_itself_is_no_product_with_an_equal():
    check(square, *same(lambda: [leaf(3)]))
    check(lambda a, b: tg.sum(a * b), *same(lambda: [leaf(3), leaf(3)]))
    x = leaf(3)
    y = tg.tensor(x.data, requires_grad=True)
    tg.sum(x * y).backward()
    np.testing.assert_array_equal(x.grad, y.data)
    np.testing.assert_array_equal(gradients(square(x), [x])[0], 2 * x.data)
    check(lambda a, b: tg.sum(tg.tanh(a) * tg.tanh(b)), *same(lambda: [leaf(3), leaf(3)]))
    y = tg.tanh(leaf(3))
    assert walks_of(lambda: tg.sum(y * y).backward()) == 1
    assert walks_of(lambda: tg.sum(tg.tanh(x) * tg.tanh(x)).backward()) == 1


def test_constants_are_what_they_are_now():
    for factor in (2.0, 3.0, 5.0, np.float64(7.0), np.array([1.0, 2.0, 3.0]), 4, 9, True):
        for _ in range(3):
            x = leaf(3)
            np.testing.assert_array_equal(gradients(tg.sum(x * factor), [x])[0], np.full(3, 1.0) * factor)


def test_settings_are_part_of_the_kind():
    for axis in (0, 1, 0, 1):
        for _ in range(3):
            x = leaf(2, 2)
            y = tg.cumsum(x, axis=axis)
            np.testing.assert_array_equal(
                gradients(tg.sum(y * y), [x])[0], walked(tg.sum(tg.cumsum(x, axis=axis) ** 2), [x])[0]
            )
    for index in (0, 1, slice(0, 1), np.array([1, 1]), (..., 0), None):
        for _ in range(3):
            x = leaf(2, 2)
            np.testing.assert_array_equal(gradients(tg.sum(x[index]), [x])[0], walked(tg.sum(x[index]), [x])[0])


def test_what_requires_a_gradient_may_change():
    check(lambda a, b: tg.sum(a * b), *same(lambda: [leaf(3), leaf(3)]))
    a, b = leaf(3), tg.tensor(rng.normal(size=3))
    tg.sum(a * b).backward()
    assert b.grad is None
    np.testing.assert_array_equal(a.grad, b.data)
    inner = leaf(3)
    c = tg.exp(inner)  # computed where there was a leaf
    tg.sum(a.detach() * c).backward()
    np.testing.assert_array_equal(inner.grad, a.data * c.data)


def test_hooks_and_kept_gradients():
    def cost(x):
        y = tg.tanh(x)
        return tg.sum(y * y), y

    check(lambda x: cost(x)[0], *same(lambda: [leaf(3)]))
    x, seen = leaf(3), []
    C, y = cost(x)
    y.register_hook(seen.append)
    y.retain_grad()
    C.backward()
    np.testing.assert_array_equal(seen[0], y.grad)
    x.register_hook(lambda g: 0 * g)
    assert not gradients(cost(x)[0], [x])[0].any()
    C, y = cost(leaf(3))
    C.retain_grad()
    C.backward()
    assert C.grad == 1
    y = tg.tanh(leaf(3))
    remove = y.register_hook(seen.append)
    remove()
    assert walks_of(lambda: tg.sum(y * y).backward()) == 0


def test_values_replaced_after_their_use():
    def cost(x, replace):
        y = x * 1.0
        z = y * y
        if replace:
            y[0] = 5.0
        return tg.sum(z)

    check(lambda x: cost(x, False), *same(lambda: [leaf(3)]))
    x = leaf(3)
    np.testing.assert_array_equal(gradients(cost(x, True), [x])[0], 2 * x.data)
    check(lambda x: cost(x, True), *same(lambda: [leaf(3)]), alike=False)


def test_a_parameter_with_two_values_in_one_graph():
    def cost(w, moved):
        first = w * 2.0
        if moved:
            w.value = w.value + 1.0
        return tg.sum(first * w)

    check(lambda w: cost(w, False), *same(lambda: [leaf(3)]))
    w = leaf(3)
    before = w.data.copy()
    np.testing.assert_array_equal(gradients(cost(w, True), [w])[0], 2 * before + 2 * (before + 1))


def test_a_value_that_was_replaced_by_a_number_of_python_s():
    factor = tg.tensor(1.0)
    for factor.value in (np.float64(2.0), np.float64(2.0), 3.0, np.float64(2.0), 3.0):
        x = leaf(3)
        np.testing.assert_array_equal(gradients(tg.sum(x * factor), [x])[0], np.full(3, factor.value))


def test_released_graphs_and_those_that_are_kept():
    check(square, *same(lambda: [leaf(3)]))
    x = leaf(3)
    C = square(x)
    C.backward(retain_graph=True)
    C.backward()
    np.testing.assert_array_equal(x.grad, 4 * x.data)
    with pytest.raises(GraphFreedError, match="released by an earlier backward"):
        C.backward()


def test_errors_and_anomalies_stay():
    for _ in range(4):
        with pytest.raises(NonScalarBackwardError):
            (leaf(3) * 2.0).backward()
    check(lambda x: tg.sum(tg.sqrt(x * x)), *same(lambda: [leaf(3)]))
    x = tg.tensor([0.0, 1.0, 2.0], requires_grad=True)
    with tg.detect_anomaly(), pytest.raises(AnomalyError):
        tg.sum(tg.sqrt(x)).backward()
    for _ in range(4):
        x.grad = None
        tg.sum(tg.sqrt(x)).backward()
        assert np.isinf(x.grad[0])
        with tg.detect_anomaly(), pytest.raises(AnomalyError):
            tg.sum(tg.sqrt(x)).backward()


def test_ops_of_one_s_own_are_always_asked():
    factor = 2.0

    @custom_op(
        vjps=(lambda g, y, x: g * factor,), jvp=(lambda t, y, x: t * factor,), latex="f({0})", domain=OPS["exp"].domain
    )
    def scaled_for_test(x):
        """x times a number that may change."""
        return x * factor

    for factor in (2.0, 3.0, 4.0, 5.0):
        x = leaf(3)
        assert (gradients(tg.sum(scaled_for_test(x)), [x])[0] == factor).all()


def test_gradients_share_no_memory():
    for _ in range(4):
        x, y, z = leaf(3), leaf(3), leaf(3)
        grads = gradients(tg.sum(x + y + z.reshape(3)), [x, y, z])
        for i, g in enumerate(grads):
            g += 1 + i
        assert [g[0] for g in grads] == [2, 3, 4]


def test_gradients_of_numbers_share_no_memory():
    for _ in range(4):
        x, y, factor = leaf(), leaf(), np.array(2.5)
        z = tg.sum((x + y) * factor)
        x.grad, y.grad = gradients(z, [x, y])
        x.grad += 1
        assert (x.grad, y.grad) == (3.5, 2.5)
        z = tg.sum((x + y) * factor)
        z.backward(retain_graph=True)
        x.grad += 1
        z.backward()
        assert (x.grad, y.grad) == (9.5, 7.5)


def test_gradients_add_up():
    x = leaf(3)
    for i in range(5):
        square(x).backward()
        np.testing.assert_allclose(x.grad, 2 * (i + 1) * x.data)


def test_many_kinds_and_large_graphs_are_walked():
    for n in range(1, 30):
        for _ in range(3):
            x = leaf(n)
            np.testing.assert_array_equal(gradients(square(x), [x])[0], 2 * x.data)
    for _ in range(4):
        y = x = leaf(2)
        for _ in range(500):
            y = y + 1.0
        assert walks_of(lambda y=y: tg.sum(y).backward()) == 1
        np.testing.assert_array_equal(x.grad, [1, 1])


def test_graphs_of_much_memory_are_walked(monkeypatch):
    monkeypatch.setattr(sweeps, "BYTES", 100)
    check(square, *same(lambda: [leaf(20)]), alike=False)
    check(square, *same(lambda: [leaf(3)]))


def test_programs_that_seldom_fit_are_forgotten():
    def walks(n):
        return walks_of(lambda: gradients(square(x := leaf(n)), [x]))

    for n in range(1, sweeps.PROGRAMS + 1):
        assert [walks(n) for _ in range(3)] == [1, 1, 0]
    for i in range(sweeps.MISSES):
        assert walks(10 + i % 5) == 1  # each often enough, but there are as many programs as there may be
        assert walks(1) == 0
    assert [walks(10) for _ in range(sweeps.MISSES + 2)] == [1] * (sweeps.MISSES + 2)
    assert [walks(10) for _ in range(3)] == [1, 1, 0]
    assert walks(1) == 1


def test_compiled_functions_see_through():
    check(square, *same(lambda: [leaf(3)]))

    @tg.compile
    def gradient(x):
        x = tg.asarray(x, requires_grad=True) if not isinstance(x, tg.Tensor) else x
        return tg.grad(square)(x)

    np.testing.assert_array_equal(gradient(np.ones(3)), [2, 2, 2])


# --- almost alike -----------------------------------------------------------------------------------------------------


def in_order(names):
    """A sum of three functions, which are computed in this order."""

    def cost(x):
        parts = {name: {"exp": tg.exp, "sin": tg.sin, "tanh": tg.tanh}[name](x) for name in names}
        return tg.sum(parts["exp"] + 0.1 * parts["sin"] + 3.0 * parts["tanh"])

    return cost


def assert_swept_as_walked(usual, other, *draws):
    """After `usual` has been written down the gradients of `other` are those of a walk, and the other way round."""
    for first, then in ((usual, other), (other, usual)):
        forget()
        for f in (first, first, first, then, first, then):
            params = [draw() for draw in draws]
            copies = [tg.tensor(x.data, requires_grad=True) for x in params]
            expected = walked(f(*copies), copies)
            for got, want in zip(gradients(f(*params), params), expected, strict=True):
                assert (got is None) == (want is None)
                if got is not None:
                    assert (got.dtype, got.strides, got.flags.owndata) == (want.dtype, want.strides, True)
                    np.testing.assert_array_equal(got, want)


def together(x, y):
    """A sum of four, of which one has y in it."""
    return tg.sum(0.1 * x) + tg.sum(tg.sin(x)) + tg.sum(tg.exp(y)) + tg.sum(tg.tanh(x))


def rebound(x):
    cost = tg.sum(2.5 * x * x)
    x.value = x.value.astype(np.float32)
    return cost


@pytest.mark.parametrize(
    ("usual", "other"),
    [
        (lambda x: tg.sum(x[1]), lambda x: tg.sum(x[True])),
        (lambda x: tg.sum(x[0]), lambda x: tg.sum(x[False])),
        (lambda x: tg.sum(x[1, ...]), lambda x: tg.sum(x[True, ...])),
        (lambda x: tg.sum(tg.tanh(x) / 0.0), lambda x: tg.sum(tg.tanh(x) / -0.0)),
        (lambda x: tg.sum(tg.imag((-1 + 0j) ** x)), lambda x: tg.sum(tg.imag(complex(-1, -0.0) ** x))),
        (lambda x: tg.sum(x * np.ones((3, 3))), lambda x: tg.sum(x * tg.tensor(np.ones((3, 3)), requires_grad=True))),
        (in_order(["exp", "sin", "tanh"]), in_order(["tanh", "sin", "exp"])),
        (lambda x: tg.sum(2.5 * x * x), rebound),
        (lambda x: together(x, leaf(3, 3)), lambda x: together(x, x)),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
def test_what_is_equal_is_not_always_alike(usual, other):
    assert_swept_as_walked(usual, other, lambda: leaf(3, 3))


def test_a_constant_array_is_no_parameter():
    for make in [lambda: np.ones(3)] * 4 + [lambda: leaf(3)]:
        x, w = leaf(3), make()
        tg.sum(x * w).backward()
    np.testing.assert_array_equal(w.grad, x.data)


@pytest.mark.parametrize(
    "f",
    [
        lambda x, w: 3.0 * tg.sum(x) ** 2,
        lambda x, w: tg.sum(tg.tanh(x @ w.T)),
        lambda x, w: tg.sum(tg.tanh(tg.tanh(x @ w.T) @ w.T)),
        lambda x, w: tg.real(tg.sum(x * (1j * w))),
        lambda x, w: (tg.sum(x) * 2.5) * 3.5,
        lambda x, w: tg.imag(2j * tg.sum(x)),
    ],
)
def test_gradients_lie_in_memory_as_after_a_walk(f):
    assert_swept_as_walked(f, f, lambda: leaf(4, 4), lambda: leaf(4, 4))
    assert_swept_as_walked(f, f, lambda: leaf(1, 1), lambda: leaf(1, 1))


@pytest.mark.parametrize("f", [lambda x: x * 2.5, lambda x: 2.5 * x * 3.5, lambda x: tg.real(2j * x * 1j)])
def test_numbers_times_numbers_of_python_s(f):
    check(f, *same(lambda: [leaf()]))


@pytest.mark.parametrize("dtype", [">f8", np.longdouble])
def test_dtypes_that_code_has_no_name_for(dtype):
    x = tg.asarray(np.arange(3).astype(dtype), requires_grad=True)
    for _ in range(4):
        x.grad = None
        (2.5 * tg.sum(tg.tanh(x))).backward()
        assert x.grad.dtype == dtype


@pytest.mark.parametrize("f", [
    lambda y, b: tg.sum(tg.exp(-((y @ y).T ** 2)) * y * y * y),
    lambda y, b: tg.sum(tg.tanh(tg.tanh(tg.tanh(y) * tg.cos(y) + y) * tg.cos(y) + y) * tg.cos(y)),
])  # fmt: skip
def test_numbers_are_added_up_in_the_order_in_which_they_lie(f):
    values = rng.normal(size=(900, 900))
    for i in range(5):
        X, b = tg.asarray(np.asfortranarray(values * (i > 2))), leaf()  # at first everything is 0
        expected = walked(f(X * b, b), [b])
        np.testing.assert_array_equal(gradients(f(X * b, b), [b]), expected)


def test_warnings_are_those_of_a_walk():
    def product(x, y, z):
        return tg.sum(x * y * z)

    def cost(*values):
        with np.errstate(all="ignore"):
            return product(*[tg.tensor([v], requires_grad=True) for v in values])

    check(product, *same(lambda: [leaf(1), leaf(1), leaf(1)]))
    infinite, large = cost(0.0, np.inf, np.inf), cost(1e-200, 1e200, 1e200)
    with np.errstate(all="raise"):
        assert walks_of(infinite.backward) == 0
        with pytest.raises(FloatingPointError, match="overflow"):
            large.backward()


def test_no_warning_where_an_op_gives_none(recwarn):
    for value in (0.0, 1.0, 2.0, -1000.0):
        z = tg.tensor([[value, 1.0]], requires_grad=True)
        tg.binary_cross_entropy_with_logits(2.0 * z, np.array([[1.0, 0.0]])).backward()
    assert z.grad[0, 0] == -1
    assert not recwarn.list


def test_what_no_sweep_comes_to_is_not_released():
    for _ in range(4):
        x = leaf(3)
        y = tg.tanh(x)
        tg.sum(tg.where(y, x, 0.5)).backward()
        tg.sum(y).backward()
        np.testing.assert_allclose(x.grad, 2 - y.data**2)


def test_no_cotangent_may_reach_a_leaf():
    for _ in range(4):
        x = leaf(3)
        assert gradients(tg.sum(tg.where(x, 1.0, 0.5)), [x]) == [None]


def test_a_program_that_cannot_be_written_is_no_error(monkeypatch):
    def fails(*args):
        raise MemoryError

    monkeypatch.setattr(sweeps, "traced", fails)
    assert [walks_of(lambda: gradients(square(x := leaf(3)), [x])) for _ in range(4)] == [1] * 4


def test_threads():
    def work(seed, failures):
        random = np.random.default_rng(seed)
        for _ in range(200):
            x = tg.tensor(random.normal(size=3), requires_grad=True)
            square(x).backward()
            if (x.grad != 2 * x.data).any():
                failures.append(x)

    failures = []
    threads = [threading.Thread(target=work, args=(seed, failures)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_looking_is_rare_and_writing_has_to_pay(monkeypatch):
    monkeypatch.undo()
    looks, real = [], sweeps.places
    monkeypatch.setattr(sweeps, "places", lambda *args: looks.append(1) or real(*args))
    monkeypatch.setattr(sweeps, "WORTH", 1.0)
    monkeypatch.setattr(sweeps, "EVERY", 8)
    for _ in range(sweeps.OFTEN + 80):
        square(leaf(3)).backward()
    assert len(looks) == sweeps.OFTEN + 80 // 8
