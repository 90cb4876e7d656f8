import numpy as np


@np.errstate(over="ignore")
def compute_derivatives(W1, b1, W2, b2, W3, b3, X, Y):
    """Written by tinygrad_bp for W1 (3, 7), b1 (3, 1), W2 (2, 3), b2 (2, 1), W3 (1, 2), b3 (1, 1), X (7, 5), Y (1, 5)."""
    z1 = W1 @ X + b1
    a1 = 1 / (1 + np.exp(-z1))
    z2 = W2 @ a1 + b2
    a2 = 1 / (1 + np.exp(-z2))
    z3 = W3 @ a2 + b3
    a3 = 1 / (1 + np.exp(-z3))
    C = np.sum(np.logaddexp(z3, 0) - Y * z3) / 5
    # backward: dv is the derivative with respect to v
    dz3 = (a3 - Y) / 5
    db3 = np.sum(dz3, axis=1, keepdims=True)
    dW3 = dz3 @ a2.T
    dz2 = (W3.T @ dz3) * a2 * (1 - a2)
    db2 = np.sum(dz2, axis=1, keepdims=True)
    dW2 = dz2 @ a1.T
    dz1 = (W2.T @ dz2) * a1 * (1 - a1)
    db1 = np.sum(dz1, axis=1, keepdims=True)
    dW1 = dz1 @ X.T
    return C, dW1, db1, dW2, db2, dW3, db3
