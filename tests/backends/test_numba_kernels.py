"""The kernels as plain functions, against NumPy: ties, NaN and infinities too, which no program is tried with."""

import math

import numpy as np
import pytest

from tinygrad_bp.backends.numba import kernels as kernels
from tinygrad_bp.ops.cumulative import linear_recurrence
from tinygrad_bp.ops.gated_activations import gelu
from tinygrad_bp.ops.trigonometry import sinc_derivative

rng = np.random.default_rng(0)
SPECIAL = [0.0, -0.0, 1.0, 1.0, -2.0, np.inf, -np.inf, np.nan]


def lines_of(shape, axis):
    return math.prod(shape[:axis]), shape[axis], math.prod(shape[axis + 1 :])


@pytest.fixture(params=[0, 1, 2])
def axis(request):
    return request.param


@pytest.fixture
def x():
    return rng.choice(SPECIAL, (3, 7, 2)).transpose(0, 2, 1)


@pytest.mark.parametrize(
    ("ufunc", "start"), [(np.add, 0.0), (np.multiply, 1.0), (np.maximum, -np.inf), (np.minimum, np.inf)]
)
def test_folds(ufunc, start, x, axis):
    shape = x.shape[:axis] + x.shape[axis + 1 :]
    with np.errstate(invalid="ignore"):
        got = kernels.fold(ufunc).function(x, start, *lines_of(x.shape, axis), shape)
        np.testing.assert_array_equal(got, ufunc.reduce(x, axis=axis))
        running = kernels.accumulate(ufunc).function(x, start, *lines_of(x.shape, axis), x.shape)
        np.testing.assert_array_equal(running, ufunc.accumulate(x, axis=axis))


def test_sorting(x, axis):
    lines = lines_of(x.shape, axis)
    places = kernels.sorted_places.function(x, *lines, x.shape)
    np.testing.assert_array_equal(places // lines[2] % lines[1], np.argsort(x, axis=axis, kind="stable"))
    np.testing.assert_array_equal(kernels.gathered.function(x, places, 0.0, x.shape), np.sort(x, axis=axis))
    shape = x.shape[:axis] + x.shape[axis + 1 :]
    for sign, place in ((1, np.argmax), (-1, np.argmin)):
        np.testing.assert_array_equal(kernels.place_of_largest.function(x, sign, *lines, shape), place(x, axis=axis))


def test_deviations_and_recurrences(axis):
    x, b = rng.normal(size=(2, 3, 4, 5))[:, 0]
    lines = lines_of(x.shape, axis % 2)
    got = kernels.squared_deviations.function(x, *lines, np.sum(x, axis % 2).shape)
    np.testing.assert_allclose(got, np.var(x, axis=axis % 2) * lines[1], rtol=1e-13)
    got = kernels.recurrence.function(x, b, *lines, x.shape)
    np.testing.assert_allclose(got, linear_recurrence(x, b, axis=axis % 2), rtol=1e-12)


def test_places():
    x, places = rng.normal(size=(3, 4)).T, np.array([[0, -1, 5], [5, 11, 2]])
    np.testing.assert_array_equal(
        kernels.gathered.function(x, places, 7.0, (3, 2)).ravel(),
        np.where(places < 0, 7.0, x.ravel()[places]).ravel(),
    )
    y = np.zeros((2, 3))
    np.testing.assert_array_equal(
        kernels.merged.function(y, x, places, y.shape), np.where(places < 0, 0.0, x.ravel()[places])
    )
    total = np.zeros(12)
    np.add.at(total, [0, 5, 5, 11, 2], [1.0, 3.0, 4.0, 5.0, 6.0])
    values = np.arange(1.0, 7.0).reshape(2, 3)
    np.testing.assert_array_equal(kernels.scattered.function(values, places, (3, 4)).ravel(), total)
    want = x.copy().ravel()
    want[[0, 5, 1, 5]] = [1.0, 2.0, 3.0, 4.0]
    got = kernels.assigned.function(x, np.array([1.0, 2.0, 3.0, 4.0]), np.array([0, 5, 1, 5]), x.shape)
    np.testing.assert_array_equal(got.ravel(), want)


def test_indices_from_the_front():
    np.testing.assert_array_equal(kernels.within.function(np.array([0, -1, 2, -3]), 3, (2, 2)), [[0, 2], [2, 0]])
    for wrong in (3, -4):
        with pytest.raises(ValueError, match="out of range"):
            kernels.within.function(np.array([wrong]), 3, (1,))


@pytest.mark.parametrize(
    ("subscripts", "shapes"),
    [("ij,kj->ik", [(2, 3), (4, 3)]), ("ii->i", [(3, 3)]), ("ij->", [(2, 3)]), (",i,i->i", [(), (3,), (3,)]),
     ("ij,ij->ij", [(1, 3), (2, 1)])],
)  # fmt: skip
def test_contractions(subscripts, shapes):
    arrays = [rng.normal(size=shape) for shape in shapes]
    want = np.einsum(subscripts, *arrays)
    got = kernels.contraction(subscripts, shapes, np.float64)(*arrays, want.shape or (1,))
    np.testing.assert_allclose(np.reshape(got, want.shape), want, rtol=1e-13)


@pytest.mark.parametrize(
    ("a", "b"), [((2, 3, 4), (4, 5)), ((4,), (2, 4, 5)), ((2, 1, 3, 4), (6, 4, 2)), ((2, 3, 4), (4,))]
)
def test_subscripts_of_products(a, b):
    x, y = rng.normal(size=a), rng.normal(size=b)
    np.testing.assert_allclose(np.einsum(kernels.product_subscripts(len(a), len(b)), x, y), x @ y, rtol=1e-12)


@pytest.mark.parametrize(
    ("kernel", "more", "want"),
    [
        (kernels.sinc_of, (), np.sinc),
        (kernels.gelu_of, (), gelu),
        (kernels.gelu_tanh_of, (), lambda x: gelu(x, approximate="tanh")),
        (kernels.step_of, (0.5,), lambda x: np.heaviside(x, 0.5)),
        *[(kernels.sinc_derivative_of, (n,), lambda x, n=n: sinc_derivative(x, n)) for n in (1, 2, 5)],
    ],
)
def test_numbers(kernel, more, want):
    x = np.concatenate([[0.0, -0.0, 1e-9, 0.3, -0.5, 1.0, np.nan], rng.normal(scale=3, size=40)])
    got = np.array([kernel.function(number, *more) for number in x.tolist()])
    np.testing.assert_allclose(got, want(x), rtol=1e-12, atol=1e-13)


def test_a_cotangent_of_0_and_the_branch_that_is_not_taken():
    assert (kernels.scale_of.function(0.0, np.inf), kernels.scale_of.function(2.0, 3.0)) == (0.0, 6.0)
    assert (kernels.choice_of.function(True, 1.0, np.nan), kernels.choice_of.function(False, np.nan, 2.0)) == (1.0, 2.0)
