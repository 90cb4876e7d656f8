"""CONVENTIONS: cases that shipped wrong elsewhere, derivatives where there is none, zero cotangents."""

import weakref

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp.domains import BROADCAST
from tinygrad_bp.errors import ArrayConversionError, DTypeError, GraphFreedError
from tinygrad_bp.registry import OPS

inf = np.inf


def leaf(data, dtype=float, name="x"):
    return tg.tensor(data, dtype=dtype, requires_grad=True, name=name)


def gradient(f, *xs):
    """∂(Σf)/∂x for every x, as lists."""
    tensors = [leaf(x) for x in xs]
    f(*tensors).sum().backward()
    grads = [np.zeros(t.shape).tolist() if t.grad is None else t.grad.tolist() for t in tensors]
    return grads[0] if len(grads) == 1 else grads


# --- cases that shipped wrong elsewhere ---


def test_case_01_transpose_with_negative_axes():
    x = leaf(np.zeros((2, 2, 2)))
    y = tg.transpose(x, (-1, 0, -2))
    y.backward(np.arange(8.0).reshape(2, 2, 2))
    assert x.grad.ravel().tolist() == [0, 4, 1, 5, 2, 6, 3, 7]


def test_case_02_where_sums_what_it_broadcast():
    condition = np.array([[True, False, True, True]] * 3)
    a, other = leaf(np.ones((3, 1))), np.zeros((1, 4))
    tg.where(np.ones((3, 4), bool), a, other).sum().backward()
    assert a.grad.tolist() == [[4], [4], [4]]
    a.zero_grad()
    tg.where(condition, a, other).sum().backward()
    assert a.grad.tolist() == [[3], [3], [3]]
    s = leaf(2.0)
    tg.where(np.array([True, False, True]), s, np.zeros(3)).sum().backward()
    assert (s.grad.shape, s.grad.item()) == ((), 2)


def test_case_03_einsum_of_repeated_letters():
    assert gradient(lambda x, y: tg.einsum("i,i", x, y), [2.0, 2.0], [2.0]) == [[2, 2], [4]]
    assert gradient(lambda a: tg.einsum("ii", a), np.full((3, 3), 5.0)) == np.eye(3).tolist()


def test_case_04_broadcast_to_sums_its_copies():
    assert gradient(lambda x: tg.broadcast_to(x, (4, 3)), [1.0, 2.0, 3.0]) == [4, 4, 4]


def test_case_05_products_with_zeros():
    assert gradient(tg.prod, [2.0, 0.0, 3.0]) == [0, 6, 0]
    assert gradient(tg.prod, [2.0, 0.0, 0.0]) == [0, 0, 0]
    assert gradient(tg.cumprod, [2.0, 0.0, 3.0]) == [1, 8, 0]


def test_case_06_ties_and_norms_of_zero():
    assert gradient(tg.max, [1.0, 3.0, 3.0]) == [0, 0.5, 0.5]
    rows = gradient(lambda x: tg.linalg.norm(x, axis=1), [[0.0, 0.0], [3.0, 4.0]])
    np.testing.assert_allclose(rows, [[0, 0], [0.6, 0.8]])
    assert gradient(tg.std, [1.0, 1.0, 1.0]) == [0, 0, 0]


def test_case_07_many_ties_in_half_precision():
    x = leaf(np.ones(70_000), np.float16)
    tg.max(x).backward()
    assert x.grad.dtype == np.float16
    np.testing.assert_allclose(x.grad.astype(float), 1.43e-5, rtol=0.01)


@pytest.mark.filterwarnings("ignore:overflow")
def test_case_08_saturation():
    assert gradient(lambda x: 1 / (1 + tg.exp(-x)), [-1000.0]) == [0]
    x = leaf([-1000.0, 1000.0])
    y = tg.sigmoid(x)
    assert y.data.tolist() == [0, 1]
    y.sum().backward()
    assert x.grad.tolist() == [0, 0]
    assert gradient(tg.log_sigmoid, [-1000.0, 1000.0]) == [1, 0]
    assert tg.log_sigmoid(np.array(-1000.0)) == -1000


