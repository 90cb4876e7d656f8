"""What tests of layers share."""

from functools import reduce

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp.nn.layers import Layer


def _put(layer, path, value):
    *outer, last = path.split(".")
    object.__setattr__(reduce(getattr, outer, layer), last, value)


@pytest.fixture
def check_layer():
    """Raises unless a layer's gradients for its inputs and its parameters are right: by differences, in every mode."""

    def check(layer: Layer, *xs, order=2, of=lambda y: y, **settings):
        names = [name for name, _ in layer.named_parameters()]
        rng = np.random.default_rng(3)
        values = [rng.normal(size=p.shape) / 2 for p in layer.parameters()]

        def f(*inputs):
            for name, value in zip(names, inputs[len(xs) :], strict=True):
                _put(layer, name, value)
            return of(layer(*inputs[: len(xs)], **settings))

        tg.testing.check_gradients(f, *xs, *values, order=order)

    return check
