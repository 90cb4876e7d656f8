"""NumPy's own functions and operators, with tensors among their arguments."""

import io

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp.errors import ArgumentError, ArrayConversionError, MissingRuleError
from tinygrad_bp.protocols import functions


@pytest.fixture
def x():
    return tg.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True, name="x")


a = np.array([1.0, -2.0])

SAME = {
    "np.exp": lambda x: np.exp(x),
    "np.abs": lambda x: np.abs(-x),
    "np.add": lambda x: np.add(a, x),
    "np.matmul": lambda x: np.matmul(x, a),
    "np.add.reduce": lambda x: np.add.reduce(x),
    "np.add.reduce axis": lambda x: np.add.reduce(x, axis=None),
    "np.add.reduce by position": lambda x: np.add.reduce(x, 1, None, None, True),
    "np.maximum.reduce": lambda x: np.maximum.reduce(x, axis=1),
    "np.minimum.reduce": lambda x: np.minimum.reduce(x, axis=(0, 1)),
    "np.add.outer": lambda x: np.add.outer(x, a),
    "np.multiply.outer": lambda x: np.multiply.outer(2.0, x),
    "np.power.outer": lambda x: np.power.outer(x, [1.0, 2.0]),
    "np.sum": lambda x: np.sum(x),
    "np.sum axis": lambda x: np.sum(x, axis=0),
    "np.sum by position": lambda x: np.sum(x, 0, None, None, True),
    "np.sum by name": lambda x: np.sum(a=x, axis=-1, keepdims=True),
    "np.mean": lambda x: np.mean(x, (0, 1)),
    "np.max": lambda x: np.max(x, 1, keepdims=True),
    "np.where": lambda x: np.where(x > 2, x, 0),
    "np.where mask": lambda x: np.where([True, False], 1.0, x),
    "np.clip": lambda x: np.clip(x, 1.5, 3),
    "np.clip by name": lambda x: np.clip(x, min=1.5),
    "np.reshape": lambda x: np.reshape(x, (4,)),
    "np.transpose": lambda x: np.transpose(x, (1, 0)),
    "np.copy": lambda x: np.copy(x),
    "np.round": lambda x: np.round(x, 1),
    "np.einsum": lambda x: np.einsum("ij,j->i", x, a),
    "np.dot": lambda x: np.dot(x, a),
    "np.gradient": lambda x: np.gradient(x, 0.5, axis=0),
    "np.concatenate": lambda x: np.concatenate([x, a[None]]),
    "np.stack": lambda x: np.stack((a, x[0]), axis=1),
    "np.pad": lambda x: np.pad(x, 1, constant_values=2.0),
    "np.take_along_axis": lambda x: np.take_along_axis(x, np.array([[1], [0]]), axis=1),
    "np.argmax": lambda x: np.argmax(x, axis=0),
    "np.any": lambda x: np.any(x > 3, axis=0),
    "np.multiply.reduce": lambda x: np.multiply.reduce(x, axis=1, keepdims=True),
    "np.logical_or.reduce": lambda x: np.logical_or.reduce(x > 3),
    "np.add.accumulate": lambda x: np.add.accumulate(x),
    "np.multiply.accumulate": lambda x: np.multiply.accumulate(x, axis=1),
    "np.linalg.norm": lambda x: np.linalg.norm(x, axis=0),
    "np.linalg.inv": lambda x: np.linalg.inv(x),
    "np.linalg.solve": lambda x: np.linalg.solve(x, a),
    "np.fft.fft": lambda x: np.fft.fft(x),
    "np.fft.rfft": lambda x: np.fft.rfft(x, axis=0),
    "np.real": lambda x: np.real(x),
    "np.ones_like": lambda x: np.ones_like(x),
    "np.full_like": lambda x: np.full_like(x, 2, dtype=np.float32),
    "array + tensor": lambda x: a + x,
    "tensor - array": lambda x: x - a,
    "list * tensor": lambda x: [1.0, 2.0] * x,
    "NumPy number * tensor": lambda x: np.float64(2) * x,
    "NumPy number ** tensor": lambda x: np.float32(2) ** x,
    "tensor / NumPy number": lambda x: x / np.int64(2),
    "int - tensor": lambda x: 1 - x,
    "array @ tensor": lambda x: a @ x,
    "array < tensor": lambda x: a < x,
    "NumPy number == tensor": lambda x: np.float64(2) == x,
    "array % tensor": lambda x: a % x,
    "bool array & tensor": lambda x: np.array([True, False]) & (x > 2),
}