def test_case_08_cross_entropy_of_a_saturated_prediction():
    p, t = np.array([0.0, 1.0, 0.0, 1.0]), np.array([0.0, 1.0, 1.0, 0.0])
    losses = tg.binary_cross_entropy(p, t, reduction="none")
    assert losses.tolist()[:2] == [0, 0]
    assert np.all(np.isfinite(losses))
    assert np.all(losses[2:] > 700)
    slopes = np.array(gradient(lambda p: tg.binary_cross_entropy(p, t), p))
    assert np.all(np.isfinite(slopes))
    assert np.sign(slopes).tolist() == [1, -1, -1, 1]
    z, t = np.array([1000.0, -1000.0]), np.array([0.0, 1.0])
    assert tg.binary_cross_entropy_with_logits(z, t, reduction="none").tolist() == [1000, 1000]
    assert gradient(lambda z: tg.binary_cross_entropy_with_logits(z, t, reduction="sum"), z) == [1, -1]
    z, labels = np.array([[1000.0, 0.0], [0.0, -1000.0]]), np.array([1, 0])
    assert tg.softmax_cross_entropy(z, labels, reduction="none").tolist() == [1000, 0]
    assert gradient(lambda z: tg.softmax_cross_entropy(z, labels, reduction="sum"), z) == [[1, -1], [0, 0]]


def test_case_09_equal_values_and_shared_operands():
    assert gradient(lambda a, b: a + b, 2.0, 2.0) == [1, 1]
    x = leaf(3.0)
    h = x * x
    assert h.parents == (x, x)
    (h + h).backward()
    assert x.grad == 12


def test_case_10_repeated_indices():
    assert gradient(lambda x: x[[0, 0, 1]], [5.0, 6.0, 7.0]) == [2, 1, 0]

    def assigned(x, v):
        t = x * 1
        t[[0, 0, 1]] = v
        return t * np.array([1.0, 10.0, 100.0])

    a = np.array([5.0, 6.0, 7.0])
    a[[0, 0, 1]] = [1.0, 2.0, 3.0]
    assert tg.grad(lambda x: assigned(x, np.array([1.0, 2.0, 3.0])).sum())(np.ones(3)).tolist() == [0, 0, 100]
    assert (assigned(tg.tensor([5.0, 6.0, 7.0]), np.array([1.0, 2.0, 3.0])).data / [1, 10, 100]).tolist() == a.tolist()
    assert gradient(assigned, [5.0, 6.0, 7.0], [1.0, 2.0, 3.0]) == [[0, 0, 100], [0, 1, 10]]


def test_case_11_assignment_by_an_operator_keeps_the_past():
    x = leaf([1.0, 2.0])
    y = x * 1
    z = y * y
    y *= 3
    z.sum().backward()
    assert x.grad.tolist() == [2, 4]


def test_case_12_an_element_of_a_plain_array():
    t, a = leaf([1.0, 2.0], name="t"), np.zeros(3)
    with pytest.raises((ArrayConversionError, ValueError)) as caught:
        a[0] = t[0]
    assert isinstance(caught.value, ArrayConversionError) or isinstance(caught.value.__cause__, ArrayConversionError)
    with pytest.raises(ArrayConversionError, match="t"):
        np.asarray(t)
    assert a.tolist() == [0, 0, 0]


def test_case_13_backward_twice():
    x = leaf(3.0)
    y = x * x
    y.backward(retain_graph=True)
    assert x.grad == 6
    y.backward()
    assert x.grad == 12
    with pytest.raises(GraphFreedError, match="retain_graph=True"):
        y.backward()
    x = leaf(2.0)
    h = x * x
    (3 * h).backward(retain_graph=True)
    (5 * h).backward()
    assert x.grad == 32


def test_case_14_dtypes():
    x = leaf([[1.0, 2.0]], np.float32)
    tg.max(x, axis=1).sum().backward()
    assert x.grad.dtype == np.float32
    with pytest.raises(TypeError, match="only floating tensors have gradients"):
        leaf([1, 2], int)
    with pytest.raises(DTypeError):
        leaf([True], bool)


def test_case_15_gradients_share_no_memory():
    x, y, g = leaf([1.0, 2.0]), leaf([3.0, 4.0]), np.array([5.0, 6.0])
    z = x + y
    z.backward(g)
    assert not np.shares_memory(x.grad, y.grad)
    assert not np.shares_memory(x.grad, g)
    assert not np.shares_memory(y.grad, g)
    x.grad[:] = 0
    assert (y.grad.tolist(), g.tolist(), x.data.tolist()) == ([5, 6], [5, 6], [1, 2])


