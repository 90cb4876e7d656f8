from itertools import product
from math import prod

import numpy as np


def examples_last(x):
    """A view of (examples, …) as (…, examples)."""
    return x.transpose((*range(1, x.ndim), 0))


def with_border(size, padding):
    """The size of images of `size` with their border."""
    return tuple([n + low + high for n, (low, high) in zip(size, padding, strict=True)])


def inside(size, padding):
    """The index of the images of `size` within the padded ones."""
    return (..., *[slice(low, low + n) for n, (low, _) in zip(size, padding, strict=True)])


def bordered(x, padding, fill):
    """The images of x with a border of `fill`, in the order of x in memory."""
    size = x.shape[2:]
    y = np.full_like(x, fill, shape=(*x.shape[:2], *with_border(size, padding)))
    y[inside(size, padding)] = x
    return y


def padded(x, padding, fill=0.0):
    """The images of x with a border of `fill`, if there is any, in the order of x in memory."""
    return bordered(x, padding, fill) if any(map(any, padding)) else x


def elements(size, kernel, stride, dilation):
    """For each element of the kernel, where images of `size` have that element of every window."""
    axes = [
        [slice(o * d, n - d * (k - 1 - o), s) for o in range(k)]
        for n, k, s, d in zip(size, kernel, stride, dilation, strict=True)
    ]
    return list(product(*axes))


def unfold(x, kernel, stride, padding, dilation):
    """Every window of the images x: (channels, *kernel, *places, examples). VJP: `fold`."""
    images = np.ascontiguousarray(examples_last(padded(x, padding)))
    each = elements(images.shape[1:-1], kernel, stride, dilation)
    shape = images[(slice(None), *each[0])].shape[1:]
    length = prod(shape)
    # Rows a power of two apart share few lines of the cache: reading them together, BLAS takes a third longer.
    gap = 0 if length % 1024 else 16
    rows = np.empty((len(images), len(each), length + gap), x.dtype)[..., :length]
    windows = rows.reshape((*rows.shape[:2], *shape))
    for i, at in enumerate(each):
        windows[:, i] = images[(slice(None), *at)]
    return windows.reshape((len(images), *kernel, *shape))


def combined(combine, x, kernel, stride):
    """The elements of every window of x put together by a function of two, one axis of space after the other."""
    for axis, (k, step) in enumerate(zip(kernel, stride, strict=True), 2):
        past, end = (slice(None),) * axis, x.shape[axis] - k + 1
        y = x[(*past, slice(0, end, step))]
        for i in range(1, k):
            y = combine(y, x[(*past, slice(i, end + i, step))])
        x = y
    return x


def _lowest(dtype):
    """What is never the largest."""
    if dtype.kind in "iu":
        return int(np.iinfo(dtype).min)
    return -np.inf if dtype.kind != "b" else 0


def max_pool(x, kernel, stride, padding):
    """Largest element of every window of the images x (examples, channels, *space); `max_pool1d`, `max_pool2d`."""
    return combined(np.maximum, padded(x, padding, _lowest(x.dtype)), kernel, stride)


def _largest(x, y, kernel, stride, padding, dtype):
    """For each element of the kernel, its index and 1 for the windows in which it is the largest; how many are."""
    x = padded(x, padding, np.nan)  # the border equals nothing
    indices = [(..., *at) for at in elements(x.shape[2:], kernel, stride, (1,) * len(kernel))]
    # Numbers rather than truths: those NumPy would turn into numbers for every product.
    largest = [(at, np.equal(x[at], y, out=np.empty_like(y, dtype))) for at in indices]
    count = largest[0][1].copy("K")
    for _, chosen in largest[1:]:
        count += chosen
    return largest, count


def shared_by_largest(g, x, y, kernel, stride, padding):
    """g (examples, channels, *places), each element to the largest of its window of x, in equal shares if k tie."""
    largest, count = _largest(x, y, kernel, stride, padding, np.result_type(g, np.float32))
    # In memory as x, whatever the order of g: arrays of unlike order take several times as long together.
    share = np.divide(g, count, out=count)
    size = with_border(x.shape[2:], padding)
    apart = all(step >= k for k, step in zip(kernel, stride, strict=True))
    everywhere = kernel == stride and not any(n % k for n, k in zip(size, kernel, strict=True))
    make = np.empty_like if everywhere else np.zeros_like
    z = make(x, g.dtype, shape=(*x.shape[:2], *size))
    for at, chosen in largest:
        if apart:  # nothing to add to, in half the time
            np.multiply(share, chosen, out=z[at], casting="same_kind")
        else:
            z[at] += share * chosen
    return z[inside(x.shape[2:], padding)]


def convolution(W1, b1, W2, images, labels):
    """Written by tinygrad_bp for W1 (2, 1, 3, 3), b1 (2, 1, 1), W2 (8, 3), images (5, 1, 6, 6), labels (5,)."""
    t1 = unfold(images, kernel=(3, 3), stride=(1, 1), padding=((0, 0), (0, 0)), dilation=(1, 1))
    t2 = (W1.reshape(1, 2, 9) @ t1.reshape(1, 9, 80)).reshape(2, 4, 4, 5).transpose((3, 0, 1, 2))
    z1 = t2 + b1
    a1 = np.maximum(z1, 0)
    t3 = max_pool(a1, kernel=(2, 2), stride=(2, 2), padding=((0, 0), (0, 0)))
    t4 = t3.reshape(5, 8)
    z2 = t4 @ W2
    t5 = z2 - np.max(z2, axis=-1, keepdims=True)
    if np.max(labels.astype(np.uint64)) >= 3:
        raise ValueError("written for other values: write the program again")
    t6 = np.exp(t5)
    t7 = np.sum(t6, axis=-1, keepdims=True)
    C = np.sum(np.log(t7).reshape(5) - t5[np.arange(5), labels]) / 5
    # backward: dv is the derivative with respect to v
    dz2 = (t6 / t7 - (labels[..., None] == np.arange(3))) / 5
    dW2 = t4.T @ dz2
    da1 = shared_by_largest((dz2 @ W2.T).reshape(5, 2, 2, 2), a1, t3, kernel=(2, 2), stride=(2, 2), padding=((0, 0), (0, 0)))
    dz1 = da1 * (z1 > 0)
    db1 = np.sum(dz1, axis=(0, 2, 3)).reshape(2, 1, 1)
    t8 = np.permute_dims(dz1, (1, 2, 3, 0)).reshape(1, 2, 80) @ np.permute_dims(t1.reshape(1, 9, 80), (0, 2, 1))
    dW1 = t8.reshape(2, 1, 3, 3)
    return C, dW1, db1, dW2
