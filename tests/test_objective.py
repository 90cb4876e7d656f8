"""`scipy_objective`: value, gradient and second derivative of nested parameters as functions of one vector."""

from collections import OrderedDict
from typing import NamedTuple

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp.errors import DTypeError, NonScalarBackwardError, ShapeError


class Pair(NamedTuple):
    W: np.ndarray
    b: np.ndarray


RNG = np.random.default_rng(0)
W, B = RNG.normal(size=(3, 2)), RNG.normal(size=2)
STARTS = {
    "array": W,
    "vector": B,
    "number": 0.5,
    "dict": OrderedDict(W=W, b=B, c=0.25),
    "named tuple": Pair(W, B),
    "nested": [{"W": (W, B)}, [1.5], np.float64(2.0), np.zeros((0, 2))],
    "single precision": [W.astype(np.float32), B],
    "tensors": [tg.tensor(W, requires_grad=True), tg.tensor(B)],
    "other order": [np.asfortranarray(W), W[::-1, 0]],
}


def cost(params):
    """A sum over all leaves, with products between neighbours."""
    total, before = 0.0, 1.0
    for leaf in _leaves(params):
        here = tg.sum(tg.sin(leaf) * leaf**2)
        total, before = total + here * before, here
    return total + before**2


def _leaves(tree):
    if isinstance(tree, dict):
        return [leaf for part in tree.values() for leaf in _leaves(part)]
    return [leaf for part in tree for leaf in _leaves(part)] if isinstance(tree, list | tuple) else [tree]


def flat(tree):
    return np.concatenate([np.ravel(np.asarray(x.data if isinstance(x, tg.Tensor) else x)) for x in _leaves(tree)])


@pytest.mark.parametrize("backend", ["numpy", "eager"])
@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS)
def test_the_same_as_by_the_transforms(start, backend):
    objective = tg.scipy_objective(cost, start, backend)
    fun, jac, hessp = objective
    np.testing.assert_array_equal(objective.x0, flat(start))
    assert objective.x0.dtype == np.float64
    tolerance = {"rtol": 1e-5, "atol": 1e-6} if start is STARTS["single precision"] else {"rtol": 1e-12, "atol": 1e-13}
    for k in range(3):
        x = objective.x0 + 0.1 * k
        params, p = objective.unflatten(x), RNG.normal(size=x.shape)
        value, gradient = tg.value_and_grad(cost)(params)
        _, second = tg.jvp(tg.grad(cost), (params,), (objective.unflatten(p),))
        assert type(fun(x)) is float
        assert fun(x) == pytest.approx(float(value), rel=tolerance["rtol"])
        for have, want in ((jac(x), flat(gradient)), (hessp(x, p), flat(second))):
            assert have.dtype == np.float64
            np.testing.assert_allclose(have, want, **tolerance)


@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS)
def test_a_vector_becomes_parameters_again(start):
    objective = tg.scipy_objective(cost, start)
    x = np.arange(float(len(objective.x0)))
    params = objective.unflatten(x)
    np.testing.assert_array_equal(flat(params), x)
    for leaf, old in zip(_leaves(params), _leaves(start), strict=True):
        old = old if isinstance(old, tg.Tensor) else np.asarray(old)
        assert isinstance(leaf, np.ndarray)
        assert (leaf.shape, leaf.dtype) == (old.shape, old.dtype)
    if not isinstance(params, list | np.ndarray):
        assert type(params) is type(start)
    x[:] = -1.0
    assert not (flat(params) == -1.0).any()


def test_value_and_gradient_are_one_evaluation():
    calls = []

    def f(x):
        calls.append(1)
        return tg.sum(x**2)

    objective = tg.scipy_objective(f, np.ones(3), backend="eager")
    x = np.ones(3)
    for _ in range(3):
        assert objective.fun(x) == 3.0
        np.testing.assert_array_equal(objective.jac(x), [2.0, 2.0, 2.0])
    assert len(calls) == 1
    x[0] = 2.0  # the same array with other numbers
    np.testing.assert_array_equal(objective.jac(x), [4.0, 2.0, 2.0])
    assert objective.fun(x) == 6.0
    assert len(calls) == 2


