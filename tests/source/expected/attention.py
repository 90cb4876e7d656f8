import numpy as np


def attention(Q, K, V):
    """Written by tinygrad_bp for Q (5, 4), K (6, 4), V (6, 3)."""
    z1 = Q @ K.T
    t1 = z1 / 2
    t2 = np.exp(t1 - np.max(t1, axis=-1, keepdims=True))
    weights = t2 / np.sum(t2, axis=-1, keepdims=True)
    z2 = weights @ V
    C = np.sum(z2 ** 2)
    # backward: dv is the derivative with respect to v
    dz2 = 2 * z2
    dweights = dz2 @ V.T
    dV = weights.T @ dz2
    t3 = dweights * weights
    dz1 = 0.5 * (t3 - np.sum(t3, axis=-1, keepdims=True) * weights)
    dQ = dz1 @ K
    dK = (Q.T @ dz1).T
    return C, dQ, dK, dV
