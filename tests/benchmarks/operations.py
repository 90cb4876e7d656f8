"""What one op costs, built and differentiated, on small arrays: tinygrad_bp beside autograd, MyGrad and torch."""

from collections.abc import Callable
from importlib import import_module
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

from .report import table

Step = Callable[[], Any]
Formula = Callable[[Any, Any], Any]

CALLS = 200
rng = np.random.default_rng(0)
SQUARE = rng.uniform(0.5, 1.5, (4, 4))

# name → the formula, with `l` the library's namespace under NumPy's names.
OPS: dict[str, Callable[[Any], Formula]] = {
    "a + b": lambda l: lambda a, b: a + b,
    "a · b": lambda l: lambda a, b: a * b,
    "a / b": lambda l: lambda a, b: a / b,
    "a ** 3": lambda l: lambda a, b: a**3,
    "a @ b": lambda l: lambda a, b: a @ b,
    "exp": lambda l: lambda a, b: l.exp(a),
    "log": lambda l: lambda a, b: l.log(a),
    "tanh": lambda l: lambda a, b: l.tanh(a),
    "maximum": lambda l: lambda a, b: l.maximum(a, b),
    "sum": lambda l: lambda a, b: l.sum(a),
    "mean of rows": lambda l: lambda a, b: l.mean(a, 0),
    "reshape": lambda l: lambda a, b: l.reshape(a, (2, 8)),
    "a[1:]": lambda l: lambda a, b: a[1:],
    "where": lambda l: lambda a, b: l.where(a > 1.0, a, b),
}


def _tinygrad(make: Callable[[Any], Formula]) -> Step:
    import tinygrad_bp as tg

    f = make(tg)
    a, b = (tg.tensor(SQUARE, requires_grad=True) for _ in "ab")
    g = np.ones(f(a, b).shape)

    def step() -> None:
        f(a, b).backward(g)
        a.grad = b.grad = None

    return step


def _torch(make: Callable[[Any], Formula]) -> Step:
    import torch

    f = make(torch)
    a, b = (torch.tensor(SQUARE, requires_grad=True) for _ in "ab")
    g = torch.ones_like(f(a, b))

    def step() -> None:
        f(a, b).backward(g)
        a.grad = b.grad = None

    return step


def _mygrad(make: Callable[[Any], Formula]) -> Step:
    import mygrad

    f = make(mygrad)
    a, b = mygrad.tensor(SQUARE), mygrad.tensor(SQUARE)
    g = np.ones(f(a, b).shape)

    def step() -> None:
        f(a, b).backward(g)

    return step


def _autograd(make: Callable[[Any], Formula]) -> Step:
    from autograd import make_vjp

    f = make(import_module("autograd.numpy"))
    b = SQUARE.copy()
    both = make_vjp(lambda x: f(x[0], x[1]))
    x = (SQUARE, b)
    g = np.ones(np.shape(f(*x)))

    def step() -> None:
        both(x)[0](g)

    return step


CONTESTANTS = {"tinygrad_bp": _tinygrad, "torch": _torch, "autograd": _autograd, "MyGrad": _mygrad}


def run(rounds: int) -> int:
    """Print µs for each op, and the geometric mean of the ratios to tinygrad_bp."""
    lines, ratios = [], {name: [] for name in CONTESTANTS}
    for op, make in OPS.items():
        steps = {name: prepare(make) for name, prepare in CONTESTANTS.items()}
        times = _timed(steps, rounds)
        for name, t in times.items():
            ratios[name].append(t / times["tinygrad_bp"])
        lines.append([op, *[f"{1e6 * t:.1f}" for t in times.values()]])
    means = [f"{np.exp(np.mean(np.log(r))):.2f}" for r in ratios.values()]
    print(table(["µs", *CONTESTANTS], [*lines, ["mean ratio", *means]]))
    return 0


def _timed(steps: dict[str, Step], rounds: int) -> dict[str, float]:
    found: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(rounds):
        for name, step in steps.items():
            start = perf_counter()
            for _ in range(CALLS):
                step()
            found[name].append((perf_counter() - start) / CALLS)
    return {name: median(t) for name, t in found.items()}
