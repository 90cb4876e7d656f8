import numpy as np


def layer_norm(x, gain, bias, y):
    """Written by tinygrad_bp for x (5, 4), gain (4,), bias (4,), y (5, 4)."""
    centered = x - np.sum(x, axis=1, keepdims=True) / 4
    deviation = np.sqrt(np.sum(centered * centered, axis=1, keepdims=True) / 4 + 1e-05)
    t1 = centered / deviation
    t2 = t1 * gain + bias - y
    C = np.sum(t2 * t2) / 20
    # backward: dv is the derivative with respect to v
    t3 = 2 * t2 / 20
    dbias = np.sum(t3, axis=0)
    t4 = t3 * gain
    dgain = np.sum(t3 * t1, axis=0)
    ddeviation = np.sum(t4 * (-t1 / deviation), axis=1, keepdims=True)
    t5 = ddeviation * (0.5 / deviation) / 4 * centered
    dcentered = t4 * (1 / deviation) + t5 + t5
    dx = dcentered - np.sum(dcentered, axis=1, keepdims=True) / 4
    return C, dx, dgain, dbias
