"""Transforms: containers, arguments, nesting, modes, threads, and what they refuse."""

import threading
from collections import OrderedDict, defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, strategies as st

import tinygrad_bp as tg
from tinygrad_bp.errors import ArgumentError, DTypeError, LeafAssignmentError, NonScalarBackwardError, ShapeError
from tinygrad_bp.trees import aligned, flatten


class Pair(NamedTuple):
    W: np.ndarray
    b: np.ndarray


@dataclass(frozen=True)
class Net:
    W: np.ndarray
    b: np.ndarray
    made: str = field(default="", init=False)


W, b, x = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([0.5, -0.5]), np.array([1.0, -2.0])
CONTAINERS = {
    "dict": ({"W": W, "b": b}, lambda p: (p["W"], p["b"])),
    "ordered dict": (OrderedDict(W=W, b=b), lambda p: (p["W"], p["b"])),
    "default dict": (defaultdict(list, W=W, b=b), lambda p: (p["W"], p["b"])),
    "list": ([W, b], tuple),
    "tuple": ((W, b), tuple),
    "named tuple": (Pair(W, b), tuple),
    "dataclass": (Net(W, b), lambda p: (p.W, p.b)),
    "nested": ({"layers": [(W,), Pair(b, b)]}, lambda p: (p["layers"][0][0], p["layers"][1].W)),
}
containers = pytest.mark.parametrize(("params", "parts"), CONTAINERS.values(), ids=CONTAINERS)


def cost(parts):
    def of(params, x):
        W, b = parts(params)
        return (tg.tanh(W @ x + b) ** 2).sum()

    return of


def by_hand():
    z = W @ x + b
    d = 2 * np.tanh(z) / np.cosh(z) ** 2  # 1 - tanh² has lost digits in the tails
    return np.outer(d, x), d


# --- containers ---


@containers
def test_grad_of_a_container_is_the_same_container(params, parts):
    value, g = tg.value_and_grad(cost(parts))(params, x)
    assert type(g) is type(params)
    for got, expected in zip(parts(g), by_hand(), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-14)
    assert value == pytest.approx(np.sum(np.tanh(W @ x + b) ** 2), rel=1e-15)


@containers
def test_vjp_and_jvp_of_a_container(params, parts):
    def f(p):
        W, b = parts(p)
        return {"z": W @ x + b, "n": (b * b).sum()}

    y, pullback = tg.vjp(f, params)
    assert sorted(y) == ["n", "z"]
    (g,) = pullback({"n": 2.0, "z": np.array([1.0, 10.0])})
    np.testing.assert_allclose(parts(g)[0], np.outer([1, 10], x))
    np.testing.assert_allclose(parts(g)[1], [1 + 4 * 0.5, 10 - 4 * 0.5])
    leaves, rebuild = flatten(params)
    tangent = rebuild(iter([np.ones_like(leaf) for leaf in leaves]))
    moved = tg.jvp(f, (params,), (tangent,))[1]
    np.testing.assert_allclose(moved["z"], W.shape[0] * [x.sum() + 1])
    assert moved["n"] == pytest.approx(2 * b.sum())


@containers
def test_jacobian_and_hessian_of_a_container_are_containers_of_blocks(params, parts):
    blocks = tg.jacobian(lambda p: {"z": parts(p)[0] @ x + parts(p)[1]})(params)
    np.testing.assert_allclose(parts(blocks["z"])[0], np.einsum("ij,k->ijk", np.eye(2), x))
    np.testing.assert_allclose(parts(blocks["z"])[1], np.eye(2))
    H = tg.hessian(lambda p: (parts(p)[0] @ x) @ parts(p)[1])(params)
    np.testing.assert_allclose(parts(parts(H)[0])[1], np.einsum("ik,j->ijk", np.eye(2), x))
    np.testing.assert_allclose(parts(parts(H)[1])[0], np.einsum("ij,k->ijk", np.eye(2), x))
    np.testing.assert_allclose(parts(parts(H)[1])[1], np.zeros((2, 2)))


@containers
def test_hvp_of_a_container_is_the_hessian_times_the_vector(params, parts):
    (got,) = tg.hvp(lambda p: (parts(p)[0] @ x) @ parts(p)[1] ** 2, (params,), (params,))
    np.testing.assert_allclose(parts(got)[0], np.outer(2 * b * b, x))
    np.testing.assert_allclose(parts(got)[1], 2 * (W @ x) * b + 2 * (W @ x) * b)


