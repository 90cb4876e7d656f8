"""NumPy's functions of whole arrays, and those of ops, as JavaScript: one entry each.

A form is called with what the step's function is called with, after the target and the step itself; arguments that it
does not have are not written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from tinygrad_bp.ops.cumulative import linear_recurrence
from tinygrad_bp.ops.indexing import assigned, scattered
from tinygrad_bp.ops.pooling import max_pool, shared_by_largest, window_sums
from tinygrad_bp.ops.windows import fold, unfold
from tinygrad_bp.program.step import ASSIGN, INDEX, Step
from tinygrad_bp.source.helpers import plain
from tinygrad_bp.source.javascript.scalars import number
from tinygrad_bp.source.places import numbered, parts, windows


class Target(Protocol):
    """What a form writes its operands with."""

    def array(self, x: Any) -> str:
        """The code of an operand: an array."""

    def table(self, places: Any) -> str:
        """The name of a table of places."""


Form = Callable[..., str]


def listed(numbers: Any) -> str:
    """Integers as code."""
    return f"[{', '.join([str(int(n)) for n in numbers])}]"


# --- along axes -------------------------------------------------------------------------------------------------------


def reduction(name: str, axis: Any = None, **defaults: float) -> Form:
    """A number of the elements along some axes. axis, defaults: what it takes for granted."""
    usual = axis

    def form(target: Target, step: Step, x: Any, axis: Any = usual, keepdims: bool = False, **given: Any) -> str:
        if given.keys() - defaults.keys():
            raise TypeError(f"{step.called} has no {', '.join(given)}")
        return _reduced(name, target, step.shape, x, axis, {**defaults, **given}.values())

    return form


def _reduced(name: str, target: Target, shape: Sequence[int], x: Any, axis: Any, settings: Any) -> str:
    rank = len(x.shape)
    axes = range(rank) if axis is None else sorted({i % rank for i in np.atleast_1d(axis).tolist()})
    written = [f"np.{name}", target.array(x), listed(axes), listed(shape), *[number(s)[0] for s in settings]]
    return f"np.reduce({', '.join(written)})"


def _quantile(
    target: Target, step: Step, x: Any, q: Any, axis: Any = None, method: Any = "linear", keepdims: bool = False
) -> str:
    """The place of a quantile between sorted elements is the quantile of 0, 1, 2, …: NumPy itself says which."""
    n = x.size if axis is None else int(np.prod([x.shape[i] for i in np.atleast_1d(axis).tolist()]))
    found = np.quantile(np.arange(n), q, method=method)
    each = [_reduced("ranked", target, step.shape[found.ndim :], x, axis, [at]) for at in found.ravel()]
    return each[0] if found.ndim == 0 else f"np.reshape(np.joined({', '.join(each)}), {listed(step.shape)})"


def running(name: str, axis: int | None = -1) -> Form:
    """As many numbers as there are elements along an axis; with None of all in one row."""
    usual = axis

    def form(target: Target, step: Step, x: Any, axis: int | None = usual, kind: Any = None) -> str:
        if axis is None:
            return f"np.along(np.{name}, 0, np.reshape({target.array(x)}, {listed([x.size])}))"
        return f"np.along(np.{name}, {axis % len(x.shape)}, {target.array(x)})"

    return form


def _recurrence(target: Target, step: Step, a: Any, b: Any, axis: int = -1) -> str:
    return f"np.along(np.recurrence, {axis % len(step.shape)}, {target.array(a)}, {target.array(b)})"


# --- products ---------------------------------------------------------------------------------------------------------


def _of_matrices(target: Target, step: Step, *operands: Any) -> str:
    return f"np.{step.called}({', '.join(map(target.array, operands))})"


def _matmul(target: Target, step: Step, a: Any, b: Any) -> str:
    if step.called == "dot" and (max(len(a.shape), len(b.shape)) > 2 or not (a.shape and b.shape)):
        raise TypeError("dot of numbers, or of more than two axes")
    return f"np.matmul({target.array(a)}, {target.array(b)})"


def _einsum(target: Target, step: Step, subscripts: str, *operands: Any, optimize: Any = False) -> str:
    inputs, arrow, output = subscripts.partition("->")
    if not arrow or "." in subscripts:
        raise TypeError("einsum without a written output")
    given = ", ".join(map(target.array, operands))
    return f'np.einsum({inputs.split(",")}, "{output}", {listed(step.shape)}, {given})'


def _convolve(target: Target, step: Step, a: Any, v: Any, mode: str = "full") -> str:
    shorter = min(a.size, v.size)
    start = {"full": 0, "same": (shorter - 1) // 2, "valid": shorter - 1}[mode]
    return f"np.convolve({target.array(a)}, {target.array(v)}, {start}, {step.size})"


def _cross(target: Target, step: Step, a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1) -> str:
    """Of vectors of length 3: a₁b₂ − a₂b₁ and so on, the elements of both put in the result's places."""
    p, q = np.moveaxis(numbered(a.shape), axisa, -1), np.moveaxis(numbered(b.shape), axisb, -1)
    if p.shape[-1] != 3 or q.shape[-1] != 3:
        raise TypeError("cross of vectors in the plane")
    parts: list[str] = []
    for x, places, shift in ((a, p, -1), (b, q, -2), (a, p, -2), (b, q, -1)):
        spread = np.broadcast_to(np.roll(places, shift, axis=-1), np.broadcast_shapes(p.shape, q.shape))
        table = target.table(np.moveaxis(spread, -1, axisc))
        parts.append(f"np.arranged({target.array(x)}, {table}, {listed(step.shape)})")
    return f"np.each((a, b, c, d) => a * b - c * d, {', '.join(parts)})"


