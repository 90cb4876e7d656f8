"""Lines that a type checker must refuse, each with mypy's name for what is wrong. Checked by test_typing; never run."""

import numpy as np

import tinygrad_bp as tg


def wrong(x: tg.Tensor, layer: tg.nn.Linear) -> None:
    tg.sigmoid(1, 2, 3, bogus=4)  # error: call-overload
    tg.sigmoid()  # error: call-overload
    tg.sigmoid("0.5")  # error: arg-type
    tg.sum(x, axes=1)  # error: call-overload
    tg.sum(x, axis="0")  # error: call-overload
    tg.sum(x, 0, True, 5)  # error: call-overload
    tg.add(x)  # error: call-overload
    tg.reshape(x)  # error: call-overload
    tg.mse(x, x, reduction="average")  # error: call-overload
    tg.leaky_relu(x, alpha=0.1)  # error: call-overload
    tg.linalg.norm(x, axes=0)  # error: call-overload
    tg.fft.rfft(x, norm="none")  # error: call-overload
    tg.sigmiod(x)  # error: attr-defined
    x.sum(axes=1)  # error: call-arg
    x.sum(0, True)  # error: call-arg
    x.clip(low=0.0)  # error: call-arg
    x.backwards()  # error: attr-defined
    x.grad.sum()  # error: union-attr
    x.data = np.ones(3)  # error: misc
    tg.tensor([1.0], require_grad=True)  # error: call-arg
    tg.grad(3.0)  # error: call-overload
    tg.jacobian(tg.sigmoid, mode="backward")  # error: call-overload
    tg.draw(x, passes="back")  # error: arg-type
    tg.nn.Linear(7)  # error: call-arg
    layer(x, 3)  # error: call-arg
    tg.nn.Conv2d(1, 2, 3, padding="full")  # error: arg-type
    tg.nn.GRU(2, 3)(x, state=x)  # error: call-arg
