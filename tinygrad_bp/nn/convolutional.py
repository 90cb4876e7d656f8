"""Convolution of sequences and images with filters that are learned."""

from __future__ import annotations

from math import prod
from typing import ClassVar

import numpy as np

from tinygrad_bp import functions
from tinygrad_bp.annotations import DType, Operand
from tinygrad_bp.calls import guarded
from tinygrad_bp.errors import ArgumentError
from tinygrad_bp.nn.checks import whole
from tinygrad_bp.nn.init import Seed, glorot_normal
from tinygrad_bp.nn.layers import Layer
from tinygrad_bp.nn.shapes import shaped
from tinygrad_bp.ops.geometry import Padding, PerAxis, each_axis
from tinygrad_bp.tensor import Tensor


class _Convolution(Layer):
    """What convolutions have in common, whatever the number of axes of space."""

    space: ClassVar[tuple[str, ...]]

    @guarded
    def __init__(
        self,
        n_in: int,
        n_out: int,
        kernel: PerAxis,
        stride: PerAxis = 1,
        padding: Padding = 0,
        dilation: PerAxis = 1,
        groups: int = 1,
        bias: bool = True,
        seed: Seed = None,
        dtype: DType = np.float64,
    ):
        n_in, n_out, groups = whole("n_in", n_in, 1), whole("n_out", n_out, 1), whole("groups", groups, 1)
        if n_in % groups or n_out % groups:
            raise ArgumentError(f"groups must divide the {n_in} channels and the {n_out} filters; got {groups}.")
        window = each_axis(type(self).__name__, "kernel", kernel, len(self.space))
        fans = (n_in + n_out) // groups * prod(window)
        filters = glorot_normal((n_out, n_in // groups, *window), seed, fans)
        self.W: Tensor = Tensor(filters.astype(dtype), requires_grad=True)
        self.b: Tensor | None = Tensor(np.zeros(n_out, dtype), requires_grad=True) if bias else None
        self.stride: PerAxis = stride
        self.padding: Padding = padding
        self.dilation: PerAxis = dilation
        self.groups: int = groups

    def forward(self, x: Operand) -> Tensor:
        """The images that the filters make of x, plus b."""
        convolve = functions.conv1d if len(self.space) == 1 else functions.conv2d
        x = shaped(x, "examples", self.W.shape[1] * self.groups, *self.space, fits=self.W)
        y = convolve(x, self.W, self.stride, self.padding, self.dilation, self.groups)
        return y if self.b is None else y + self.b[(slice(None), *[None] * len(self.space))]


class Conv1d(_Convolution):
    """Filters slid along sequences: x (examples, n_in, length) to y (examples, n_out, places).

    Arguments, parameters and errors as in `Conv2d`, with W (n_out, n_in/groups, kernel).

    >>> import numpy as np
    >>> import tinygrad_bp as tg
    >>> tg.nn.Conv1d(2, 4, kernel=3, padding="same", seed=0)(np.ones((5, 2, 9))).shape
    (5, 4, 9)
    """

    space: ClassVar[tuple[str, ...]] = ("length",)


class Conv2d(_Convolution):
    """Filters slid over images: x (examples, n_in, height, width) to y (examples, n_out, *places); see `tg.conv2d`.

    y[n, o, i, j] = b[o] + Σ W[o, c, u, v]·x[n, c, stride·i + dilation·u, stride·j + dilation·v] over c, u, v.

    W is (n_out, n_in/groups, height, width), Glorot-normal; b is (n_out,), zeros, or None with bias=False. kernel,
    stride, dilation: a number, or one for each axis; padding: zeros around the image, or "same" or "valid". seed,
    dtype: as in `Linear`. PyTorch's weight and bias are W and b. Raises ArgumentError and ShapeError.

    >>> import numpy as np
    >>> import tinygrad_bp as tg
    >>> layer = tg.nn.Conv2d(3, 8, kernel=3, stride=2, padding=1, seed=0)
    >>> layer, layer(np.ones((5, 3, 28, 28))).shape
    (Conv2d(W (8, 3, 3, 3), b (8,), stride=2, padding=1), (5, 8, 14, 14))
    """

    space: ClassVar[tuple[str, ...]] = ("height", "width")
