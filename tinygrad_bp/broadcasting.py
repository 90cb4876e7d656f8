"""Broadcasting, transposed: a cotangent summed back to its input's shape."""

from __future__ import annotations

from typing import Any

import numpy as np


def unbroadcast(g: Any, shape: tuple[int, ...]) -> Any:
    """Sum `g` over the axes along which an array of `shape` was repeated to g's shape.

    Broadcasting copies; each copy sends its own cotangent home, where they add up. So the transpose of broadcasting
    is summation: over every axis that was put in front, and over every axis of length 1 that was stretched.
    """
    have = g.shape
    lead = len(have) - len(shape)
    axes = [i for i, n in enumerate((1,) * lead + shape) if i < lead or n != have[i]]
    total = np.add.reduce(g, axis=tuple(axes), keepdims=True)
    return total.reshape(shape) if lead else total
