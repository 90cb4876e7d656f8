"""One recorded evaluation, through which any number of cotangents are pulled back, as arrays or as nodes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinygrad_bp.engine import sweep
from tinygrad_bp.ops.activations import identity
from tinygrad_bp.tensor import Tensor, asarray


class Recording:
    """f recorded at the arrays `values`, as `leaves`, with its result `y`."""

    def __init__(self, f: Callable[..., Any], values: Sequence[Any]):
        self.leaves: list[Tensor] = [asarray(x, requires_grad=True) for x in values]
        y = asarray(f(*self.leaves))
        self.y: Tensor = identity(y) if y.op is None and y.requires_grad else y

    def pull(self, g: Any, as_graph: bool = False) -> list[Any]:
        """Jᵀ·g. The rules get g as it is, not a copy: that is how the layout of a cotangent is tested."""
        return cotangents(self.y, self.leaves, g, as_graph)


def cotangents(y: Tensor, xs: Sequence[Tensor], g: Any, as_graph: bool = False) -> list[Any]:
    """What the cotangent g of y gives to each of the leaves xs."""
    found = {node.number: d for node, d in sweep(y, g, as_graph=as_graph)} if y.requires_grad else {}
    return [found[x.number] if x.number in found else np.zeros(x.shape, x.dtype) for x in xs]