@pytest.mark.parametrize("f", SAME.values(), ids=SAME)
def test_the_result_is_a_tensor_with_numpys_numbers(f, x):
    got, expected = f(x), f(x.numpy())
    assert type(got) is tg.Tensor
    assert got.dtype == expected.dtype
    np.testing.assert_allclose(got.data, expected, rtol=1e-14)


def test_gradients_flow(x):
    np.sum(np.exp(a[:, None] * x), axis=0)[1].backward()
    np.testing.assert_allclose(x.grad[:, 1], a * np.exp(a * [2.0, 4.0]))
    assert x.grad[:, 0].tolist() == [0, 0]


def test_scalars_are_weak():
    t = tg.tensor([1.0, 2.0], dtype=np.float32)
    assert (2.0 * t).dtype == np.multiply(2.0, t).dtype == np.float32
    assert (np.float64(2) * t).dtype == np.float64


INSPECTING = {
    "np.shape": lambda x: np.shape(x),
    "np.ndim": lambda x: np.ndim(x),
    "np.size": lambda x: np.size(x),
    "np.result_type": lambda x: np.result_type(x, np.float32),
    "np.allclose": lambda x: np.allclose(x, x),
    "np.array_equal": lambda x: np.array_equal(x, x),
    "np.array_repr": lambda x: np.array_repr(x),
    "np.iscomplexobj": lambda x: np.iscomplexobj(x),
    "np.argwhere": lambda x: np.argwhere(x > 2).tolist(),
    "np.count_nonzero": lambda x: np.count_nonzero(x > 2),
    "np.where, one argument": lambda x: [i.tolist() for i in np.where(x > 2)],
}


@pytest.mark.parametrize("f", INSPECTING.values(), ids=INSPECTING)
def test_functions_that_only_look(f, x):
    assert f(x) == f(x.numpy())


def test_what_is_like_a_tensor_is_a_constant(x):
    assert not np.zeros_like(x).requires_grad
    assert type(np.zeros_like(x[0, 0]).value) is np.float64


def test_saving(x):
    file = io.BytesIO()
    np.save(file, x)
    file.seek(0)
    np.testing.assert_array_equal(np.load(file), x.data)


# --- what raises ---


@pytest.mark.parametrize(
    ("f", "names"),
    [
        (
            lambda x: np.roots(x),
            r"^np\.roots has no derivative rule here\. Write it|the nearest name that has one is np\.",
        ),
        (lambda x: np.frexp(x), r"np\.frexp .* np\.exp\."),
        (lambda x: np.linalg.cond(x), r"np\.linalg\.cond .* np\.linalg\."),
        (lambda x: np.add.reduceat(x, [0]), r"np\.add\.reduceat .* np\.add\."),
        (lambda x: np.divide.reduce(x), r"np\.divide\.reduce .* np\.divide\."),
        (lambda x: np.nextafter.outer(x, x), r"np\.nextafter"),
    ],
)
def test_a_function_without_a_rule_names_the_nearest_that_has_one(f, names, x):
    with pytest.raises(MissingRuleError, match=names):
        f(x)


def add_in_place(x):
    b = np.zeros((2, 2))
    b += x


