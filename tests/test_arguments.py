"""Arguments of NumPy's functions beyond those of the ops: the same numbers and dtypes, and their derivatives."""

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp.testing import check_gradients

VALUES = np.random.default_rng(0).normal(size=(3, 4))
MASK = VALUES > -0.3

SAME = {
    "sum, where": lambda x: np.sum(x, where=MASK),
    "sum, where a tensor": lambda x: np.sum(x, where=x > -0.3, axis=1),
    "sum, where of fewer axes": lambda x: np.sum(x, where=MASK[0]),
    "sum, where and initial": lambda x: np.sum(x, 0, where=MASK, initial=2.0),
    "nansum, where": lambda x: np.nansum(x, where=MASK),
    "prod, where": lambda x: np.prod(x, axis=1, where=MASK),
    "prod, initial": lambda x: np.prod(x, axis=1, initial=3.0, keepdims=True),
    "max, where and initial": lambda x: np.max(x, axis=0, where=MASK, initial=-9.0),
    "amin, initial": lambda x: np.amin(x, initial=0.1),
    "mean, where": lambda x: np.mean(x, axis=1, where=MASK, keepdims=True),
    "method sum, where": lambda x: x.sum(axis=0, where=MASK),
    "method mean, where": lambda x: x.mean(where=MASK, axis=0),
    "method max, initial": lambda x: x.max(axis=0, initial=0.0),
    "add.reduce, initial": lambda x: np.add.reduce(x, initial=3.0),
    "add.reduce, by position": lambda x: np.add.reduce(x, 0, None, None, False, np._NoValue, MASK),
    "maximum.reduce, initial": lambda x: np.maximum.reduce(x, initial=0.0),
    "var, correction": lambda x: np.var(x, correction=1),
    "std, correction": lambda x: np.std(x, axis=0, correction=1),
    "reshape, Fortran's order": lambda x: np.reshape(x, (2, 6), order="F"),
    "reshape to one axis, Fortran's order": lambda x: np.reshape(x, -1, order="F"),
    "method reshape, Fortran's order": lambda x: x.reshape(2, 6, order="F"),
    "ravel, Fortran's order": lambda x: np.ravel(x, order="F"),
    "method ravel, by position": lambda x: x.ravel("F"),
    "cholesky, upper": lambda x: np.linalg.cholesky(x @ x.T + np.eye(3), upper=True),
    "pinv, rtol that takes nothing away": lambda x: np.linalg.pinv(x, rtol=1e-8),
    "pinv, rtol": lambda x: np.linalg.pinv(x, rtol=0.5),
}


@pytest.mark.parametrize("f", SAME.values(), ids=SAME)
def test_numpys_numbers_and_their_derivatives(f):
    got, expected = f(tg.tensor(VALUES, requires_grad=True)), f(VALUES)
    assert got.dtype == expected.dtype
    np.testing.assert_allclose(got.data, expected, rtol=1e-12)
    check_gradients(f, VALUES)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.sum(x, None, np.float32),
        lambda x: np.mean(x, dtype=np.float32),
        lambda x: np.var(x, dtype=np.float32),
        lambda x: np.cumsum(x, 0, np.float32),
        lambda x: np.trace(x, dtype=np.float32),
        lambda x: x.prod(dtype=np.float32),
    ],
)
def test_the_dtype_to_compute_in(f):
    x = tg.tensor(VALUES, requires_grad=True)
    y = f(x)
    assert y.dtype == np.float32
    np.testing.assert_allclose(y.data, f(VALUES), rtol=1e-5)
    y.sum().backward()
    assert x.grad.dtype == np.float64


@pytest.mark.parametrize(
    ("f", "message"),
    [
        (lambda x: np.max(x, where=MASK), "np.max: .*Give initial="),
        (lambda x: np.sum(x, where=np.ones((2, 3, 4), bool)), "broadcast|dimensions"),
        (lambda x: np.var(x, ddof=1, correction=1), "ddof and correction"),
        (lambda x: np.reshape(x, 4, order="K"), "order"),
    ],
)
def test_what_numpy_refuses_too(f, message):
    with pytest.raises(ValueError, match=r"."):
        f(VALUES)
    with pytest.raises(ValueError, match=message):
        f(tg.tensor(VALUES))


def test_a_method_has_no_arguments_but_numpys():
    with pytest.raises(TypeError, match="wrong"):
        tg.tensor(VALUES).sum(wrong=1)
