"""`python -m tests.stress.signatures [--calls N] [--seed N]`: all public functions, called as they do not expect it.

A call may give a result, an exception of the library, or a TypeError or IndexError that names the function or an
argument. Anything else is a finding: another exception, a process that crashes, one that does not come back.
Calls run in child processes that may have 4 GB and two seconds a call. The same seed makes the same calls;
`--only NUMBER` repeats one, with its traceback.
"""

import argparse
import faulthandler
import inspect
import mmap
import os
import re
import resource
import signal
import struct
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from random import Random
from types import ModuleType
from typing import Any

import numpy as np

import tinygrad_bp as tg
from tests.stress._values import anything, array, text
from tinygrad_bp.engine import Op
from tinygrad_bp.errors import TinygradError
from tinygrad_bp.protocols import functions
from tinygrad_bp.registry import OPS
from tinygrad_bp.testing.strategies import _inputs, _shapes

MEMORY = 4 << 30
SECONDS = 2.0
"""Of the processor, for one call."""

ASLEEP = 60.0
"""Seconds of the clock after which a call that needs no processor is given up."""

SPACES: dict[str, ModuleType] = {
    "tg": tg, "tg.linalg": tg.linalg, "tg.fft": tg.fft, "tg.nn": tg.nn, "tg.testing": tg.testing,
    "tg.datasets": tg.datasets, "tg.special": tg.special, "tg.stats": tg.stats, "tg.signal": tg.signal,
}  # fmt: skip

SLOW = {
    "tg.draw", "tg.step_through", "tg.play", "tg.op_table", "tg.compile", "tg.tutor", "tg.derive", "tg.nn.fit",
    "tg.nn.train", "tg.nn.activation_sheet", "tg.testing.check_gradients", "tg.scipy_objective", "tg.nn.save",
    "tg.testing.op_cases",
}  # fmt: skip
"""What takes milliseconds and more: called a tenth as often."""


@dataclass(frozen=True)
class Target:
    """One public function, and how a sound call of it is made."""

    name: str
    call: Callable[..., Any]
    sound: Callable[[Random], tuple[list[Any], dict[str, Any]]] | None = None


# --- what is called ---------------------------------------------------------------------------------------------------


def _of_domain(record: Op) -> Callable[[Random], tuple[list[Any], dict[str, Any]]]:
    """Sound calls of an op, from the test domain of its record."""

    def sound(random: Random) -> tuple[list[Any], dict[str, Any]]:
        arity = len(record.vjps) if isinstance(record.vjps, tuple) else 2
        shapes = _shapes(random.choice, record.domain, arity, large=False)
        params = dict(random.choice(record.domain.params(*shapes)))
        inputs = _inputs(np.random.default_rng(random.getrandbits(32)), record.domain, shapes, params, 1.0)
        return [tg.tensor(x, requires_grad=x.dtype.kind in "fc") for x in inputs], params

    return sound


def square(x: Any) -> Any:
    return (x * x).sum()


def _model() -> Any:
    return tg.nn.Sequential(tg.nn.Linear(3, 2, seed=0), tg.nn.Tanh(), tg.nn.Linear(2, 1, seed=1))


def _cost() -> Any:
    x = tg.tensor([1.0, 2.0], requires_grad=True, name="x")
    return (tg.exp(x).named("a1") * x).sum().named("C")


def _x() -> Any:
    return np.array([[0.5, 1.0, 2.0], [1.0, 0.25, 3.0]])


TRANSFORMS = ("grad", "value_and_grad", "jacobian", "hessian", "checkpoint")

