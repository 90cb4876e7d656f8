"""`python -m tests.stress.memory [STEPS]`: cycles, growth with the collector off, and the peak of a deep network."""

import gc
import sys
import tracemalloc

import numpy as np

import tinygrad_bp as tg

STEPS = 10_000
LAYERS, SIZE = 50, 1 << 17


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

    w = W.numpy()
    gradient, second = tg.grad(loss), tg.grad(lambda w: tg.sum(tg.grad(loss)(w) ** 2))
    fast = tg.compile(gradient, backend="numpy")
    return {
        "backward": backward,
        "a network and Adam": network,
        "grad": lambda: gradient(w),
        "grad(grad)": lambda: second(w),
        "jvp": lambda: tg.jvp(loss, (w,), (w,)),
        "modes": modes,
        "compiled": lambda: fast(w),
    }


def cycles(step, count: int = 20) -> int:
    """How many objects only the collector can free after so many steps."""
    step()
    gc.collect()
    gc.disable()
    try:
        for _ in range(count):
            step()
        return gc.collect()
    finally:
        gc.enable()


def growth(step, count: int) -> float:
    """MB by which the memory that is in use has grown after so many steps, with the collector off."""
    for _ in range(200):
        step()
    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        step()
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(count):
            step()
        return (tracemalloc.get_traced_memory()[0] - before) / 1e6
    finally:
        tracemalloc.stop()
        gc.enable()


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
        cyclic, grown = cycles(step), growth(step, count)
        missed += (cyclic > 0) + (grown >= 1)
        print(f"{name}: {cyclic} cyclic objects, {grown:.3f} MB more after {count:,} steps with the collector off")
    highest = peak(LAYERS, SIZE)
    print(f"peak of a {LAYERS}-layer chain: {highest:.2f}× its activations")
    return missed + (highest > 1.2)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
