"""The costs in tinygrad_bp, for the eager and the compiled page alike."""

from typing import Any

import tinygrad_bp as tg

from ..workloads import BINARY, CHAIN, CLASSES, IMAGES, SQUARES


def _binary(parameters: Any, X: Any, Y: Any) -> Any:
    W1, b1, W2, b2 = parameters
    a1 = tg.sigmoid(tg.affine(W1, X, b1))
    return tg.binary_cross_entropy_with_logits(tg.affine(W2, a1, b2), Y)


def _classes(parameters: Any, x: Any, labels: Any) -> Any:
    *hidden, (W, b) = zip(parameters[::2], parameters[1::2], strict=True)
    a = x
    for V, c in hidden:
        a = tg.relu(tg.affine(a, V, c))
    return tg.softmax_cross_entropy(tg.affine(a, W, b), labels)


def _chain(parameters: Any, _inputs: Any, _targets: Any) -> Any:
    (x,) = parameters
    return tg.sum(tg.tanh(x) * tg.sigmoid(x) + tg.exp(-x * x))


def _squares(parameters: Any, x: Any, targets: Any) -> Any:
    *hidden, (W, b) = zip(parameters[::2], parameters[1::2], strict=True)
    a = x
    for V, c in hidden:
        a = tg.tanh(tg.affine(a, V, c))
    return tg.mse(tg.affine(a, W, b), targets)


def _images(parameters: Any, x: Any, labels: Any) -> Any:
    *convolutions, (W, b) = zip(parameters[::2], parameters[1::2], strict=True)
    a = x
    for filters, c in convolutions:
        z = tg.conv2d(a, filters, padding=1) + c[:, None, None]
        a = tg.max_pool2d(tg.relu(z), 2)
    return tg.softmax_cross_entropy(tg.affine(a.reshape((len(x), -1)), W, b), labels)


COSTS = {BINARY: _binary, CLASSES: _classes, CHAIN: _chain, SQUARES: _squares, IMAGES: _images}
