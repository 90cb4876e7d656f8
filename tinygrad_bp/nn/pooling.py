"""Pooling of sequences and images: the largest number, or the mean, of every window."""

from __future__ import annotations

from tinygrad_bp import functions
from tinygrad_bp.annotations import Operand
from tinygrad_bp.calls import guarded
from tinygrad_bp.nn.layers import Layer
from tinygrad_bp.nn.shapes import shaped
from tinygrad_bp.ops.geometry import Padding, PerAxis
from tinygrad_bp.tensor import Tensor


class _Pool(Layer):
    """The windows of pooling layers."""

    @guarded
    def __init__(self, kernel: PerAxis, stride: PerAxis | None = None, padding: Padding = 0):
        self.kernel: PerAxis = kernel
        self.stride: PerAxis | None = stride
        self.padding: Padding = padding


class _AvgPool(_Pool):
    """What there is to say about the border too."""

    @guarded
    def __init__(
        self, kernel: PerAxis, stride: PerAxis | None = None, padding: Padding = 0, count_include_pad: bool = True
    ):
        super().__init__(kernel, stride, padding)
        self.count_include_pad: bool = count_include_pad


class MaxPool1d(_Pool):
    """The largest number of every window of sequences (examples, channels, length). Arguments as in `MaxPool2d`."""

    def forward(self, x: Operand) -> Tensor:
        """(examples, channels, places)."""
        x = shaped(x, "examples", "channels", "length")
        return functions.max_pool1d(x, self.kernel, self.stride, self.padding)


class MaxPool2d(_Pool):
    """The largest number of every window of images (examples, channels, height, width).

    kernel, stride: a number, or one for each axis; the stride is the kernel if None. padding: as in `Conv2d`; the
    border is never the largest. Numbers that tie for the largest share the gradient. Raises ShapeError, ArgumentError.

    >>> import tinygrad_bp as tg
    >>> tg.nn.MaxPool2d(2)(tg.tensor([[[[1.0, 2.0], [3.0, 4.0]]]]))
    Tensor([[[[4.]]]])
    """

    def forward(self, x: Operand) -> Tensor:
        """(examples, channels, *places)."""
        x = shaped(x, "examples", "channels", "height", "width")
        return functions.max_pool2d(x, self.kernel, self.stride, self.padding)


class AvgPool1d(_AvgPool):
    """The mean of every window of sequences (examples, channels, length). Arguments as in `AvgPool2d`."""

    def forward(self, x: Operand) -> Tensor:
        """(examples, channels, places)."""
        x = shaped(x, "examples", "channels", "length")
        return functions.avg_pool1d(x, self.kernel, self.stride, self.padding, self.count_include_pad)


class AvgPool2d(_AvgPool):
    """The mean of every window of images (examples, channels, height, width).

    Arguments as in `MaxPool2d`; count_include_pad: whether the zeros of the border count as elements.

    >>> import tinygrad_bp as tg
    >>> tg.nn.AvgPool2d(2)(tg.tensor([[[[1.0, 2.0], [3.0, 4.0]]]]))
    Tensor([[[[2.5]]]])
    """

    def forward(self, x: Operand) -> Tensor:
        """(examples, channels, *places)."""
        x = shaped(x, "examples", "channels", "height", "width")
        return functions.avg_pool2d(x, self.kernel, self.stride, self.padding, self.count_include_pad)
