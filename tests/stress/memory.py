"""`python -m tests.stress.memory [STEPS]`: cycles, growth with the collector off, and the peak of a deep network."""

import gc
import sys
import tracemalloc
from contextlib import contextmanager, suppress
from time import sleep

import numpy as np

import tinygrad_bp as tg
from tinygrad_bp.compile import background

STEPS = 10_000
LAYERS, SIZE = 50, 1 << 17


REFUSED = (
    lambda: tg.matmul(np.ones((2, 3)), np.ones((2, 3))),
    lambda: tg.sum([1.0, 2.0], axis=3),
    lambda: tg.tensor([[1.0, 2.0], [3.0]]),
    lambda: tg.grad(3),
    lambda: tg.jvp(tg.sin, (1.0,), (np.ones(2),)),
    lambda: tg.linalg.svd(np.full((2, 2), np.nan)),
    lambda: tg.nn.Linear(3, 2)(np.ones((2, 4))),
    lambda: tg.tensor(1.0, requires_grad=True).backward(retain_graph=np.ones(2)),
    lambda: tg.testing.check_grad(np.sin, np.sin, np.ones(2)),
    lambda: np.asarray(tg.tensor(1.0, requires_grad=True)),
    lambda: tg.graph(3),
)
"""Calls that the library refuses, at the front, in the engine, and in functions that call others."""

RARE = {"compiling": 100, "fit": 100, "calls that are refused": 100}
"""What takes milliseconds is done less often."""


def steps():
    """One step of each way to differentiate, by name."""
    rng = np.random.default_rng(0)
    X, Y = rng.standard_normal((16, 4)), rng.standard_normal((16, 1))
    model = tg.nn.Sequential(tg.nn.Linear(4, 8, seed=0), tg.nn.Tanh(), tg.nn.Linear(8, 1, seed=1))
    optimizer = tg.nn.Adam(model.parameters(), lr=1e-3)
    W = tg.tensor(rng.standard_normal((4, 1)), requires_grad=True)

    def loss(w):
        return tg.mean((tg.asarray(X) @ w - Y) ** 2)

    def backward():
        loss(W).backward()
        W.grad = None

    def network():
        optimizer.zero_grad()
        tg.mse(model(tg.asarray(X)), tg.asarray(Y)).backward()
        optimizer.step()

    def modes():
        with tg.no_grad(), tg.scope("a"):
            loss(W)

    def refused():
        for call in REFUSED:
            with suppress(tg.errors.TinygradError, IndexError):
                call()

    def trained():
        other = tg.nn.Linear(4, 1, seed=0)
        tg.nn.fit(other, X, Y, tg.mse, tg.nn.SGD(other.parameters(), lr=0.1), epochs=2, backend="numpy", progress=False)

    w = W.numpy()
    again = tg.grad(tg.checkpoint(loss))
    gradient, second = tg.grad(loss), tg.grad(lambda w: tg.sum(tg.grad(loss)(w) ** 2))
    fast = tg.compile(gradient, backend="numpy")
    return {
        "backward": backward,
        "a network and Adam": network,
        "grad": lambda: gradient(w),
        "grad(grad)": lambda: second(w),
        "jvp": lambda: tg.jvp(loss, (w,), (w,)),
        "modes": modes,
        "checkpoint": lambda: again(w),
        "compiled": lambda: fast(w),
        "compiling": lambda: [compiled(w) for compiled in [tg.compile(gradient, backend="numpy")] * 3],
        "fit": trained,
        "calls that are refused": refused,
    }


@contextmanager
def collector_off():
    """No collection; one that is asked for looks only at what has been made since."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()


def cycles(step, count: int = 20) -> int:
    """How many objects only the collector can free after so many steps."""
    step()
    with collector_off():
        for _ in range(count):
            step()
        return gc.collect()


def growth(step, count: int, rounds: int = 1) -> float:
    """MB by which the memory that is in use has grown after so many steps, with the collector off.

    In a process that has done much else, a table of Python's own may be made anew meanwhile and then counts as a whole:
    of several rounds the smallest counts.
    """
    for _ in range(200):
        step()
    while background._worker is not None:  # what it compiles would count
        sleep(0.01)
    grown = []
    with collector_off():
        tracemalloc.start()
        try:
            step()
            for _ in range(rounds):
                before = tracemalloc.get_traced_memory()[0]
                for _ in range(count):
                    step()
                grown.append((tracemalloc.get_traced_memory()[0] - before) / 1e6)
        finally:
            tracemalloc.stop()
    return min(grown)


def peak(layers: int, size: int) -> float:
    """The peak of forward and backward through a chain of layers, as a multiple of its activations."""
    x = tg.tensor(np.linspace(-1, 1, size), requires_grad=True)

    def step():
        y = x
        for _ in range(layers):
            y = tg.tanh(y)
        tg.sum(y).backward()

    step()
    x.grad = None
    tracemalloc.start()
    try:
        step()
        return tracemalloc.get_traced_memory()[1] / (layers * size * 8)
    finally:
        tracemalloc.stop()


def main(arguments) -> int:
    """Print the figures; the status is the number of those that are missed."""
    count, missed = int(arguments[0]) if arguments else STEPS, 0
    for name, step in steps().items():
        done = min(count, RARE.get(name, count))
        cyclic, grown = cycles(step), growth(step, done)
        missed += (cyclic > 0) + (grown >= 1)
        print(f"{name}: {cyclic} cyclic objects, {grown:.3f} MB more after {done:,} steps with the collector off")
    highest = peak(LAYERS, SIZE)
    print(f"peak of a {LAYERS}-layer chain: {highest:.2f}× its activations")
    return missed + (highest > 1.2)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
