"""From NumPy to machine code: nobody waits for it, nothing keeps it, and the plan tells."""

import gc
import linecache
import os
import subprocess
import sys
import textwrap
import threading
import weakref
from time import sleep

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp.backends import numba as numba_backend
from tinygrad_bp.backends.backend import Unsupported
from tinygrad_bp.compile import background
from tinygrad_bp.compile.background import CALLS
from tinygrad_bp.nn.descent import MANY, backend_for

pytest.importorskip("numba", reason="the jit extra is not installed")
compiled = sys.modules["tinygrad_bp.compile.compiled"]


@pytest.fixture(autouse=True)
def _in_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("TINYGRAD_BP_CACHE", str(tmp_path_factory.getbasetemp() / "programs"))


def cost(w, x):
    return tg.sum(tg.tanh(w * x) ** 2)


def test_the_first_calls_are_numpy_s_and_the_plan_tells(settled):
    f = tg.value_and_grad(cost)
    fast, w, x = tg.compile(f), np.array([0.3, -1.0, 2.0]), np.array([1.0, 2.0, 3.0])
    for _ in range(CALLS - 1):
        first = fast(w, x)
        assert fast.plan.backend == "numpy"
        assert fast.plan.reason == f"the arrays are small: Numba compiles after {CALLS} calls"
    later = settled(fast, w, x)
    assert fast.plan.reason.startswith("the arrays are small; machine code since call ")
    assert int(fast.plan.reason.split()[-1].replace(",", "")) > CALLS
    for result in (later, fast(w, x)):
        for got, want in zip(result, first, strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-14)
            assert type(got) is type(want)


def test_calls_with_keywords_move_too(settled):
    fast, x = tg.compile(lambda x, scale: x * scale - 11.0), np.arange(3.0)
    np.testing.assert_array_equal(settled(fast, x, scale=2.0), [-11.0, -9.0, -7.0])
    np.testing.assert_array_equal(fast(x, scale=3.0), [-11.0, -8.0, -5.0])


def test_arguments_and_captured_tensors_may_change_meanwhile(settled):
    w, x = tg.tensor([1.0, 2.0]), np.ones(2)
    fast = tg.compile(lambda x: w * x + 12.0)
    for k in range(CALLS + 50):
        w.value, x[:] = np.array([1.0, 2.0]) * k, k
        np.testing.assert_array_equal(fast(x), w.value * x + 12.0)
    np.testing.assert_array_equal(settled(fast, x), w.value * x + 12.0)


def test_what_numba_cannot_take_stays_on_numpy_without_a_warning(monkeypatch):
    def refuse(*_):
        raise Unsupported("it is Tuesday")

    assert reason_after(refuse, monkeypatch) == "it is Tuesday"


def test_an_error_in_the_background_is_told_by_the_plan(monkeypatch):
    def fail(*_):
        raise OSError("no more threads")

    assert reason_after(fail, monkeypatch) == "the arrays are small, but Numba failed: OSError('no more threads')"


def reason_after(prepare, monkeypatch):
    failing = numba_backend.Backend("numba", lambda: "", lambda program: "", prepare)
    monkeypatch.setattr(numba_backend, "BACKEND", failing)
    fast = tg.compile(lambda x: x * 2.0)
    for _ in range(CALLS):
        fast(np.ones(2))
    while background._worker is not None:
        sleep(0.01)
    np.testing.assert_array_equal(fast(np.ones(2)), [2.0, 2.0])
    assert fast.plan.backend == "numpy"
    return fast.plan.reason


def test_training_keeps_the_backend_that_it_begins_with():
    fast = compiled.Compiled(lambda x: x * 16.0, backend_for(MANY))
    np.testing.assert_array_equal(fast(np.ones(2)), [16.0, 16.0])
    assert fast.plan.backend == "numba"
    refused = compiled.Compiled(lambda x: tg.i0(x), backend_for(MANY))
    for _ in range(2 * CALLS):
        refused(np.ones(2))  # a warning would be an error
        assert refused.plan.backend == "numpy"
    assert background._worker is None


def test_programs_that_draw_stay_on_numpy():
    fast, ours, theirs = tg.compile(lambda g: g.normal(size=2)), np.random.default_rng(3), np.random.default_rng(3)
    for _ in range(CALLS + 1):
        np.testing.assert_array_equal(fast(ours), theirs.normal(size=2))
    assert fast.plan.reason == "it draws random numbers"