SOUND: dict[str, Callable[[], tuple[list[Any], dict[str, Any]]]] = {
    **{
        f"tg.{name}": lambda: ([square], {})
        for name in ("grad", "value_and_grad", "jacobian", "hessian", "checkpoint", "compile")
    },
    "tg.vjp": lambda: ([square, _x()], {}),
    "tg.jvp": lambda: ([square, (_x(),), (_x(),)], {}),
    "tg.hvp": lambda: ([square, (_x(),), (_x(),)], {}),
    "tg.scan": lambda: ([lambda c, x: (c * x, c), 1.0, _x()[0]], {}),
    "tg.scipy_objective": lambda: ([square, _x()], {}),
    "tg.graph": lambda: ([_cost()], {}),
    "tg.draw": lambda: ([_cost()], {}),
    "tg.step_through": lambda: ([_cost()], {}),
    "tg.play": lambda: ([_cost()], {}),
    "tg.tutor": lambda: ([_cost()], {}),
    "tg.derive": lambda: ([_cost(), "x"], {}),
    "tg.tensor": lambda: ([_x()], {"requires_grad": True}),
    "tg.asarray": lambda: ([_x()], {}),
    "tg.scope": lambda: (["layer"], {}),
    "tg.testing.check_gradients": lambda: ([square, _x()], {}),
    "tg.testing.op_cases": lambda: ([tg.exp], {}),
    "tg.nn.Linear": lambda: ([3, 2], {"seed": 0}),
    "tg.nn.Conv1d": lambda: ([3, 2, 2], {"stride": 1, "padding": 1}),
    "tg.nn.Conv2d": lambda: ([3, 2, 2], {"stride": 1, "padding": 1}),
    "tg.nn.BatchNorm": lambda: ([3], {}),
    "tg.nn.LayerNorm": lambda: ([3], {}),
    "tg.nn.Embedding": lambda: ([5, 2], {}),
    "tg.nn.MultiHeadAttention": lambda: ([4, 2], {}),
    **{f"tg.nn.{name}": lambda: ([3, 2], {}) for name in ("RNN", "LSTM", "GRU")},
    **{f"tg.nn.{kind}Pool{n}d": lambda: ([2], {"stride": 2, "padding": 0}) for kind in ("Avg", "Max") for n in (1, 2)},
    "tg.nn.Sequential": lambda: ([tg.nn.Linear(3, 2, seed=0), tg.tanh], {}),
    "tg.nn.Residual": lambda: ([tg.nn.Linear(3, 3, seed=0), tg.tanh], {}),
    **{
        f"tg.nn.{name}": lambda: ([_model().parameters()], {"lr": 0.1})
        for name in ("SGD", "Adam", "AdamW", "RMSprop", "Adagrad")
    },
    "tg.nn.LBFGS": lambda: ([_model().parameters()], {}),
    "tg.nn.clip_grad_norm": lambda: ([_model().parameters(), 1.0], {}),
    "tg.nn.clip_grad_value": lambda: ([_model().parameters(), 1.0], {}),
    "tg.nn.fit": lambda: (
        [model := _model(), _x(), np.ones((2, 1)), tg.mse, tg.nn.SGD(model.parameters(), lr=0.1)],
        {"epochs": 1, "backend": "eager", "progress": False},
    ),
    "tg.nn.train": lambda: ([_x(), np.array([0, 1])], {"layers": (3, 2, 1), "epochs": 1}),
    "tg.nn.split": lambda: ([_x(), np.array([0, 1])], {}),
    "tg.nn.standardise": lambda: ([_x(), _x()], {}),
    "tg.nn.accuracy": lambda: ([np.array([0.2, 0.7]), np.array([0, 1])], {}),
    "tg.nn.glorot_normal": lambda: ([(2, 3)], {}),
    "tg.nn.NeuralNetwork": lambda: ([(3, 2, 1)], {}),
    "tg.nn.Recording": lambda: ([_model(), _x(), np.ones((2, 1)), tg.mse], {}),
    "tg.nn.to_torch": lambda: ([_model()], {}),
    "tg.nn.from_torch": lambda: ([_model(), tg.nn.to_torch(_model())], {}),
    "tg.nn.save": lambda: (["m.npz", _model()], {}),
    "tg.nn.load": lambda: (["m.npz"], {}),
    "tg.nn.activation_sheet": lambda: (["tanh"], {}),
    "tg.nn.scaled_dot_product_attention": lambda: ([_x(), _x(), _x()], {}),
    "tg.nn.CosineDecay": lambda: ([0.1, 10], {}),
    "tg.nn.OneCycle": lambda: ([0.1, 10], {}),
    "tg.nn.StepDecay": lambda: ([0.1, 10], {}),
    "tg.nn.WarmUp": lambda: ([0.1, 10], {}),
    "tg.nn.EarlyStopping": lambda: ([3], {}),
    "tg.datasets.read_table": lambda: (["table.csv"], {}),
    "tg.datasets.load_table": lambda: (["table.csv"], {}),
    "tg.datasets.read_sheet": lambda: (["table.csv"], {}),
    "tg.einsum": lambda: (["ij,jk->ik", _x(), _x().T], {}),
    "tg.dropout": lambda: ([_x(), 0.5, np.random.default_rng(0)], {}),
    "tg.index_update": lambda: ([_x(), 0, 1.0], {}),
}
"""A sound call of each function whose record does not say what one is."""

