"""Memory is used again when nobody looks at it any more, and not before."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp.backends.buffers import POOLED_ARRAYS, BufferPool

rng = np.random.default_rng(0)


def address(array):
    return array.__array_interface__["data"][0]


def test_it_is_given_again_when_the_array_is_gone():
    memory = BufferPool((3, 4), np.dtype(np.float32))
    array = memory()
    assert array.shape == (3, 4)
    assert array.dtype == np.float32
    place = address(array)
    del array
    assert address(memory()) == place


@pytest.mark.parametrize("look", [lambda a: a, lambda a: a[1:], lambda a: a.T.reshape(-1), lambda a: memoryview(a)])
def test_it_is_not_given_again_while_anybody_looks(look):
    memory = BufferPool((5,), np.dtype(float))
    array = memory()
    array[:] = 7.0
    seen = look(array)
    del array
    for _ in range(2 * POOLED_ARRAYS):
        memory()[:] = 0.0
    assert np.all(np.asarray(seen) == 7.0)


def test_arrays_that_stay_do_not_pile_up_in_it():
    memory = BufferPool((5,), np.dtype(float))
    arrays = [memory() for _ in range(10)]
    assert len({address(a) for a in arrays}) == 10
    assert len(memory.kept) == POOLED_ARRAYS


def test_threads_never_share_it():
    memory = BufferPool((64,), np.dtype(float))

    def work(number):
        for i in range(2_000):
            mine = memory()
            mine[:] = number
            if i % 3 == 0:
                mine = mine[::2]
            if not np.all(mine == number):
                return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(8)))


@pytest.mark.parametrize("backend", ["auto", "numpy"])
def test_results_of_earlier_calls_stay_as_they_are(backend):
    x, W = rng.normal(size=(300, 200)), rng.normal(size=(200, 400))

    def step(W, x):
        a = tg.relu(x @ W)
        return a, a @ a.T, W - 0.1 * tg.tanh(W)

    fast = tg.compile(step, backend=backend)
    inputs = [rng.normal(size=W.shape) for _ in range(6)]
    results = [fast(V, x) for V in inputs]
    for V, got in zip(inputs, results, strict=True):
        for y, expected in zip(got, step(tg.asarray(V), tg.asarray(x)), strict=True):
            np.testing.assert_allclose(y, expected.data, rtol=1e-12, atol=1e-12)


def test_training_in_a_loop_gives_what_the_eager_steps_give():
    x, t = rng.normal(size=(64, 300)), rng.normal(size=(64, 200))
    gradient = tg.grad(lambda W, x, t: tg.mse(tg.tanh(x @ W), t))

    def step(W, x, t):
        return W - 0.1 * gradient(W, x, t)

    fast, W = tg.compile(step, backend="numpy"), rng.normal(size=(300, 200))
    V = W.copy()
    for _ in range(5):
        W, V = fast(W, x, t), step(V, x, t)
    np.testing.assert_allclose(W, V, rtol=1e-12)
