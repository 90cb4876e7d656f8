import numpy as np


def softmax_classifier(W, b, X, labels):
    """Written by tinygrad_bp for W (4, 3), b (3,), X (6, 4), labels (6,)."""
    z1 = X @ W + b
    t1 = z1 - np.max(z1, axis=-1, keepdims=True)
    if np.max(labels.astype(np.uint64)) >= 3:
        raise ValueError("written for other values: write the program again")
    t2 = np.exp(t1)
    t3 = np.sum(t2, axis=-1, keepdims=True)
    C = np.sum(np.log(t3).reshape(6) - t1[np.arange(6), labels]) / 6
    # backward: dv is the derivative with respect to v
    dz1 = (t2 / t3 - (labels[..., None] == np.arange(3))) / 6
    db = np.sum(dz1, axis=0)
    dW = X.T @ dz1
    return C, dW, db
