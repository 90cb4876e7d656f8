"""Fusion groups in tiles: the same numbers as call by call, whatever lies between them."""

import sys

import numpy as np
import pytest

import tinygrad_bp as tg

rng = np.random.default_rng(0)
N = 1 << 18


@pytest.fixture(autouse=True)
def _always(monkeypatch):
    monkeypatch.setattr(sys.modules["tinygrad_bp.backends.numpy"], "FUSION_ELEMENT_STEPS", 0)


def check(f, *args, groups, rtol=1e-12):
    fast = tg.compile(f, backend="numpy")
    copies = [np.array(a) for a in args]
    for _ in range(2):
        got = fast(*args)
    found = fast.plan.reason.partition("; ")[2].partition(" ")[0]
    assert int(found or 0) == groups
    with np.errstate(all="ignore"):
        want = f(*args)
    got, want = (y if isinstance(y, tuple) else (y,) for y in (got, want))
    for y, expected in zip(got, want, strict=True):
        assert np.asarray(y).dtype == np.asarray(expected).dtype
        np.testing.assert_allclose(y, expected, rtol=rtol, atol=1e-12)
    for a, copy in zip(args, copies, strict=True):
        np.testing.assert_array_equal(a, copy)
    return fast


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_value_and_gradient_of_a_chain(dtype):
    f = tg.value_and_grad(lambda x: tg.sum(tg.tanh(x) * tg.sigmoid(x) + tg.exp(-x * x)))
    fast = check(f, rng.normal(size=N + 7).astype(dtype), groups=1, rtol=1e-12 if dtype is np.float64 else 1e-5)
    assert "np.tanh(x)" in fast.source
    assert "fused" not in fast.source


def test_one_sum_for_many():
    check(lambda x: (tg.sum(x * x), tg.sum(tg.exp(x)), tg.cos(x) + 1.0), rng.normal(size=N), groups=1)


def test_what_a_group_needs_from_a_later_step_parts_it():
    def f(x):
        y = tg.exp(x) * 2.0
        total = tg.sum(tg.cumsum(y))
        return tg.tanh(y / total) * y

    check(f, rng.normal(size=N) / 9, groups=2)


def test_a_sum_is_read_when_it_is_complete():
    def f(x):
        e = tg.exp(x) * 2.0
        return e / tg.sum(e), tg.sum(e) * e

    check(f, rng.normal(size=N), groups=2)


def test_a_mean_in_between_parts_it_too():
    def f(x):
        y = x * 3.0 + 1.0
        centred = y - tg.mean(y)
        return tg.sqrt(centred * centred + 1.0)

    check(f, rng.normal(size=N), groups=2)


def test_matrices_in_any_layout_and_several_shapes():
    def f(A, B, v):
        C = (A * B + 1.0) @ v
        return tg.tanh(C) * C, A - 0.5 * B

    A, B = rng.normal(size=(512, 513)), np.asfortranarray(rng.normal(size=(512, 513)))
    check(f, A, B, rng.normal(size=(513, 400)), groups=2)


def test_truths_and_branches_and_zero_cotangents():
    f = tg.value_and_grad(lambda x: tg.sum(tg.relu(x) * tg.exp(-x) + tg.log(tg.maximum(x, 0.5)) * (x > 0.0)))
    check(f, rng.normal(size=N), groups=1)
    g = tg.grad(lambda x: tg.sum(tg.exp(-x * x) * 2.0))
    x = np.linspace(-1e200, 1e200, N)
    assert np.all(np.isfinite(check(g, x, groups=1)(x)))


def test_broadcast_operands_stay_outside():
    check(
        lambda A, b: tg.tanh(A + b) * tg.tanh(A + b) + 1.0,
        rng.normal(size=(N // 4, 4)),
        rng.normal(size=4),
        groups=1,
    )


def test_one_core_is_enough(monkeypatch):
    monkeypatch.setattr(sys.modules["tinygrad_bp.blocks"], "threads", lambda: 1)
    check(lambda x: (x + 1.0) * 2.0, rng.normal(size=N), groups=1)


def test_small_arrays_have_none():
    check(lambda x: (x + 1.0) * 2.0, rng.normal(size=1000), groups=0)


def test_little_work_is_not_worth_threads(monkeypatch):
    monkeypatch.undo()
    check(lambda x: tg.exp(x) * 2.0, rng.normal(size=N), groups=0)
    check(lambda x: tg.exp(x) * 2.0, rng.normal(size=1 << 21), groups=1)


def test_random_numbers_are_drawn_in_the_order_of_the_calls():
    def f(x, generator):
        y = x * 2.0
        first, second = generator.normal(size=2), generator.normal(size=x.shape)
        total = generator.normal(tg.sum(y + second), size=1)
        return tg.exp(-y) + second * y, first, total, y * generator.normal(size=x.shape)

    x, fast = rng.normal(size=N), tg.compile(f, backend="numpy")
    for seed in (1, 2):
        got, want = fast(x, np.random.default_rng(seed)), f(tg.tensor(x), np.random.default_rng(seed))
        for a, b in zip(got, want, strict=True):
            np.testing.assert_allclose(a, np.asarray(b), rtol=1e-12)
    assert "fusion groups" in fast.plan.reason


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64, np.bool_])
def test_constants_of_one_number_fit_every_block(dtype):
    constant = np.ones(N, dtype)

    def f(x):
        return tg.where(x > 0.0, x * 2.0, constant) * 3.0, tg.maximum(x, constant) + x, x

    x = rng.normal(size=N)
    fast = check(f, x, groups=1)
    assert not np.shares_memory(fast(x)[2], x)  # it was not the function itself that ran
    check(f, x.astype(np.float32), groups=1, rtol=1e-5)
