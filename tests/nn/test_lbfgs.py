"""L-BFGS ends where SciPy's minimize does, with closures of either kind, and in `fit`."""

import sys

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp import nn
from tinygrad_bp.errors import ArgumentError, MissingExtraError

optimize = pytest.importorskip("scipy.optimize")

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 3))
Y = np.sin(X @ [1.0, -1.0, 0.5])[:, None]
OPTIONS = {"maxiter": 50, "maxcor": 100, "gtol": 1e-7, "ftol": 1e-9}


def network():
    return nn.Sequential(nn.Linear(3, 5, seed=0), nn.Tanh(), nn.Linear(5, 1, seed=1))


def minimised():
    """What SciPy makes of the same cost as a function of a vector."""
    W1, b1, W2, b2 = [p.numpy() for p in network().parameters()]
    objective = tg.scipy_objective(
        lambda p: tg.mse(tg.tanh(X @ p["W1"] + p["b1"]) @ p["W2"] + p["b2"], Y),
        {"W1": W1, "b1": b1, "W2": W2, "b2": b2},
    )
    fun, jac, _ = objective
    return optimize.minimize(fun, objective.x0, jac=jac, method="L-BFGS-B", options=OPTIONS)


def vector(model):
    return np.concatenate([p.numpy().ravel() for p in model.parameters()])


@pytest.mark.parametrize("backward", [True, False])
def test_a_step_is_scipys_minimize(backward):
    model = network()
    optimizer = nn.LBFGS(model.parameters(), max_iter=50)

    def closure():
        optimizer.zero_grad()
        C = tg.mse(model(X), Y)
        if backward:
            C.backward()
        return C

    cost, wanted = optimizer.step(closure), minimised()
    assert cost == pytest.approx(wanted.fun, rel=1e-6)
    np.testing.assert_allclose(vector(model), wanted.x, rtol=1e-4, atol=1e-5)
    assert (optimizer.result.nit, optimizer.steps) == (wanted.nit, 1)
    C = tg.mse(model(X), Y)
    assert C.item() == pytest.approx(cost, rel=1e-12)
    found = [p.grad for p in model.parameters()]
    optimizer.zero_grad()
    C.backward()
    for p, g in zip(model.parameters(), found, strict=True):
        np.testing.assert_allclose(p.grad, g, atol=1e-12)


@pytest.mark.parametrize("backend", ["eager", "numpy"])
def test_fit_takes_it(backend):
    model = network()
    optimizer = nn.LBFGS(model.parameters(), max_iter=50)
    history = nn.fit(model, X, Y, tg.mse, optimizer, 1, batch=60, shuffle=False, backend=backend)
    wanted = minimised()
    assert history[0].cost == pytest.approx(wanted.fun, rel=1e-6)
    assert history[0].lr is None
    np.testing.assert_allclose(vector(model), wanted.x, rtol=1e-4, atol=1e-5)
    again = nn.fit(
        model,
        [(X, Y)],
        None,
        tg.mse,
        optimizer,
        3,
        backend=backend,
        validation=(X, Y),
        metrics={"n": lambda z, y: len(z)},
    )
    assert again[-1].cost < history[0].cost
    assert again[-1].validation_cost == pytest.approx(again[-1].cost, rel=1e-12)
    assert optimizer.steps == 4


def test_it_goes_on_to_the_last_bit():
    runs = []
    for first in (0, 2):
        model = network()
        history = None
        for epochs in filter(None, (first, 5)):
            optimizer = nn.LBFGS(model.parameters(), max_iter=3)
            options = {"batch": 60, "seed": 0, "backend": "numpy", "resume": history}
            history = nn.fit(model, X, Y, tg.mse, optimizer, epochs, **options)
        runs.append((history, vector(model)))
    assert runs[0][0] == runs[1][0]
    np.testing.assert_array_equal(runs[0][1], runs[1][1])


def test_float32_and_numbers():
    w, b = tg.tensor(np.zeros(2, np.float32), requires_grad=True), tg.tensor(0.0, requires_grad=True)
    optimizer = nn.LBFGS([w, b], max_iter=100)
    cost = optimizer.step(lambda: tg.sum((w - np.float32(2.0)) ** 2) + (b - 3.0) ** 2)
    assert cost == pytest.approx(0.0, abs=1e-8)
    assert (w.dtype, w.shape, b.shape) == (np.float32, (2,), ())
    np.testing.assert_allclose([*w.data, b.item()], [2, 2, 3], rtol=1e-4)


def test_parameters_that_the_cost_does_not_need_stay():
    w, apart = (tg.tensor(1.0, requires_grad=True) for _ in range(2))
    nn.LBFGS([w, apart]).step(lambda: (w - 2.0) ** 2)
    assert (w.item(), apart.item(), apart.grad) == (pytest.approx(2.0), 1.0, None)


def test_state_and_settings():
    optimizer = nn.LBFGS([tg.tensor(1.0, requires_grad=True)], max_iter=7)
    assert repr(optimizer) == (
        "LBFGS(1 parameters; max_iter=7, tolerance_grad=1e-07, tolerance_change=1e-09, history_size=100)"
    )
    optimizer.load_state_dict({"steps": 3})
    assert optimizer.state_dict() == {"steps": 3}
    with pytest.raises(ArgumentError, match="the state of LBFGS has steps alone; got x"):
        optimizer.load_state_dict({"x": 1})


def test_refuses():
    w = tg.tensor(1.0, requires_grad=True)
    optimizer = nn.LBFGS([w])
    with pytest.raises(ArgumentError, match="depends on none of the optimizer's parameters"):
        optimizer.step(lambda: tg.tensor(1.0))
    with pytest.raises(ArgumentError, match="max_iter is a whole number from 1 on; got 0"):
        nn.LBFGS([w], max_iter=0)
    model = network()
    optimizer = nn.LBFGS(model.parameters())
    with pytest.raises(ArgumentError, match=r"minimises the cost of all examples at once. Pass batch=60"):
        nn.fit(model, X, Y, tg.mse, optimizer)
    with pytest.raises(ArgumentError, match="Pass one batch"):
        nn.fit(model, [(X, Y)] * 2, None, tg.mse, optimizer)
    with pytest.raises(ArgumentError, match="needs the gradients as they are"):
        nn.fit(model, X, Y, tg.mse, optimizer, batch=60, clip_norm=1.0)


def test_needs_scipy(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    with pytest.raises(MissingExtraError, match=r"tinygrad_bp\[scipy\]"):
        nn.LBFGS([tg.tensor(1.0, requires_grad=True)]).step(lambda: tg.tensor(1.0))