@pytest.mark.parametrize("mode", ["auto", "reverse", "forward"])
def test_jacobian_modes_agree(mode):
    J = tg.jacobian(lambda x, y: (tg.exp(x) * y.sum(), x[0]), argnums=(0, 1), mode=mode)(x, b)
    np.testing.assert_allclose(J[0][0], np.diag(np.exp(x) * b.sum()), atol=1e-15)
    np.testing.assert_allclose(J[0][1], np.outer(np.exp(x), np.ones(2)))
    np.testing.assert_allclose(J[1][0], [1, 0])
    np.testing.assert_allclose(J[1][1], [0, 0])


def test_tangents_are_matched_by_key_not_by_order():
    f = lambda p: p["a"] * 10 + p["b"]  # noqa: E731
    assert tg.jvp(f, ({"a": 1.0, "b": 2.0},), ({"b": 1.0, "a": 0.0},))[1] == 1


def test_empty_containers_and_arrays():
    assert tg.grad(lambda p: 1.0)({}) == {}
    assert tg.grad(lambda x: x.sum())(np.zeros((0, 3))).shape == (0, 3)
    assert tg.jacobian(lambda x: x)(np.zeros(0)).shape == (0, 0)
    assert tg.hvp(lambda: 1.0, (), ()) == ()


# --- arguments ---


def test_argnums_keywords_and_mixed_integers():
    def f(x, n, y, *, scale=1.0):
        return scale * (x[n] * y).sum()

    assert tg.grad(f)(x, 1, 3.0, scale=2.0).tolist() == [0, 6]
    gx, gy = tg.grad(f, argnums=(0, -1))(x, 1, 3.0)
    assert (gx.tolist(), gy.tolist()) == ([0, 3], -2)
    assert [g.tolist() for g in tg.grad(f, argnums=[2])(x, 1, 3.0)] == [-2]
    assert tg.grad(f, argnums=np.int64(2))(x, 1, 3.0) == -2
    assert tg.jacobian(f, argnums=2)(x, 1, 3.0) == -2


def test_aux_comes_out_as_arrays():
    (value, aux), g = tg.value_and_grad(lambda x: ((x * x).sum(), {"x": x, "note": "kept"}), has_aux=True)(x)
    assert (value, g.tolist(), aux["note"]) == (5, [2, -4], "kept")
    assert type(aux["x"]) is np.ndarray
    assert tg.grad(lambda x: (x * x, 7), has_aux=True)(3.0) == (6, 7)
    _, signs = tg.grad(lambda x: (x.sum(), x > 0), has_aux=True)(tg.tensor(x))
    assert signs.data.tolist() == [True, False]


@pytest.mark.parametrize("constant", [3.0, 3, np.float64(3), np.ones(1), tg.tensor(2.0)])
def test_a_result_that_does_not_depend_on_x_has_gradient_zero(constant):
    assert tg.grad(lambda x: constant)(x).tolist() == [0, 0]
    assert tg.vjp(lambda x: constant, x)[1](constant)[0].tolist() == [0, 0]
    assert np.all(tg.jvp(lambda x: constant, (x,), (x,))[1] == 0)
    assert tg.hessian(lambda x: constant)(x).tolist() == [[0, 0], [0, 0]]
    assert np.all(tg.jacobian(lambda x: constant)(x) == 0)


def test_results_are_arrays_outside_and_tensors_for_tensors():
    assert type(tg.grad(lambda x: x * x)(3.0)) is np.ndarray
    assert type(tg.grad(lambda x: x * x)(tg.tensor(3.0))) is tg.Tensor


def test_dtype_is_the_inputs():
    x32 = x.astype(np.float32)
    assert tg.grad(lambda x: (x * x).sum())(x32).dtype == np.float32
    assert tg.jacobian(lambda x: x * x)(x32).dtype == np.float32
    assert tg.hessian(lambda x: (x**3).sum())(x32).dtype == np.float32


# --- order ---


