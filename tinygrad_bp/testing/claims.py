"""What a derivative claims, one function for each claim; each raises GradientError if it does not hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial, reduce
from operator import add
from typing import Any

import numpy as np

from tinygrad_bp.ops.reductions import sum as total
from tinygrad_bp.tensor import asarray
from tinygrad_bp.testing.numeric import mismatch
from tinygrad_bp.testing.recording import Recording, cotangents
from tinygrad_bp.testing.subject import GradientError, Point, Subject
from tinygrad_bp.transforms import grad, jvp

Array = np.ndarray[Any, Any]

ALGEBRAIC_TOLERANCE = 1e-10
LAYOUT_TOLERANCE = 1e-12
SECOND_ORDER_TOLERANCE = 1e-9
SINGLE_TOLERANCE = 2e-3
COORDINATES = 6
"""Up to so many elements of an input are tried one by one, drawn at random if there are more."""
DIRECTIONS = 2
"""More than that are also tried all together, along so many random directions in which each has its weight."""
PAIRS = 8
"""So many pairs of equal inputs are tried for equal shares."""


def first_order(subject: Subject) -> None:
    """Vector–Jacobian products are what numerical derivatives say, in the shape and dtype of their inputs."""
    for i, (x, d) in enumerate(zip(subject.values, subject.pulled, strict=True)):
        if d.shape != x.shape or d.dtype != x.dtype:
            subject.fail("shape and dtype of the gradient", i, None, (x.shape, x.dtype), (d.shape, d.dtype))
        compare(subject, "the gradient", i, d, subject.terms, subject.analytic)


def compare(
    point: Point,
    what: str,
    i: int,
    got: Array,
    f: Callable[..., Any],
    analytic: bool,
    coordinates: int = COORDINATES,
    directions: int = DIRECTIONS,
) -> None:
    """⟨got, t⟩ against the derivative of Σf along t, for unit arrays t and for random ones."""
    reach = max(1.0, 0.01 * float(np.max(np.abs(point.values[i]), initial=0.0)))

    check = partial(_compare_along, point, what, i, got, f, analytic, reach)
    chosen = range(got.size) if got.size <= coordinates else point.random.integers(got.size, size=coordinates)
    for k in chosen:
        check(_unit(got.shape, np.unravel_index(k, got.shape)))
    if got.size > coordinates:
        for _ in range(directions):
            check(point.direction(got.shape))


def _compare_along(
    point: Point, what: str, i: int, got: Array, f: Callable[..., Any], analytic: bool, reach: float, t: Array
) -> None:
    def along(step: Any) -> Any:
        values = list(point.values)
        values[i] = values[i] + step * t
        return f(values)

    terms = got[t != 0] * t[t != 0]
    found, size = float(np.sum(terms)), float(np.sum(np.abs(terms)))
    expected = mismatch(along, found, size, reach, analytic, point.tolerance)
    if expected is not None:
        if np.count_nonzero(t) > 1:  # which element is it?
            for index in np.ndindex(got.shape):
                _compare_along(point, what, i, got, f, analytic, reach, _unit(got.shape, index))
        expected = float(f"{expected:.10g}")  # the digits that a difference has
        where = np.argwhere(t)[0] if np.count_nonzero(t) == 1 else None
        point.fail(what if where is not None else f"{what} along a random direction", i, where, expected, found)


def _unit(shape: tuple[int, ...], index: Any) -> Array:
    t = np.zeros(shape)
    t[index] = 1.0
    return t


def layouts(subject: Subject) -> None:
    """Cotangents of every memory layout give the same, are left alone, and lend no memory to a gradient."""
    for label, g in _layouts(subject.g):
        before = np.array(g)
        if label == "zero":
            expected = [np.zeros_like(d) for d in subject.pulled]
        else:
            expected = subject.pulled if np.array_equal(g, subject.g) else subject.trace.pull(before.copy())
        try:
            got = subject.trace.pull(g)
        except Exception as error:
            raise GradientError(f"{subject.name}: the gradient for a {label} cotangent raised {error!r}.") from error
        for i, (want, have) in enumerate(zip(expected, got, strict=True)):
            subject.require_close(f"the gradient for a {label} cotangent", i, want, have, LAYOUT_TOLERANCE)
            others = [*subject.values, np.asarray(subject.trace.y.value), g, *subject.pulled, *got[:i]]
            if any(np.shares_memory(have, other) for other in others):
                subject.fail("the memory of the gradient", i, None, "its own", "shared with another array")
        if not np.array_equal(before, g):
            raise GradientError(f"{subject.name}: a {label} cotangent was written to.")


def _layouts(g: Array) -> Iterator[tuple[str, Any]]:
    yield "contiguous", g.copy()
    if g.ndim:
        wide = np.zeros((*g.shape[:-1], 2 * g.shape[-1]))
        wide[..., ::2] = g
        yield "strided", wide[..., ::2]
        yield "reversed", np.flip(np.ascontiguousarray(np.flip(g)))
        yield "constant (stride 0)", np.broadcast_to(np.array(0.75), g.shape)
    else:
        yield "scalar", g[()]
    fixed = g.copy()
    fixed.flags.writeable = False
    yield "read-only", fixed
    yield "zero", np.zeros_like(g)


def forward_mode(subject: Subject) -> None:
    """⟨g, J·t⟩ = ⟨Jᵀ·g, t⟩ for random t, one input at a time and all together."""
    ts = [subject.direction(x.shape) for x in subject.values]
    alone = [[t if j == i else np.zeros_like(t) for j, t in enumerate(ts)] for i in range(len(ts))]
    for i, tangents in enumerate([*alone, ts] if len(ts) > 1 else alone):
        moved = jvp(subject.at, subject.values, tangents)[1]
        which = min(i, len(ts) - 1)
        if np.shape(moved) != subject.y.shape:
            subject.fail("the shape of the JVP", which, None, subject.y.shape, np.shape(moved))
        terms = [d * t for d, t in zip(subject.pulled, tangents, strict=True)]
        expected, size = (sum(float(np.sum(f(term))) for term in terms) for f in (np.asarray, np.abs))
        got = float(np.sum(subject.g * moved))
        if not abs(got - expected) <= ALGEBRAIC_TOLERANCE * max(1.0, size) and got != expected:
            subject.fail("JVP and VJP disagree: ⟨g, J·t⟩", which, None, expected, got)


def ties(subject: Subject) -> None:
    """Two equal inputs that f treats alike receive equal shares, none or of the right sum."""
    values, grads = subject.joined(subject.values), subject.joined(subject.pulled)
    owners = np.repeat(np.arange(len(subject.values)), [x.size for x in subject.values])
    order = subject.random.permutation(values.size)
    order = order[np.argsort(values[order], kind="stable")]  # equal ones beside each other, in random order
    pairs = np.stack([order[:-1], order[1:]], axis=1)
    pairs = pairs[values[pairs[:, 0]] == values[pairs[:, 1]]]
    for pair in subject.random.permutation(pairs)[:PAIRS]:
        if _alike(subject, values, pair):
            _require_shares(subject, values, pair, grads[pair], int(owners[pair[1]]))


def _require_shares(subject: Subject, values: Array, pair: Array, shares: Array, owner: int) -> None:
    def along(step: float) -> Any:
        moved = values.copy()
        moved[pair] += step
        return subject.g * subject.evaluate(subject.parted(moved))

    first, second = float(shares[0]), float(shares[1])
    if not abs(first - second) <= ALGEBRAIC_TOLERANCE * max(1.0, abs(first)) and first != second:
        subject.fail("the share of an exact tie", owner, None, first, second)
    expected = mismatch(along, first + second, abs(first) + abs(second), 1.0, False)
    if expected is not None and (first, second) != (0, 0):
        subject.fail("the sum of the shares of an exact tie", owner, None, expected, first + second)


def _alike(subject: Subject, values: Array, pair: Array) -> bool:
    """Whether f is the same with two elements exchanged, and they meet in at most one element of its result."""

    def f(*steps: float) -> Any:
        moved = values.copy()
        moved[pair] += steps
        return subject.evaluate(subject.parted(moved))

    h, start = 1e-3, f(0, 0)
    touched = [f(*steps) != start for steps in ((h, 0), (-h, 0), (0, h), (0, -h))]
    if np.sum(np.any(touched, axis=0)) > 1:
        return False
    pairs = ((h, -h), (-h, h), (2 * h, h), (-h, -2 * h))
    return all(np.allclose(f(*steps), f(*steps[::-1]), rtol=1e-12, atol=1e-12) for steps in pairs)


def single_precision(subject: Subject) -> None:
    """float32 in, float32 all the way, with the same numbers."""
    values = [x.astype(np.float32) for x in subject.values]
    trace = Recording(subject.at, values)
    if trace.y.dtype != np.float32:
        return
    g = subject.g.astype(np.float32)
    expected = Recording(subject.at, [x.astype(np.float64) for x in values]).pull(g.astype(np.float64))
    for i, (want, have) in enumerate(zip(expected, trace.pull(g), strict=True)):
        if have.dtype != np.float32:
            subject.fail("the dtype of the gradient", i, None, np.dtype(np.float32), have.dtype)
        subject.require_close("the float32 gradient", i, want, have.astype(np.float64), SINGLE_TOLERANCE)


def second_order(subject: Subject) -> None:
    """The derivatives of ⟨Jᵀ(x)·g, t⟩ are right, and those of ⟨g, J(x)·t⟩, computed forward, are the same."""
    if not subject.trace.y.requires_grad:
        return
    g = asarray(subject.g, requires_grad=True)
    ts = [subject.direction(x.shape) for x in subject.values]
    leaves = [*subject.trace.leaves, g]
    backward = cotangents(_dot(subject.trace.pull(g, as_graph=True), ts), leaves, np.float64(1))
    forward = cotangents(_dot([jvp(subject.at, subject.trace.leaves, ts)[1]], [g]), leaves, np.float64(1))

    def pulled(values: Sequence[Array]) -> Array:
        grads = Recording(subject.at, values).pull(subject.g)
        return np.concatenate([np.ravel(d * t) for d, t in zip(grads, ts, strict=True)])

    for i in range(len(subject.values)):
        compare(subject, "the derivative of the gradient", i, backward[i], pulled, False, coordinates=0, directions=1)
        subject.require_close("the derivative of the JVP", i, backward[i], forward[i], SECOND_ORDER_TOLERANCE)
    subject.require_close("the derivative of the JVP for g", 0, backward[-1], forward[-1], SECOND_ORDER_TOLERANCE)


def _dot(terms: Sequence[Any], weights: Sequence[Any]) -> Any:
    products = [asarray(total(term * weight)) for term, weight in zip(terms, weights, strict=True)]
    return reduce(add, products)


def higher_orders(subject: Subject, order: int) -> None:
    """The derivative of that order, by differences of the one before it along random directions."""
    random, f = subject.random, subject.f
    for _ in range(order - 1):
        f = _along(f, subject, random.spawn(1)[0])
    higher = Subject(f, subject.inputs, f"{subject.name}, derivative {order}", 0, False)
    first_order(higher)


def _along(f: Callable[..., Any], subject: Subject, random: np.random.Generator) -> Callable[..., Any]:
    """The derivative of ⟨g, f⟩ along a random direction, as a function that can be differentiated again."""
    ts = [random.uniform(-1, 1, x.shape) for x in subject.values]

    def derivative(*xs: Any) -> Any:
        def total_of(*inner: Any) -> Any:
            y = f(*inner)
            return total(y * np.linspace(0.5, 1.5, y.size).reshape(y.shape))

        return _dot(grad(total_of, argnums=tuple(subject.trainable))(*xs), ts)

    return derivative
