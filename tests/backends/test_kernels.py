"""Fusion groups as machine code: NumPy's numbers, and NumPy's calls where a loop cannot give them."""

import importlib
import math
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp.program.fusion import FusionGroup
from tinygrad_bp.program.step import FUNCTION, INPUT, SCALE, UFUNC, WHOLE, Step

pytest.importorskip("llvmlite", reason="the jit extra is not installed")
kernels = importlib.import_module("tinygrad_bp.backends.llvm.kernels")
rng = np.random.default_rng(0)
N = 1 << 17


@pytest.fixture(autouse=True)
def _always(monkeypatch):
    for threshold in ("FUSION_ELEMENT_STEPS", "KERNEL_ELEMENT_STEPS"):
        monkeypatch.setattr(sys.modules["tinygrad_bp.backends.numpy"], threshold, 0)


SPECIAL = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    np.inf,
    -np.inf,
    np.nan,
    1e-40,
    -1e-40,
    5e-324,
    88.7,
    -103.5,
    709.7,
    -745.0,
    1000.0,
]


def values(dtype, n=3000):
    """Special numbers, all pairs of them, and usual ones."""
    x, y = np.meshgrid(SPECIAL, SPECIAL)
    usual = rng.normal(size=(2, n)) * [[2.0], [5.0]]
    return [np.concatenate([special.reshape(-1), u]).astype(dtype) for special, u in zip((x, y), usual, strict=True)]


def computed(function, kind, args, like):
    """What NumPy gives, and the step for it."""
    with np.errstate(all="ignore"):
        value = function(*[like.get(x, x) if isinstance(x, Step) else x for x in args])
    step = Step(kind, function, args, shape=value.shape, dtype=value.dtype)
    like[step] = value
    return step


def run(inputs, steps, results, like):
    """What a kernel gives for the results."""
    group = FusionGroup(like[inputs[0]].shape, steps, inputs, results, frozenset())
    kernel = kernels.Kernel(group, [None] * len(results))
    arrays = [np.empty_like(like[step]) for step in results]
    kernel.begun([like[step] for step in inputs], arrays)(0, like[inputs[0]].size)
    return arrays


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_form_gives_numpys_numbers(dtype):
    like = {Step(INPUT, shape=x.shape, dtype=x.dtype): x for x in values(dtype)}
    x, y = inputs = list(like)
    steps = [truth := computed(np.less, UFUNC, (x, y), like)]
    for function in kernels._FORMS:
        if isinstance(function, np.ufunc) and function is not np.power:
            steps.append(computed(function, UFUNC, (x, y)[: function.nin], like))
    steps += [computed(np.power, UFUNC, (x, n), like) for n in (-2, -1, 2, 3, 4.0)]
    steps += [computed(SCALE, WHOLE, (x, y), like), computed(np.where, FUNCTION, (truth, y, x), like)]
    steps += [computed(np.multiply, UFUNC, (truth, y), like), computed(np.maximum, UFUNC, (x, 0.5), like)]
    for step, got in zip(steps, run(inputs, steps, steps, like), strict=True):
        assert got.dtype == like[step].dtype
        tiny = np.finfo(dtype).smallest_subnormal * 4
        tolerance = {"rtol": 4 * np.finfo(dtype).eps, "atol": tiny} if got.dtype == dtype else {"rtol": 0}
        if step.function is np.logaddexp:  # NumPy's own is no better where the logarithms cancel
            tolerance["atol"] = np.finfo(dtype).eps
        np.testing.assert_allclose(got, like[step], **tolerance, err_msg=str(step.function))


def test_truths_alone():
    like = {Step(INPUT, shape=x.shape, dtype=x.dtype): x for x in values(np.float64)}
    x, y = inputs = list(like)
    steps = [a := computed(np.less, UFUNC, (x, y), like), b := computed(np.isnan, UFUNC, (x,), like)]
    ufuncs = [function for function in kernels._TRUTHS if isinstance(function, np.ufunc)]
    steps += [computed(function, UFUNC, (a, b)[: function.nin], like) for function in ufuncs]
    steps += [computed(np.where, FUNCTION, (a, b, True), like)]
    for step, got in zip(steps, run(inputs, steps, steps, like), strict=True):
        np.testing.assert_array_equal(got, like[step], err_msg=str(step.function))


def check(f, *args, native, rtol=1e-13):
    """Compiled, f gives what it gives on NumPy, with so many kernels."""
    fast = tg.compile(f)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fast(*args)
        got = fast(*args)
    reason = fast.plan.reason
    assert int(reason.rpartition(", ")[2].split()[0] if "machine code" in reason else 0) == native
    want = tg.compile(f, backend="numpy")(*args)
    for y, expected in zip(*[r if isinstance(r, tuple) else (r,) for r in (got, want)], strict=True):
        assert np.asarray(y).dtype == np.asarray(expected).dtype
        np.testing.assert_allclose(y, expected, rtol=rtol, atol=rtol)
    return fast


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_value_and_gradient_of_a_chain(dtype):
    f = tg.value_and_grad(lambda x: tg.sum(tg.tanh(x) * tg.sigmoid(x) + tg.exp(-x * x)))
    check(f, rng.normal(size=N + 7).astype(dtype), native=1, rtol=1e-13 if dtype is np.float64 else 2e-6)