@given(st.lists(st.floats(-2, 2), min_size=2, max_size=4).map(np.array))
def test_forward_over_reverse_is_reverse_over_forward(x):
    def f(x):
        return (tg.tanh(x) * tg.exp(x[::-1])).sum()

    forward_over_reverse = tg.jacobian(tg.grad(f), mode="forward")(x)
    reverse_over_reverse = tg.jacobian(tg.grad(f), mode="reverse")(x)
    reverse_over_forward = tg.jacobian(tg.jacobian(f, mode="forward"), mode="reverse")(x)
    forward_over_forward = tg.jacobian(tg.jacobian(f, mode="forward"), mode="forward")(x)
    for other in (reverse_over_reverse, reverse_over_forward, forward_over_forward):
        np.testing.assert_allclose(forward_over_reverse, other, rtol=1e-12, atol=1e-12)
    v = np.arange(1.0, len(x) + 1)
    np.testing.assert_allclose(tg.hvp(f, (x,), (v,))[0], forward_over_reverse @ v, rtol=1e-11, atol=1e-11)


def test_third_derivatives():
    assert tg.grad(tg.grad(tg.grad(lambda x: x**5)))(2.0) == 240
    third = tg.jacobian(tg.hessian(lambda x: (x**4).sum()))(x)
    np.testing.assert_allclose(third, np.einsum("i,ij,ik->ijk", 24 * x, np.eye(2), np.eye(2)))
    d = lambda f: lambda x: tg.jvp(f, (x,), (1.0,))[1]  # noqa: E731
    assert d(d(d(lambda x: x**5)))(2.0) == 240


def test_perturbations_are_not_confused():
    assert tg.grad(lambda x: x * tg.grad(lambda y: x * y)(2.0))(3.0) == 6
    inner = lambda x: tg.jvp(lambda y: x * y, (2.0,), (1.0,))[1]  # noqa: E731
    assert tg.jvp(lambda x: x * inner(x), (3.0,), (1.0,))[1] == 6
    assert tg.grad(lambda x: tg.jvp(lambda y: x * y * y, (x,), (1.0,))[1])(3.0) == 12


def test_closures_over_outer_tensors():
    w = tg.tensor(3.0, requires_grad=True)
    assert tg.grad(lambda x: w * x * x)(2.0) == 12
    assert w.grad is None
    y = tg.grad(lambda x: w * x * x)(tg.tensor(2.0))
    y.backward()
    assert w.grad == 4
    assert tg.grad(lambda a: tg.grad(lambda x: a * x * x)(2.0))(5.0) == 4


def test_a_pullback_may_be_called_again_with_arrays_or_tensors():
    pullback = tg.vjp(lambda x: x**2, x)[1]
    assert type(pullback(np.ones(2))[0]) is np.ndarray
    g = tg.tensor([1.0, 1.0], requires_grad=True)
    (pulled,) = pullback(g)
    pulled.sum().backward()
    assert g.grad.tolist() == [2, -4]
    assert type(pullback(np.ones(2))[0]) is np.ndarray


def test_a_pullback_does_not_see_what_is_written_later():
    given = np.array([1.0, 2.0])
    y, pullback = tg.vjp(lambda x: tg.exp(x) * x, given)
    expected = pullback(np.ones(2))[0].copy()
    y[:] = given[:] = 7
    np.testing.assert_array_equal(pullback(np.ones(2))[0], expected)
    t = tg.tensor([1.0, 2.0], requires_grad=True)
    y, pullback = tg.vjp(tg.exp, t)
    y[0] = 7.0
    np.testing.assert_array_equal(pullback(np.ones(2))[0].data, np.exp([1.0, 2.0]))


def test_results_share_no_memory_with_arguments():
    x = np.array([1.0, 2.0])
    y, t = tg.jvp(lambda x: x, (x,), (x,))
    (_, aux), g = tg.value_and_grad(lambda x: (x.sum(), x), has_aux=True)(x)
    for result in (y, t, aux, g, tg.vjp(lambda x: x, x)[0], tg.vjp(lambda x: x, x)[1](x)[0]):
        assert not np.shares_memory(result, x)


def test_an_argument_is_not_assigned_to():
    def f(x):
        x[0] = 0.0
        return x.sum()

    with pytest.raises(LeafAssignmentError):
        tg.grad(f)(x)


def test_a_tangent_may_be_a_tensor():
    t = tg.tensor([1.0, 1.0], requires_grad=True)
    tg.jvp(lambda x: x**2, (x,), (t,))[1].sum().backward()
    assert t.grad.tolist() == [2, -4]


# --- modes and threads ---


