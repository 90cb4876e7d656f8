import numpy as np


@np.errstate(over="ignore")
def training_step(W1, b1, W2, b2, X, Y):
    """Written by tinygrad_bp for W1 (4, 3), b1 (3,), W2 (3, 1), b2 (1,), X (6, 4), Y (6, 1)."""
    z1 = X @ W1 + b1
    a1 = np.maximum(z1, 0)
    z2 = a1 @ W2 + b2
    C = np.sum(np.logaddexp(z2, 0) - Y * z2) / 6
    # backward: dv is the derivative with respect to v
    dz2 = (1 / (1 + np.exp(-z2)) - Y) / 6
    db2 = np.sum(dz2, axis=0)
    dW2 = a1.T @ dz2
    dz1 = (dz2 @ W2.T) * (z1 > 0)
    db1 = np.sum(dz1, axis=0)
    dW1 = X.T @ dz1
    new_W1 = W1 - 0.1 * dW1
    new_b1 = b1 - 0.1 * db1
    new_W2 = W2 - 0.1 * dW2
    new_b2 = b2 - 0.1 * db2
    return C, new_W1, new_b1, new_W2, new_b2
