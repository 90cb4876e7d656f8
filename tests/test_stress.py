"""The quick form of `python -m tests.stress`: depth, memory, threads and determinism, without a clock."""

import multiprocessing
import subprocess
import sys

import pytest

from tests.stress import __main__ as stress, depth, determinism, memory, threads
from tinygrad_bp.backends import buffers

# --- depth ---


def test_deep_wide_and_doubling_graphs():
    depth.deep(3 * sys.getrecursionlimit())
    depth.fan_out(3000)
    depth.diamonds(200)


@pytest.mark.parametrize("name", depth.readers(1))
def test_nothing_recurses_over_a_deep_graph(name):
    depth.readers(sys.getrecursionlimit() + 500)[name]()


# --- memory ---


@pytest.mark.parametrize("name", memory.steps())
def test_a_step_leaves_no_cycles_and_no_memory_behind(name):
    step = memory.steps()[name]
    assert memory.cycles(step) == 0
    assert memory.growth(step, 50, rounds=3) < 0.05


def test_cycles_and_growth_are_found():
    kept = []

    def step():
        cycle = []
        cycle.append(cycle)
        kept.append(bytes(10_000))

    assert memory.cycles(step) == 20
    assert memory.growth(step, 20) > 0.2


def test_the_peak_of_a_chain_is_that_of_its_activations():
    assert memory.peak(50, 1 << 13) <= 1.2


# --- threads, tasks and processes ---


def test_threads_with_interleaved_modes():
    assert threads.in_threads(20) == 0


def test_tasks_with_interleaved_modes():
    assert threads.in_tasks(200) == 0


def test_a_wrong_gradient_in_a_thread_is_found(monkeypatch):
    monkeypatch.setattr(threads, "expected", lambda x: 2 * x)
    assert threads.in_threads(2) > 0


@pytest.mark.parametrize("method", sorted({"fork", "spawn"} & {*multiprocessing.get_all_start_methods()}))
def test_processes(method):
    """From a process of its own: one that has loaded JAX, as this may have, has threads that a fork does not copy."""
    script = f"if __name__ == '__main__': from tests.stress import threads; print(threads.in_processes({method!r}, 5))"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=120)
    assert run.stdout.strip() == "0", run.stderr


def test_memory_is_not_used_again_where_references_are_counted_in_parts(monkeypatch):
    pool = buffers.BufferPool((3,), float)
    first = id(pool())
    assert id(pool()) == first
    monkeypatch.setattr(buffers, "_COUNTS_ARE_RIGHT", False)
    assert pool() is not pool()


# --- determinism ---


@pytest.mark.once
def test_the_same_seed_gives_the_same_bytes_in_every_process():
    first, second = determinism.in_processes(2)
    assert first == second


def test_a_run_that_goes_on_from_a_file_ends_where_one_run_ends(tmp_path):
    assert determinism.resumed(tmp_path) == []


# --- the command ---


def test_the_command_lists_the_scripts_and_refuses_others(capsys):
    assert stress.main(["--list"]) == 0
    assert "python -m tests.stress.interrupts" in capsys.readouterr().out
    assert stress.main(["nothing"]) == 2
    assert "there is no nothing; there are accuracy, checkpoints, depth" in capsys.readouterr().err


def test_every_script_says_what_it_does_and_how_it_is_run():
    for name, summary in stress.summaries().items():
        assert f"`python -m tests.stress.{name}" in summary