METHODS = "pdf", "logpdf", "pmf", "logpmf", "cdf", "logcdf", "sf"

RECORDS = {
    "Derivation", "Drawing", "StepThrough", "Graph", "Compiled", "Objective", "Table", "LivingPage", "Tutor", "Verdict",
    "Checkpoint", "History", "Pass", "Frame", "Epoch", "Step", "Summary", "Training", "ActivationSheet", "Sheet",
    "OpCase", "GradientError", "QRResult", "EighResult", "SVDResult", "SlogdetResult", "Any", "Tensor",
    "custom_op", "Layer", "Continuous", "Poisson", "MultivariateNormal", "Dirichlet",
}  # fmt: skip
"""Classes of results, which nobody makes by hand; and what takes apart a class or a function's source."""


def _methods() -> Iterator[Target]:
    """The operators and methods of tensors."""
    others = {"__init__", "__new__", "__class__", "__getattribute__", "__setattr__", "__delattr__", "__init_subclass__",
              "__subclasshook__", "__dir__", "__sizeof__", "__getstate__", "__reduce_ex__", "__reduce__"}  # fmt: skip
    for name in sorted(dir(tg.Tensor)):
        hidden = name[0] == "_" != name[1] or name.startswith("__array")
        if callable(getattr(tg.Tensor, name)) and name not in others and not hidden:
            call = getattr(tg.Tensor, name)
            yield Target(f"tg.Tensor.{name}", call, lambda random: ([_tensor(random)], {}))


def _numpys() -> Iterator[Target]:
    """NumPy's functions, given a tensor."""
    for name in sorted(functions()):
        space, _, last = name.rpartition(".")
        theirs = getattr(getattr(np, space) if space else np, last, None)
        if callable(theirs):
            yield Target(f"np.{name}", theirs, lambda random: ([_tensor(random)], {}))


def _distributions() -> Iterator[Target]:
    """The methods of SciPy's distributions."""
    for name, family in vars(tg.stats).items():
        for method in METHODS:
            if hasattr(family, method) and not inspect.isclass(family):
                call = getattr(family, method)
                yield Target(f"tg.stats.{name}.{method}", call, lambda random: ([array(random, "f8"), 1.5, 2.0], {}))


def _tensor(random: Random) -> Any:
    return tg.asarray(array(random, "f8"))


def _called(make: Callable[..., Any], example: Callable[[], Any]) -> Callable[..., Any]:
    """A layer's call, an optimizer's step."""

    def call(*args: Any, **kwargs: Any) -> Any:
        made, _ = example()
        return make(*made, **_)(*args, **kwargs)

    call.__name__ = make.__name__
    return call


@cache
def targets() -> tuple[Target, ...]:
    """All public functions, by the names that users have for them."""
    found: dict[str, Target] = {}
    for space, module in SPACES.items():
        for name, value in sorted(vars(module).items()):
            if name.startswith("_") or not callable(value) or name in RECORDS:
                continue
            full = f"{space}.{name}"
            example = SOUND.get(full)
            record = getattr(value, "op", None) or OPS.get(name)
            sound: Any = None
            if example is not None:
                sound = lambda random, example=example: example()  # noqa: E731 - it is short
            elif isinstance(getattr(value, "op", None), Op):
                sound = _of_domain(record)
            found[full] = Target(full, value, sound)
            if inspect.isclass(value) and issubclass(value, tg.nn.Layer):
                made = _called(value, example or (lambda: ([], {})))
                found[f"{full}()"] = Target(f"{full}()", made, lambda random: ([array(random, "f8")], {}))
    for name in TRANSFORMS:
        made = getattr(tg, name)(square)
        found[f"tg.{name}()"] = Target(f"tg.{name}()", made, lambda random: ([array(random, "f8")], {}))
    return (*found.values(), *_numpys(), *_distributions(), *_methods())


