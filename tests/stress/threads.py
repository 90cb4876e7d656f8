"""`python -m tests.stress.threads [COUNT]`: gradients in threads, tasks and child processes, modes interleaved."""

import asyncio
import multiprocessing
import sys
import sysconfig
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np

import tinygrad_bp as tg
from tinygrad_bp.modes import current_mode

COUNT = 1000
THREADS = 8

shared = tg.tensor(np.linspace(-1.0, 1.0, 5), requires_grad=True, name="shared")
LARGE = 1 << 14  # so many elements that compiled functions use memory again


def cost(x):
    return tg.sum(tg.tanh(x) * x)


def expected(x) -> np.ndarray:
    return np.tanh(x) + x * (1 - np.tanh(x) ** 2)


fast = tg.compile(tg.grad(cost), backend="numpy")


def in_blocks(x):
    """A generator that is suspended in blocks of its own."""
    with tg.no_grad():
        yield cost(x).requires_grad
    with tg.scope("steps"):
        yield (x * x).scope


def wrong_in(turn: int) -> int:
    """How many of the things that one turn does are wrong; what it does depends on its number."""
    array = np.linspace(-1, 1, 5) * (1 + turn % 7)
    x = tg.tensor(array, requires_grad=True)
    steps = in_blocks(x)
    seen = [next(steps) is False, cost(x).requires_grad]
    with tg.scope(f"turn{turn}"):
        y = cost(x)
        seen.append(y.scope == f"turn{turn}")
        if turn % 2:
            with tg.no_grad():
                seen.append(not cost(x).requires_grad)
        if turn % 3 == 0:
            with tg.detect_anomaly():
                y.backward()
        else:
            y.backward()
    seen += [next(steps) == "steps", not current_mode().scope, current_mode().recording]
    seen.append(np.allclose(x.grad, expected(array), rtol=1e-12))
    seen.append(np.allclose(tg.grad(cost)(array), expected(array), rtol=1e-12))
    seen.append(np.allclose(tg.grad(cost)(shared).data, expected(shared.data), rtol=1e-12))
    large = np.resize(array, LARGE if turn % 10 == 0 else 5)
    seen.append(np.allclose(fast(large), expected(large), rtol=1e-12))
    return len(seen) - sum(seen)


def wrong_of(turns) -> int:
    """The same for several turns; for processes, which get no functions but those of a module."""
    return sum(map(wrong_in, turns))


def in_threads(count: int) -> int:
    """What is wrong of `count` gradients in each of 8 threads that switch as often as possible."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(THREADS) as threads:
            return sum(threads.map(wrong_of, [range(i, count + i) for i in range(THREADS)]))
    finally:
        sys.setswitchinterval(before)


def in_tasks(count: int) -> int:
    """What is wrong in as many tasks, which wait inside blocks."""

    async def task(turn: int) -> int:
        with tg.scope(f"task{turn}"):
            await asyncio.sleep(0)
            wrong = wrong_in_scope(turn)
            with tg.no_grad():
                await asyncio.sleep(0)
                wrong += cost(shared).requires_grad
            await asyncio.sleep(0)
            return wrong + (not cost(shared).requires_grad)

    def wrong_in_scope(turn: int) -> int:
        return (shared * 2).scope != f"task{turn}"

    async def all_of_them() -> int:
        return sum(await asyncio.gather(*map(task, range(count))))

    return asyncio.run(all_of_them())


def in_processes(method: str, count: int) -> int:
    """What is wrong in two child processes, begun in the middle of blocks that do not concern them."""
    context = multiprocessing.get_context(method)
    with tg.scope("parent"), ProcessPoolExecutor(2, mp_context=context) as processes:
        inner = [processes.submit(wrong_of_child, count) for _ in range(2)]
        return sum(f.result() for f in inner)


def wrong_of_child(count: int) -> int:
    from contextvars import Context

    return Context().run(wrong_of, range(count))  # a forked child has its parent's modes


def main(arguments) -> int:
    """Print the figures; the status is how many things were wrong."""
    count = int(arguments[0]) if arguments else COUNT
    free = sysconfig.get_config_var("Py_GIL_DISABLED")
    print(f"Python {sys.version.split()[0]}, {'free-threaded' if free else 'with its interpreter lock'}")
    found = {
        f"{THREADS} threads × {count:,} turns": in_threads(count),
        f"{THREADS * count:,} tasks": in_tasks(THREADS * count),
        **{f"2 processes by {way}": in_processes(way, 100) for way in multiprocessing.get_all_start_methods()},
    }
    for name, wrong in found.items():
        print(f"{name}: {wrong} wrong")
    return sum(found.values())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
