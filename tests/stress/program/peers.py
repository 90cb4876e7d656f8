"""The words of random programs in PyTorch, as far as it has them with the same meaning."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tests.stress.program.random_programs import RandomProgram

SAME = [
    "exp",
    "exp2",
    "expm1",
    "log",
    "log1p",
    "log2",
    "log10",
    "sin",
    "cos",
    "tan",
    "sinh",
    "cosh",
    "tanh",
    "arcsin",
    "arccos",
    "arctan",
    "arcsinh",
    "arccosh",
    "arctanh",
    "sigmoid",
    "erf",
    "erfc",
    "erfinv",
    "logit",
    "sqrt",
    "square",
    "reciprocal",
    "absolute",
    "sign",
    "sinc",
    "deg2rad",
    "rad2deg",
    "logaddexp",
    "logaddexp2",
    "arctan2",
    "hypot",
    "maximum",
    "minimum",
    "fmax",
    "fmin",
    "add",
    "subtract",
    "multiply",
    "divide",
    "float_power",
    "floor",
    "ceil",
    "trunc",
    "negative",
    "positive",
    "xlogy",
    "i0",
    "isnan",
    "isfinite",
    "greater",
    "greater_equal",
    "less",
    "less_equal",
    "equal",
    "not_equal",
    "logical_and",
    "logical_or",
    "logical_xor",
    "logical_not",
    "signbit",
    "copysign",
    "fmod",
    "matmul",
    "outer",
    "dot",
    "inner",
    "kron",
    "einsum",
    "where",
    "stack",
    "hstack",
    "vstack",
    "triu",
    "tril",
    "trace",
    "diagonal",
    "swapaxes",
    "moveaxis",
    "ravel",
    "squeeze",
]
ACTIVATIONS = ["relu", "silu", "mish", "softplus", "softsign", "selu", "relu6"]


class Peer:
    """PyTorch, asked by the names of this library. What it lacks is an AttributeError."""

    def __init__(self) -> None:
        import torch

        self.torch = torch
        self.linalg = torch.linalg
        for name in SAME:
            setattr(self, name, self._on_tensors(getattr(torch, "eq" if name == "equal" else name)))
        for name in ACTIVATIONS:
            setattr(self, name, getattr(torch.nn.functional, name))
        self.log_sigmoid = torch.nn.functional.logsigmoid
        self.gammaln, self.concatenate = torch.lgamma, torch.cat

    def _on_tensors(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, given tensors where ours takes plain numbers."""
        return lambda *xs: function(
            *[self.torch.tensor(x, dtype=self.torch.float64) if isinstance(x, float) else x for x in xs]
        )

    def asarray(self, x: Any) -> Any:
        """A tensor as it is."""
        return x

    def _dims(self, x: Any, axis: Any) -> Any:
        return tuple(range(x.ndim)) if axis is None else axis

    def sum(self, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        """Σ over axes."""
        return self.torch.sum(x, dim=self._dims(x, axis), keepdim=keepdims)

    def mean(self, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        """The mean over axes."""
        return self.torch.mean(x, dim=self._dims(x, axis), keepdim=keepdims)

    def logsumexp(self, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        """log Σ exp over axes."""
        return self.torch.logsumexp(x, dim=self._dims(x, axis), keepdim=keepdims)

    def softmax(self, x: Any, axis: int = -1) -> Any:
        """exp over its sum."""
        return self.torch.softmax(x, dim=axis)

    def log_softmax(self, x: Any, axis: int = -1) -> Any:
        """Its logarithm."""
        return self.torch.log_softmax(x, dim=axis)

    def cumsum(self, x: Any, axis: int | None = None) -> Any:
        """Sums of beginnings."""
        return self.torch.cumsum(x.ravel() if axis is None else x, dim=axis or 0)

    def sort(self, x: Any, axis: int = -1) -> Any:
        """The elements in order."""
        return self.torch.sort(x, dim=axis).values

    def clip(self, x: Any, low: float, high: float) -> Any:
        """Between two numbers."""
        return self.torch.clamp(x, low, high)

    def mse(self, x: Any, y: Any, reduction: str = "mean") -> Any:
        """The mean square."""
        return self.torch.nn.functional.mse_loss(x, y, reduction=reduction)


def unknown(program: RandomProgram, values: Mapping[str, Any]) -> set[str]:
    """The names of the lines that PyTorch lacks a function for, or gives another type."""
    peer = Peer()
    given = {**program.leaves, **values}
    tensors = {name: peer.torch.tensor(x, requires_grad=x.dtype.kind in "fc") for name, x in given.items()}
    space = {"tg": peer, "np": np, **tensors}
    found = set()
    for line in program.lines:
        try:
            result = eval(line.text.format(*line.operands), space)
            known = str(result.dtype) == f"torch.{values[line.name].dtype}"
        except (AttributeError, TypeError, ValueError, RuntimeError, IndexError):
            known = False
        found |= set() if known else {line.name}
    return found


def gradients(text: str, leaves: Sequence[Any], trainable: Sequence[int]) -> list[Any]:
    """Cost, values and gradients by PyTorch."""
    peer = Peer()
    torch = peer.torch

    def total(v: Any) -> Any:
        weighted = v * torch.cos(torch.arange(v.numel(), dtype=torch.float64)).reshape(v.shape)
        return torch.sum(weighted.real + weighted.imag if v.is_complex() else weighted)

    space: dict[str, Any] = {"tg": peer, "np": np, "total": total}
    exec(text, space)
    xs = [torch.tensor(x, requires_grad=i in trainable) for i, x in enumerate(leaves)]
    C, values = space["f"](*xs)
    chosen = [xs[i] for i in trainable]
    found = torch.autograd.grad(C, chosen, allow_unused=True) if C.requires_grad else [None] * len(chosen)
    grads = [np.zeros(leaves[i].shape) if g is None else g.numpy() for i, g in zip(trainable, found, strict=True)]
    return [C.detach().numpy(), *[v.detach().numpy() for v in values], *grads]