# --- places -----------------------------------------------------------------------------------------------------------


def _places(target: Target, shape: Sequence[int], index: Any, arrays: Sequence[Any] = ()) -> str:
    """The table of the places that an index names."""
    rest = iter(arrays)
    index = index if isinstance(index, tuple) else (index,)
    whole = tuple([next(rest) if isinstance(part, str) else part for part in index])
    if not any(isinstance(part, Step) and part.value is None for part in whole):
        return target.table(numbered(shape)[tuple([x.value if isinstance(x, Step) else x for x in whole])])
    found = parts(shape, whole)
    return f"np.indexed({listed(shape)}, [{', '.join([_part(target, part) for part in found])}])"


def _part(target: Target, part: Any) -> str:
    if isinstance(part, tuple):
        return listed(part)
    return target.array(part) if isinstance(part, Step) else f"np.full([], {int(part)})"


def _taken(target: Target, step: Step, x: Any, index: Any) -> str:
    return f"np.arranged({target.array(x)}, {_places(target, x.shape, index)}, {listed(step.shape)})"


def _replaced(target: Target, step: Step, x: Any, index: Any, value: Any) -> str:
    shape = np.empty(x.shape, bool)[index].shape
    adds = ", true" * (step.function is np.add)
    places = _places(target, x.shape, index)
    return f"np.assigned({target.array(x)}, {places}, {listed(shape)}, {target.array(value)}{adds})"


def _assigned(target: Target, step: Step, x: Any, v: Any, *arrays: Any, index: Any) -> str:
    plain_index = tuple([part for part in index if not isinstance(part, str)])
    stand_in = iter([np.zeros(a.shape, a.dtype) if a.value is None else a.value for a in arrays])
    shape = np.empty(x.shape, bool)[tuple([next(stand_in) if isinstance(p, str) else p for p in index])].shape
    places = _places(target, x.shape, index if arrays else plain_index, arrays)
    return f"np.assigned({target.array(x)}, {places}, {listed(shape)}, {target.array(v)})"


def _scattered(target: Target, step: Step, x: Any, *arrays: Any, index: Any, shape: Any) -> str:
    return f"np.scattered({target.array(x)}, {_places(target, shape, index, arrays)}, {listed(shape)})"


# --- windows ----------------------------------------------------------------------------------------------------------


def _folded(target: Target, step: Step, x: Any, size: Any, stride: Any, padding: Any, dilation: Any) -> str:
    kernel, examples = x.shape[1 : 1 + len(size)], x.shape[-1]
    places = plain(unfold)(numbered((examples, x.shape[0], *size)), kernel, stride, padding, dilation)
    return f"np.scattered({target.array(x)}, {target.table(places)}, {listed(step.shape)})"


def pooled(name: str, border: float) -> Form:
    """A number of every window of images. border: what is around them."""

    def form(target: Target, step: Step, x: Any, kernel: Any, stride: Any, padding: Any) -> str:
        places = windows(x.shape, kernel, stride, padding)
        given = f"{target.array(x)}, {target.table(places)}, {listed(places.shape)}, {number(border)[0]}"
        return f"np.reduce(np.{name}, np.arranged({given}), [{places.ndim - 1}], {listed(step.shape)})"

    return form


def _shared(target: Target, step: Step, g: Any, x: Any, y: Any, kernel: Any, stride: Any, padding: Any) -> str:
    """y, what the windows came to, is found again."""
    places = windows(x.shape, kernel, stride, padding)
    given = f"{target.array(g)}, {target.array(x)}, {target.table(places)}"
    return f"np.sharedByLargest({given}, {places.shape[-1]})"


FORMS: Mapping[Any, Form] = {
    np.add.reduce: reduction("sum", 0), np.sum: reduction("sum"), np.mean: reduction("mean"),
    np.multiply.reduce: reduction("product", 0), np.prod: reduction("product"),
    np.maximum.reduce: reduction("largest", 0), np.max: reduction("largest"),
    np.minimum.reduce: reduction("smallest", 0), np.min: reduction("smallest"),
    np.logical_and.reduce: reduction("all", 0), np.all: reduction("all"),
    np.logical_or.reduce: reduction("any", 0), np.any: reduction("any"),
    np.count_nonzero: reduction("nonzeros"), np.argmax: reduction("argmax"), np.argmin: reduction("argmin"),
    np.var: reduction("variance", ddof=0), np.std: reduction("deviation", ddof=0), np.median: reduction("median"),
    np.linalg.vector_norm: reduction("norm", ord=2), np.quantile: _quantile,
    np.cumsum: running("cumsum", None), np.cumprod: running("cumprod", None), np.sort: running("sort"),
    np.argsort: running("argsort"), plain(linear_recurrence): _recurrence,
    np.linalg.solve: _of_matrices, np.linalg.inv: _of_matrices, np.linalg.det: _of_matrices,
    np.linalg.cholesky: _of_matrices, np.matmul: _matmul, np.dot: _matmul, "dot": _matmul, np.einsum: _einsum,
    np.convolve: _convolve, np.cross: _cross,
    INDEX: _taken, ASSIGN: _replaced, plain(assigned): _assigned, plain(scattered): _scattered,
    plain(fold): _folded, plain(max_pool): pooled("largest", -np.inf), plain(window_sums): pooled("sum", 0),
    plain(shared_by_largest): _shared,
}  # fmt: skip
"""By function; methods, and what is no function of NumPy's, by the name that a step has for it."""


def form(step: Step) -> Form | None:
    """How a step is written; None if it is not."""
    return FORMS.get(step.opcode if step.opcode in (INDEX, ASSIGN) else step.function)
