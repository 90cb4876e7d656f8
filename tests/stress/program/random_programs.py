"""Random programs: functions of arrays as Python text, drawn value by value."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

import tinygrad_bp as tg
from tests.stress.program.expression import Expression
from tests.stress.program.vocabulary import OTHERS, vocabulary
from tinygrad_bp.domains import BROADCAST
from tinygrad_bp.errors import MissingExtraError, ShapeError

Choose = Callable[[int], int]
"""From n to one of 0 … n − 1; 0 is the simplest."""

MOST_ELEMENTS = 150
LARGEST = 30.0
LENGTHS = (2, 3, 1, 4)

PREAMBLE = '''import numpy as np
import tinygrad_bp as tg


def total(v):
    """The sum of the elements, each with a factor of its own."""
    weighted = v * np.cos(np.arange(v.size)).reshape(v.shape)
    return tg.sum(tg.real(weighted) + tg.imag(weighted)) if v.dtype.kind == "c" else tg.sum(weighted)


'''


@dataclass(frozen=True)
class Line:
    """One statement: `name = text`, with the names of its operands filled into the text."""

    name: str
    text: str
    operands: tuple[str, ...]
    scope: str = ""
    label: str = ""

    def __str__(self) -> str:
        expression = self.text.format(*self.operands)
        return f'{self.name} = ({expression}).named("{self.label}")' if self.label else f"{self.name} = {expression}"


@dataclass(frozen=True)
class RandomProgram:
    """A function f of leaves that returns its cost, and the values nothing was made of."""

    leaves: dict[str, Any]
    lines: tuple[Line, ...]
    roots: tuple[str, ...]

    @property
    def trainable(self) -> tuple[int, ...]:
        """The places of the leaves that have gradients."""
        return tuple([i for i, x in enumerate(self.leaves.values()) if x.dtype.kind == "f"])

    @property
    def text(self) -> str:
        """The function as Python, without what it needs."""
        written, scope = [f"def f({', '.join(self.leaves)}):"], ""
        written += [f"    {name} = tg.asarray({name})" for name, x in self.leaves.items() if x.dtype.kind != "f"]
        for line in self.lines:
            if line.scope and line.scope != scope:
                written.append(f'    with tg.scope("{line.scope}"):')
            scope = line.scope
            written.append(f"    {'    ' * bool(scope)}{line}")
        written.append(f"    C = {' + '.join([f'total({root})' for root in self.roots])}")
        return "\n".join([*written, f"    return C, [{', '.join(self.roots)}]"])

    def __str__(self) -> str:
        """The program, to run alone."""
        leaves = [f"{name} = np.array({x.tolist()!r}, np.{x.dtype.name})" for name, x in self.leaves.items()]
        called = f"tg.value_and_grad(f, argnums={self.trainable}, has_aux=True)({', '.join(self.leaves)})"
        return "\n".join([PREAMBLE + self.text, "\n", *leaves, f"print({called})"])

    def __repr__(self) -> str:
        return str(self)

    def function(self) -> Callable[..., Any]:
        """The function f."""
        space: dict[str, Any] = {}
        exec(compile(PREAMBLE + self.text, "<random program>", "exec"), space)
        return space["f"]  # type: ignore[no-any-return]

    def pruned(self) -> RandomProgram:
        """Without what no root needs."""
        needed = set(self.roots)
        for line in reversed(self.lines):
            if line.name in needed:
                needed |= {*line.operands}
        lines = tuple([line for line in self.lines if line.name in needed])
        return replace(self, leaves={k: x for k, x in self.leaves.items() if k in needed}, lines=lines)


# --- drawn ------------------------------------------------------------------------------------------------------------


@dataclass
class _Builder:
    choose: Choose
    random: np.random.Generator
    leaves: dict[str, Any] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)
    scope: str = ""

    def leaf(self, shape: Sequence[int], kind: str, interval: tuple[float, float]) -> str:
        low, high = interval
        if kind == "b":
            value = np.asarray(self.random.random(shape) < 0.5)
        elif kind == "i":
            value = np.asarray(self.random.integers(int(low), int(high), shape))
        else:
            value = np.asarray(self.random.uniform(max(low, -2), min(high, 2), shape))
            if self.choose(12) == 11:
                value = value.astype(np.float32)
        name = f"x{len(self.leaves)}"
        self.leaves[name] = self.values[name] = value
        return name

    def line(self, text: str, operands: Sequence[str]) -> str | None:
        """Add a line; None if its value is nothing to go on with."""
        label = f"h{len(self.lines)}" if self.choose(8) == 7 else ""
        new = Line(f"v{len(self.lines)}", text, tuple(operands), self.scope, label)
        space = {"np": np, "tg": tg, **{name: tg.asarray(self.values[name]) for name in operands}}
        try:
            with np.errstate(all="ignore"):
                value = eval(text.format(*operands), space).data
        except MissingExtraError:
            return None
        except ShapeError as error:
            if "a window of" not in str(error):
                raise
            return None  # the images are smaller
        if value.size > MOST_ELEMENTS or value.ndim > 4 or not np.all(np.isfinite(value)):
            return None
        self.lines.append(new)
        self.values[new.name] = value
        if value.dtype.kind in "fc" and np.any(np.abs(value) > LARGEST):
            return self.line("{0} / 20" if value.dtype.kind == "c" else "tg.tanh({0} / 20)", [new.name])
        return new.name

    def among(self, fits: Callable[[Any], bool]) -> str | None:
        """A value that fits, one of the latest rather than of the first."""
        found = [name for name, value in self.values.items() if fits(value)]
        if not found:
            return None
        return found[-1 - min(self.choose(len(found)), self.choose(len(found)))]

    def operand(self, fits: Callable[[Any], bool], shape: Sequence[int], kind: str, interval: Any) -> str | None:
        """A value of this kind and interval: one there is, squashed if it must be, or a new leaf."""
        found = None
        if self.choose(15) != 14:
            found = self.among(lambda x: x.dtype.kind == kind and fits(x))
        if found is None:
            if kind == "c":
                return None
            return self.leaf(shape, kind, interval)
        return found if kind in "bc" else self.within(found, kind, interval)

    def within(self, found: str, kind: str, interval: tuple[float, float]) -> str | None:
        """A value squashed into an open interval, or an integer into a half-open one, if it must be."""
        value, (low, high) = self.values[found], interval
        if np.all(((low < value) | ((kind == "i") & (low == value))) & (value < high)):
            return found
        if kind == "i":
            return self.line(f"{{0}} % {int(high)}", [found]) if low == 0 else self.leaf(value.shape, kind, interval)
        if low == -high:
            return self.line(f"tg.tanh({{0}}) * {0.98 * high:g}", [found])
        return self.line(f"tg.sigmoid({{0}}) * {0.96 * (high - low):g} + {low + 0.02 * (high - low):g}", [found])

    def operands(self, expression: Expression) -> list[str] | None:
        """Values for all operands of an expression; None if there are none of that kind."""
        if expression.words == BROADCAST:
            words = [BROADCAST] * expression.arity
        else:
            options = (expression.words,) if isinstance(expression.words, str) else expression.words
            words = options[self.choose(len(options))].split(",")
            words = words if len(words) > 1 else words * expression.arity
        found: list[str] = []
        sizes: dict[str, int] = {}
        for i, word in enumerate(words):
            kind = expression.kinds[min(i, len(expression.kinds) - 1)]
            interval = expression.intervals[min(i, len(expression.intervals) - 1)]
            shapes = [self.values[name].shape for name in found]
            if word == BROADCAST:
                shape = self.narrowed(shapes) if found else self.shape(self.choose(4))
                fits = partial(_broadcast, shapes)
            else:
                shape = _bound(word, self.shape(len(word)), sizes, expression.smallest)
                fits = partial(_matches, word, dict(sizes), expression.smallest)
            name = self.operand(fits, shape, kind, interval)
            if name is None:
                return None
            found.append(name)
            if word != BROADCAST:
                sizes |= dict(zip(word, self.values[name].shape, strict=True))
        return found

    def narrowed(self, shapes: Sequence[Sequence[int]]) -> tuple[int, ...]:
        """A shape that broadcasts with others."""
        return tuple([n if self.choose(3) else 1 for n in np.broadcast_shapes(*shapes)])

    def shape(self, rank: int) -> tuple[int, ...]:
        return tuple([LENGTHS[self.choose(4)] for _ in range(rank)])

    def extend(self) -> None:
        """Try to add one expression."""
        if self.choose(10) == 9:
            self.scope = ("", "s1", "s2", "s1/t")[self.choose(4)]
        pool = OTHERS if self.choose(2) else vocabulary()
        expression = pool[self.choose(len(pool))]
        before = len(self.leaves), len(self.lines)
        names = self.operands(expression)
        if names is not None:
            given = [self.values[name] for name in names]
            texts = expression.texts(*[x.shape for x in given])
            choice = self.choose(len(texts)) if len(texts) else 0
            if len(texts) and expression.is_smooth_at(given, choice) and self.line(texts[choice], names):
                return
        self.forget(*before)

    def forget(self, leaves: int, lines: int) -> None:
        """Take back what was added since."""
        for name in [*[*self.leaves][leaves:], *[line.name for line in self.lines[lines:]]]:
            del self.values[name]
        self.leaves = dict([*self.leaves.items()][:leaves])
        del self.lines[lines:]


def _bound(word: str, shape: Sequence[int], sizes: Mapping[str, int], smallest: int) -> tuple[int, ...]:
    """A shape for a word in which a letter has one length."""
    known = dict(sizes)
    return tuple([known.setdefault(letter, max(n, smallest)) for letter, n in zip(word, shape, strict=True)])


def _matches(word: str, sizes: Mapping[str, int], smallest: int, x: Any) -> bool:
    """Whether an array has the axes of a word, of the lengths that are known."""
    if len(word) != x.ndim or any(n < smallest for n in x.shape):
        return False
    known = dict(sizes)
    return all(known.setdefault(letter, n) == n for letter, n in zip(word, x.shape, strict=True))


def _broadcast(shapes: Sequence[Sequence[int]], x: Any) -> bool:
    """Whether an array can be computed with others element by element."""
    try:
        np.broadcast_shapes(x.shape, *shapes)
    except ValueError:
        return False
    return bool(x.size)


def drawn(choose: Choose, seed: int, smallest: int, largest: int) -> RandomProgram:
    """A program of so many lines, as `choose` chooses them; its leaves are numbers from the seed."""
    builder = _Builder(choose, np.random.default_rng(seed))
    for _ in range(1 + choose(3)):
        builder.leaf(builder.shape(choose(4)), "f", (-2.0, 2.0))
    wanted = smallest + choose(largest - smallest + 1)
    for _ in range(4 * wanted):
        if len(builder.lines) >= wanted:
            break
        builder.extend()
    used = {name for line in builder.lines for name in line.operands}
    roots = tuple([name for name in builder.values if name not in used])
    return RandomProgram(builder.leaves, tuple(builder.lines), roots)
