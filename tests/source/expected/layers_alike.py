import numpy as np


@np.errstate(over="ignore")
def compute_derivatives(W1, b1, W2, b2, W3, b3, W4, b4, W5, b5, X, Y):
    """Written by tinygrad_bp for W1 (4, 7), b1 (4, 1), W2 (4, 4), b2 (4, 1), W3 (4, 4), b3 (4, 1), W4 (4, 4), b4 (4, 1), W5 (1, 4), b5 (1, 1), X (7, 5), Y (1, 5)."""
    W = {1: W1, 2: W2, 3: W3, 4: W4, 5: W5}
    b = {1: b1, 2: b2, 3: b3, 4: b4, 5: b5}
    a, dW, db, dz, z = {}, {}, {}, {}, {}
    z[1] = W1 @ X + b1
    a[1] = 1 / (1 + np.exp(-z[1]))
    for l in range(2, 6):
        z[l] = W[l] @ a[l - 1] + b[l]
        a[l] = 1 / (1 + np.exp(-z[l]))
    C = np.sum(np.logaddexp(z[5], 0) - Y * z[5]) / 5
    # backward: dv is the derivative with respect to v
    dz[5] = (a[5] - Y) / 5
    db[5] = np.sum(dz[5], axis=1, keepdims=True)
    dW[5] = dz[5] @ a[4].T
    for l in range(4, 1, -1):
        dz[l] = (W[l + 1].T @ dz[l + 1]) * a[l] * (1 - a[l])
        db[l] = np.sum(dz[l], axis=1, keepdims=True)
        dW[l] = dz[l] @ a[l - 1].T
    dz[1] = (W2.T @ dz[2]) * a[1] * (1 - a[1])
    db[1] = np.sum(dz[1], axis=1, keepdims=True)
    dW[1] = dz[1] @ X.T
    return C, dW[1], db[1], dW[2], db[2], dW[3], db[3], dW[4], db[4], dW[5], db[5]
