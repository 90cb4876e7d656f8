"""Optimizers that give every element a step length of its own, by the squares of the gradients it has had."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import sqrt
from typing import Any, ClassVar, Final, final

import numpy as np

from tinygrad_bp.calls import guarded
from tinygrad_bp.nn.checks import fraction, nonnegative
from tinygrad_bp.nn.optim import GradientDescent, Moved, Rate
from tinygrad_bp.tensor import Tensor


@final
class Adagrad(GradientDescent):
    """Adagrad: s ← s + g², p ← p − lr/(1 + (n − 1)·lr_decay)·g/(√s + ε) in the n-th step.

    weight_decay λ adds λ·p to g first; s begins as initial_accumulator_value. Parameters, lr and errors as `SGD` has
    them. Duchi, Hazan and Singer 2011.

    >>> import tinygrad_bp as tg
    >>> w = tg.tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = tg.nn.Adagrad([w], lr=0.5)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.data
    array([ 0.5, -1.5])
    """

    @guarded
    def __init__(
        self,
        params: Iterable[Tensor],
        lr: Rate = 0.01,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
    ):
        self.lr_decay: Final = nonnegative("lr_decay", lr_decay)
        self.weight_decay: Final = nonnegative("weight_decay", weight_decay)
        self.initial_accumulator_value: Final = nonnegative("initial_accumulator_value", initial_accumulator_value)
        self.eps: Final = nonnegative("eps", eps)
        super().__init__(params, lr, ["s"], initial_accumulator_value)

    def rates(self, lr: float, n: int) -> tuple[float, ...]:
        """The learning rate after its decay."""
        return (lr / (1.0 + (n - 1) * self.lr_decay),)

    def update(self, p: Any, g: Any, state: Sequence[Any], rates: Sequence[float]) -> Moved:
        """p − lr·g/(√s + ε), and s, the sum of the squares."""
        if self.weight_decay:
            g = g + self.weight_decay * p
        s = state[0] + g * g
        return p - rates[0] * (g / (np.sqrt(s) + self.eps)), (s,)


@final
class RMSprop(GradientDescent):
    """RMSprop: s ← α·s + (1 − α)·g², p ← p − lr·g/(√s + ε).

    centered: √(s − m²) for √s, with m ← α·m + (1 − α)·g, an estimate of the variance. With momentum μ, v ← μ·v +
    g/(√s + ε), p ← p − lr·v. weight_decay λ adds λ·p to g first. Parameters, lr and errors as `SGD` has them. Tieleman
    and Hinton 2012; centered: Graves 2013.

    >>> import tinygrad_bp as tg
    >>> w = tg.tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = tg.nn.RMSprop([w], lr=0.05)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.data.round(6)
    array([ 0.5, -1.5])
    """

    @guarded
    def __init__(
        self,
        params: Iterable[Tensor],
        lr: Rate = 0.01,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
    ):
        self.alpha: Final = fraction("alpha", alpha)
        self.eps: Final = nonnegative("eps", eps)
        self.weight_decay: Final = nonnegative("weight_decay", weight_decay)
        self.momentum: Final = nonnegative("momentum", momentum)
        self.centered: Final = centered
        names = {"s": True, "m": centered, "v": momentum}
        super().__init__(params, lr, [name for name, kept in names.items() if kept])

    def update(self, p: Any, g: Any, state: Sequence[Any], rates: Sequence[float]) -> Moved:
        """p − lr·g/(√s + ε) or p − lr·v, and s, m if centered, v with momentum."""
        if self.weight_decay:
            g = g + self.weight_decay * p
        s = self.alpha * state[0] + (1.0 - self.alpha) * (g * g)
        kept, variance = [s], s
        if self.centered:
            m = self.alpha * state[1] + (1.0 - self.alpha) * g
            kept, variance = [s, m], np.maximum(s - m * m, 0.0)  # below 0 by rounding only
        change = g / (np.sqrt(variance) + self.eps)
        if self.momentum:
            change = self.momentum * state[-1] + change
            kept = [*kept, change]
        return p - rates[0] * change, tuple(kept)


class _Moments(GradientDescent):
    """Adam and AdamW, which differ in where the weight decay goes."""

    _decoupled: ClassVar[bool]

    @guarded
    def __init__(
        self,
        params: Iterable[Tensor],
        lr: Rate,
        betas: tuple[float, float],
        eps: float,
        weight_decay: float,
        amsgrad: bool,
    ):
        self.betas: Final = (fraction("betas[0]", betas[0]), fraction("betas[1]", betas[1]))
        self.eps: Final = nonnegative("eps", eps)
        self.weight_decay: Final = nonnegative("weight_decay", weight_decay)
        self.amsgrad: Final = amsgrad
        super().__init__(params, lr, ["m", "v", "v_max"] if amsgrad else ["m", "v"])

    def rates(self, lr: float, n: int) -> tuple[float, ...]:
        """With c = √(1 − β₂ⁿ): lr·c/(1 − β₁ⁿ), ε·c, and 1 − lr·λ, by which AdamW shrinks p.

        lr·m̂/(√v̂ + ε) is the first times m, divided by √v and the second: so √v needs no correction of its own.
        """
        c = sqrt(1.0 - self.betas[1] ** n)
        return lr * c / (1.0 - self.betas[0] ** n), self.eps * c, 1.0 - lr * self.weight_decay

    def update(self, p: Any, g: Any, state: Sequence[Any], rates: Sequence[float]) -> Moved:
        """The parameter, and the means m of g and v of g²; with amsgrad the largest v so far."""
        length, eps, shrink = rates
        if self.weight_decay and self._decoupled:
            p = shrink * p
        elif self.weight_decay:
            g = g + self.weight_decay * p
        (b1, b2), (m, v, *v_max) = self.betas, state
        m = b1 * m + (1.0 - b1) * g
        v = b2 * v + (1.0 - b2) * (g * g)
        largest = [np.maximum(v_max[0], v)] if self.amsgrad else []
        root = np.sqrt(largest[0] if self.amsgrad else v)
        return p - length * (m / (root + eps)), (m, v, *largest)


@final
class Adam(_Moments):
    """Adam: m ← β₁·m + (1 − β₁)·g, v ← β₂·v + (1 − β₂)·g², p ← p − lr·m̂/(√v̂ + ε).

    In a parameter's n-th step m̂ = m/(1 − β₁ⁿ) and v̂ = v/(1 − β₂ⁿ). weight_decay λ adds λ·p to g first; see `AdamW`.
    amsgrad: the largest v so far in the place of v. float16 needs a larger ε, as 1e-8 is 0 in it. Parameters, lr and
    errors as `SGD` has them. Kingma and Ba 2015; amsgrad: Reddi, Kale and Kumar 2018.

    >>> import tinygrad_bp as tg
    >>> w = tg.tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = tg.nn.Adam([w], lr=0.5)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.data.round(6)
    array([ 0.5, -1.5])
    """

    _decoupled = False

    @guarded
    def __init__(
        self,
        params: Iterable[Tensor],
        lr: Rate = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
    ):
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad)


@final
class AdamW(_Moments):
    """Adam with decoupled weight decay λ: p ← (1 − lr·λ)·p, then Adam's step; g stays as it is.

    The arguments are those of `Adam`. Loshchilov and Hutter 2019.

    >>> import tinygrad_bp as tg
    >>> w = tg.tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = tg.nn.AdamW([w], lr=0.5, weight_decay=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.data.round(6)
    array([ 0.45, -1.4 ])
    """

    _decoupled = True

    @guarded
    def __init__(
        self,
        params: Iterable[Tensor],
        lr: Rate = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
        amsgrad: bool = False,
    ):
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad)
