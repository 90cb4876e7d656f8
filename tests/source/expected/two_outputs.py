import numpy as np


@np.errstate(over="ignore")
def compute_derivatives(W1, b1, W2, b2, X, Y):
    """Written by tinygrad_bp for W1 (3, 7), b1 (3, 1), W2 (2, 3), b2 (2, 1), X (7, 5), Y (2, 5)."""
    z1 = W1 @ X + b1
    a1 = 1 / (1 + np.exp(-z1))
    z2 = W2 @ a1 + b2
    a2 = 1 / (1 + np.exp(-z2))
    C = np.sum(np.logaddexp(z2, 0) - Y * z2) / 5
    # backward: dv is the derivative with respect to v
    dz2 = 0.2 * (a2 - Y)
    db2 = np.sum(dz2, axis=1, keepdims=True)
    dW2 = dz2 @ a1.T
    dz1 = (W2.T @ dz2) * a1 * (1 - a1)
    db1 = np.sum(dz1, axis=1, keepdims=True)
    dW1 = dz1 @ X.T
    return C, dW1, db1, dW2, db2
