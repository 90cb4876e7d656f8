"""What an answer comes to in one run, and the ways in which it can be read."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial, reduce
from typing import Any

import numpy as np

from tinygrad_bp.derive.equations import agree
from tinygrad_bp.errors import TinygradError
from tinygrad_bp.modes import quietly
from tinygrad_bp.tutor.samples import Sample
from tinygrad_bp.tutor.terms import DOT, HADAMARD, IMPLIED, MATRIX, MINUS, Term, mapped, walk
from tinygrad_bp.tutor.vocabulary import functions

MOST_ELEMENTS = 4_000_000
"""Of an array on the way; answers on small networks stay far below."""


class Misfit(Exception):
    """Operands whose shapes do not fit; `term` is the part that combines them."""

    def __init__(self, term: Term, message: str):
        super().__init__(message)
        self.term = term


def evaluate(term: Term, sample: Sample) -> Any:
    """The value of a tree. Raises Misfit."""
    return quietly(_evaluate, term, sample)


def _evaluate(term: Term, sample: Sample) -> Any:
    kind = term.kind
    if kind == "number":
        return term.label
    if kind == "value":
        return sample.values[term.label]
    if kind == "gradient":
        return sample.gradients[term.label]
    parts = [_evaluate(part, sample) for part in term.parts]
    if kind == "call":
        return _called(term, parts[0])
    if kind == "T":
        return np.transpose(parts[0])
    if kind == "if":
        return _chosen(term, *parts)
    if kind == MINUS:
        return np.negative(_numbers(parts[0]))
    total, *others = parts
    for i, part in enumerate(others, 1):
        total = _combined(term, i, total, part)
    return total


def _chosen(term: Term, first: Any, condition: Any, second: Any) -> Any:
    shapes = [np.shape(x) for x in (first, condition, second)]
    shape = _broadcast(*shapes)
    if shape is None:
        raise Misfit(term, f"{term}: the shapes {shapes[0]}, {shapes[1]} and {shapes[2]} do not fit together")
    return _small(term, shape, lambda: np.where(condition, first, second))


def _combined(term: Term, i: int, a: Any, b: Any) -> Any:
    """One operator on two arrays, the second of which is operand i."""
    shapes = np.shape(a), np.shape(b)
    matrices = _matrix_shape(*shapes)
    kind = term.kind
    if kind == DOT:
        kind = MATRIX if all(shapes) else HADAMARD
    elif kind == IMPLIED:
        kind = HADAMARD if _broadcast(*shapes) is not None or matrices is None else MATRIX
    if kind == MATRIX:
        vector = term.parts[i]
        if len(shapes[0]) == len(shapes[1]) == 1 and vector.kind == "T":  # the outer product δ·xᵀ
            return _small(term, (*shapes[0], *shapes[1]), lambda: np.outer(a, b))
        if matrices is None:
            raise Misfit(term, _no_product(term, i, *shapes))
        return _small(term, matrices, lambda: a @ b)
    shape = _broadcast(*shapes)
    if shape is None:
        left, right = term.parts[i - 1], term.parts[i]
        raise Misfit(term, f"{left} {shapes[0]} and {right} {shapes[1]} do not fit together element by element")
    return _small(term, shape, lambda: _ELEMENTWISE[kind](_numbers(a), _numbers(b)))


def _no_product(term: Term, i: int, left: tuple[int, ...], right: tuple[int, ...]) -> str:
    factors = f"{term.parts[i - 1]} {left} · {term.parts[i]} {right}"
    if not (left and right):
        return f"{factors} is no product of matrices: one of them is a number"
    inner = left[-1], right[-2 if len(right) > 1 else 0]
    return f"{factors} is no product of matrices: {inner[0]} ≠ {inner[1]}"


_ELEMENTWISE: dict[str, Callable[..., Any]] = {
    "+": operator.add,
    "-": operator.sub,
    HADAMARD: operator.mul,
    "/": np.divide,
    "**": np.power,
    ">": operator.gt,
    "<": operator.lt,
    "≥": operator.ge,
    "≤": operator.le,
}


def _numbers(x: Any) -> Any:
    """Truth values as numbers, which NumPy neither subtracts nor negates; a power of integers as one of reals."""
    return np.asarray(x, float) if np.asarray(x).dtype.kind in "biu" else x


def _small(term: Term, shape: tuple[int, ...], compute: Callable[[], Any]) -> Any:
    if np.prod(shape, dtype=float) > MOST_ELEMENTS:
        raise Misfit(term, f"{term} has the shape {shape}, more than {MOST_ELEMENTS} elements")
    return compute()


def _broadcast(*shapes: tuple[int, ...]) -> tuple[int, ...] | None:
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        return None


def _matrix_shape(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...] | None:
    """The shape of a product of matrices or vectors; None if there is none."""
    if not (a and b) or max(len(a), len(b)) > 2 or a[-1] != b[0]:
        return None
    return (*a[:-1], *b[1:])


def _called(term: Term, x: Any) -> Any:
    function = functions()[term.label]
    options: dict[str, Any] = {"keepdims": term.keepdims} if function.reduces else {}
    if function.takes_axis and (term.axis is not None or function.reduces):
        options["axis"] = term.axis
        if term.axis is not None and not -np.ndim(x) <= term.axis < np.ndim(x):
            raise Misfit(term, f"{term.parts[0]} {np.shape(x)} has no axis {term.axis}")
    try:
        return np.asarray(function.call(np.asarray(_numbers(x)), **options))
    except (TinygradError, ValueError, TypeError, ZeroDivisionError) as error:
        raise Misfit(term, f"{term} cannot be computed: {error}") from error


# --- ways to read an answer -------------------------------------------------------------------------------------------

AXES: tuple[tuple[int | None, bool], ...] = ((None, False), (-1, True), (0, True), (0, False), (-1, False))


def readings(term: Term) -> Iterator[Term]:
    """What a text can mean: Σ says not which axes it is over, and W(a − y) not which product it is."""
    parts = [part for _, part in walk(term)]
    axes = AXES if any(part.free for part in parts) else AXES[:1]
    for axis, keepdims in axes:
        summed = mapped(term, partial(_over, axis, keepdims))
        yield summed
        if any(part.kind == IMPLIED for part in parts):
            yield mapped(summed, _as_matrices)


def _over(axis: int | None, keepdims: bool, part: Term) -> Term:
    return replace(part, axis=axis, keepdims=keepdims, free=False) if part.free else part


def _as_matrices(part: Term) -> Term:
    if part.kind != IMPLIED:
        return part
    return reduce(lambda a, b: replace(part, kind=DOT, parts=(a, b)), part.parts)


def matches(value: Any, truth: Any) -> bool:
    """Whether a value is the gradient as far as rounding goes; a number stands for an array of it."""
    shape = np.shape(value)
    if (shape != truth.shape and np.size(value) != 1) or len(shape) > truth.ndim:
        return False
    return agree(np.asarray(value), truth)


def is_right(term: Term, truths: list[tuple[Sample, Any]]) -> bool:
    """Whether a tree, read in one way, comes to the truth in all runs."""
    for reading in readings(term):
        try:
            if all(matches(evaluate(reading, sample), truth) for sample, truth in truths):
                return True
        except Misfit:
            continue
    return False
