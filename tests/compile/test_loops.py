"""Loops in compiled functions: one step of the program and one loop of its source, whatever the length."""

import types

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp import nn
from tinygrad_bp.nn.functional import gradients_of

rng = np.random.default_rng(0)
W, xs, h0 = rng.normal(size=(3, 3)) / 2, rng.normal(size=(4, 2, 3)), rng.normal(size=(2, 3))


def cost(W, h0, xs):
    def cell(h, x):
        h = tg.tanh(h @ W + x)
        return h, h * x

    h, ys = tg.scan(cell, h0, xs)
    return (h * h).sum() + (ys**3).sum()


def assert_equal(got, expected, rtol=1e-10):
    for a, b in zip(tg.transforms.inputs.flatten(got)[0], tg.transforms.inputs.flatten(expected)[0], strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-12)
        assert np.asarray(a).dtype == np.asarray(b).dtype


@pytest.mark.parametrize(
    "f",
    [
        cost,
        tg.value_and_grad(cost, argnums=(0, 1, 2)),
        tg.hessian(cost),
        lambda *args: tg.jvp(cost, args, args),
        lambda *args: tg.hvp(cost, args, args),
        lambda W, h0, xs: tg.grad(tg.checkpoint(cost))(W, h0, xs),
    ],
)
def test_equals_the_function(f):
    fast = tg.compile(f, backend="numpy")
    for _ in range(2):
        assert_equal(fast(W, h0, xs), f(W, h0, xs))
    assert_equal(fast(W.T, h0[::-1], xs + 1.0), f(W.T, h0[::-1], xs + 1.0))


def as_it_stands(source):
    """The function of a program's source, run with NumPy alone."""
    names = {}
    exec(source, names)
    return [f for f in names.values() if isinstance(f, types.FunctionType)][-1]


@pytest.mark.parametrize("length", [2, 300])
def test_the_source_is_a_loop_that_runs_with_numpy_alone(length):
    series = rng.normal(size=(length, 2, 3)) / 4
    fast = tg.compile(tg.value_and_grad(cost, argnums=(0, 2)), backend="numpy")
    C, (dW, dxs) = fast(W, h0, series)
    source = fast.source
    assert "import numpy as np" in source
    assert "tinygrad" not in source.replace("Written by tinygrad_bp", "")
    assert source.count("for t in range(") == 2
    assert "def cell(W, h, x):" in source
    assert "def cell_backward(" in source
    assert len(source.splitlines()) < 80
    assert_equal(list(as_it_stands(source)(W, h0, series)), [C, dW, dxs])


def test_a_forward_program_keeps_nothing():
    fast = tg.compile(cost, backend="numpy")
    w = tg.tensor(W, requires_grad=True)
    model = tg.compile(lambda h0, xs: cost(w, h0, xs), backend="numpy")
    assert_equal(model(h0, xs), fast(W, h0, xs))
    assert model.source.count("np.empty(") == fast.source.count("np.empty(") == 1
    assert "backward" not in model.source


def test_captured_tensors_are_inputs():
    w = tg.tensor(W, requires_grad=True, name="w")
    fast = tg.compile(lambda h0, xs: cost(w, h0, xs), backend="numpy")
    fast(h0, xs)
    w.value = 2.0 * W
    assert_equal(fast(h0, xs), cost(2.0 * W, h0, xs))


@pytest.mark.parametrize("layer", [nn.RNN, nn.LSTM, nn.GRU])
def test_recurrent_layers_have_as_many_steps_for_any_length(layer):
    made = []
    for length in (5, 500):
        network = layer(3, 4, seed=0)
        params = list(network.parameters())
        f = gradients_of(lambda x, network=network: (network(x)[0] ** 2).mean(), params)
        fast = tg.compile(f, backend="numpy")
        values, x = tuple([p.data.copy() for p in params]), rng.normal(size=(2, length, 3))
        assert_equal(fast(values, x), f(values, x))
        made.append((fast.plan.operations, len(fast.source.splitlines())))
    assert made[0] == made[1]


def test_five_thousand_steps():
    network = nn.LSTM(2, 3, seed=0)
    fast = tg.compile(tg.grad(lambda x: (network(x)[0] ** 2).sum()), backend="numpy")
    x = rng.normal(size=(1, 5000, 2))
    assert fast(x).shape == x.shape
    assert fast.plan.operations < 40


def test_a_step_that_needs_a_number_is_the_eager_one():
    f = lambda x, t: tg.scan(lambda c, v: (c + tg.linalg.norm(v) * t, c), 0.0, x)[0]  # noqa: E731
    fast = tg.compile(tg.grad(f), backend="numpy")
    x = rng.normal(size=(4, 3))
    for v in (x, np.zeros((4, 3)), -x):
        assert_equal(fast(v, 2.0), tg.grad(f)(v, 2.0))


