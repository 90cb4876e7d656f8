"""How good predictions are."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_bp.errors import DataError, ShapeError


def accuracy(predicted: Any, targets: Any) -> float:
    """The share of examples predicted right.

    Both are (m,), or (n, m) with one example per column, which is right if all its n outputs are. Raises ShapeError if
    their shapes differ, DataError without examples.

    >>> accuracy([0, 1, 1, 1], [0, 1, 0, 1])
    0.75
    """
    predicted, targets = np.asarray(predicted), np.asarray(targets)
    if predicted.shape != targets.shape:
        raise ShapeError(f"accuracy: predictions {predicted.shape} and targets {targets.shape} differ in shape.")
    if predicted.size == 0:
        raise DataError("accuracy: there are no examples. Pass at least one.")
    right = predicted == targets
    return float(np.mean(np.all(right, axis=0) if right.ndim > 1 else right))
