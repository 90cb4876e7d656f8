"""Tensor as an array: operators, methods, conversions; and as a node: backward, hooks, names."""

import math
import operator
from fractions import Fraction

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp.errors import (
    ArgumentError,
    ArrayConversionError,
    DTypeError,
    GraphFreedError,
    NoGradientError,
    NonScalarBackwardError,
    ShapeError,
)

VALUES = np.array([[1.0, -2.5, 3.0], [4.0, 0.5, -6.0]])


@pytest.fixture
def x():
    return tg.tensor(VALUES, requires_grad=True, name="x")


# --- as an array ---

OPERATORS = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


@pytest.mark.parametrize("f", OPERATORS.values(), ids=OPERATORS)
@pytest.mark.parametrize("other", [2, 2.5, np.float64(3), np.array([1.0, 2.0, 4.0]), [1.0, 2.0, 4.0], tg.tensor(3.0)])
def test_operators_in_both_orders(f, other, x):
    plain = other.data if isinstance(other, tg.Tensor) else np.asarray(other)
    for got, expected in ((f(x, other), f(VALUES, plain)), (f(other, x), f(plain, VALUES))):
        assert type(got) is tg.Tensor
        np.testing.assert_array_equal(got.data, expected)


def test_powers_and_products(x):
    positive = abs(x)
    np.testing.assert_allclose((positive**2.5).data, np.abs(VALUES) ** 2.5)
    np.testing.assert_allclose((2.0**x).data, 2.0**VALUES)
    np.testing.assert_allclose(pow(x, 2).data, VALUES**2)
    np.testing.assert_allclose((x @ VALUES.T).data, VALUES @ VALUES.T)
    np.testing.assert_allclose((VALUES.T @ x).data, VALUES.T @ VALUES)


@pytest.mark.parametrize("other", [2, 2.5, np.array([1.0, 2.0, 4.0]), tg.tensor(3.0)], ids=repr)
@pytest.mark.parametrize("f", [divmod, np.divmod])
def test_quotient_and_remainder_at_once(f, other, x):
    plain = other.data if isinstance(other, tg.Tensor) else np.asarray(other)
    for got, expected in ((f(x, other), f(VALUES, plain)), (f(other, x), f(plain, VALUES))):
        assert [type(part) for part in got] == [tg.Tensor, tg.Tensor]
        np.testing.assert_array_equal([part.data for part in got], expected)
    np.testing.assert_array_equal(tg.grad(lambda x: divmod(x, 2)[1].sum())(VALUES), np.ones((2, 3)))


@pytest.mark.parametrize("other", [Fraction(1, 2), np.array([1, 2, 3], object), {"a": 1}], ids=["one", "array", "dict"])
def test_objects_are_no_operands(other, x):
    for f in (operator.add, lambda a, b: b * a):
        with pytest.raises(DTypeError, match=r"take numbers and arrays of numbers; got .*Convert"):
            f(x, other)


def test_unary_operators(x):
    np.testing.assert_array_equal((-x).data, -VALUES)
    np.testing.assert_array_equal(abs(x).data, np.abs(VALUES))
    np.testing.assert_array_equal(round(x).data, np.round(VALUES))
    np.testing.assert_array_equal(round(x, 1).data, np.round(VALUES, 1))
    assert +x is not x
    np.testing.assert_array_equal((+x).data, VALUES)


def test_logic_on_truth_values_and_bits(x):
    p, q = x > 0, VALUES > 1
    np.testing.assert_array_equal((p & q).data, (VALUES > 0) & q)
    np.testing.assert_array_equal((q | p).data, (VALUES > 0) | q)
    np.testing.assert_array_equal((p ^ q).data, (VALUES > 0) ^ q)
    np.testing.assert_array_equal((~p).data, ~(VALUES > 0))
    assert (tg.tensor(6) & 3).item() == 2
    with pytest.raises(DTypeError, match="bitwise_and"):
        x & p