# --- a call -----------------------------------------------------------------------------------------------------------


def drawn(seed: int, number: int) -> tuple[Target, list[Any], dict[str, Any]]:
    """The call of this number."""
    random = Random(f"{seed}:{number}")
    target = random.choice(targets())
    while target.name in SLOW and random.random() < 0.9:
        target = random.choice(targets())
    args, kwargs = _arguments(random, target)
    return target, args, kwargs


def _arguments(random: Random, target: Target) -> tuple[list[Any], dict[str, Any]]:
    names = _names(target.call)
    if target.sound is None or (random.random() < 0.3 and not target.name.startswith(("tg.Tensor.", "np."))):
        count = random.choice((0, 1, 1, 2, 2, 3, len(names)))
        args = [array(random) if random.random() < 0.5 else anything(random) for _ in range(count)]
        kwargs = {name: anything(random) for name in names if random.random() < 0.1}
        return args, kwargs
    args, kwargs = target.sound(random)
    me = [args.pop(0)] if target.name.startswith(("tg.Tensor.", "np.")) else []
    for _ in range(random.choice((0, 1, 1, 1, 2))):
        what = random.random()
        if what < 0.1 and args:
            args.pop()
        elif what < 0.5 and args:
            args[random.randrange(len(args))] = anything(random)
        elif what < 0.9 and names:
            kwargs[random.choice(names)] = anything(random)
        elif what < 0.95:
            args.append(anything(random))
        else:
            kwargs["bogus"] = anything(random)
    return me + args, kwargs


@cache
def _names(call: Callable[..., Any]) -> tuple[str, ...]:
    try:
        parameters = inspect.signature(call).parameters.values()
    except (TypeError, ValueError):
        return ()
    return tuple([p.name for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)])


_PYTHONS = re.compile(
    r"missing \d+ required|unexpected keyword argument|positional arguments? but|multiple values for"
    r"|takes no (keyword )?arg|expected \d+ arguments?, got|exactly \w+ arguments?|expected at (least|most)"
    r"|unsupported operand type"
)


def is_allowed(error: BaseException, target: Target) -> bool:
    """Whether an exception is one that a wrong call may have."""
    if isinstance(error, TinygradError) or (isinstance(error, OSError) and error.filename is not None):
        return True
    frames = [frame.f_globals["__name__"] for frame, _ in traceback.walk_tb(error.__traceback__)]
    if not any(name.startswith("tinygrad_bp") for name in frames) and target.name.startswith("np."):
        return True  # NumPy refuses it before the library is asked
    if error.__traceback__ is not None and isinstance(error, TypeError | AttributeError) and _is_examples(error):
        return True
    if not isinstance(error, TypeError | IndexError):
        return False
    said = str(error)
    words = {*_names(target.call), getattr(target.call, "__name__", ""), "axis"}
    return bool(_PYTHONS.search(said)) or any(re.search(rf"\b{re.escape(word)}\b", said) for word in words if word)


def _is_examples(error: BaseException) -> bool:
    """Whether the function that is differentiated here raised it: what a user's function raises stays as it is."""
    return [frame.f_code.co_name for frame, _ in traceback.walk_tb(error.__traceback__)][-1] == square.__name__


def _swept(result: Any) -> None:
    """Go back through what came out."""
    if isinstance(result, tg.Tensor) and result.requires_grad and 0 < result.size < 1000:
        result.backward(np.ones(result.shape))


def outcome(seed: int, number: int) -> str | None:
    """None for a call with an allowed outcome, else what is wrong with it."""
    target, args, kwargs = drawn(seed, number)
    stage = ""
    try:
        result = target.call(*args, **kwargs)
        stage = " in backward()"
        _swept(result)
    except (Exception, SystemExit) as error:  # all are looked at
        if not is_allowed(error, target):
            return f"{target.name}{stage}: {type(error).__name__}: {str(error)[:150]!r}"
    return None


def shown(seed: int, number: int) -> str:
    """The call as it would be written."""
    target, args, kwargs = drawn(seed, number)
    parts = [*map(text, args), *[f"{key}={text(value)}" for key, value in kwargs.items()]]
    return f"{target.name}({', '.join(parts)})"


