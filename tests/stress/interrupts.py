"""`python -m tests.stress.interrupts [COUNT]`: Ctrl-C at random moments; modes and NumPy's error state afterwards."""

import random
import signal
import sys
from contextlib import contextmanager, suppress
from contextvars import ContextVar, copy_context
from time import perf_counter

import numpy as np

import tinygrad_bp as tg
from tinygrad_bp.modes import current_mode

COUNT = 10_000
PLAIN: ContextVar[bool] = ContextVar("plain", default=True)


FIRED: list[int] = []


def interrupt(signal_number, _):
    """The handler: as Python's own, and it notes that it was called, since an exception in a finalizer is lost."""
    FIRED.append(signal_number)
    raise KeyboardInterrupt


@contextmanager
def plain_block():
    """How one would write it: to compare with."""
    token = PLAIN.set(False)
    try:
        yield
    finally:
        PLAIN.reset(token)


def is_as_before() -> bool:
    mode = current_mode()
    changed = mode.tracing or mode.anomaly or mode.scope or mode.depth or mode.repeated or not mode.recording
    return not changed and np.geterr() == {"divide": "warn", "over": "warn", "under": "ignore", "invalid": "warn"}


def works():
    """What is interrupted, by name."""
    x = tg.tensor([0.5, 2.0, 3.0], requires_grad=True)
    array, vector = np.linspace(0.1, 1, 2000), np.array([0.5, 2.0, 3.0])

    def cost(v):
        return tg.sum(tg.sigmoid(v) * v)

    gradient = tg.grad(cost)
    fast = tg.compile(tg.value_and_grad(lambda v: tg.sum(tg.exp(v) / v)), backend="numpy")
    fast(vector)

    def modes():
        with tg.scope("a"), tg.no_grad():
            with tg.detect_anomaly():
                array * array
            array / array

    net = tg.nn.NeuralNetwork([3, 2, 1])
    data = np.ones((3, 4)), np.ones((1, 4))
    return {
        "modes": modes,
        "backward": lambda: cost(x).backward(),
        "grad": lambda: gradient(vector),
        "jvp": lambda: tg.jvp(cost, (vector,), (vector,)),
        "activations": lambda: (tg.sigmoid(array), tg.silu(array), tg.logsumexp(array)),
        "compiled": lambda: fast(vector),
        "tracing": lambda: tg.compile(cost, backend="numpy")(vector),
        "NeuralNetwork.fit": lambda: net.fit(*data, epochs=2, batch=2),
        "the checker": lambda: tg.testing.check_gradients(lambda v: v * v, vector),
        "scan": lambda: tg.scan(lambda c, v: (tg.tanh(c + v), c), np.zeros(1), np.ones((4, 1)))[0],
        "graph": lambda: tg.graph(cost(x)),
        "derive": lambda: tg.derive(cost(x), x),
    }  # fmt: skip


def others():
    """What Python and NumPy have, which is not ours to mend."""

    def errstate():
        with np.errstate(all="ignore"):
            array * array

    def plain():
        with plain_block():
            array * array

    array = np.linspace(0.1, 1, 2000)
    return {"np.errstate itself": errstate, "a @contextmanager": plain}


def interrupted(work, count: int, seed: int = 0, is_right=is_as_before) -> int:
    """Interrupt it so often at random moments: after how many interrupts something was changed."""
    drawing, wrong = random.Random(seed), 0
    work()
    start = perf_counter()
    work()
    longest = 1.5 * (perf_counter() - start)
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        for _ in range(count):  # each in a copy of the context: what is left changed is not carried on
            wrong += not copy_context().run(once, work, drawing.uniform(5e-6, longest), is_right)
    finally:
        signal.signal(signal.SIGALRM, before)
    return wrong


def once(work, seconds: float, is_right) -> bool:
    """Interrupt it after so many seconds; whether all is as before."""
    FIRED.clear()
    with suppress(KeyboardInterrupt):
        _repeated(work, seconds)
    return is_right()


def _repeated(work, seconds: float) -> None:
    """A function of its own: in Python 3.13 an interrupt at the end of a loop is not caught by the `try` around it."""
    signal.setitimer(signal.ITIMER_REAL, seconds)
    while not FIRED:
        work()


def main(arguments) -> int:
    """Print the figures; the status is how many interrupts left something changed."""
    tasks, leaks = works(), 0
    count = int(arguments[0]) if arguments else COUNT
    each = -(-count // len(tasks))
    for name, work in tasks.items():
        wrong = interrupted(work, each)
        leaks += wrong
        print(f"  {name}: {wrong} of {each:,}")
    print(f"interrupts that left modes or np.errstate changed: {leaks} of {each * len(tasks):,}")
    for name, work in others().items():
        right = is_as_before if "errstate" in name else PLAIN.get
        print(f"  to compare, {name}: {interrupted(work, each, is_right=right)} of {each:,}")
    return leaks


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
