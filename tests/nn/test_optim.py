"""SGD takes the article's step, and leaves everything else alone."""

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp.errors import ArgumentError
from tinygrad_bp.nn import SGD


@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (0,)])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("rate", [0.5, np.float64(0.5), 1 / 2])
def test_step(shape, dtype, rate):
    p = tg.tensor(np.full(shape, 2), dtype=dtype, requires_grad=True)
    optimizer = SGD([p], rate)
    (p * p).sum().backward()
    old, gradient = p.value, p.grad
    optimizer.step()
    np.testing.assert_array_equal(p.data, np.zeros(shape))
    assert p.dtype == dtype
    assert p.shape == shape
    np.testing.assert_array_equal(old, np.full(shape, 2))
    np.testing.assert_array_equal(gradient, np.full(shape, 4))
    optimizer.zero_grad()
    assert p.grad is None


def test_a_graph_recorded_before_the_step_keeps_its_values():
    p = tg.tensor([1.0, 2.0], requires_grad=True)
    y = (p * p).sum()
    y.backward(retain_graph=True)
    optimizer = SGD([p], 0.1)
    optimizer.step()
    optimizer.zero_grad()
    y.backward()
    np.testing.assert_array_equal(p.grad, [2.0, 4.0])


def test_parameters_without_gradient_stay():
    p, q = (tg.tensor([1.0], requires_grad=True) for _ in range(2))
    (3 * p).sum().backward()
    SGD([p, q], 1.0).step()
    assert (p.item(), q.item()) == (-2.0, 1.0)


def test_the_rate_can_be_changed():
    p = tg.tensor(1.0, requires_grad=True)
    optimizer = SGD([p], 1.0)
    p.grad = np.array(1.0)
    optimizer.lr = np.float64(0.25)
    optimizer.step()
    assert p.item() == 0.75


def test_refuses_what_cannot_be_trained():
    p = tg.tensor([1.0], requires_grad=True, name="w")
    for params, message in [
        ([p, np.ones(2)], "parameter 1 is a ndarray, not a tensor"),
        ([tg.tensor([1.0], name="c")], r"c \(1,\), requires no gradient"),
        ([p * 2], "was computed from others"),
        ([p, p], r"w \(1,\), is there twice"),
        ([], "no parameters"),
    ]:
        with pytest.raises(ArgumentError, match=message):
            SGD(params, 0.1)
    for rate in (0, -1.0, np.inf, np.nan, "0.1", True, None):
        with pytest.raises(ArgumentError, match="lr is a finite number above 0"):
            SGD([p], rate)


def test_takes_one_tensor_as_well():
    p = tg.tensor([1.0], requires_grad=True)
    assert SGD(p, 1).params == [p]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_large_gradient_of_ones_own_may_be_of_another_dtype(dtype):
    w = tg.tensor(np.ones((200, 100)), dtype=dtype, requires_grad=True)
    w.grad = np.full((200, 100), 2)
    SGD([w], lr=0.25).step()
    assert w.dtype == dtype
    np.testing.assert_array_equal(w.data, np.full((200, 100), 0.5))


def test_large_parameters_take_turns_in_memory_that_nobody_has():
    rng = np.random.default_rng(0)
    w = tg.tensor(rng.normal(size=(200, 100)), requires_grad=True)
    optimizer, expected, seen = SGD([w], lr=0.1), [w.numpy()], [w.data]
    for i in range(6):
        cost = (w * w).sum()
        cost.backward(retain_graph=i == 2)
        optimizer.step()
        optimizer.zero_grad()
        expected.append(expected[-1] - 0.1 * 2 * expected[-1])
        seen.append(w.data)
        if i == 2:
            kept = cost
    for have, want in zip(seen, expected, strict=True):
        np.testing.assert_allclose(have, want, rtol=1e-12)
    w.grad = None
    kept.backward()
    np.testing.assert_allclose(w.grad, 2 * expected[2], rtol=1e-12)
    del seen, kept, cost
    places = set()
    for _ in range(6):
        (w * w).sum().backward()
        optimizer.step()
        optimizer.zero_grad()
        places.add(w.value.__array_interface__["data"][0])
    assert len(places) <= 3
