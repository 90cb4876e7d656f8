import numpy as np


def tanh_regression(W1, b1, W2, b2, X, Y):
    """Written by tinygrad_bp for W1 (4, 3), b1 (3,), W2 (3, 1), b2 (1,), X (6, 4), Y (6, 1)."""
    z1 = X @ W1 + b1
    a1 = np.tanh(z1)
    z2 = a1 @ W2 + b2
    t1 = z2 - Y
    C = np.sum(t1 * t1) / 6
    # backward: dv is the derivative with respect to v
    dz2 = 2 * t1 / 6
    db2 = np.sum(dz2, axis=0)
    dW2 = a1.T @ dz2
    dz1 = (dz2 @ W2.T) * (1 - a1 * a1)
    db1 = np.sum(dz1, axis=0)
    dW1 = X.T @ dz1
    return C, dW1, db1, dW2, db2
