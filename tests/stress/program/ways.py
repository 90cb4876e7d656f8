"""The ways that random programs go: each says what differs, or is content."""

from __future__ import annotations

import traceback
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib.util import find_spec
from typing import Any
from xml.etree import ElementTree

import numpy as np

import tinygrad_bp as tg
from tests.stress.program import peers
from tests.stress.program.random_programs import RandomProgram
from tests.stress.program.reduction import evaluated, reduced, with_leaves
from tinygrad_bp.draw.layered_svg import drawn as own_layout
from tinygrad_bp.program import optimized, traced
from tinygrad_bp.source import module
from tinygrad_bp.testing.numeric import mismatch

SKIPPED = ""
"""What is said of a way that a program does not go."""

LONG = 60
"""Programs of more lines are not derived: nobody reads that."""

LOOPS = ("tg.scan", "tg.checkpoint")
"""What has no formula, and says so."""


class Difference(Exception):
    """What is wrong with a program."""


class Skipped(Exception):
    """A way that a program does not go."""


@dataclass(eq=False)
class Subject:
    """A program at its leaves, and what it gives eagerly. noise: about what rounding may change, number by number."""

    program: RandomProgram
    f: Callable[..., Any] = field(init=False)

    def __post_init__(self) -> None:
        self.f = self.program.function()

    @cached_property
    def leaves(self) -> list[Any]:
        return [*self.program.leaves.values()]

    @cached_property
    def both(self) -> Callable[..., Any]:
        return tg.value_and_grad(self.f, argnums=self.program.trainable, has_aux=True)

    def flat(self, function: Callable[..., Any], leaves: Sequence[Any]) -> list[Any]:
        """Cost, values and gradients in one list."""
        (C, values), gradients = function(*leaves)
        return [np.asarray(x) for x in (C, *values, *gradients)]

    def shifted(self, size: float, seed: int = 0) -> list[Any]:
        """The leaves a little elsewhere."""
        random = np.random.default_rng(seed)
        return [
            np.asarray(x * (1 + size * random.uniform(-1, 1, x.shape)), x.dtype) if x.dtype.kind == "f" else x
            for x in self.leaves
        ]

    @cached_property
    def eager(self) -> list[Any]:
        return self.flat(self.both, self.leaves)

    @cached_property
    def is_single(self) -> bool:
        """Whether float32 takes part."""
        return "float32" in str(self.program) or "np.float32" in self.program.text

    @cached_property
    def noise(self) -> list[Any]:
        """How far leaves that are off by rounding put each number off."""
        size = 1e-6 if self.is_single else 1e-13
        elsewhere = [self.flat(self.both, self.shifted(size, seed)) for seed in (1, 2)]
        return [
            100 * sum([np.max(np.abs(y * 1.0 - x), initial=0.0) for y in ys])
            for x, *ys in zip(self.eager, *elsewhere, strict=True)
        ]

    def require_same(self, what: str, got: Sequence[Any], want: Sequence[Any] | None = None) -> None:
        """Raise Difference if arrays differ in shape, dtype or more than rounding."""
        relative = 1e-4 if self.is_single else 1e-10
        for i, (y, x, noise) in enumerate(zip(map(np.asarray, got), want or self.eager, self.noise, strict=True)):
            name = self.named(i)
            if (y.shape, y.dtype) != (x.shape, x.dtype):
                raise Difference(f"{what}: {name} is {y.dtype}{y.shape}, not {x.dtype}{x.shape}")
            size = np.max(np.abs(x), initial=0.0)
            if x.dtype.kind in "bi" and not np.array_equal(x, y):
                raise Difference(f"{what}: {name} is {y.tolist()}, not {x.tolist()}")
            if x.dtype.kind in "fc" and not np.all(np.abs(y - x) <= relative * max(1.0, size) + noise):
                raise Difference(f"{what}: {name} is {y.tolist()}, not {x.tolist()}")

    def named(self, i: int) -> str:
        roots = ["C", *self.program.roots]
        names = [*self.program.leaves]
        return roots[i] if i < len(roots) else f"the gradient of {names[self.program.trainable[i - len(roots)]]}"


# --- the ways ---------------------------------------------------------------------------------------------------------


def eager(s: Subject) -> None:
    """It runs, gives finite numbers and leaves its inputs alone."""
    before = [x.copy() for x in s.leaves]
    for i, y in enumerate(s.eager):
        if not np.all(np.isfinite(y)):
            raise Difference(f"eager: {s.named(i)} is {y.tolist()}")
    s.require_same("a second time", s.flat(s.both, s.leaves))
    if any(x.tobytes() != y.tobytes() for x, y in zip(before, s.leaves, strict=True)):
        raise Difference("eager: an input was changed")


