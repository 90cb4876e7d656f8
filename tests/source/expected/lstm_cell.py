import numpy as np


def scale(g, d):
    """Cotangent times derivative; a cotangent of 0 wins, even against infinity."""
    return np.where(g == 0, 0.0, g * d)


def _may_repeat(arrays):
    """Whether an index may name a place twice: only integer arrays can."""
    return any(a.dtype.kind != "b" for a in arrays)


def _whole(index, arrays):
    """An index as NumPy takes it."""
    if not arrays:
        return index
    rest = iter(arrays)
    return tuple([next(rest) if isinstance(part, str) else part for part in index])


def scatter_add(x, *arrays, index, shape):
    """Zeros of `shape` with x added at `index`; repeated places add up. The transpose of indexing. VJP: g[index]."""
    total = np.zeros(shape, x.dtype)
    if _may_repeat(arrays):
        np.add.at(total, _whole(index, arrays), x)
    else:
        total[_whole(index, arrays)] = x
    return total


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
    t2 = scatter_add(da3 * (1 - a3 * a3), index=(slice(None, None, None), slice(6, 8, None)), shape=(5, 8))
    t3 = scatter_add(da4 * (a4 * (1 - a4)), index=(slice(None, None, None), slice(4, 6, None)), shape=(5, 8))
    t4 = scatter_add(da2 * (a2 * (1 - a2)), index=(slice(None, None, None), slice(2, 4, None)), shape=(5, 8))
    t5 = scatter_add(da1 * (a1 * (1 - a1)), index=(slice(None, None, None), slice(0, 2, None)), shape=(5, 8))
    dz1 = t2 + t3 + t4 + t5
    db = np.sum(dz1, axis=0)
    dU = h.T @ dz1
    dW = x.T @ dz1
    return C, dW, dU, db
