"""Hypothesis strategies that turn an op's test domain into inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

import numpy as np

from tinygrad_bp.calls import guarded
from tinygrad_bp.domains import BROADCAST, Domain
from tinygrad_bp.engine import Op
from tinygrad_bp.errors import missing_extra
from tinygrad_bp.testing.checker import check_gradients

Array = np.ndarray[Any, Any]
Choose = Callable[[Sequence[Any]], Any]

KINK_DISTANCE = 0.02
"""How far usual inputs stay from points without a derivative: farther than a central difference reaches."""

LENGTHS = (1, 2, 3, 2, 3, 0)
LARGE = 100
"""About so many elements has the largest input when inputs are large."""

KINDS = ("usual", "large", "special")
SPECIAL_POINTS = np.arange(-3.0, 3.5, 0.5)


@dataclass(frozen=True, repr=False)
class OpCase:
    """One op with inputs from its domain and keyword arguments that fit them.

    special: whether inputs may lie on points where a convention takes the place of a derivative.
    """

    op: Op
    inputs: tuple[Array, ...]
    params: Mapping[str, Any] = field(default_factory=dict)
    special: bool = False
    seed: int = 0

    def __repr__(self) -> str:
        inputs = [str(x.tolist()) if x.size <= 2 else f"array{x.shape}" for x in self.inputs]
        call = ", ".join([*inputs, *[f"{key}={value!r}" for key, value in self.params.items()]])
        return f"<{self.op.name}({call}), seed {self.seed}{', special points' if self.special else ''}>"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self))  # Hypothesis would print every field of the record

    @property
    def function(self) -> Callable[..., Any]:
        """The op with its keyword arguments filled in."""
        return partial(self.op.call, **self.params)

    def check(self, order: int = 2) -> None:
        """Check the derivatives of this case, at special points those of first order; raises GradientError."""
        function, inputs, made = self.function, self.inputs, self.op.domain.made
        if made is not None:
            call, inputs = function, inputs[1:]
            function = lambda *others: call(made(*others), *others)  # noqa: E731 - as short as what it stands for
        check_gradients(
            function,
            *inputs,
            order=1 if self.special else order,
            analytic=self.op.domain.analytic and not self.special,
            seed=self.seed,
            name=repr(self),
        )


@guarded
def op_cases(op: Op | Callable[..., Any], scales: Sequence[float] = (1.0, 10.0)) -> Any:
    """A Hypothesis strategy of `OpCase`s for an op, drawn from the test domain of its record.

    Most are usual inputs, some large ones, and for ops with a kink or a convention some are special points: zeros,
    exact ties, ends. scales: factors on usual inputs, to look beyond their range; bounded domains ignore them.
    Raises MissingExtraError without Hypothesis.
    """
    try:
        from hypothesis import strategies as st
    except ImportError as error:
        raise missing_extra("hypothesis", "test") from error
    record: Op = op if isinstance(op, Op) else op.op  # type: ignore[attr-defined]
    return _strategy(st)(st, record, tuple(scales))


@cache
def _strategy(st: Any) -> Callable[..., Any]:
    """Made once: Hypothesis reads and parses the source of what it makes a strategy of."""
    return st.composite(_case)  # type: ignore[no-any-return]


def _case(draw: Any, st: Any, record: Op, scales: Sequence[float]) -> OpCase:
    def choose(options: Sequence[Any]) -> Any:
        return options[draw(st.integers(0, len(options) - 1))]  # of integers Hypothesis keeps the strategy

    domain = record.domain
    special = domain.prepare is None and not domain.ordered and (record.convention or domain.kink is not None)
    weights = (10, 1, 5 if special else 0)
    kind = choose([kind for kind, weight in zip(KINDS, weights, strict=True) for _ in range(weight)])
    arity = len(record.vjps) if isinstance(record.vjps, tuple) else choose((1, 2, 3))
    shapes = _shapes(choose, domain, arity, large=kind == "large")
    params = dict(choose(domain.params(*shapes)))
    seed = choose(range(2**32))
    random = np.random.default_rng(seed)
    if kind == "special":
        return OpCase(record, _special_inputs(random, domain, shapes, params), params, True, seed)
    scale = 1.0 if domain.bounded or kind == "large" else choose(scales)
    return OpCase(record, _inputs(random, domain, shapes, params, scale), params, False, seed)


def _shapes(choose: Choose, domain: Domain, arity: int, large: bool) -> list[tuple[int, ...]]:
    lengths = [n for n in LENGTHS if n >= domain.smallest] or [domain.smallest, domain.smallest + 1]
    if domain.shapes == BROADCAST:
        common = [LARGE] if large else [choose(lengths) for _ in range(choose((0, 1, 2, 3, 2)))]
        return [_narrowed(choose, common) for _ in range(arity)]
    words = choose(domain.shapes).split(",")
    words = words if len(words) > 1 else words * arity
    large_length = max(domain.smallest, round(LARGE ** (1 / max(1, *map(len, words)))))
    letters = sorted(set("".join(words)))
    length = {letter: large_length if large else choose(lengths) for letter in letters}
    return [tuple([length[letter] for letter in word]) for word in words]


def _narrowed(choose: Choose, common: Sequence[int]) -> tuple[int, ...]:
    """A shape that broadcasts to `common`: leading axes left out, some axes of length 1."""
    start = choose((0, 0, *range(len(common) + 1)))
    return tuple([choose((n, n, 1)) for n in common[start:]])


def _inputs(
    random: np.random.Generator, domain: Domain, shapes: Sequence[Any], params: Mapping[str, Any], scale: float
) -> tuple[Array, ...]:
    """Inputs from the intervals, away from kinks."""
    for spaced in (*[False] * 20, True):
        inputs = [_values(random, domain, i, shape, scale, spaced) for i, shape in enumerate(shapes)]
        if domain.prepare is not None:
            inputs = list(domain.prepare(*inputs, **params))
        if domain.kink is None or np.all(np.abs(domain.kink(*inputs, **params)) > KINK_DISTANCE):
            break
    return tuple(inputs)


def _values(
    random: np.random.Generator, domain: Domain, i: int, shape: tuple[int, ...], scale: float, spaced: bool
) -> Array:
    """Random values; spaced ones are distinct, for inputs too many to miss every kink by chance."""
    kind = domain.kinds[min(i, len(domain.kinds) - 1)]
    low, high = domain.intervals[min(i, len(domain.intervals) - 1)]
    if kind == "b":
        return np.asarray(random.random(shape) < 0.5)
    if kind == "i":
        return random.integers(int(low), int(high), shape)
    if spaced:
        places = random.permutation(int(np.prod(shape))).reshape(shape)
        return low * scale + (high - low) * scale * (places + 0.3 + 0.17 * i) / max(1, places.size)
    values = np.asarray(random.uniform(low * scale, high * scale, shape))
    return values + 1j * random.uniform(low * scale, high * scale, shape) if kind == "c" else values


def _special_inputs(
    random: np.random.Generator, domain: Domain, shapes: Sequence[Any], params: Mapping[str, Any]
) -> tuple[Array, ...]:
    """Inputs of few different values: 0, whole and half numbers, arguments; so there are zeros, ties and ends."""
    arguments = [v for v in params.values() if isinstance(v, int | float) and v == float(np.float32(v))]
    points = [0.0, *random.permutation([*SPECIAL_POINTS, *arguments])]
    inputs = []
    for i, shape in enumerate(shapes):
        x = _values(random, domain, i, shape, 1.0, False)
        low, high = domain.intervals[min(i, len(domain.intervals) - 1)]
        inside = [p for p in points if low < p < high][:3]
        inputs.append(random.choice(inside, shape) if x.dtype.kind == "f" and inside else x)
    return tuple(np.asarray(x) for x in inputs)