def test_no_grad_inside_makes_constants():
    def f(x):
        with tg.no_grad():
            held = x * x
        return held * x

    assert tg.grad(f)(3.0) == 9


def test_no_grad_around_a_nested_transform_makes_its_result_a_constant():
    def f(x):
        with tg.no_grad():
            slope = tg.grad(lambda z: z**3)(x)
            moved = tg.jvp(lambda z: z**3, (x,), (1.0,))[1]
        return slope * moved * x

    assert tg.grad(f)(2.0) == 144


def test_transforms_record_under_no_grad():
    with tg.no_grad():
        assert tg.grad(lambda x: x * x)(3.0) == 6
        assert tg.hessian(lambda x: x**3)(2.0) == 12


def test_threads_do_not_meet():
    results = {}

    def work(k):
        with tg.no_grad() if k % 2 else tg.scope(str(k)):
            results[k] = [float(tg.grad(tg.grad(lambda x: x**4 * k))(1.0 + i / 10)) for i in range(50)]

    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for k in range(8):
        np.testing.assert_allclose(results[k], [12 * k * (1 + i / 10) ** 2 for i in range(50)], rtol=1e-12)


# --- what they refuse ---


def test_integer_arguments_are_named():
    with pytest.raises(DTypeError, match=r"argument 0\['n'\] of dtype int64"):
        tg.grad(lambda p: p["x"])({"x": 1.0, "n": 3})
    with pytest.raises(DTypeError, match=r"counts of dtype int64"):
        tg.grad(lambda p: p)(tg.tensor(3, name="counts"))


@pytest.mark.parametrize("argnums", [1, -2, (0, 3)])
def test_argnums_out_of_range(argnums):
    with pytest.raises(ArgumentError, match="1 positional arguments were given"):
        tg.grad(lambda x: x, argnums=argnums)(1.0)


def test_argnums_twice():
    with pytest.raises(ArgumentError, match="twice"):
        tg.grad(lambda x, y: x, argnums=(0, -2))(1.0, 2.0)


@pytest.mark.parametrize(
    ("f", "message"),
    [
        (lambda x: x, r"it returned tensor \(2,\)"),
        (lambda x: None, "it returned a NoneType"),
        (lambda x: (x.sum(), 1), "has_aux=True"),
    ],
)
def test_grad_needs_one_number(f, message):
    with pytest.raises(NonScalarBackwardError, match=message):
        tg.grad(f)(x)


def test_grad_needs_a_real_number():
    with pytest.raises(DTypeError, match="of dtype complex128"):
        tg.grad(lambda x: (x * 1j).sum())(x)


def test_jacobians_are_real():
    with pytest.raises(DTypeError, match="jacobian needs real"):
        tg.jacobian(lambda x: x * 1j)(x)
    with pytest.raises(DTypeError, match="jacobian needs real"):
        tg.jacobian(lambda x: x.sum())(x * 1j)


def test_aux_needs_a_pair():
    with pytest.raises(ArgumentError, match="returned a Tensor"):
        tg.grad(lambda x: x.sum(), has_aux=True)(x)


def test_an_unknown_mode():
    with pytest.raises(ArgumentError, match="'sideways'"):
        tg.jacobian(lambda x: x, mode="sideways")


def test_cotangents_and_tangents_must_fit():
    with pytest.raises(ShapeError, match=r"the cotangent has shape \(3,\)"):
        tg.vjp(lambda x: x * x, x)[1](np.ones(3))
    with pytest.raises(ShapeError, match=r"the tangent has shape \(\)"):
        tg.jvp(lambda x: x * x, (x,), (1.0,))
    with pytest.raises(ArgumentError, match="2 arguments need as many tangents; got 1"):
        tg.jvp(lambda x, y: x * y, (x, x), (x,))
    with pytest.raises(
        ArgumentError, match=r"tangent 0 must be built like .* a dict of \['a'\]; got a dict of \['b'\]"
    ):
        tg.jvp(lambda p: p["a"], ({"a": 1.0},), ({"b": 1.0},))
    with pytest.raises(ArgumentError, match="got float"):
        tg.jvp(lambda p: p["a"], ({"a": 1.0},), (1.0,))
    with pytest.raises(ArgumentError, match="must be an array or a number; got a dict"):
        aligned({"a": 1.0}, 1.0, "cotangent")