def test_numbers_truths_and_layouts():
    def f(x, y, rate, on, flag):
        return x - rate * y, (x > y) & on & flag, tg.where(on, x, y) * 2.0, tg.where(x * 0.0, on * x, y)

    x, y = rng.normal(size=(300, 500)).astype(np.float32), rng.normal(size=(500, 300)).astype(np.float32).T
    x.flags.writeable = False
    for flag in (True, False):
        check(f, x, y, 0.1, x > 0, np.array(flag), native=1, rtol=0)


def test_numbers_that_may_be_of_another_format():
    x = rng.normal(size=N).astype(np.float32)
    check(lambda x, limit: (x > limit) * x, x, 0.1, native=0)
    check(lambda x, limit: (x > limit) * x, x, np.float32(0.1), native=1)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: tg.cos(x) * 2.0 + 1.0,  # no form
        lambda x: x**2.5 * 2.0,
        lambda x: (x * np.float64(0.5) + 1.0) * x,  # in two formats
        lambda x: (x > np.array(0.1)) * x,
        lambda x: tg.where(x > 0, 1.0, 0.0) * x,
    ],
)
def test_what_has_no_form_is_left_to_numpy(f):
    check(f, np.abs(rng.normal(size=N)).astype(np.float32), native=0, rtol=1e-6)


def test_only_where_it_is_wanted_and_there_is_a_compiler(monkeypatch):
    def f(x):
        return tg.exp(x) * 2.0

    x = rng.normal(size=N)
    fast = tg.compile(f, backend="numpy")
    fast(x)
    assert "machine code" not in fast.plan.reason
    monkeypatch.setitem(sys.modules, "llvmlite.binding", None)
    check(f, x, native=0)


def test_asked_for_numba_that_computes_in_float64_only():
    fast, x = tg.compile(lambda x: tg.exp(x) * 2.0, backend="numba"), rng.normal(size=N).astype(np.float32)
    with pytest.warns(RuntimeWarning, match="runs on NumPy, not on Numba: Numba computes in float64"):
        fast(x)
    assert "1 of them as machine code" in fast.plan.reason


def test_little_work_is_not_worth_a_compiler(monkeypatch):
    monkeypatch.undo()
    check(lambda x: tg.exp(x) * 2.0, rng.normal(size=N // 2), native=0)
    check(lambda x: tg.exp(tg.exp(-tg.tanh(x * x) + 1.0)) / tg.sqrt(1.0 + x * x), rng.normal(size=1 << 19), native=1)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_sums_are_as_exact_as_numpys(dtype):
    x = (rng.normal(size=1 << 20) + 100).astype(dtype)
    fast = tg.compile(lambda x: (tg.sum(x * 3.0), tg.sum(-x), tg.sum(tg.where(x > 100, x, -x))))
    fast(x)
    for total, y in zip(fast(x), (x * dtype(3), -x, np.where(x > 100, x, -x)), strict=True):
        assert total.dtype == dtype
        exact, size = math.fsum(y), float(np.abs(y).sum())
        assert abs(total - exact) <= max(abs(np.sum(y) - exact), np.finfo(dtype).eps * size)
    first = fast(x)
    assert all(fast(x) == first for _ in range(5))  # whichever thread did which block
    x[5] = np.inf
    assert [float(total) for total in fast(x)] == [np.inf, -np.inf, np.inf]
    x[-1] = np.nan
    assert np.all(np.isnan(fast(x)[:2]))


def test_threads_share_a_kernel():
    fast = tg.compile(lambda x: (tg.exp(x) * 2.0, tg.sum(x * 2.0)))
    fast(np.zeros(N))

    def work(k):
        for _ in range(5):
            y, total = fast(np.full(N, float(k)))
            np.testing.assert_allclose(y, np.full(N, 2 * math.exp(k)), rtol=1e-14)
            assert total == 2 * k * N

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(1, 5)))


def test_what_nobody_needs_any_more_is_written_over(monkeypatch):
    def f(A, B):
        product, other, third = A @ B, A @ (2.0 * B), A @ (3.0 * B)
        truth, kept = product @ B > 0, B @ A
        early = tg.exp(third) * 2.0
        return tg.exp(product) * truth, (kept * other) * (1.0 - other), kept, early, early + third

    A, B = rng.normal(size=(2, 400, 400)) / 400
    tiles, loops = importlib.import_module("tinygrad_bp.backends.tiles"), []
    tiled = tiles.Tiled

    def spied(*args):
        loops.append(tiled(*args))
        return loops[-1]

    spied.__name__ = "fused"
    monkeypatch.setattr(tiles, "Tiled", spied)
    fast = check(f, A, B, native=2)
    assert sum(place is not None for loop in loops for place in loop.overwritten) == 2 * 3  # on NumPy too
    before, results = (A.copy(), B.copy()), fast(A, B)
    assert not any(np.shares_memory(x, y) for x in results for y in (A, B, *results) if x is not y)
    np.testing.assert_array_equal((A, B), before)


def test_without_a_compiler_arrays_of_middle_size_stay_whole(monkeypatch):
    monkeypatch.undo()

    def f(x):
        for _ in range(8):
            x = tg.exp(-x * x)
        return x

    x = rng.normal(size=N // 2)
    check(f, x, native=1)
    monkeypatch.setattr(importlib.import_module("tinygrad_bp.backends.llvm.jit"), "is_installed", lambda: False)
    assert "fusion" not in check(f, x, native=0).plan.reason
