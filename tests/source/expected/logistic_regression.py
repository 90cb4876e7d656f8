import numpy as np


@np.errstate(over="ignore")
def logistic_regression(w, b, X, y):
    """Written by tinygrad_bp for w (4,), X (6, 4), y (6,)."""
    z1 = X @ w + b
    C = np.sum(np.logaddexp(z1, 0) - y * z1) / 6 + 0.01 * np.sum(w * w)
    # backward: dv is the derivative with respect to v
    dz1 = (1 / (1 + np.exp(-z1)) - y) / 6
    db = np.sum(dz1, axis=0)
    dw = 0.02 * w + X.T @ dz1
    return C, dw, db