def assign(target, index, value):
    target[index] = value


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.add(x, 1, out=np.zeros((2, 2))),  # case 18
        lambda x: np.add(1.0, 1.0, out=x),
        lambda x: np.add.reduce(x, out=np.zeros(2)),
        lambda x: np.sum(x, out=np.zeros(())),
        lambda x: np.sum(x, None, None, np.zeros(())),
        lambda x: np.einsum("ij->i", x, out=np.zeros(2)),
        lambda x: np.clip(x, 0, 1, np.zeros((2, 2))),
        lambda x: np.add.at(np.zeros(2), [0], x[0, 0]),
        lambda x: np.copyto(np.zeros((2, 2)), x),
        lambda x: np.put(np.zeros(2), [0], x[0, 0]),
        add_in_place,
    ],
)
def test_writing_into_an_array_names_the_fix(f, x):
    with pytest.raises(ArrayConversionError, match="without out="):
        f(x)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.asarray(x),
        lambda x: np.array([x, x]),
        lambda x: np.array([x[0, 0], 1.0]),
        lambda x: assign(np.zeros((2, 2)), ..., x),
        lambda x: float(x[0, 0]),
        lambda x: np.full_like(a, x[0, 0]),
    ],
)
def test_a_plain_array_of_a_tensor_that_requires_a_gradient(f, x):
    with pytest.raises(ArrayConversionError):
        f(x)


def test_one_element_of_a_plain_array(x):  # case 12
    with pytest.raises((ValueError, TypeError)) as raised:
        assign(np.zeros(3), 0, x[0, 0])
    assert isinstance(raised.value.__cause__ or raised.value, ArrayConversionError)


def test_constants_become_arrays():
    t = tg.tensor([1.0, 2.0])
    assert np.asarray(t).tolist() == [1, 2]
    assert np.array([t, t]).shape == (2, 2)
    b = np.zeros(3)
    b[0] = t[1]
    b[1:] = t
    assert b.tolist() == [2, 1, 2]
    with pytest.raises(ArrayConversionError):
        b += tg.tensor(1.0)


@pytest.mark.parametrize(
    ("f", "message"),
    [
        (lambda x: np.var(x, where=a > 0), "where=.* is not supported for tensors. Choose"),
        (lambda x: np.exp(x, where=a > 0), "where=.* is not supported"),
        (lambda x: np.exp(x, dtype=np.float32), "dtype=.* is not supported for tensors. Convert"),
        (lambda x: np.logaddexp.reduce(x, initial=3.0), "initial=3.0 is not supported"),
        (lambda x: np.add.outer(x, x, where=False), "where=False is not supported"),
        (lambda x: np.reshape(x, 4, order="A"), "order='A'"),
        (lambda x: np.clip(x, 0, 1, where=a > 0), "where="),
    ],
)
def test_arguments_that_are_not_supported_are_not_ignored(f, message, x):
    with pytest.raises(ArgumentError, match=message):
        f(x)


def test_arguments_that_change_nothing_are_taken(x):
    assert np.exp(x, where=True, dtype=None, casting="same_kind").shape == (2, 2)
    assert np.sum(x, dtype=None, out=None).item() == 10
    assert np.copy(x, order="K").shape == (2, 2)
    assert np.einsum("ij->", x, optimize=True).item() == 10


@pytest.mark.parametrize(
    ("f", "kind"),
    [
        (lambda x: np.sum(x, axis=5), np.exceptions.AxisError),
        (lambda x: np.sum(x, wrong=1), TypeError),
        (lambda x: np.exp(x, wrong=1), TypeError),
        (lambda x: np.where(x > 2, x), ValueError),
        (lambda x: np.reshape(x, (3,)), ValueError),
        (lambda x: np.matmul(x, np.ones(3)), ValueError),
        (lambda x: x + np.ones(3), ValueError),
        (lambda x: np.linalg.inv(x[:1]), np.linalg.LinAlgError),
    ],
)
def test_errors_are_of_numpys_kind(f, kind, x):
    with pytest.raises(kind):
        f(x.numpy())
    with pytest.raises(kind):
        f(x)


def test_other_array_types_keep_their_say(x):
    class Foreign:
        def __array_function__(self, func, types, args, kwargs):
            return "mine"

    assert np.concatenate([x, Foreign()]) == "mine"


def test_the_table_has_numpys_names():
    assert functions()["linalg.norm"] is tg.linalg.norm
    assert {"exp", "sum", "where", "fft.fft", "linalg.inv"} <= set(functions())
