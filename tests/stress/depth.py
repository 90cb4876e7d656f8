"""`python -m tests.stress.depth`: graphs of a million nodes, tensors used 100,000 times, and nothing that recurses."""

import copy
import pickle
import sys
from contextlib import suppress
from time import process_time

import numpy as np

import tinygrad_bp as tg
from tinygrad_bp.errors import GraphCopyError

SIZES = 10_000, 100_000, 1_000_000
READ = 20_000


def chain(x, n: int):
    """n nodes, one after another; the derivative is 1.0000001ⁿ."""
    for _ in range(n):
        x = x * 1.0000001
    return x


def timed(f, *args) -> tuple[float, object]:
    """Seconds of this process, and what f gave."""
    start = process_time()
    result = f(*args)
    return process_time() - start, result


def deep(n: int) -> float:
    """Build, differentiate and free a chain of n nodes: the seconds of it."""
    x = tg.tensor(1.0, requires_grad=True)

    def all_of_it():
        chain(x, n).backward()

    seconds, _ = timed(all_of_it)
    if not np.isclose(x.grad, 1.0000001**n, rtol=1e-6):
        raise AssertionError(f"wrong gradient at depth {n}: {x.grad}")
    return seconds


def fan_out(n: int) -> float:
    """One tensor used n times."""
    x = tg.tensor(1.0, requires_grad=True)

    def all_of_it():
        total = x * 1.0
        for _ in range(n - 1):
            total = total + x
        total.backward()

    seconds, _ = timed(all_of_it)
    if x.grad != n:
        raise AssertionError(f"wrong gradient for {n} uses: {x.grad}")
    return seconds


def diamonds(n: int) -> float:
    """2ⁿ paths."""
    x = tg.tensor(1.0, requires_grad=True)
    y = x
    for _ in range(n):
        y = 0.5 * y + 0.5 * y
    seconds, _ = timed(y.backward)
    if x.grad != 1:
        raise AssertionError(f"wrong gradient of {n} diamonds: {x.grad}")
    return seconds


def _dropped(n: int) -> None:
    y = chain(tg.tensor(1.0, requires_grad=True), n)
    del y


def _copied(y) -> None:
    copy.copy(y)
    for way in (copy.deepcopy, pickle.dumps):
        with suppress(GraphCopyError):
            way(y)
    graph = tg.graph(y)
    hash(copy.deepcopy(graph))
    pickle.loads(pickle.dumps(graph))


def readers(n: int):
    """What is done with a deep graph, by name; all of it would overflow the stack if it went from node to node."""
    x = tg.tensor(1.0, requires_grad=True, name="x")
    y = chain(x, n)
    powers = lambda x: chain(x * x, n)  # noqa: E731 - one line of mathematics
    return {
        "freeing": lambda: _dropped(n),
        "copying": lambda: _copied(y),
        "printing": lambda: (repr(y), str(y), repr(tg.graph(y))),
        "graph, JSON": lambda: tg.graph(y).to_json(),
        "drawing": lambda: tg.draw(y).svg,
        "grad(grad)": lambda: tg.grad(tg.grad(powers))(1.0),
        "jvp": lambda: tg.jvp(powers, (1.0,), (1.0,)),
    }


def main(_) -> int:
    """Print the figures; the status is the number of those that are missed."""
    deep(1000)
    seconds = {n: min(deep(n) for _ in range(3 if n < 1_000_000 else 1)) for n in SIZES}
    for n, t in seconds.items():
        print(f"a chain of {n:,} nodes, forward and backward: {t:.2f} s, {t / n * 1e6:.2f} µs a node")
    growth = seconds[SIZES[-1]] / seconds[SIZES[0]] * SIZES[0] / SIZES[-1]
    print(f"cost per node at {SIZES[-1]:,} against {SIZES[0]:,}: {growth:.2f}×")
    print(f"one tensor used 100,000 times: {(wide := fan_out(100_000)):.2f} s")
    print(f"200 diamonds, 2²⁰⁰ paths: {diamonds(200) * 1e3:.1f} ms")
    for name, work in readers(READ).items():
        print(f"{name}, {READ:,} nodes at a recursion limit of {sys.getrecursionlimit():,}: {timed(work)[0]:.2f} s")
    return (seconds[100_000] > 1) + (growth > 1.5) + (wide > 2)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
