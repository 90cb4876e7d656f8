"""Broadcasting copies; its transpose sums the copies."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

import tinygrad_bp as tg
from tinygrad_bp.broadcasting import unbroadcast


@st.composite
def broadcasts(draw):
    """A shape, and one that broadcasts to it."""
    full = draw(st.lists(st.integers(0, 3), max_size=4))
    kept = full[draw(st.integers(0, len(full))) :]
    return tuple(full), tuple([draw(st.sampled_from((n, 1))) for n in kept])


@given(broadcasts(), st.integers(0, 2**32 - 1))
def test_it_is_the_transpose_of_broadcasting(shapes, seed):
    full, shape = shapes
    random = np.random.default_rng(seed)
    g, x = random.normal(size=full), random.normal(size=shape)
    home = unbroadcast(g, shape)
    assert home.shape == shape
    np.testing.assert_allclose(np.vdot(home, x), np.vdot(g, np.broadcast_to(x, full)), atol=1e-12)


@given(broadcasts(), st.data())
def test_elementwise_ops_send_every_copy_home(shapes, data):
    full, shape = shapes
    x, other = tg.tensor(np.full(shape, 2.0), requires_grad=True), np.full(full, 3.0)
    f = data.draw(st.sampled_from([lambda a, b: a + b, lambda a, b: b * a, lambda a, b: tg.where(b > 0, a, b)]))
    f(x, other).backward(np.ones(full))
    copies = np.prod(full) / np.prod(shape) if np.prod(shape) else 0
    slope = f(np.array(3.0), 3.0) - f(np.array(2.0), 3.0)
    np.testing.assert_array_equal(x.grad, np.full(shape, slope * copies))


def test_both_operands_may_be_stretched():
    a, b = tg.tensor(np.ones((3, 1)), requires_grad=True), tg.tensor(np.ones(4), requires_grad=True)
    (a * b).sum().backward()
    assert a.grad.tolist() == [[4], [4], [4]]
    assert b.grad.tolist() == [3, 3, 3, 3]


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_the_sum_has_the_inputs_dtype(dtype):
    b = tg.tensor(np.ones(2, dtype), requires_grad=True)
    (b + np.ones((5, 2), dtype)).sum().backward()
    assert b.grad.dtype == dtype
    assert b.grad.tolist() == [5, 5]


def test_the_transpose_of_broadcasting_differentiates_again():
    def f(b):
        return ((b * np.ones((4, 2))) ** 3).sum()

    np.testing.assert_array_equal(tg.hessian(f)(np.array([1.0, 2.0])), np.diag([24.0, 48.0]))