def test_large_arrays_among_the_constants():
    table = rng.normal(size=(7, 40))
    mask = rng.random(size=(40, 40)) > 0.5
    index = np.array([3, 0, 3])

    def f(x):
        def step(c, v):
            return tg.where(mask, c, 0.5 * c) @ v + table[0], (c[index] * table[:, :3].sum()).sum()

        c, ys = tg.scan(step, x[0], x[1:])
        return (c * c).sum() + (ys * ys).sum()

    x = rng.normal(size=(3, 40, 40)) / 8
    fast = tg.compile(tg.grad(f), backend="numpy")
    for _ in range(2):
        assert_equal(fast(x), tg.grad(f)(x), rtol=1e-9)


STEPS = {
    "sort": lambda c, x, k: c + tg.sort(x, axis=0),
    "median": lambda c, x, k: c * tg.median(x),
    "max": lambda c, x, k: c + tg.max(x, axis=1),
    "std": lambda c, x, k: c * tg.std(x + c) + x,
    "softmax": lambda c, x, k: tg.softmax(c + x),
    "cross-entropy": lambda c, x, k: c + tg.softmax_cross_entropy(c, np.arange(4)) * x,
    "solve": lambda c, x, k: tg.linalg.solve(x @ x.T + np.eye(4), c),
    "eigh": lambda c, x, k: c + tg.linalg.eigh(x + x.T)[1] ** 2.0,
    "cholesky": lambda c, x, k: tg.linalg.cholesky(c @ c.T + np.eye(4)) + x,
    "einsum": lambda c, x, k: tg.einsum("ij,kj->ik", c, x) / 4.0,
    "an index": lambda c, x, k: c + x[k],
    "a table": lambda c, x, k: c * tg.asarray(np.arange(16.0).reshape(4, 4) / 16.0)[k],
    "padding": lambda c, x, k: tg.pad(c, 1)[:4, :4] + x,
    "a helper with settings": lambda c, x, k: tg.gelu(c) + tg.layer_norm(x),
    "an assignment": lambda c, x, k: assigned(c * 1.0, x),
    "fft": lambda c, x, k: (c + tg.abs(tg.fft.fft(x + c))) / 8.0,
}


def assigned(c, x):
    c[0] = x[1]
    c[1:3] = c[1:3] + 1.0
    return c


@pytest.mark.parametrize("name", STEPS)
def test_any_op_may_be_in_a_step(name):
    step, index = STEPS[name], np.array([[2, 0, 3, 3], [1, 1, 0, 2], [0, 1, 2, 3]])
    x, c = rng.normal(size=(3, 4, 4)), rng.normal(size=(4, 4))

    def by_scan(x, c):
        return tg.scan(lambda c, v: (step(c, *v), (c * c).sum()), c, (x, index))

    def by_hand(x, c):
        ys = []
        for t in range(3):
            ys.append((c * c).sum())
            c = step(c, x[t], index[t])
        return c, tg.stack(ys)

    def cost(f):
        return lambda x, c: (f(x, c)[0] ** 2.0).sum() + f(x, c)[1].sum()

    expected = tg.value_and_grad(cost(by_hand), (0, 1))(x, c)
    assert_equal(tg.value_and_grad(cost(by_scan), (0, 1))(x, c), expected)
    fast = tg.compile(tg.value_and_grad(cost(by_scan), (0, 1)), backend="numpy")
    for _ in range(2):
        assert_equal(fast(x, c), expected)
    assert_equal(tg.jvp(by_scan, (x, c), (x, c)), tg.jvp(by_hand, (x, c), (x, c)))


def test_a_zero_cotangent_wins():
    f = tg.grad(lambda x: tg.scan(lambda c, x: (tg.where(x > 0.0, c + tg.sqrt(x), c), None), 0.0, x)[0])
    fast = tg.compile(f, backend="numpy")
    for x in (np.array([0.0, 4.0, 0.0]), np.array([1.0, 0.0, 4.0])):
        np.testing.assert_array_equal(fast(x), f(x))
        assert np.isfinite(fast(x)).all()


# --- Numba ------------------------------------------------------------------------------------------------------------


def test_numba_compiles_loop_and_body():
    pytest.importorskip("numba")
    f = tg.value_and_grad(cost, argnums=(0, 1, 2))
    fast = tg.compile(f, backend="numba")
    for _ in range(2):
        assert_equal(fast(W, h0, xs), f(W, h0, xs))
    assert fast.plan.backend == "numba"


def test_numba_refuses_what_it_lacks():
    pytest.importorskip("numba")
    f = lambda x: tg.scan(lambda c, v: (c + v, v), np.float32(0.0), x)[0]  # noqa: E731
    fast = tg.compile(f, backend="numba")
    with pytest.warns(RuntimeWarning, match="float64"):
        assert fast(np.ones(3, np.float32)) == 3.0
    assert fast.plan.backend == "numpy"
