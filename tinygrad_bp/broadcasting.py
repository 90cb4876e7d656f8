"""Broadcasting, transposed: a cotangent summed back to its input's shape."""

from __future__ import annotations

from typing import Any

from tinygrad_bp.sums import added


def unbroadcast(g: Any, shape: tuple[int, ...]) -> Any:
    """Sum `g` over the axes along which an array of `shape` was repeated to g's shape.

    Broadcasting copies; each copy sends its own cotangent home, where they add up. So the transpose of broadcasting
    is summation: over every axis that was put in front, and over every axis of length 1 that was stretched.
    """
    lead = g.ndim - len(shape)
    if not lead:
        return added(g, axis=tuple([i for i, n in enumerate(shape) if n != g.shape[i]]), keepdims=True)
    stretched = [i + lead for i, n in enumerate(shape) if n != g.shape[i + lead]]
    g = added(g, axis=(*range(lead), *stretched))
    return g.reshape(shape) if stretched else g