def compiled(s: Subject, backend: Any = "numpy") -> None:
    """The compiled function gives the same, called again and at other leaves."""
    fast = tg.compile(s.both, backend=backend)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        for _ in range(2):
            s.require_same(f"compiled, {backend}", s.flat(fast, s.leaves))
        elsewhere = s.shifted(1e-3)
        s.require_same(f"compiled, {backend}, elsewhere", s.flat(fast, elsewhere), s.flat(s.both, elsewhere))
        s.require_same(f"compiled, {backend}, once more", s.flat(fast, s.leaves))


def printed(s: Subject) -> None:
    """The text that people read computes the same, with NumPy alone."""
    given_leaves = [*s.program.leaves.items()]

    def flat(*tensors: Any) -> list[Any]:
        (C, values), gradients = s.both(*tensors)
        return [C, *values, *gradients]

    program, _ = traced(flat, "f", given_leaves)
    text = module(optimized(program))
    space: dict[str, Any] = {**text.objects}
    exec(text.text, space)
    copies = [x.copy() for x in s.leaves]
    s.require_same("printed", space[text.name](*copies, *text.constants))
    if any(x.tobytes() != y.tobytes() for x, y in zip(copies, s.leaves, strict=True)):
        raise Difference("printed: an input was changed")


def numba(s: Subject) -> None:
    """Machine code gives the same."""
    compiled(s, "numba")


def peer(s: Subject) -> None:
    """PyTorch computes the same, where it is installed, of what it has functions for."""
    if find_spec("torch") is None:
        raise Skipped
    values = evaluated(s.program)
    program = with_leaves(s.program, peers.unknown(s.program, values), values)
    if not program.lines or not program.trainable:
        raise Skipped
    part = Subject(replace(program, lines=tuple([replace(line, scope="", label="") for line in program.lines])))
    found = peers.gradients(part.program.text, part.leaves, program.trainable)
    part.require_same("PyTorch", [np.asarray(y, x.dtype) for x, y in zip(part.eager, found, strict=True)])


def _along(s: Subject) -> list[Any]:
    random = np.random.default_rng(5)
    return [random.uniform(-1, 1, s.leaves[i].shape) for i in s.program.trainable]


def _moved(s: Subject, step: Any, t: Sequence[Any]) -> list[Any]:
    leaves = list(s.leaves)
    for i, direction in zip(s.program.trainable, t, strict=True):
        leaves[i] = leaves[i] + step * direction
    return leaves


def _dot(a: Sequence[Any], b: Sequence[Any]) -> float:
    return float(sum([np.sum(np.asarray(x, np.float64) * y) for x, y in zip(a, b, strict=True)]))


def gradients(s: Subject) -> None:
    """Reverse mode is forward mode, and both are the difference; gradients too, once more."""
    if s.is_single or not s.program.trainable:
        return
    t, n = _along(s), len(s.program.trainable)
    first = _dot(s.eager[-n:], t)
    size = sum([float(np.sum(np.abs(g * d))) for g, d in zip(s.eager[-n:], t, strict=True)])
    _differ("the gradient", lambda step: _terms(s, step, t), first, size)

    def trained(*chosen: Any) -> Any:
        leaves = list(s.leaves)
        for i, x in zip(s.program.trainable, chosen, strict=True):
            leaves[i] = x
        return s.f(*leaves)[0]

    xs = tuple([s.leaves[i] for i in s.program.trainable])
    _, forward = tg.jvp(trained, xs, tuple(t))
    noise = sum([float(np.max(x)) for x in s.noise[-n:]])
    if abs(forward - first) > 1e-9 * max(1.0, size) + noise:
        raise Difference(f"forward mode: {forward} along t, backward {first}")
    derivative = tg.grad(trained, argnums=tuple(range(n)))
    _, by_forward = tg.jvp(derivative, xs, tuple(t))
    twice = tg.grad(
        lambda *xs: sum([tg.sum(g * d) for g, d in zip(derivative(*xs), t, strict=True)]), argnums=tuple(range(n))
    )
    by_backward = twice(*xs)
    weights = [np.cos(np.arange(x.size)).reshape(x.shape) for x in xs]
    for a, b in zip(by_forward, by_backward, strict=True):
        largest = max(1.0, float(np.max(np.abs(a), initial=0.0)))
        if not np.all(np.abs(a - b) <= 1e-8 * largest + 1e3 * noise):
            raise Difference(
                f"second derivatives: {a.tolist()} forward over backward, {b.tolist()} backward over backward"
            )
    size = sum([float(np.sum(np.abs(h * w))) for h, w in zip(by_forward, weights, strict=True)])
    _differ("the second derivative", lambda step: _gradient_terms(s, step, t, weights), _dot(by_forward, weights), size)


