"""NumPy's functions that are called otherwise in JAX."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from tinygrad_bp.backends.jax import functions
from tinygrad_bp.backends.jax.steps import Lowering, Rule
from tinygrad_bp.program import Step
from tinygrad_bp.program.step import CONSTANT, is_plain_reduction, summed_axes


def _stable(to: Lowering, step: Step) -> Step:
    """A sort by whatever algorithm keeps the order of equal elements."""
    kwargs = {key: x for key, x in step.kwargs.items() if key != "kind"}
    return to.add(replace(step, kwargs=kwargs))


def _sorted(to: Lowering, step: Step) -> Step:
    """A partition, at several places too: all in order is one."""
    axis = step.kwargs.get("axis", *step.args[2:3] or [-1])
    return to.add(replace(step, function=np.sort, args=(step.args[0],), kwargs={"axis": axis}))


def _quantile(to: Lowering, step: Step) -> Step:
    """A quantile by any of NumPy's methods: the positions between sorted elements are NumPy's."""
    x, *given = step.args
    q = 0.5 if step.function is np.median else given[0]
    q = q.value if isinstance(q, Step) else q
    axis = step.kwargs.get("axis")
    n = x.size if axis is None else prod([x.shape[i] for i in np.atleast_1d(axis)])
    positions = np.quantile(np.arange(n), q, method=step.kwargs.get("method", "linear"))
    return to.call(step, functions.quantile, x, positions.tolist(), axis, step.shape, step.dtype)


def _summed(to: Lowering, step: Step) -> Step | None:
    """A sum over all axes but one that is not the last, channels say: with that one last, as XLA has it in memory."""
    x, axes = step.args[0], summed_axes(step)
    kept = [i for i in range(len(x.shape)) if i not in axes]
    if len(x.shape) < 3 or len(kept) != 1 or kept[0] == len(x.shape) - 1 or not is_plain_reduction(step):
        return None
    return to.call(step, functions.summed_beside, x, kept[0], step.shape, step.dtype)


def _settled(to: Lowering, step: Step) -> Step:
    """Constants that settle the shape of the result as what they are, not as arrays."""
    kwargs = {key: _plain(x) for key, x in step.kwargs.items()}
    return to.add(replace(step, args=(step.args[0], *map(_plain, step.args[1:])), kwargs=kwargs))


def _searched(to: Lowering, step: Step) -> Step:
    """Places in NumPy's dtype."""
    found = to.add(replace(step, dtype=np.dtype(np.int32)))
    return to.cast(found, step.dtype)


def _plain(x: Any) -> Any:
    if not isinstance(x, Step) or x.opcode != CONSTANT or x.dtype.kind not in "iu":
        return x
    return _tuples(x.value.tolist())


def _tuples(x: Any) -> Any:
    return tuple(map(_tuples, x)) if isinstance(x, list) else x


FUNCTIONS: Mapping[Any, Rule] = {
    np.add.reduce: _summed, np.sum: _summed,
    np.sort: _stable, np.argsort: _stable, np.partition: _sorted,
    np.pad: _settled, np.repeat: _settled, np.tile: _settled, np.roll: _settled,
    np.quantile: _quantile, np.median: _quantile, np.searchsorted: _searched,
}  # fmt: skip
"""For functions of NumPy's that are called otherwise."""
