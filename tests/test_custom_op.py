"""Ops of one's own: the same record, the same checks."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import tinygrad_bp as tg
from tinygrad_bp import registry
from tinygrad_bp.domains import Reals, Shapes
from tinygrad_bp.errors import MissingRuleError, RegistrationError
from tinygrad_bp.registry import LINEAR, OPS, custom_op
from tinygrad_bp.testing import op_cases
from tinygrad_bp.testing.checker import GradientError


@pytest.fixture(autouse=True)
def _only_for_one_test():
    before = dict(OPS)
    yield
    registry._ops.clear()
    registry._ops.update(before)


def gaussian():
    @custom_op(derivatives=(lambda y, x, width: -2.0 * x / width**2 * y,), latex="e^{-{0}^2}", domain=Reals())
    def gaussian(x, width=1.0):
        """Bell curve e^(−x²/width²), elementwise."""
        return np.exp(-x * x / width**2)

    return gaussian


def test_it_works_like_an_op_of_the_library():
    f = gaussian()
    assert OPS["gaussian"].call is f
    assert f(0.0) == 1
    assert f.__doc__.startswith("Bell curve")
    x = tg.tensor([1.0, 2.0], requires_grad=True, name="x")
    y = f(x, width=2.0)
    assert y.op is OPS["gaussian"]
    y.sum().backward()
    np.testing.assert_allclose(x.grad, -x.data / 2 * y.data, rtol=1e-15)
    assert tg.grad(tg.grad(f))(0.0) == -2
    assert tg.jvp(f, (1.0,), (1.0,))[1] == pytest.approx(-2 / np.e)


@settings(max_examples=30)
@given(data=st.data())
def test_the_checker_takes_it(data):
    data.draw(op_cases(gaussian())).check()


@settings(max_examples=5)
@given(data=st.data())
def test_the_checker_finds_a_wrong_rule(data):
    @custom_op(derivatives=(lambda y, x: 2.001 * x,), latex="{0}^2", domain=Reals(0.5, 3, smallest=1))
    def wrong_square(x):
        """Square with a wrong rule."""
        return x * x

    with pytest.raises(GradientError, match="wrong_square"):
        data.draw(op_cases(wrong_square)).check()


def test_a_rule_for_a_numpy_function_that_has_none():
    x = tg.tensor([1.0, 2.0, 4.0], requires_grad=True)
    with pytest.raises(MissingRuleError, match="custom_op"):
        np.trim_zeros(x)

    @custom_op(vjps=(lambda g, y, p: g,), jvp=LINEAR, latex=r"\operatorname{trim}({0})", domain=Shapes("i"))
    def trim_zeros(p):
        """What is between zeros; here all."""
        return np.trim_zeros(p)

    np.trim_zeros(x).sum().backward()
    assert x.grad.tolist() == [1, 1, 1]


def test_defining_it_again_replaces_it():
    assert gaussian() is not gaussian()


def test_a_name_of_the_library_is_taken():
    with pytest.raises(RegistrationError, match="'exp' is registered already"):

        @custom_op(derivatives=(lambda y, x: y,), latex="{0}", domain=Reals())
        def exp(x):
            """Another exp."""
            return np.exp(x)


COMPLETE = {"vjps": (lambda g, y, x: g,), "jvp": LINEAR, "latex": "{0}", "domain": Reals()}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"vjps": None}, "derivatives, or vjps"),
        ({"jvp": None}, "derivatives, or jvp"),
        ({"jvp": (None, None)}, "a jvp for every vjp"),
        ({"latex": ""}, "latex"),
        ({"domain": None}, "a domain"),
    ],
)
def test_a_record_must_be_complete(change, message):
    def f(x):
        """Something."""
        return x

    with pytest.raises(RegistrationError, match=f"'f' is not registered: it lacks .*{message}"):
        custom_op(**COMPLETE | change)(f)


def test_a_record_needs_a_docstring():
    with pytest.raises(RegistrationError, match="a docstring"):
        custom_op(**COMPLETE)(lambda x: x)
