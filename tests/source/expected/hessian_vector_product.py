import numpy as np


@np.errstate(over="ignore")
def hessian_vector_product(w, v, X):
    """Written by tinygrad_bp for w (4,), v (4,), X (6, 4)."""
    z1 = X @ w
    # backward: dv is the derivative with respect to v
    dz1 = 1 / (1 + np.exp(-z1))
    return X.T @ ((X @ v) * dz1 * (1 - dz1))