METHODS = {
    "sum": lambda t: t.sum(),
    "mT": lambda t: t[None].mT if isinstance(t, tg.Tensor) else np.swapaxes(t[None], 1, 2),
    "astype copy": lambda t: t.astype(np.float32, copy=False),
    "sum axis": lambda t: t.sum(0),
    "mean": lambda t: t.mean(axis=1, keepdims=True),
    "max": lambda t: t.max(axis=1),
    "min": lambda t: t.min((0, 1)),
    "prod": lambda t: t.prod(axis=0),
    "var": lambda t: t.var(axis=0, ddof=1),
    "std": lambda t: t.std(),
    "cumsum": lambda t: t.cumsum(axis=1),
    "cumprod": lambda t: t.cumprod(0),
    "clip": lambda t: t.clip(-1, 2),
    "clip by name": lambda t: t.clip(max=2),
    "round": lambda t: t.round(),
    "ravel": lambda t: t.ravel(),
    "flatten": lambda t: t.flatten(),
    "squeeze": lambda t: t[:1].squeeze(0),
    "swapaxes": lambda t: t.swapaxes(0, 1),
    "diagonal": lambda t: t.diagonal(1),
    "trace": lambda t: t.trace(),
    "repeat": lambda t: t.repeat(2, axis=1),
    "take": lambda t: t.take([0, 0, 2], axis=1),
    "copy": lambda t: t.copy(),
    "conj": lambda t: t.conj(),
    "conjugate": lambda t: t.conjugate(),
    "real": lambda t: t.real,
    "imag": lambda t: t.imag,
    "any": lambda t: (t > 3).any(axis=0),
    "all": lambda t: (t > -3).all(axis=1, keepdims=True),
    "argmax": lambda t: t.argmax(),
    "argmin": lambda t: t.argmin(axis=1),
    "argsort": lambda t: t.argsort(axis=0),
    "reshape": lambda t: t.reshape(3, 2),
    "reshape tuple": lambda t: t.reshape((-1,)),
    "transpose": lambda t: t.transpose(1, 0),
    "transpose all": lambda t: t.transpose(),
    "T": lambda t: t.T,
    "dot": lambda t: t.dot(VALUES.T),
    "dot number": lambda t: t.dot(2.0),
    "astype": lambda t: t.astype(np.float32),
}


@pytest.mark.parametrize("f", METHODS.values(), ids=METHODS)
def test_methods_are_numpys(f, x):
    got, expected = f(x), f(VALUES)
    assert type(got) is tg.Tensor
    assert got.dtype == expected.dtype
    np.testing.assert_allclose(got.data, expected, rtol=1e-14, atol=1e-15)


def test_methods_that_find_places(x):
    assert [i.tolist() for i in (x > 3).nonzero()] == [i.tolist() for i in (VALUES > 3).nonzero()]
    assert tg.tensor([1.0, 2.0, 4.0]).searchsorted(3.0) == 2


def test_methods_refuse_what_they_do_not_support(x):
    with pytest.raises(TypeError):
        x.sum(0, np.float32)
    with pytest.raises(ArgumentError, match="where="):
        x.var(where=x > 0)
    with pytest.raises(ArgumentError, match="order="):
        x.ravel("K")


def test_iteration_and_length(x):
    assert len(x) == 2
    assert [row.tolist() for row in x] == VALUES.tolist()
    with pytest.raises(ShapeError, match="no axis to iterate"):
        iter(x[0, 0])


def test_attributes(x):
    assert (x.shape, x.ndim, x.size, x.dtype) == ((2, 3), 2, 6, np.float64)
    assert x.is_leaf
    assert not x.sum().is_leaf


# --- conversions ---


def test_numbers():
    assert int(tg.tensor(3.7)) == 3
    assert float(tg.tensor(3)) == 3.0
    assert complex(tg.tensor(1 + 2j)) == 1 + 2j
    assert bool(tg.tensor(0.0)) is False
    assert [10, 20, 30][tg.tensor(1)] == 20
    assert np.array([10, 20, 30])[tg.tensor(1)] == 20
    assert np.array([10, 20, 30])[tg.tensor([2, 0])].tolist() == [30, 10]
    assert list(range(tg.tensor(2))) == [0, 1]
    assert math.sqrt(tg.tensor(4.0)) == 2
    with pytest.raises(TypeError):
        operator.index(tg.tensor(1.5))


@pytest.mark.parametrize("convert", [int, float, complex, np.asarray])
def test_conversions_do_not_drop_a_gradient(convert):
    with pytest.raises(ArrayConversionError, match=r"w \(\) requires a gradient.*\.detach\(\)"):
        convert(tg.tensor(1.0, requires_grad=True, name="w"))


