"""A first axis of any length, where the model comes out the same for two lengths."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_bp.export.library import library

AXIS = "batch"


def with_any_batch(model: Any, longer: Any) -> Any:
    """The model with "batch" for what differs between the two in the shapes of inputs and results.

    The model itself if they differ in more: but one number of the shape that a Reshape makes may be what is left.
    """
    onnx = library()
    new = onnx.ModelProto()
    new.CopyFrom(model)
    one, two = new.graph, longer.graph
    constants = list(zip(one.initializer, two.initializer, strict=False))
    same = [*one.node] == [*two.node] and [*new.functions] == [*longer.functions]
    if not same or not all(a == b or _freed(onnx, one, a, b) for a, b in constants):
        return model
    for a, b in zip([*one.input, *one.output], [*two.input, *two.output], strict=True):
        for m, n in zip(a.type.tensor_type.shape.dim, b.type.tensor_type.shape.dim, strict=True):
            if m != n:
                m.dim_param = AXIS
    return new


def _freed(onnx: Any, graph: Any, a: Any, b: Any) -> bool:
    """Whether a constant is but the shape for Reshapes, one number of which differs; it is then left to them."""
    x, y = onnx.numpy_helper.to_array(a), onnx.numpy_helper.to_array(b)
    uses = [(node.op_type, i) for node in graph.node for i, name in enumerate(node.input) if name == a.name]
    if x.shape != y.shape or {*uses} != {("Reshape", 1)} or np.sum(x != y) != 1 or (x == -1).any():
        return False
    a.CopyFrom(onnx.numpy_helper.from_array(np.where(x == y, x, -1), a.name))
    return True
