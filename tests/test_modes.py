"""Modes belong to the code that runs: to its thread, its task, and the block it is in."""

import asyncio
import signal
import threading
from contextlib import ExitStack, contextmanager
from contextvars import copy_context

import numpy as np
import pytest

import tinygrad_bp as tg
from tests.stress import interrupts
from tinygrad_bp.errors import AnomalyError, ModeError
from tinygrad_bp.modes import MODE, current_mode, tracing


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
            assert current_mode().scope == "net/layer2"
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
            seen[name] = (y.requires_grad, current_mode().scope, current_mode().anomaly)
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
            return (x * x).requires_grad, current_mode().scope

    async def named(x, turn):
        with tg.scope("b"):
            turn.set()
            await asyncio.sleep(0)
            return (x * x).requires_grad, current_mode().scope

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


# --- generators ---


def records(x):
    return (x * x).requires_grad


def in_a_block(x):
    with tg.no_grad():
        while True:
            yield records(x)


def test_a_suspended_generator_keeps_its_mode_to_itself():
    x = leaf()
    one, two = in_a_block(x), in_a_block(x)
    assert [next(one), records(x), next(two), records(x), next(one), next(two), records(x)] == [
        False, True, False, True, False, False, True,
    ]  # fmt: skip
    one.close()
    assert [records(x), next(two), records(x)] == [True, False, True]
    two.close()
    assert records(x)
    assert current_mode().lock is None


@pytest.mark.parametrize("mode", [tg.detect_anomaly, lambda: tg.scope("inner"), tracing])
def test_every_mode_stays_in_its_generator(mode):
    def inside():
        with mode():
            yield current_mode()

    outside = current_mode()
    steps = inside()
    assert next(steps) is not outside
    assert current_mode() is outside


def test_a_generator_may_be_closed_in_another_thread():
    x = leaf()
    steps = in_a_block(x)
    next(steps)
    thread = threading.Thread(target=steps.close)
    thread.start()
    thread.join()
    assert records(x)
    assert current_mode().lock is None


def test_a_generator_that_goes_on_inside_a_newer_block_says_what_to_do():
    x = leaf()
    steps = in_a_block(x)
    next(steps)
    with tg.scope("newer"):
        assert records(x)
        with pytest.raises(ModeError, match=r"generator in_a_block goes on .* decorate the generator function"):
            next(steps)


def test_a_generator_inside_a_block_of_its_callers_may_have_blocks_inside():
    x = leaf()

    def nested():
        with tg.scope("generator"):
            for _ in range(2):
                with tg.scope("inside"):
                    yield (x * x).scope
                yield (x * x).scope

    with tg.scope("caller"):
        seen = [(scope, (x * x).scope) for scope in nested()]
    inner = "caller/generator"
    assert seen == [(f"{inner}/inside", "caller"), (inner, "caller")] * 2


def test_blocks_that_end_in_turn_do_not_pile_up():
    def steps():
        while True:
            with tg.no_grad():
                yield
            yield

    one, two = steps(), steps()
    next(one)
    for _ in range(20):
        next(two), next(one), next(one), next(two)
    depth, mode = 0, MODE.get()
    while mode.lock is not None:
        depth, mode = depth + 1, mode.below
    assert depth <= 3


def test_a_context_manager_made_of_a_generator_is_for_the_body_of_its_with():
    x = leaf()

    @contextmanager
    def evaluation():
        with tg.no_grad():
            yield

    def steps():
        with evaluation():
            yield records(x)

    with evaluation():
        assert not records(x)
    assert records(x)
    each = steps()
    assert [next(each), records(x)] == [False, True]


def test_a_mode_on_an_exit_stack_is_for_all_until_it_is_closed():
    x = leaf()

    def steps():
        with ExitStack() as stack:
            stack.enter_context(tg.no_grad())
            yield

    each = steps()
    next(each)
    assert not records(x)
    each.close()
    assert records(x)


def test_a_decorated_generator_has_the_mode_at_every_step():
    x, seen = leaf(), []

    @tg.no_grad()
    def steps():
        try:
            got = yield records(x)
            try:
                got = yield got, records(x)
            except KeyError:
                yield "caught", records(x)
            return records(x)
        finally:
            seen.append(records(x))

    each = steps()
    assert [next(each), each.send("sent"), records(x)] == [False, ("sent", False), True]
    assert each.throw(KeyError("k")) == ("caught", False)
    with pytest.raises(StopIteration) as end:
        next(each)
    assert end.value.value is False
    other = steps()
    next(other)
    other.close()
    assert seen == [False, False]
    assert records(x)


def test_decorated_coroutines_and_asynchronous_generators():
    x = leaf()

    @tg.no_grad()
    async def evaluated():
        await asyncio.sleep(0)
        return records(x)

    async def in_steps():
        with tg.no_grad():
            yield records(x)
            await asyncio.sleep(0)
            yield records(x)

    async def main():
        seen = [await asyncio.gather(evaluated(), evaluated())]
        async for inside in in_steps():
            seen.append((inside, records(x)))
        return seen

    assert asyncio.run(main()) == [[False, False], (False, True), (False, True)]
    with pytest.raises(ModeError, match="in_steps is an asynchronous generator"):
        tg.no_grad()(in_steps)


def test_a_block_is_used_once():
    block = tg.no_grad()
    with block:
        pass
    with pytest.raises(ModeError, match=r"Make another one"):
        block.__enter__()


def test_a_thread_with_a_copy_of_the_context_keeps_the_mode_when_the_block_has_ended():
    x, ended, seen = leaf(), threading.Event(), []

    def work():
        ended.wait()
        seen.append(records(x))

    with tg.no_grad():
        thread = threading.Thread(target=copy_context().run, args=(work,))
        thread.start()
    ended.set()
    thread.join()
    assert seen == [False]


# --- interrupts ---


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there are no timers on this system")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("name", ["modes", "backward", "grad", "activations", "compiled"])
def test_interrupts_leave_modes_and_errstate_as_they_were(name):
    assert interrupts.interrupted(interrupts.works()[name], 100) == 0


def test_the_search_for_leaks_finds_them():
    def work():
        np.seterr(over="ignore")
        raise KeyboardInterrupt

    assert not copy_context().run(interrupts.once, work, 1.0, interrupts.is_as_before)
    signal.setitimer(signal.ITIMER_REAL, 0)
