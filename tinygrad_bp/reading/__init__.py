"""Graphs of other origin, and two graphs held against each other: what stands behind `tg.graph`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, final

import numpy as np

from tinygrad_bp.errors import ArgumentError
from tinygrad_bp.graph import Graph, graph as snapshot
from tinygrad_bp.reading.difference import GraphDifference as GraphDifference, diff
from tinygrad_bp.reading.fx import from_torch as from_torch
from tinygrad_bp.reading.jaxpr import from_jax as from_jax
from tinygrad_bp.tensor import Tensor, asarray
from tinygrad_bp.trees import flatten, labels


@final
class _Graphs:
    """`graph(C)` is the snapshot of what C was computed from; its methods make graphs in other ways."""

    diff = staticmethod(diff)

    def __call__(self, C: Any, gradients: bool = True) -> Graph:
        return snapshot(C, gradients)

    def from_jaxpr(self, f: Callable[..., Any], *xs: Any, gradients: bool = True) -> Graph:
        """The graph of JAX's function f at xs, as `from_jax` reads it. Floating-point arrays require gradients."""
        return snapshot(recorded(from_jax(f, *xs), xs, labels(f, xs)), gradients)

    def from_fx(self, module: Any, *xs: Any, gradients: bool = True) -> Graph:
        """The graph of PyTorch's module at xs, as `from_torch` reads it, with its parameters by their names."""
        f, parameters = from_torch(module, *xs)
        arrays = [x.detach().cpu().numpy() for x in flatten(xs)[0]]
        names = [*parameters, *labels(module.forward, xs)]
        return snapshot(recorded(f, (parameters, *arrays), names), gradients)

    def __repr__(self) -> str:
        return "<function graph>"


def recorded(f: Callable[..., Any], xs: tuple[Any, ...], names: Sequence[str]) -> Tensor:
    """The first result of f at xs, whose floating-point arrays are tensors of these names that require gradients."""
    leaves, rebuild = flatten(xs)
    arrays = [np.asarray(leaf) for leaf in leaves]
    given = [
        asarray(x, requires_grad=True).named(label) if x.dtype.kind in "fc" else x
        for x, label in zip(arrays, names, strict=True)
    ]
    results = [y for y in flatten(f(*rebuild(iter(given))))[0] if isinstance(y, Tensor)]
    if not results:
        raise ArgumentError("graph: nothing that the function returns depends on a floating-point array.")
    return results[0]


graph: _Graphs = _Graphs()
graph.__doc__ = snapshot.__doc__
