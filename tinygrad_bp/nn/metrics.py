"""How good predictions are."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_bp.calls import guarded
from tinygrad_bp.errors import ArgumentError, DataError, ShapeError
from tinygrad_bp.tensor import Tensor


@guarded
def accuracy(predicted: Any, targets: Any, threshold: float | None = None) -> float:
    """The share of examples, which are rows, that are predicted right; of labels, where an example has many.

    predicted: classes, shaped like the targets (m,) or (m, n), an example being right if all its n outputs are; or
    scores (…, k) for labels (…), the class being the one with the largest of k ≥ 2. threshold: predictions are
    scores of the same shape as the targets, and those above it count as 1: 0 for logits, ½ for probabilities. Tensors
    or arrays. Raises ShapeError if the shapes differ, DataError without examples, ArgumentError for such scores
    without a threshold.

    >>> accuracy([0, 1, 1, 1], [0, 1, 0, 1]), accuracy([[0.1, 3.0], [0.2, -1.0]], [1, 0])
    (0.75, 1.0)
    >>> accuracy([[0.3], [-2.0]], [[1], [1]], threshold=0.0)
    0.5
    """
    predicted, targets = [np.asarray(a.value if isinstance(a, Tensor) else a) for a in (predicted, targets)]
    if predicted.size == 0:
        raise DataError("accuracy: there are no examples. Pass at least one.")
    if predicted.ndim >= 2 and predicted.shape[-1] > 1 and targets.shape == predicted.shape[:-1]:
        return float(np.mean(np.argmax(predicted, axis=-1) == targets))
    if threshold is not None:
        predicted = predicted > threshold
    elif predicted.dtype.kind == "f" and not np.array_equal(predicted, np.round(predicted)):
        raise ArgumentError(
            "accuracy: the predictions are scores, not classes. Pass threshold=0 if they are logits, 0.5 for "
            "probabilities; in fit, metrics={'accuracy': lambda z, y: tg.nn.accuracy(z, y, threshold=0)}."
        )
    if predicted.shape != targets.shape:
        raise ShapeError(f"accuracy: predictions {predicted.shape} and targets {targets.shape} differ in shape.")
    right = predicted == targets
    return float(np.mean(np.all(right.reshape(len(right), -1), axis=1)))
