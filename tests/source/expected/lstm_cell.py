import numpy as np


def scale(g, d):
    """Cotangent times derivative; a cotangent of 0 wins, even against infinity."""
    return np.where(g == 0, 0.0, g * d)


@np.errstate(invalid="ignore", over="ignore")
def lstm_cell(W, U, b, x, h, c):
    """Written by tinygrad_bp for W (3, 8), U (2, 8), b (8,), x (5, 3), h (5, 2), c (5, 2)."""
    z1 = x @ W + h @ U
    t1 = z1 + b
    a1 = 1 / (1 + np.exp(-t1[:, 0:2]))
    a2 = 1 / (1 + np.exp(-t1[:, 2:4]))
    a3 = np.tanh(t1[:, 6:8])
    new_c = a1 * c + a2 * a3
    a4 = 1 / (1 + np.exp(-t1[:, 4:6]))
    a5 = np.tanh(new_c)
    C = np.sum(a4 * a5) / 10
    # backward: dv is the derivative with respect to v
    da4 = 0.1 * a5
    dnew_c = 0.1 * a4 * (1 - a5 * a5)
    da2 = dnew_c * a3
    da3 = dnew_c * a2
    da1 = scale(dnew_c, c)
    dz1 = np.zeros((5, 8))
    dz1[:, 6:8] = da3 * (1 - a3 * a3)
    dz1[:, 4:6] += da4 * a4 * (1 - a4)
    dz1[:, 2:4] += da2 * a2 * (1 - a2)
    dz1[:, 0:2] += da1 * a1 * (1 - a1)
    db = np.sum(dz1, axis=0)
    dU = h.T @ dz1
    dW = x.T @ dz1
    return C, dW, dU, db