def test_data_is_read_only_and_numpy_is_a_copy(x):
    with pytest.raises(ValueError, match="read-only"):
        x.data[0, 0] = 7
    x.numpy()[0, 0] = 7
    assert x.data[0, 0] == 1
    assert (x.tolist(), x[0, 0].item()) == (VALUES.tolist(), 1.0)
    assert np.shares_memory(np.array(x.detach(), copy=False), x.data)


def test_text(x):
    assert repr(tg.tensor([1, 2])) == "Tensor([1, 2])"
    assert repr((x.sum() * 2).named("y")) == "Tensor(0., name='y', op=multiply, requires_grad=True)"
    assert repr(tg.tensor(1.0, dtype=np.float32)) == "Tensor(1., dtype=float32)"
    assert f"{tg.tensor(2.5):.2f}" == "2.50"
    assert f"{tg.tensor([2.5])}" == "Tensor([2.5])"


def test_making_tensors():
    a = np.ones(2)
    copied, shared = tg.tensor(a), tg.asarray(a)
    a[0] = 5
    assert (copied.tolist(), shared.tolist()) == ([1, 1], [5, 1])
    assert tg.asarray(shared) is shared
    with pytest.raises(DTypeError, match="dtype <U1"):
        tg.tensor(["a"])
    with pytest.raises(DTypeError, match="n has dtype int64"):
        tg.tensor(3, requires_grad=True, name="n")
    with pytest.raises(ArrayConversionError):
        tg.tensor([tg.tensor(1.0, requires_grad=True)])


# --- as a node ---


def test_backward_accumulates_and_is_forgotten():
    x = tg.tensor(3.0, requires_grad=True)
    y = x * x
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad == 12  # case 13
    with pytest.raises(GraphFreedError, match="retain_graph=True"):
        y.backward()
    x.zero_grad()
    assert x.grad is None


def test_backward_from_what_it_cannot_start():
    x = tg.tensor([1.0, 2.0], requires_grad=True, name="x")
    with pytest.raises(NonScalarBackwardError, match="has 2"):
        (x * 2).backward()
    with pytest.raises(ShapeError, match=r"\(3,\)"):
        (x * 2).backward(np.ones(3))
    with pytest.raises(NoGradientError, match="requires no gradient"):
        tg.tensor(1.0).backward()
    (x * 2).backward([1.0, 10.0])
    assert x.grad.tolist() == [2, 20]


def test_retained_gradients_and_hooks():
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    h = x * x
    h.retain_grad()
    seen = []
    remove = h.register_hook(lambda g: seen.append(g.tolist()))
    h.register_hook(lambda g: 2 * g)
    h.sum().backward()
    assert (seen, h.grad.tolist(), x.grad.tolist()) == ([[1, 1]], [2, 2], [4, 8])
    remove()
    (x * h.detach()).sum().backward()
    assert len(seen) == 1


def test_detach_and_names(x):
    assert not x.detach().requires_grad
    assert x.detach().name == "x"
    assert (x * 2).named("y").name == "y"


def test_local_derivatives(x):
    y = x * 3.0
    of_x, of_three = y.local_derivatives
    assert of_x.parent is x
    assert (of_x.formula, of_three.formula) == ("3", "Σ (δ ⊙ x)")
    y.sum().backward()
    with pytest.raises(NoGradientError, match="released the graph"):
        y.local_derivatives  # noqa: B018


def test_tensors_are_hashable_by_identity(x):
    assert {x: 1}[x] == 1


@pytest.mark.parametrize("a", [np.ma.array([[1.0, 2.0], [3.0, 4.0]], mask=[[0, 1], [0, 0]]), np.eye(2).view(np.matrix)])
@pytest.mark.parametrize(
    "f",
    [
        tg.tensor,
        tg.asarray,
        tg.grad(np.sum),
        lambda a: VALUES[:, :2] * tg.tensor(2.0) * a,
        lambda a: np.add(tg.tensor(2.0), a),
    ],
)
def test_arrays_with_an_arithmetic_of_their_own_are_refused(a, f):
    with pytest.raises(DTypeError, match="arithmetic of its own"):
        f(a)
