"""The local derivative of one tensor for one of its parents, to look at and to compute with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np

from tinygrad_bp.broadcasting import unbroadcast
from tinygrad_bp.formula.notation import latex_name, slot, symbol, with_names
from tinygrad_bp.formula.plain import plain
from tinygrad_bp.formula.trace import derivative


@final
@dataclass(frozen=True, slots=True)
class LocalDerivative:
    """How a tensor y depends on one of its parents x, worked out from the op's record when asked.

    >>> import tinygrad_bp as tg
    >>> x = tg.tensor([1.0, 3.0], requires_grad=True, name="x")
    >>> d = (x * x).sum().local_derivatives[0].parent.local_derivatives[0]
    >>> d.formula, d.elementwise, d.vjp([1.0, 10.0])
    ('x', array([1., 3.]), array([ 1., 30.]))
    """

    tensor: Any
    index: int

    @property
    def parent(self) -> Any:
        """The tensor, or the constant, that the derivative is taken for."""
        return self.tensor.parents[self.index]

    @property
    def elementwise(self) -> Any:
        """∂yᵢ/∂xᵢ as an array if the op works element by element, else None."""
        op = self.tensor.op
        rule = op.derivatives[self.index] if op.derivatives else None
        return None if rule is None else rule(self.tensor.value, *self.tensor.inputs, **self.tensor.params)

    @property
    def formula(self) -> str:
        """∂y/∂x as text; for arrays that mix elements the vector–Jacobian product of a cotangent δ."""
        return with_names(plain(self._template()), {**self._names(), "g": "δ"})

    @property
    def latex(self) -> str:
        """The formula as LaTeX."""
        names = {key: latex_name(name) for key, name in self._names().items()}
        return with_names(self._template(), {**names, "g": r"\delta"})

    def vjp(self, g: Any) -> Any:
        """The cotangent `g` of y carried to x: gᵀ·∂y/∂x, of x's shape."""
        tensor, i = self.tensor, self.index
        x = np.asarray(tensor.inputs[i])
        if tensor.op.vjps[i] is None:
            return np.zeros_like(x)
        g = np.asarray(g, tensor.value.dtype)[()]
        share = tensor.op.vjps[i](g, tensor.value, *tensor.inputs, **tensor.params)
        return np.array(unbroadcast(share, x.shape) if share.shape != x.shape else share, x.dtype)

    def jvp(self, t: Any) -> Any:
        """The tangent `t` of x carried to y: ∂y/∂x·t, of y's shape."""
        tensor, i = self.tensor, self.index
        rule = tensor.op.jvps[i]
        if rule is None:
            return np.zeros_like(tensor.value)
        t = np.asarray(t, np.asarray(tensor.inputs[i]).dtype)[()]
        return np.array(rule(t, tensor.value, *tensor.inputs, **tensor.params), tensor.value.dtype)

    def jacobian(self) -> Any:
        """∂y/∂x in full, of shape y.shape + x.shape: one vector–Jacobian product for every element of y."""
        y = self.tensor.value
        x = np.shape(self.tensor.inputs[self.index])
        units = np.eye(y.size, dtype=y.dtype).reshape(y.size, *y.shape)
        rows = [self.vjp(unit) for unit in units]
        return np.array(rows, y.dtype).reshape(*y.shape, *x)

    def _template(self) -> str:
        if self.tensor.op.vjps[self.index] is None:
            return "0"
        traced = derivative(self.tensor, self.index)
        return symbol(slot("y"), slot(self.index)) if traced is None else traced

    def _names(self) -> dict[str, str]:
        parents = self.tensor.parents
        named = {str(i): getattr(p, "name", None) or _unnamed(p, i) for i, p in enumerate(parents)}
        free = next(name for name in (*"yuv", f"y{self.tensor.number}") if name not in named.values())
        return {**named, "y": self.tensor.name or free}


def _unnamed(parent: Any, i: int) -> str:
    return f"{parent:.4g}" if isinstance(parent, bool | int | float) else f"x{i}"