def _differ(what: str, along: Callable[[Any], Any], found: float, size: float) -> None:
    expected = mismatch(along, found, size, 1.0, False)
    if expected is not None and abs(expected - found) > 1e-5 * size:
        raise Difference(f"{what}: {found} along t, {expected} by differences")


def _terms(s: Subject, step: Any, t: Sequence[Any]) -> Any:
    with tg.no_grad(), np.errstate(all="ignore"):
        return np.asarray([np.asarray(s.f(*map(tg.asarray, _moved(s, step, t)))[0].data)])


def _gradient_terms(s: Subject, step: Any, t: Sequence[Any], weights: Sequence[Any]) -> Any:
    found = s.flat(s.both, _moved(s, step, t))[-len(t) :]
    return np.concatenate([np.ravel(g * w) for g, w in zip(found, weights, strict=True)])


def _cost(s: Subject) -> Any:
    leaves = [
        tg.tensor(x, requires_grad=i in s.program.trainable, name=name)
        for i, (name, x) in enumerate(s.program.leaves.items())
    ]
    return s.f(*leaves)[0], leaves


def snapshot(s: Subject) -> None:
    """The graph comes back from JSON as it was, in every view."""
    C, _ = _cost(s)
    graph = tg.graph(C)
    for view in (graph, graph.view("named"), graph.view("scopes")):
        text = view.to_json()
        if tg.Graph.from_json(text).to_json() != text:
            raise Difference(f"JSON: {view!r} comes back as another")
    n = len(s.program.trainable)
    for i, want in zip(s.program.trainable, s.eager[-n:] if n else (), strict=True):
        name = [*s.program.leaves][i]
        node = [node for node in graph.nodes if node.name == name]
        if node and node[0].gradient is not None and want.size:
            shown, right = node[0].gradient, (np.min(want), np.mean(want), np.max(want))
            if not np.allclose((shown.minimum, shown.mean, shown.maximum), right, rtol=1e-5, atol=1e-6):
                raise Difference(f"graph: the gradient of {name} is {shown}, not {right}")


def pictures(s: Subject) -> None:
    """DOT is read by Graphviz, and our own layout is whole XML whose numbers are finite."""
    C, _ = _cost(s)
    for detail in ("ops", "named", "scopes"):
        picture = tg.draw(C, detail=detail)
        if any(brackets := [picture.dot.count(a) for a in ("\x00", "NaN -> ")]):
            raise Difference(f"DOT: {brackets}")
        svg = own_layout(picture._scene)
        ElementTree.fromstring(svg)
        if "nan" in " ".join([part for part in svg.split('"')[1::2] if part[:1] in "-0123456789Mn"]):
            raise Difference("own layout: a place is NaN")
        _read_by_graphviz(picture.dot)


def _read_by_graphviz(dot: str) -> None:
    try:
        from pygraphviz import AGraph
    except ImportError:
        return
    AGraph(string=dot).close()


def derived(s: Subject) -> None:
    """Every equation of the derivation holds, which `derive` checks itself, and can be written in each notation."""
    if len(s.program.lines) > LONG or s.is_single:
        return
    C, leaves = _cost(s)
    if not C.requires_grad or any(word in s.program.text for word in LOOPS):
        return
    reached = [node.name for node in tg.graph(C).nodes if node.gradient is not None]
    for leaf in [leaf for leaf in leaves if leaf.name in reached][:1]:
        derivation = tg.derive(C, leaf)
        if not (derivation.text and derivation.latex and derivation.html):
            raise Difference("derivation: one of its notations is empty")


WAYS: dict[str, Callable[[Subject], None]] = {
    "eager": eager, "compiled": compiled, "printed": printed, "gradients": gradients, "snapshot": snapshot,
    "pictures": pictures, "derived": derived, "peer": peer, "numba": numba,
}  # fmt: skip


def fault(program: RandomProgram, way: str, subject: Subject | None = None) -> str | None:
    """What is wrong with a program, this way; None if nothing is. subject: the program, if it went a way before."""
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            WAYS[way](subject or Subject(program))
    except Skipped:
        return SKIPPED
    except Exception as error:  # whatever it is, it is a fault
        places = [f for f in traceback.extract_tb(error.__traceback__) if "tinygrad_bp/" in f.filename][-1:]
        place = "".join([f" ({f.filename.rpartition('/')[2]}:{f.lineno})" for f in places])
        return f"{way}: {type(error).__name__}: {str(error)[:600]}{place}"
    return None


def smallest_failing(program: RandomProgram, way: str) -> RandomProgram:
    """The program made smaller as long as the same way fails with the same kind of error."""
    kind = (fault(program, way) or "").split(":")[:2]
    return reduced(program, lambda p: (fault(p, way) or "").split(":")[:2] == kind)
