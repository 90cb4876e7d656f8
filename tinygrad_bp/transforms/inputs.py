"""What every transform begins with: its arguments as fresh tensors, and how results leave it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from copy import copy
from inspect import signature
from operator import index
from typing import Any

import numpy as np

from tinygrad_bp.calls import described, require_callable
from tinygrad_bp.engine import Node, sweep
from tinygrad_bp.errors import ArgumentError, ArrayConversionError, DTypeError, ShapeError, describe
from tinygrad_bp.modes import current_mode, transforming
from tinygrad_bp.ops.activations import identity
from tinygrad_bp.tensor import Tensor, asarray
from tinygrad_bp.trees import Rebuild, flatten, paths

Function = Callable[..., Any]
Argnums = int | tuple[int, ...] | list[int]


class Inputs:
    """The arguments a transform differentiates for, each leaf as a fresh tensor: nothing older depends on them.

    `nested` says whether another transform or graph is around, so that results are tensors; they are part of its graph
    unless `no_grad` is. `own` copies arrays, for sweeps that come after the caller may have written to them.
    """

    def __init__(self, trees: Sequence[Any], nested: bool | None = None, own: bool = False):
        parts = [flatten(tree) for tree in trees]
        given = [leaf for leaves, _ in parts for leaf in leaves]
        self.rebuilds: list[Rebuild] = [rebuild for _, rebuild in parts]
        mode = current_mode()
        around = mode.depth > 0 or mode.tracing or any(isinstance(x, Node) for x in given)
        self.nested: bool = around if nested is None else nested
        try:
            tensors = [as_tensor(np.array(x) if own and isinstance(x, np.ndarray) else x) for x in given]
        except DTypeError as error:
            raise _no_numbers(trees, given) or error from None
        for i, t in enumerate(tensors):
            if t.dtype.kind not in "fc":
                raise _not_floating(trees, i, t)
        with transforming():
            self.tensors: list[Tensor] = [_fresh(t) for t in tensors]
        self.since: int = min([t.number for t in self.tensors], default=0)
        self.values: list[Any] = self.unflatten(self.tensors)

    def unflatten(self, leaves: Sequence[Any]) -> list[Any]:
        """One leaf for each input, in the containers the inputs came in."""
        new = iter(leaves)
        return [rebuild(new) for rebuild in self.rebuilds]

    def leaf(self, x: Any) -> Any:
        """A result as it leaves the transform: a tensor when nested, else an array."""
        if not self.nested:
            return np.asarray(x.value if isinstance(x, Node) else x)
        x = as_tensor(x)
        return x if current_mode().recording else x.detach()

    def result(self, y: Tensor) -> Any:
        """What f returned, as it leaves the transform; the caller may write to it."""
        if not self.nested:
            return np.array(y.value)
        return self.leaf(identity(y) if y.requires_grad else y.detach())

    def pull(self, outputs: Sequence[Tensor], seeds: Sequence[Any]) -> list[Any]:
        """Cotangents of the inputs, for cotangents of the outputs."""
        as_graph = self.nested and current_mode().recording
        totals: dict[int, Any] = {}
        with transforming():
            for output, seed in zip(outputs, seeds, strict=True):
                if not output.requires_grad:
                    continue
                trail = current_mode().trail
                for node, g in sweep(output, suited(seed, as_graph), since=self.since, as_graph=as_graph, trail=trail):
                    totals[node.number] = totals[node.number] + g if node.number in totals else g
        return [self.leaf(totals.get(t.number, np.zeros(t.shape, t.dtype))) for t in self.tensors]

    def with_tensors(self, given: Iterable[Any]) -> Inputs:
        """The same inputs; nested if tensors are given to the transform as cotangents or tangents."""
        if self.nested or not any(isinstance(x, Node) for x in given):
            return self
        nested = copy(self)
        nested.nested = True
        return nested


def as_tensor(x: Any) -> Tensor:
    """x itself if it is a tensor, else a constant. Python's number becomes NumPy's, in a trace too."""
    t = x if isinstance(x, Tensor) else asarray(x)
    as_numpys = getattr(t.value, "__as_numpys__", None)
    if as_numpys is None or (value := as_numpys()) is t.value:
        return t
    return Tensor(value, name=t.name)


def suited(moving: Any, as_graph: bool) -> Any:
    """A cotangent or tangent for a sweep: a tensor where the sweep is recorded, else what numbers it has."""
    if as_graph:
        return as_tensor(moving)
    return as_tensor(moving).value if isinstance(moving, Node) else moving


def _fresh(t: Tensor) -> Tensor:
    fresh: Tensor = identity(t) if t.requires_grad else Tensor(t.value, requires_grad=True)
    fresh.name = t.name
    fresh.retains_grad = True
    return fresh


def _no_numbers(trees: Sequence[Any], given: Sequence[Any]) -> DTypeError | None:
    """The error for the first leaf that is no array of numbers."""
    places = [path for k, tree in enumerate(trees) for path in paths(tree, f"argument {k}")]
    for place, x in zip(places, given, strict=True):
        try:
            as_tensor(x)
        except DTypeError as error:
            what = f"{place}: {error}" if x is not None else f"{place} is None, which has no gradient."
            return DTypeError(f"{what} Pass numbers there, or pass it in an argument outside of argnums.")
    return None


def _not_floating(trees: Sequence[Any], i: int, t: Tensor) -> DTypeError:
    where = [path for k, tree in enumerate(trees) for path in paths(tree, f"argument {k}")][i]
    return DTypeError(
        f"a derivative for {t.name or where} of dtype {t.dtype} does not exist: only floating arguments have one. "
        "Pass 3.0 for 3, or leave it out of argnums."
    )


def call(f: Function, *args: Any, **kwargs: Any) -> Any:
    """f, recorded."""
    with transforming():
        try:
            return f(*args, **kwargs)
        except ValueError as error:
            if isinstance(error.__cause__, ArrayConversionError):  # NumPy hides it: a[0] = t
                raise error.__cause__ from None
            raise


def require_function(name: str, f: Any, argnums: Any = 0) -> None:
    """Raise ArgumentError if f is no function, or argnums do not count arguments: where a transform is made."""
    require_callable(name, "f", f)
    for place in argnums if isinstance(argnums, tuple | list) else (argnums,):
        if not hasattr(place, "__index__"):
            raise ArgumentError(
                f"{name}: argnums counts arguments, 0 for the first, (0, 1) for two; got {described(place)}."
                f"{_place(f, place)}"
            )


def _place(f: Function, name: Any) -> str:
    """Where the argument of this name is."""
    try:
        names = list(signature(f).parameters)
    except (TypeError, ValueError):
        return ""
    return f" {name} is argument {names.index(name)}." if name in names else ""


def positions(argnums: Argnums, count: int) -> list[int]:
    """The arguments that argnums names, counted from the front; ArgumentError if there is no such argument."""
    chosen = [index(i) for i in (argnums if isinstance(argnums, tuple | list) else (argnums,))]
    if not all(-count <= i < count for i in chosen):
        raise ArgumentError(f"argnums {argnums} is out of range: {count} positional arguments were given.")
    chosen = [i % count for i in chosen]
    if len(set(chosen)) < len(chosen):
        raise ArgumentError(f"argnums {argnums} names an argument twice.")
    return chosen


def filled(args: Sequence[Any], chosen: Sequence[int], values: Sequence[Any]) -> list[Any]:
    """The arguments with the chosen ones replaced."""
    new = dict(zip(chosen, values, strict=True))
    return [new.get(i, a) for i, a in enumerate(args)]


def shaped(given: Any, like: Tensor, what: str) -> Any:
    """A cotangent or tangent in the dtype of the value it belongs to; its shape must be the same."""
    array = as_tensor(given).astype(like.dtype) if isinstance(given, Tensor) else np.array(given, dtype=like.dtype)
    if array.shape != like.shape:
        raise ShapeError(f"{what} has shape {array.shape}; {describe(like)} needs {like.shape}.")
    return array
