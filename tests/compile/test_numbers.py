"""Python's numbers as arguments: a transform makes NumPy's of them, and elsewhere they change no array's dtype."""

import numpy as np
import pytest

import tinygrad_bp as tg

FUNCTIONS = {
    "1/x": lambda x: 1 / x,
    "x^1.5": lambda x: x**1.5,
    "x^-2": lambda x: x**-2.0,
    "x^300.5": lambda x: x**300.5,
    "log x/x": lambda x: tg.log(x) / x,
    "x % 0": lambda x: x % (x - x),
    "x^x": lambda x: x**x,
    "beside float32": lambda x: tg.sum(x * np.arange(3, dtype=np.float32)),
}
TRANSFORMS = {
    "value": lambda f: tg.value_and_grad(f),
    "second": lambda f: tg.grad(tg.grad(f)),
    "forward": lambda f: lambda x: tg.jvp(f, (x,), (x,)),
    "of a product": lambda f: lambda x: tg.grad(f)(x * 2),
    "hvp": lambda f: lambda x: tg.hvp(f, (x,), (x,)),
}


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_derivatives_for_numbers_are_those_without_a_program(name, transform):
    f = TRANSFORMS[transform](FUNCTIONS[name])
    fast = tg.compile(f, backend="numpy")
    with np.errstate(all="ignore"):
        for x in (1.5, 0.0, -8.0, 1e10, np.inf, np.nan):
            expected = f(x)
            for _ in range(2):
                found = fast(x)
                assert np.result_type(*np.atleast_1d(found)) == np.result_type(*np.atleast_1d(expected))
                np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize("backend", ["numpy", "auto"])
def test_arithmetic_of_numbers_keeps_the_dtype_of_arrays_from_the_first_call_on(backend):
    def step(W, rate):
        return W - rate / 2 * tg.grad(lambda W: tg.sum(W * W))(W)

    W, fast = np.ones((3, 2), np.float32), tg.compile(step, backend=backend)
    assert [fast(W, rate).dtype for rate in (0.1, 0.1, 0.2)] == [np.float32] * 3


def test_the_source_takes_numbers_too():
    fast = tg.compile(tg.grad(lambda x: x**1.5), backend="numpy")
    fast(2.0)
    assert "np.float64(x)" in fast.source
    space = {}
    exec(fast.source, space)
    with np.errstate(invalid="ignore"):
        assert np.isnan(space["_lambda"](-8.0))


def test_beside_an_array_of_the_same_dtype_a_number_stays_as_it_is():
    fast = tg.compile(tg.grad(lambda b, X: tg.sum(tg.tanh(X + b))), backend="numpy")
    fast(0.5, np.ones(3))
    assert "float64" not in fast.source