def test_case_16_deep_wide_and_diamonds():
    x = leaf(1.0)
    y = x
    for _ in range(100_000):
        y = y + x
    y.backward()
    assert x.grad == 100_001
    visits, h = [], x
    for _ in range(200):
        h = 0.5 * h + 0.5 * h
        h.register_hook(visits.append)
    h.backward()
    assert len(visits) == 200
    inside = weakref.ref(y)
    del y
    assert inside() is None


@pytest.mark.parametrize(
    "layout",
    [
        lambda g: np.repeat(g, 2, axis=1)[:, ::2],
        lambda g: np.asfortranarray(g),
        lambda g: g[::-1].copy()[::-1],
        lambda g: np.broadcast_to(g[:, :1], g.shape),
        lambda g: np.frombuffer(g.tobytes()).reshape(g.shape),
    ],
    ids=["strided", "column-major", "reversed", "stride 0", "read-only"],
)
@pytest.mark.parametrize("shape", [(3, 3), (0, 3)])
def test_case_17_layouts_of_the_cotangent(layout, shape):
    g = np.repeat(np.arange(1.0, 1.0 + shape[0])[:, None], shape[1], axis=1)
    x, w = np.linspace(-1, 1, g.size).reshape(shape), np.eye(3)

    def pulled(g):
        return tg.vjp(lambda x, w: tg.tanh(x @ w) * x, x, w)[1](g)

    for expected, got in zip(pulled(g), pulled(layout(g)), strict=True):
        np.testing.assert_array_equal(got, expected)


def test_case_17_cotangents_of_0_d():
    for seed in (2.0, np.float64(2), np.array(2.0), 2):
        x = leaf(3.0)
        (x * x).backward(seed)
        assert (x.grad.shape, x.grad.item()) == ((), 12)


def test_case_18_out_is_refused():
    x, into = leaf([1.0, 2.0]), np.zeros(2)
    with pytest.raises(ArrayConversionError, match="out="):
        np.add(x, 1, out=into)
    assert into.tolist() == [0, 0]


# --- derivatives where there is none ---

TABLE = {
    "relu": (tg.relu, [0.0], [0]),
    "abs": (tg.absolute, [0.0], [0]),
    "sign": (tg.sign, [0.0], [0]),
    "floor": (tg.floor, [2.0], [0]),
    "round": (lambda x: np.round(x), [2.5], [0]),
    "maximum of one tensor with itself": (lambda x: tg.maximum(x, x), [2.0], [1]),
    "max over ties": (tg.max, [2.0, 2.0, 1.0, 2.0], [1 / 3, 1 / 3, 0, 1 / 3]),
    "min over ties": (tg.min, [2.0, 2.0, 3.0], [0.5, 0.5, 0]),
    "max over ties of an axis": (lambda x: tg.max(x, axis=0), [[1.0, 5.0], [1.0, 2.0]], [[0.5, 1], [0.5, 0]]),
    "clip at an end": (lambda x: tg.clip(x, 0.0, 1.0), [0.0, 0.5, 1.0], [0, 1, 0]),
    "sqrt(0)": (tg.sqrt, [0.0, 4.0], [inf, 0.25]),
    "2-norm of 0": (tg.linalg.norm, [0.0, 0.0], [0, 0]),
    "std of constants": (tg.std, [2.0, 2.0], [0, 0]),
    "x**0": (lambda x: x**0, [0.0, 2.0], [0, 0]),
    "x**0.0": (lambda x: x**0.0, [0.0, 2.0], [0, 0]),
    "prod": (tg.prod, [0.0, 5.0, 2.0], [10, 0, 0]),
    "cumprod": (tg.cumprod, [0.0, 5.0, 2.0], [16, 0, 0]),
    "sinc(0)": (tg.sinc, [0.0], [0]),
    "sort": (lambda x: tg.sort(x) * np.array([1.0, 10.0, 100.0]), [2.0, 1.0, 1.0], [100, 1, 10]),
    "gather": (lambda x: x[np.array([1, 1, 0])] * np.array([1.0, 10.0, 100.0]), [2.0, 2.0], [100, 11]),
    "median of an even number": (tg.median, [4.0, 1.0, 3.0, 2.0], [0, 0, 0.5, 0.5]),
    "leaky relu": (tg.leaky_relu, [0.0], [0.01]),
    "leaky relu steeper than 1": (lambda x: tg.leaky_relu(x, 3.0), [0.0], [1]),
    "leaky relu that falls": (lambda x: tg.leaky_relu(x, -0.5), [0.0], [0]),
    "elu": (lambda x: tg.elu(x, 0.5), [0.0], [0.5]),
}

