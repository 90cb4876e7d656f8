"""Broadcasting, transposed: a cotangent summed back to its input's shape."""

from __future__ import annotations

from typing import Any

import numpy as np


def unbroadcast(g: Any, shape: tuple[int, ...]) -> Any:
    """Sum `g` over the axes along which an array of `shape` was repeated to g's shape.

    Broadcasting copies; each copy sends its own cotangent home, where they add up. So the transpose of broadcasting
    is summation: over every axis that was put in front, and over every axis of length 1 that was stretched.
    """
    lead = g.ndim - len(shape)
    if lead:
        g = np.add.reduce(g, axis=tuple(range(lead)))
        if g.shape == shape:
            return g
    axes = tuple([i for i, n in enumerate(g.shape) if n != shape[i]])
    return np.add.reduce(g, axis=axes, keepdims=True)