@pytest.mark.parametrize("backend", ["numpy", "eager"])
def test_what_is_returned_may_be_written_to(backend):
    objective = tg.scipy_objective(lambda x: tg.sum(x * x), np.ones(3), backend)
    x = np.ones(3)
    for f in (objective.jac, lambda x: objective.hessp(x, np.ones(3))):
        first = f(x)
        first[:] = 7.0
        np.testing.assert_array_equal(f(x), [2.0, 2.0, 2.0])
    np.testing.assert_array_equal(x, np.ones(3))


def test_runs_as_a_program():
    calls = []

    def f(x):
        calls.append(1)
        return tg.sum(x**2)

    objective = tg.scipy_objective(f, np.ones(3))
    values = [objective.fun(np.full(3, k)) for k in (1.0, 2.0, 3.0)]
    assert values == [3.0, 12.0, 27.0]
    assert len(calls) == 1


def test_a_branch_on_a_value_runs_as_it_is_written():
    def f(x):
        return tg.sum(x**2) if x[0] > 0 else tg.sum(-x)

    fun, jac, hessp = tg.scipy_objective(f, np.ones(2))
    assert (fun(np.ones(2)), fun(-np.ones(2))) == (2.0, 2.0)
    np.testing.assert_array_equal(jac(-np.ones(2)), [-1.0, -1.0])
    np.testing.assert_array_equal(hessp(np.ones(2), np.array([1.0, 0.0])), [2.0, 0.0])


def test_refuses_what_cannot_be_moved():
    for start, message in [
        ({"n": 3}, r"x0\['n'\] has dtype int64"),
        ([1.0, np.array([1j])], r"x0\[1\] has dtype complex128"),
        (np.array([True]), "x0 has dtype bool"),
    ]:
        with pytest.raises(DTypeError, match=message):
            tg.scipy_objective(cost, start)
    objective = tg.scipy_objective(lambda x: x * 2.0, np.ones(3))
    for f in (*objective, objective.unflatten):
        with pytest.raises(ShapeError, match=r"a vector of 3 numbers; got shape \(2,\)"):
            f(*[np.ones(2)] * (2 if f is objective.hessp else 1))
    with pytest.raises(NonScalarBackwardError):
        objective.fun(np.ones(3))


@pytest.mark.parametrize("method", ["L-BFGS-B", "BFGS", "Newton-CG", "trust-ncg"])
def test_scipy_minimizes_it(method):
    optimize = pytest.importorskip("scipy.optimize")
    target = Pair(W, B)

    def distance(p):
        return tg.sum((p.W - target.W) ** 4 + (p.W - target.W) ** 2) + tg.sum(tg.cosh(p.b - target.b))

    objective = tg.scipy_objective(distance, Pair(np.zeros((3, 2)), np.zeros(2)))
    second = {"hessp": objective.hessp} if method in ("Newton-CG", "trust-ncg") else {}
    found = optimize.minimize(objective.fun, objective.x0, jac=objective.jac, method=method, **second)
    for have, want in zip(objective.unflatten(found.x), target, strict=True):
        np.testing.assert_allclose(have, want, atol=1e-3)
    assert found.fun == pytest.approx(2.0, abs=1e-6)


def test_scipys_own_rosenbrock():
    optimize = pytest.importorskip("scipy.optimize")
    fun, jac, hessp = tg.scipy_objective(
        lambda x: tg.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2), np.ones(100)
    )
    for _ in range(5):
        x, p = RNG.normal(size=100), RNG.normal(size=100)
        assert fun(x) == pytest.approx(optimize.rosen(x), rel=1e-13)
        np.testing.assert_allclose(jac(x), optimize.rosen_der(x), rtol=1e-10, atol=1e-10)
        np.testing.assert_allclose(hessp(x, p), optimize.rosen_hess_prod(x, p), rtol=1e-10, atol=1e-10)