OF_TWO = {
    "maximum": (tg.maximum, [2.0, 2.0], [0.5, 0.5]),
    "minimum": (tg.minimum, [2.0, 2.0], [0.5, 0.5]),
    "hypot(0, 0)": (tg.hypot, [0.0, 0.0], [0, 0]),
    "arctan2(0, 0)": (tg.arctan2, [0.0, 0.0], [0, 0]),
    "x**y at (0, 0)": (tg.power, [0.0, 0.0], [0, 0]),
    "parametric relu": (tg.parametric_relu, [0.0, 0.25], [0.25, 0]),
}


@pytest.mark.parametrize(("f", "x", "expected"), TABLE.values(), ids=TABLE)
def test_derivatives_where_there_is_none(f, x, expected):
    np.testing.assert_allclose(gradient(f, x), expected, rtol=1e-15)


@pytest.mark.parametrize(("f", "xs", "expected"), OF_TWO.values(), ids=OF_TWO)
def test_derivatives_of_two_inputs_where_there_is_none(f, xs, expected):
    assert gradient(f, *xs) == expected


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@pytest.mark.parametrize(("f", "x", "expected"), TABLE.values(), ids=TABLE)
def test_conventions_hold_in_every_precision(f, x, expected, dtype):
    t = leaf(x, dtype)
    f(t).sum().backward()
    assert t.grad.dtype == dtype
    np.testing.assert_allclose(t.grad, expected, rtol=1e-3)


# --- zero cotangent wins ---


def test_the_branch_not_taken_may_be_singular():
    assert gradient(lambda x: tg.where(x > 0, tg.sqrt(x), 0.0), [0.0, 4.0]) == [0, 0.25]
    assert tg.jvp(lambda x: tg.where(x > 0, x, 0.0), (np.array([0.0, 4.0]),), (np.ones(2),))[1].tolist() == [0, 1]


SINGULAR = {
    "sqrt": (tg.sqrt, [0.0]),
    "log": (tg.log, [0.0]),
    "power": (lambda x: x**-1.0, [0.0]),
    "root": (lambda x: x**0.5, [0.0]),
    "division": (lambda x: 1.0 / x, [0.0]),
    "arccos": (tg.arccos, [1.0]),
    "arcsin": (tg.arcsin, [-1.0]),
    "arctanh": (tg.arctanh, [1.0]),
    "norm": (lambda x: tg.linalg.norm(x, axis=-1, keepdims=True), [[0.0, 0.0]]),
    "norm of order 3": (lambda x: tg.linalg.norm(x, 3, axis=-1, keepdims=True), [[0.0, 0.0]]),
    "std": (lambda x: tg.std(x, axis=-1, keepdims=True), [[1.0, 1.0]]),
    "cross-entropy": (lambda x: tg.binary_cross_entropy(x, np.zeros(1), reduction="none"), [1.0]),
}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(("f", "x"), SINGULAR.values(), ids=SINGULAR)
def test_zero_cotangent_wins(f, x):
    t = leaf(x)
    y = f(t)
    y.backward(np.zeros(y.shape))
    assert not np.any(t.grad)
    assert not np.any(tg.jvp(f, (np.array(x),), (np.zeros(np.shape(x)),))[1])


POISON = np.array([0.0, -0.0, 1.0, -1.0, 0.5, 2.0, inf, -inf, np.nan])
ELEMENTWISE = sorted(
    name
    for name, op in OPS.items()
    if op.domain.shapes == BROADCAST and op.differentiable and isinstance(op.vjps, tuple) and op.domain.kinds == "f"
)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_zero_cotangent_wins_in_every_elementwise_op(name):
    op = OPS[name]
    arity = len(op.vjps)
    points = [p.ravel() for p in np.meshgrid(*[POISON] * arity)]
    for params in op.domain.params(*[p.shape for p in points]):
        xs = [leaf(p) for p in points]
        y = op.call(*xs, **params)
        y.backward(np.zeros(y.shape, y.dtype))
        assert not any(np.any(x.grad) for x in xs if x.grad is not None), params