def test_threads_call_it_during_the_change():
    fast, failures, moved = tg.compile(lambda x, y: (tg.sum(x * y), x + 13.0)), [], threading.Event()

    def work(k):
        x = np.full(3, float(k))
        while not moved.is_set():
            total, more = fast(x, x)
            if (total, type(total)) != (3.0 * k * k, np.float64) or more.tolist() != [k + 13.0] * 3:
                failures.append((k, total, more))
            if fast.plan.backend == "numba":
                moved.set()

    workers = [threading.Thread(target=work, args=(k,)) for k in range(1, 5)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(300)
    assert moved.is_set()
    assert not failures


def test_a_function_called_in_too_many_ways_gets_no_more_machine_code(monkeypatch, settled):
    monkeypatch.setattr(compiled, "SPECIALIZATIONS", 1)
    fast = tg.compile(lambda x: x * 14.0)
    settled(fast, np.ones(2))
    for _ in range(2 * CALLS):
        fast(np.ones(3))
    assert (fast.plan.backend, background._worker) == ("numpy", None)
    asked = tg.compile(lambda x: x * 14.0, backend="numba")
    asked(np.ones(2))
    with pytest.warns(RuntimeWarning, match="too many ways"):
        np.testing.assert_array_equal(asked(np.ones(3)), [14.0] * 3)
    assert asked.plan.backend == "numpy"
    assert "too many ways" in asked.plan.reason


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_forgotten_programs_leave_nothing(backend, monkeypatch):
    monkeypatch.setattr(compiled, "SPECIALIZATIONS", 2)
    fast, held, before = tg.compile(lambda x: x * 15.0, backend=backend), [], generated()
    for n in range(1, 6):
        if n > 2:
            fast._made = 0  # so that these too become machine code
        fast(np.ones(n))
        fast(np.ones(n))
        found = fast._latest
        assert found.plan.backend == backend
        held.append([weakref.ref(f) for f in (found.fast_path, found.executable.quick)])
        del found
    gc.collect()
    assert [[f() is not None for f in functions] for functions in held] == [[False] * 2] * 3 + [[True] * 2] * 2
    assert len(generated() - before) == 4
    assert not [name for name in sys.modules if name.startswith("program_")]
    if backend == "numba":
        from numba.core.registry import CPUDispatcher

        assert sum(type(f) is CPUDispatcher and f.__name__.startswith("_fill") for f in gc.get_objects()) == 2


def generated():
    gc.collect()
    return {name for name in linecache.cache if name.startswith("<tinygrad_bp")}


ENDING = textwrap.dedent(
    """
    import os, sys, time
    import numpy as np
    import tinygrad_bp as tg

    fast, x = tg.compile(tg.value_and_grad(lambda x: tg.sum(tg.exp(x) * tg.tanh(x) + x @ x))), np.ones(3)
    fast(x)
    assert "numba" not in sys.modules
    for _ in range(200):
        fast(x)
    from tinygrad_bp.compile import background
    assert background._worker is not None
    time.sleep(float(sys.argv[1]))
    if "fork" in sys.argv:
        child = os.fork()
        if child:
            assert os.waitpid(child, 0)[1] == 0
        else:
            assert tg.compile(lambda x: x + 1.0, backend="numba")(x)[0] == 2.0
    fast(x)
    """
)


@pytest.mark.parametrize("seconds", [0.0, 0.4, 1.2, 2.0])
def test_the_process_ends_while_numba_compiles(seconds, tmp_path):
    assert ended(tmp_path, str(seconds)) == (0, "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_process_compiles_by_itself(tmp_path):
    assert ended(tmp_path, "1.0", "fork") == (0, "")


@pytest.mark.once
def test_without_a_cache_it_moves_too(tmp_path):
    (tmp_path / "file").write_text("")
    script = "while fast.plan.backend != 'numba': fast(x)\n"
    code, said = ended(tmp_path / "file", "0", script=ENDING + script)
    assert code == 0
    assert "RuntimeWarning: Compiled programs are not kept" in said


def ended(cache, *arguments, script=ENDING):
    environment = {**os.environ, "TINYGRAD_BP_CACHE": str(cache)}
    # From Python 3.12 on it warns of every fork beside threads, whatever has been done about them
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", script, *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, done.stderr
