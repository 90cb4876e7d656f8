"""`scan`: a loop over time, as one op."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import index
from typing import Any

import numpy as np

from tinygrad_bp.calls import guarded
from tinygrad_bp.engine import Node
from tinygrad_bp.errors import ArgumentError, DTypeError, ShapeError, TracingError, describe, kind_of
from tinygrad_bp.loops.cell import Cell, Counts, Recorder, is_floating, number
from tinygrad_bp.loops.repeated import repeated
from tinygrad_bp.trees import Rebuild, aligned, flatten, paths

Step = Callable[[Any, Any], tuple[Any, Any]]


@guarded
def scan(f: Step, carry: Any, xs: Any = None, length: int | None = None) -> tuple[Any, Any]:
    """(carry, ys) after carry, y ← f(carry, x) for every x along the first axis of xs: a loop as one op.

    carry, xs, y: arrays, tensors, numbers, None, or nested containers of them; ys is y with a first axis for the steps.
    The carry keeps its shapes and dtypes. length: how many steps, where there are no xs. f is called once, with tensors
    that stand for any step, and may use other tensors, which get gradients too. Derivatives of every order are loops as
    well, over what the forward loop kept. In a graph it is one node, in a compiled program one loop, whatever the
    length. Arithmetic warnings are not given. Raises ShapeError, DTypeError, ArgumentError; TracingError where f
    branches on numbers, or draws random ones: pass them in xs.

    >>> import numpy as np
    >>> import tinygrad_bp as tg
    >>> tg.scan(lambda total, x: (total + x, total * x), 0.0, np.array([1.0, 2.0, 3.0]))
    (np.float64(6.0), array([0., 2., 9.]))
    >>> tg.grad(lambda w: tg.scan(lambda h, x: (w * h + x, None), 0.0, np.ones(3))[0])(2.0)
    array(5.)
    """
    carries, with_carries = _leaves(carry, "scan: carry")
    series, with_series = _leaves(xs, "scan: xs")
    count = _length(series, xs, length)
    first = [np.zeros(x.shape[1:], x.dtype)[()] if not count else x[0] for x in map(number, series)]
    names = [*_names(f, 0, carry, "carry"), *_names(f, 1, xs, "x")]
    examples = [*[np.asarray(number(x))[()] for x in carries], *first]
    recorder = Recorder(examples, names, [is_floating(x) for x in examples])
    inputs = iter(recorder.inputs)
    drawn = _drawn(f)
    try:
        result = recorder.call(f, with_carries(inputs), with_series(inputs))
        new, y = _pair(result)
        next_carries = [leaf for leaf in aligned(new, carry, "scan: the carry that f returns") if leaf is not None]
        ys, with_ys = _leaves(y, "scan: y")
        keys = recorder.found([*next_carries, *ys])
        if _drawn(f) != drawn:
            raise TracingError("a random generator would draw the same at every step. Draw before, and pass it in xs.")
    except TracingError as error:
        raise TracingError(f"scan: f is called once for all steps, and cannot be: {error}") from error
    given = [np.asarray(number(y))[()] for y in (*next_carries, *ys)]
    cell = recorder.cell(_name(f), Counts(0, len(carries), len(series)), keys, given)
    _require_same(cell, paths(carry, "carry"), carry)
    if not cell.outputs:
        return carry, y
    bundle, loop = repeated(cell, count, [*recorder.outside, *carries, *series])
    results = iter([loop.part(bundle, i) for i in range(len(cell.outputs))])
    return with_carries(results), with_ys(results)


def _leaves(tree: Any, what: str) -> tuple[list[Any], Rebuild]:
    """The arrays and tensors of a container, and what puts others in their places; None stays where it is."""
    leaves, rebuild = flatten(tree)
    found = [_array(leaf, what) for leaf in leaves if leaf is not None]

    def filled(new: Any) -> Any:
        return rebuild(iter([leaf if leaf is None else next(new) for leaf in leaves]))

    return found, filled


def _array(leaf: Any, what: str) -> Any:
    if isinstance(leaf, Node) or hasattr(leaf, "__lift__"):
        return leaf
    array = np.asarray(leaf)[()]
    if array.dtype.kind not in "biufc":
        raise DTypeError(f"{what} holds numbers, arrays and tensors; got {describe(leaf)}. Leave it out, or use None.")
    return array


def _length(series: Sequence[Any], xs: Any, length: int | None) -> int:
    """How many steps there are."""
    where = [path for path, leaf in zip(paths(xs, "xs"), flatten(xs)[0], strict=True) if leaf is not None]
    for path, x in zip(where, series, strict=True):
        if not x.shape:
            raise ShapeError(f"scan: {path} is a number; xs are cut along their first axis. Pass it by closure.")
    lengths = {path: x.shape[0] for path, x in zip(where, series, strict=True)}
    if length is not None:
        lengths["length"] = index(length)
    if not lengths:
        raise ArgumentError("scan: without xs the length says how many steps there are. Pass length=.")
    if len({*lengths.values()}) > 1:
        told = ", ".join([f"{path} {n}" for path, n in lengths.items()])
        raise ShapeError(f"scan: xs have one length, that of their first axes; got {told}. Cut them to the shortest.")
    count: int = next(iter(lengths.values()))
    if count < 0:
        raise ArgumentError(f"scan: the length is 0 or more; got {count}.")
    return count


def _pair(result: Any) -> tuple[Any, Any]:
    if not (isinstance(result, tuple) and len(result) == 2):
        raise ArgumentError(
            f"scan: f returns a pair (carry, y); it returned {kind_of(result)}. Return (carry, None) for no y."
        )
    return result


def _require_same(cell: Cell, places: Sequence[str], carry: Any) -> None:
    """Every carry goes on as it began."""
    named = [path for path, leaf in zip(places, flatten(carry)[0], strict=True) if leaf is not None]
    for path, k, y in zip(named, cell.carries, cell.results, strict=False):
        x = cell.examples[k]
        if np.shape(x) != np.shape(y) or x.dtype != y.dtype:
            kind = DTypeError if np.shape(x) == np.shape(y) else ShapeError
            raise kind(
                f"scan: {path} begins as {x.dtype} {np.shape(x)}, and f makes it {y.dtype} {np.shape(y)}. "
                "It has to stay what it is: begin with the other, or convert it in f."
            )


def _drawn(f: Any) -> list[Any]:
    """How far the generators are that a function uses, by closure or as globals."""
    code, cells = getattr(f, "__code__", None), getattr(f, "__closure__", None) or ()
    held = [cell.cell_contents for cell in cells] + [*(getattr(f, "__defaults__", None) or ())]
    held += [f.__globals__[name] for name in code.co_names if name in f.__globals__] if code is not None else []
    return [x.bit_generator.state for x in held if isinstance(x, np.random.Generator)]


def _name(f: Any) -> str:
    name = getattr(f, "__name__", type(f).__name__)
    return name if name.isidentifier() else "step"


def _names(f: Any, i: int, tree: Any, default: str) -> list[str]:
    """Names for the leaves of an argument of f: the parameter's own, with numbers where it is a container."""
    code = getattr(f, "__code__", None)
    first = int(hasattr(f, "__self__"))
    known = code.co_varnames[first : code.co_argcount] if code is not None else ()
    name = known[i] if i < len(known) else default
    count = sum(leaf is not None for leaf in flatten(tree)[0])
    return [name] if count == 1 else [f"{name}{k}" for k in range(count)]
