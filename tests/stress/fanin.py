"""`python -m tests.stress.fanin [N …]`: what one more input costs an op that joins many, backwards and forwards."""

import sys
from time import perf_counter

import numpy as np

import tinygrad_bp as tg

COUNTS = (1_000, 8_000, 64_000)

JOINING = {
    "stack": tg.stack,
    "concatenate": lambda xs: tg.concatenate([tg.reshape(x, shape=(1,)) for x in xs]),
    "hstack": tg.hstack,
    "vstack": tg.vstack,
    "column_stack": tg.column_stack,
}


def backward(join, n):
    """Seconds for the gradients of n numbers that are joined."""
    xs = [tg.tensor(float(i), requires_grad=True) for i in range(n)]
    cost = tg.sum(join(xs) ** 2)
    start = perf_counter()
    cost.backward()
    seconds = perf_counter() - start
    assert all(x.grad == 2 * i for i, x in enumerate(xs))
    return seconds


def forward(join, n):
    """Seconds for the tangent of n numbers that are joined, the forward pass included."""
    xs = tuple(map(float, range(n)))
    start = perf_counter()
    _, moved = tg.jvp(lambda *xs: join(xs), xs, xs)
    seconds = perf_counter() - start
    assert np.array_equal(np.ravel(moved), xs)
    return seconds


def main(counts):
    print("µs per input".ljust(22), *[f"{n:>10,}" for n in counts])
    for name, join in JOINING.items():
        for way in (backward, forward):
            costs = [way(join, n) / n * 1e6 for n in counts]
            print(f"{name}, {way.__name__}".ljust(22), *[f"{cost:10.2f}" for cost in costs], flush=True)


if __name__ == "__main__":
    main([*map(int, sys.argv[1:])] or COUNTS)
