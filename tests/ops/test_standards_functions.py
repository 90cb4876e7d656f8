"""Functions that the Array API standard brought to NumPy: vecdot, sets, shifts, matrices in the last two axes."""

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp.errors import ShapeError, TracingError

RNG = np.random.default_rng(2)


def leaf(*shape, dtype=float):
    return tg.tensor(RNG.normal(size=shape).astype(dtype), requires_grad=True)


@pytest.mark.parametrize("axis", [-1, -2])
@pytest.mark.parametrize("dtype", [float, complex])
def test_vecdot_is_numpys(axis, dtype):
    a, b = RNG.normal(size=(3, 3)).astype(dtype) * (1 + 1j * (dtype is complex)), RNG.normal(size=(2, 3, 3))
    expected = np.vecdot(a, b, axis=axis)
    for got in (tg.vecdot(a, b, axis=axis), np.vecdot(tg.tensor(a), tg.tensor(b), axis=axis).data):
        np.testing.assert_allclose(got, expected, rtol=1e-13)
    np.testing.assert_allclose(tg.linalg.vecdot(a, b, axis=axis), expected, rtol=1e-13)


def test_vecdot_needs_vectors_of_one_length():
    for b in (leaf(4), tg.tensor(2.0)):
        with pytest.raises(ShapeError, match="vecdot: the axis needs the same length"):
            tg.vecdot(leaf(3), b)


@pytest.mark.parametrize("name", ["unique_all", "unique_counts", "unique_inverse", "unique_values"])
def test_sets_are_numpys(name):
    x = np.array([[2.0, np.nan, 1.0], [np.nan, 2.0, -1.0]])
    expected, got = getattr(np, name)(x), getattr(np, name)(tg.tensor(x, requires_grad=True))
    if name == "unique_values":
        expected, got = (expected,), (got,)
    else:
        assert got._fields == expected._fields
    order = np.argsort(expected[0])  # NumPy's values alone need not be in order
    np.testing.assert_array_equal(got[0].data, expected[0][order] if name == "unique_values" else expected[0])
    for part, want in zip(got[1:], expected[1:], strict=True):
        np.testing.assert_array_equal(part, want)


def test_a_compiled_function_has_no_sets():
    with pytest.raises(TracingError, match="length depends on numbers"):
        tg.compile(lambda x: tg.unique_values(x))(np.ones(3))


def test_linalg_looks_at_the_last_axes():
    x, y = RNG.normal(size=(2, 3, 3)), RNG.normal(size=(3, 3))
    for name, args in {"diagonal": (x,), "trace": (x,), "cross": (x, y), "outer": (x[0, 0], y[0])}.items():
        ours, theirs = getattr(tg.linalg, name), getattr(np.linalg, name)
        np.testing.assert_allclose(ours(*args), theirs(*args), rtol=1e-13)
        np.testing.assert_allclose(theirs(*map(tg.tensor, args)).data, theirs(*args), rtol=1e-13)
    np.testing.assert_array_equal(tg.linalg.diagonal(x, offset=1), np.linalg.diagonal(x, offset=1))


def test_the_dtype_of_a_sum_is_the_one_asked_for():
    x = tg.tensor([200, 100], dtype=np.uint8)
    for name in ("sum", "prod", "cumsum"):
        got = getattr(np, name)(x, dtype=np.uint8)
        expected = getattr(np, name)(x.data, dtype=np.uint8)
        assert got.dtype == np.uint8
        np.testing.assert_array_equal(got.data, expected)
