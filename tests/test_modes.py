"""Modes belong to the code that runs: to its thread, its task, and the block it is in."""

import asyncio
import threading

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp.errors import AnomalyError
from tinygrad_bp.modes import MODE, tracing


def leaf(data=4.0, name="x"):
    return tg.tensor(data, requires_grad=True, name=name)


# --- recording ---


def test_no_grad_makes_constants():
    x = leaf()
    with tg.no_grad():
        y = x * x
    assert y.is_leaf
    assert not y.requires_grad
    assert (x * x).requires_grad


def test_no_grad_as_a_decorator_works_every_time():
    @tg.no_grad()
    def square(x):
        return x * x

    x = leaf()
    assert not square(x).requires_grad
    assert not square(x).requires_grad
    assert (x * x).requires_grad


def test_modes_nest_and_end_with_their_block():
    x = leaf()
    with tg.no_grad():
        with tracing():
            assert (x * x).requires_grad
        assert not (x * x).requires_grad
    with pytest.raises(ZeroDivisionError), tg.no_grad():
        1 / 0  # noqa: B018 - it raises
    assert (x * x).requires_grad


def test_tracing_records_constants_too():
    x = tg.tensor(2.0)
    with tracing():
        y = x * x
    assert not y.is_leaf
    assert not y.requires_grad


# --- scopes ---


def test_scopes_nest():
    x = leaf()
    assert (x * 1).scope == ""
    with tg.scope("net"):
        assert (x * 1).scope == "net"
        with tg.scope("layer1"):
            assert (x * 1).scope == "net/layer1"
        with tg.scope("layer2"), tg.no_grad(), tg.detect_anomaly():
            assert MODE.get().scope == "net/layer2"
        assert (x * 1).scope == "net"
    assert (x * 1).scope == ""


def test_a_scope_as_a_decorator_nests_where_it_is_called():
    @tg.scope("layer")
    def layer(x):
        return x * 2

    x = leaf()
    assert layer(x).scope == "layer"
    with tg.scope("net"):
        assert layer(layer(x)).scope == "net/layer"
        assert layer(x).parents[0].scope == ""


# --- anomalies ---


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_anomalies_of_the_forward_pass_name_the_op():
    x = leaf([1.0, -1.0])
    assert np.isnan(tg.log(x).data[1])
    with tg.detect_anomaly(), pytest.raises(AnomalyError, match=r"log of x \(2,\) gave NaN or infinity"):
        tg.log(x)


def test_anomalies_of_the_backward_pass_name_the_op_and_its_input():
    x = leaf([4.0, 0.0])
    y = tg.sqrt(x).sum()
    y.backward(retain_graph=True)
    assert x.grad.tolist() == [0.25, np.inf]
    with (
        tg.detect_anomaly(),
        pytest.raises(AnomalyError, match=r"derivative of sqrt for x \(2,\) gave NaN"),
    ):
        y.backward()


def test_anomaly_detection_as_a_decorator():
    @tg.detect_anomaly()
    def root(x):
        return tg.grad(lambda x: tg.sqrt(x).sum())(x)

    assert root(4.0) == 0.25
    with pytest.raises(AnomalyError):
        root(0.0)


def test_sound_numbers_raise_nothing():
    with tg.detect_anomaly():
        x = leaf([1.0, 2.0])
        (x * x).sum().backward()
        assert (x > 1).data.tolist() == [False, True]
    assert x.grad.tolist() == [2, 4]


# --- threads and tasks ---


def test_every_thread_has_its_own_modes():
    inside, checked = threading.Barrier(2), threading.Barrier(2)
    seen = {}

    def work(name, mode):
        x = leaf()
        with mode:
            inside.wait()
            y = x * x
            seen[name] = (y.requires_grad, MODE.get().scope, MODE.get().anomaly)
            checked.wait()

    modes = {"constants": tg.no_grad(), "named": tg.scope("a")}
    threads = [threading.Thread(target=work, args=item) for item in modes.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == {"constants": (False, "", False), "named": (True, "a", False)}
    assert (leaf() * 1).requires_grad


def test_every_task_has_its_own_modes():
    async def constants(x, turn):
        with tg.no_grad():
            await turn.wait()
            return (x * x).requires_grad, MODE.get().scope

    async def named(x, turn):
        with tg.scope("b"):
            turn.set()
            await asyncio.sleep(0)
            return (x * x).requires_grad, MODE.get().scope

    async def both():
        x, turn = leaf(), asyncio.Event()
        return await asyncio.gather(constants(x, turn), named(x, turn))

    assert asyncio.run(both()) == [(False, ""), (True, "b")]


def test_threads_may_sweep_graphs_over_the_same_leaf():
    x, results = leaf([1.0, 2.0]), []

    def work(k):
        results.append((k, tg.grad(lambda v: (k * v * v).sum())(x.data).tolist()))

    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [(k, [2 * k, 4 * k]) for k in range(8)]
