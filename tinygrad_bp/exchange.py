"""Values for other libraries: what the protocols of arrays, of DLPack and of copies ask of a tensor."""

from __future__ import annotations

import copy
import sys
from typing import Any

import numpy as np

from tinygrad_bp.annotations import Array
from tinygrad_bp.calls import guarded
from tinygrad_bp.engine import Node
from tinygrad_bp.errors import ArgumentError, ArrayConversionError, DeviceError, describe

CPU = "cpu"
"""The only device."""

_COPYING = (__name__.partition(".")[0], copy.__name__)
"""The packages between a tensor and who has it copied."""


def constant_value(node: Node) -> Any:
    """The value, if nothing asks for its gradient, which an array would lose. Raises ArrayConversionError."""
    if node.requires_grad:
        raise ArrayConversionError(
            f"{describe(node)} requires a gradient, which a plain array would lose. "
            "Put tensors together with tg.stack, and one into an array with tg.index_update; use .data or .item() "
            "to look at it, .detach() to drop the gradient on purpose."
        )
    return node.value


def in_graph(node: Node) -> bool:
    """Whether a new leaf in its place would lose a gradient: a result, or what a transform differentiates for."""
    return node.requires_grad and (node.op is not None or node.retains_grad)


@guarded
def deep_copy(self: Node, memo: dict[int, Any]) -> Any:
    """A leaf of its own, what it is without a past. Raises GraphCopyError where a gradient would be lost.

    xarray copies deep what its functions only arrange (align, sortby, where(drop=True)); its copies stay in the graph.
    """
    if self.requires_grad and _copied_by() == "xarray":
        return self.copy()  # type: ignore[attr-defined]
    kept: Any = self.__reduce__()
    return kept[0](*copy.deepcopy(kept[1], memo))


def _copied_by() -> str:
    """The package that called `copy.deepcopy`."""
    frame = sys._getframe()
    while (package := str(frame.f_globals.get("__name__")).partition(".")[0]) in _COPYING and frame.f_back:
        frame = frame.f_back
    return package


@guarded
def dlpack(
    self: Node,
    *,
    stream: Any = None,
    max_version: tuple[int, int] | None = None,
    dl_device: tuple[int, int] | None = None,
    copy: bool | None = None,
) -> Any:
    """The value for another library: a read-only view where DLPack can say so, which it can since 1.0, else a copy.

    Raises ArrayConversionError if the tensor requires a gradient, ArgumentError for a stream, DeviceError for a device.
    """
    if stream is not None:
        raise ArgumentError(f"__dlpack__: the CPU has no streams; got stream={stream!r}. Leave it away.")
    if isinstance(dl_device, tuple) and dl_device != dlpack_device(self):
        raise DeviceError(
            f"__dlpack__: tensors are on the CPU, (1, 0) to DLPack; got dl_device={dl_device!r}. Ask for it."
        )
    value: Array = np.asarray(constant_value(self))
    if copy is False or (max_version is not None and max_version[0] >= 1):
        value = value.view()
        value.flags.writeable = False
    else:
        value = value.copy()
    return value.__dlpack__(stream=stream, max_version=max_version, dl_device=dl_device, copy=copy)


def dlpack_device(self: Node) -> tuple[int, int]:
    """DLPack's number for the CPU, and the first of its devices."""
    return 1, 0


def require_cpu(device: Any) -> None:
    """Raise ArgumentError for a device that is not the CPU."""
    if device is not None and not (isinstance(device, str) and device == CPU):
        raise ArgumentError(f"tensors are on the device 'cpu'; got {device!r}. Compile for JAX to use another one.")


@guarded
def to_device(self: Node, device: Any, /, *, stream: Any = None) -> Any:
    """The tensor itself, which is on the only device there is. Raises ArgumentError for others."""
    require_cpu(device)
    return self
