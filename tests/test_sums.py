"""Sums by products with ones: NumPy's numbers, shapes and dtypes."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from tinygrad_bp import tensor
from tinygrad_bp.compile import Compiled
from tinygrad_bp.sums import SMALLEST, added, as_product, ones

rng = np.random.default_rng(0)


@given(st.data(), st.sampled_from([np.float32, np.float64]), st.booleans())
def test_they_are_numpy_s(data, dtype, keepdims):
    shape = tuple(data.draw(st.lists(st.integers(0, 12), min_size=1, max_size=4)))
    axis = data.draw(st.none() | st.lists(st.integers(0, len(shape) - 1), unique=True).map(tuple))
    x = rng.normal(size=shape).astype(dtype)
    got, want = added(x, axis, keepdims), np.add.reduce(x, axis=axis, keepdims=keepdims)
    assert (np.shape(got), got.dtype) == (np.shape(want), want.dtype)
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-4 if dtype is np.float32 else 1e-12)


@pytest.mark.parametrize(
    ("axis", "first"),
    [(0, True), ((0, 1), True), (-1, False), ((2,), False), ((1, 2), False), (1, None), ((0, 2), None)],
)
def test_first_or_last_axes_are_added_by_a_product(axis, first):
    way = as_product((8, 16, 32), axis, False)
    assert way is None if first is None else way.first is first


def test_long_rows_and_few_numbers_are_left_to_numpy():
    assert as_product((4, 1 << 12), -1, False) is None
    assert as_product((4, 4), 0, False) is None
    assert as_product((SMALLEST,), 0, False) is None


def test_nobody_writes_to_the_ones():
    with pytest.raises(ValueError, match="read-only"):
        ones(7, np.dtype(float))[0] = 2.0


@pytest.mark.parametrize("special", [np.inf, -np.inf, np.nan])
def test_what_is_not_finite_stays_in_its_own_sum(special):
    x = np.ones((32, 32))
    x[3, 5] = special
    for axis in (0, 1):
        np.testing.assert_array_equal(added(x, axis), np.add.reduce(x, axis=axis))


@pytest.mark.parametrize(
    "x", [rng.integers(0, 9, (64, 64)), rng.normal(size=(64, 64)).T, rng.normal(size=(64, 64)) > 0]
)
def test_other_arrays_are_numpy_s(x):
    for axis in (0, 1, None):
        np.testing.assert_array_equal(added(x, axis), np.add.reduce(x, axis=axis))


@pytest.mark.parametrize("axis", [0, 1, -1, (0, 1), (1, 2), (0, 2), None])
@pytest.mark.parametrize("keepdims", [False, True])
def test_programs_add_up_alike(axis, keepdims):
    def f(x):
        return tensor(x).sum(axis, keepdims=keepdims) if isinstance(x, np.ndarray) else x.sum(axis, keepdims=keepdims)

    x = rng.normal(size=(8, 16, 32))
    fast = Compiled(f, "numpy")
    fast(x)
    np.testing.assert_allclose(fast(x), x.sum(axis, keepdims=keepdims), atol=1e-12)