# --- child processes --------------------------------------------------------------------------------------------------


class _Child:
    """A process that makes calls one after the other; it says which one it is at."""

    def __init__(self, seed: int, numbers: range):
        self.numbers = numbers
        self.place = mmap.mmap(-1, 16)
        self.place[:16] = struct.pack("qd", numbers.start, time.monotonic())
        self.read, write = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self.read)
            self._work(seed, write)
        os.close(write)

    def _work(self, seed: int, write: int) -> None:
        faulthandler.disable()
        for package in ("torch", "jax"):  # whose import takes seconds, of which no call is guilty
            with suppress(ImportError):
                import_module(package)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        devnull = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(devnull, stream)
        warnings.simplefilter("ignore")
        for number in self.numbers:
            self.place[:16] = struct.pack("qd", number, time.monotonic())
            signal.setitimer(signal.ITIMER_PROF, SECONDS)  # seconds of its own; it ends the process
            found = outcome(seed, number)
            if found is not None:
                os.write(write, f"{number}\t{found}\n".replace("\0", " ").encode())
        os._exit(0)

    def wait(self, seconds: float) -> Iterator[tuple[int, str]]:
        """What it finds; if it crashes or hangs, that."""
        os.set_blocking(self.read, False)
        pending = b""
        while True:
            ended, status = os.waitpid(self.pid, os.WNOHANG)
            number, since = struct.unpack("qd", self.place[:16])
            if not ended and time.monotonic() - since > seconds:
                os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
            try:
                while part := os.read(self.read, 1 << 16):
                    pending += part
            except BlockingIOError:
                pass
            *lines, pending = pending.split(b"\n")
            for line in lines:
                at, _, found = line.decode().partition("\t")
                yield int(at), found
            if not ended and time.monotonic() - since > seconds:
                yield number, f"sleeps for more than {seconds:g} s"
                self.left = range(number + 1, self.numbers.stop)
                break
            if ended:
                code = os.waitstatus_to_exitcode(status)
                if code:
                    slow = code == -signal.SIGPROF
                    yield number, f"takes more than {SECONDS:g} s" if slow else f"the interpreter ends with {code}"
                self.left = range(number + 1, self.numbers.stop) if code else range(0)
                break
            time.sleep(0.005)
        os.close(self.read)
        self.place.close()


def findings(seed: int, calls: range, seconds: float = ASLEEP) -> Iterator[tuple[int, str]]:
    """The number of each call with another outcome than those that are allowed, and what it is."""
    here = os.getcwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            with open("table.csv", "w") as table:
                table.write("a,b,y\n1,2,0\n3,4,1\n")
            while calls:
                child = _Child(seed, calls)
                for number, found in child.wait(seconds):
                    if ":" not in found:
                        found = f"{drawn(seed, number)[0].name}: {found}"
                    yield number, found
                calls = child.left
        finally:
            os.chdir(here)


def main(args: list[str]) -> int:
    """Print what is found, grouped by function and exception; the status is whether there is any."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, help="the number of one call to repeat, with its traceback")
    given = parser.parse_args(args)
    if given.only is not None:
        print(shown(given.seed, given.only))
        target, values, kwargs = drawn(given.seed, given.only)
        try:
            result = target.call(*values, **kwargs)
            print(repr(result)[:500])
            _swept(result)
        except Exception:  # it is what was asked for
            traceback.print_exc()
        return 0
    start = time.monotonic()
    groups: dict[tuple[str, str], list[tuple[int, str]]] = defaultdict(list)
    for number, found in findings(given.seed, range(given.calls)):
        name, _, said = found.partition(": ")
        groups[name, said.partition(":")[0]].append((number, found))
    kinds: Counter[str] = Counter()
    for (name, kind), members in sorted(groups.items(), key=lambda item: -len(item[1])):
        number, found = members[0]
        kinds[kind] += len(members)
        print(f"{len(members):5}  {name}: {kind}\n       {number}: {shown(given.seed, number)}\n       {found}")
    total = sum(kinds.values())
    print(f"{given.calls:,} calls of {len(targets())} functions, seed {given.seed}, {time.monotonic() - start:.0f} s: "
          f"{total} findings in {len(groups)} groups {dict(kinds.most_common())}")  # fmt: skip
    return 1 if total else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
