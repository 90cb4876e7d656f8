"""Optimizers: what to do with a gradient. What they have in common, and `SGD`; `adaptive` has the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from inspect import signature
from math import inf, nan
from typing import Any, Final, final

import numpy as np

from tinygrad_bp.backends.buffers import BufferPool
from tinygrad_bp.calls import guarded
from tinygrad_bp.errors import ArgumentError, DTypeError, MissingMethodError, ShapeError, describe, kind_of
from tinygrad_bp.nn.checks import nonnegative, positive, whole
from tinygrad_bp.source.uses import REUSED_BYTES
from tinygrad_bp.tables import Table
from tinygrad_bp.tensor import Tensor
from tinygrad_bp.trees import tree_map

Rate = float | Callable[[int], float]
"""A learning rate: a number, or a function of the number of steps taken so far."""

Moved = tuple[Any, tuple[Any, ...]]
"""A parameter's new value, and its new state."""

BLOCK = 1 << 15
"""Elements of a large parameter that are moved at a time: what a rule makes of them on its way stays in the cache."""


SHOWN = 6
"""So many parameters are named where an optimizer is printed in one line."""


class GradientDescent:
    """What the optimizers have in common: the parameters, the learning rate, and a state for every parameter.

    A rule is written once, in two halves, for elements that do not depend on one another: `rates`, the numbers of a
    step, and `update`, pure, in operators and ufuncs, which `step` calls and the programs of `fit` contain. `lr` may be
    changed at any time; the other settings are part of programs and stay as they are.
    """

    def __init__(self, params: Iterable[Tensor], lr: Rate, state: Sequence[str] = (), start: float = 0.0):
        self.params: list[Tensor] = trainable(params)
        self.lr = lr
        self.steps: int = 0
        self._names = state
        self._states = [tuple([np.full_like(p.value, start)[()] for _ in state]) for p in self.params]
        self._counts = [0] * len(self.params)
        self._pools: dict[Tensor, list[BufferPool]] = {}

    @property
    def lr(self) -> Rate:
        """The learning rate: a finite number above 0, or a function of the number of steps taken so far."""
        return self._lr

    @lr.setter
    def lr(self, lr: Rate) -> None:
        self._lr: Rate = lr if callable(lr) else positive("lr", lr)

    # --- the rule ---

    def rates(self, lr: float, n: int) -> tuple[float, ...]:
        """What a parameter's n-th step multiplies with, n from 1: Python's floats, which leave float32 what it is."""
        return (lr,)

    def update(self, p: Any, g: Any, state: Sequence[Any], rates: Sequence[float]) -> Moved:
        """A parameter and its state after a step, from its gradient and its state before; writes to none of them."""
        raise MissingMethodError(f"{type(self).__name__} has no rule. Write update(self, p, g, state, rates).")

    # --- steps ---

    def step(self) -> None:
        """Move every parameter that has a gradient."""
        moving = [i for i, p in enumerate(self.params) if p.grad is not None]
        states, rates = self.inputs(moving)
        self.take(moving, [self._moved(*each) for each in zip(moving, states, for_each(moving, rates), strict=True)])

    def inputs(self, moving: Sequence[int]) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        """The states of the parameters in these places, and the rates of their next step, see `for_each`."""
        lr, counts = self._rate(), self._counts
        rates = {n: self.rates(lr, n + 1) for n in {counts[i] for i in moving}}
        shared = rates.values() if len(rates) == 1 else [rates[counts[i]] for i in moving]
        return tuple([self._states[i] for i in moving]), tuple(shared)

    def take(self, moving: Sequence[int], moved: Iterable[Moved]) -> None:
        """Give the parameters in these places what `update` returned for them; that was a step."""
        params, states, counts = self.params, self._states, self._counts
        for i, (value, state) in zip(moving, moved, strict=True):
            params[i].value = value
            states[i] = state
            counts[i] += 1
        self.steps += 1

    def change_states(self, f: Callable[[Any], Any]) -> None:
        """Replace every array of the parameters' states by what f makes of it."""
        self._states = [tree_map(f, state) for state in self._states]

    def zero_grad(self) -> None:
        """Forget the gradients, so that the next backward starts from none."""
        for p in self.params:
            p.grad = None

    def _rate(self) -> float:
        if not callable(self._lr):
            return self._lr
        given = self._lr(self.steps)
        try:
            rate = float(given)
        except (TypeError, ValueError):
            rate = nan
        if not 0 <= rate < inf:
            raise ArgumentError(f"lr is {given!r} at step {self.steps}; it must be a finite number from 0 on.")
        return rate

    def _moved(self, i: int, state: Sequence[Any], rates: Sequence[float]) -> Moved:
        p = self.params[i]
        value, g = p.value, _in_dtype(p.grad, p.value.dtype)
        if value.nbytes < REUSED_BYTES:
            return self.update(value, g, state, rates)
        new = [pool() for pool in self._pools_of(p)]
        flat = [array.reshape(-1) for array in (value, g, *state, *new)]
        for start in range(0, value.size, BLOCK):
            value, g, *parts = [array[start : start + BLOCK] for array in flat]
            moved, kept = self.update(value, g, parts[: len(state)], rates)
            for place, block in zip(parts[len(state) :], (moved, *kept), strict=True):
                place[...] = block
        return new[0], tuple(new[1:])

    def _pools_of(self, p: Tensor) -> list[BufferPool]:
        """For a large parameter and its state: arrays that they had before, if nobody has them any more."""
        shape, dtype = p.value.shape, p.value.dtype
        pools = self._pools.get(p)
        if pools is None or pools[0].shape != shape or pools[0].dtype != dtype:
            pools = self._pools[p] = [BufferPool(shape, dtype) for _ in range(1 + len(self._names))]
        return pools

    # --- the state ---

    def state_dict(self) -> dict[str, Any]:
        """The steps taken, and by a parameter's place the steps it took and its state: numbers and arrays, copies."""
        state: dict[str, Any] = {"steps": self.steps}
        for i, arrays in enumerate(self._states if self._names else []):
            state[f"{i}.steps"] = self._counts[i]
            state |= {f"{i}.{name}": np.array(array) for name, array in zip(self._names, arrays, strict=True)}
        return state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` gave; the arrays are copied.

        Raises ArgumentError for other names, ShapeError and DTypeError for arrays that do not fit, and changes nothing.
        """
        wanted = self.state_dict()
        _require_names(state, wanted)
        loaded = {name: _suited(name, state[name], own) for name, own in wanted.items()}
        self.steps = loaded["steps"]
        self._counts = [loaded.get(f"{i}.steps", 0) for i in range(len(self.params))]
        self._states = [tuple([loaded[f"{i}.{name}"] for name in self._names]) for i in range(len(self.params))]

    # --- how it looks ---

    def summary(self) -> Table:
        """A table of the parameters: shapes, dtypes, the state that is kept for each, steps taken.

        >>> import tinygrad_bp as tg
        >>> tg.nn.SGD(tg.nn.Linear(7, 2).parameters(), lr=0.1, momentum=0.9).summary()
        SGD(lr=0.1, momentum=0.9, dampening=0.0, weight_decay=0.0, nesterov=False), 0 steps
        parameter  shape   dtype    state  bytes
        W          (7, 2)  float64  v        112
        b          (2,)    float64  v         16
        total: 16 numbers in 2 parameters, 128 bytes of state
        """
        rows = [
            (p.name or str(i), str(p.shape), str(p.dtype), ", ".join(self._names) or "–", f"{_bytes(state):,}")
            for i, (p, state) in enumerate(zip(self.params, self._states, strict=True))
        ]
        numbers, size = sum(p.size for p in self.params), sum(map(_bytes, self._states))
        return Table(
            ("parameter", "shape", "dtype", "state", "bytes"), tuple(rows), numbers=("bytes",),
            title=f"{type(self).__name__}({self._settings()}), {self.steps:,} steps",
            foot=f"total: {numbers:,} numbers in {len(rows)} parameters, {size:,} bytes of state",
        )  # fmt: skip

    def __repr__(self) -> str:
        """The parameters and the settings as they are now."""
        names = [p.name or str(i) for i, p in enumerate(self.params)]
        shown = names if len(names) <= SHOWN else [*names[: SHOWN - 1], "…", names[-1]]
        named = f": {', '.join(shown)}" if any(p.name for p in self.params) else ""
        return f"{type(self).__name__}({len(self.params)} parameters{named}; {self._settings()})"

    def _settings(self) -> str:
        names = [name for name in signature(type(self)).parameters if name != "params"]
        return ", ".join([f"{name}={getattr(self, name)!r}" for name in names])


@final
class SGD(GradientDescent):
    """Gradient descent: `step()` moves every parameter by −lr·∂C/∂p, p ← p − lr·p.grad.

    With momentum μ and dampening τ a velocity is moved instead, v ← μ·v + (1 − τ)·g, p ← p − lr·v, where the first v is
    g; nesterov: p ← p − lr·(g + μ·v). weight_decay λ adds λ·p to g first.

    params: tensors that require a gradient and were not computed from others; lr: a finite number above 0, or a
    function of the number of steps taken, such as `CosineDecay`. Parameters without a gradient stay as they are. A
    parameter is given another array of its dtype, the old one is not written to as long as anybody has it: a graph that
    was recorded with it still has its values. Raises ArgumentError. Sutskever et al. 2013.

    >>> import tinygrad_bp as tg
    >>> w = tg.tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = tg.nn.SGD([w], lr=0.25)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> optimizer.zero_grad()
    >>> w.data, w.grad
    (array([ 0.5, -1. ]), None)
    """

    @guarded
    def __init__(
        self,
        params: Iterable[Tensor],
        lr: Rate,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
    ):
        self.momentum: Final = nonnegative("momentum", momentum)
        self.dampening: Final = nonnegative("dampening", dampening)
        self.weight_decay: Final = nonnegative("weight_decay", weight_decay)
        self.nesterov: Final = nesterov
        if nesterov and not (momentum and not dampening):
            raise ArgumentError("nesterov needs a momentum above 0 and no dampening. Pass momentum=0.9, say.")
        super().__init__(params, lr, ["v"] if momentum else [])

    def step(self) -> None:
        """Move every parameter that has a gradient."""
        if self.momentum or self.weight_decay:
            super().step()
            return
        lr = self._rate()
        for p in self.params:
            g = p.grad
            if g is None:
                continue
            if g.nbytes < REUSED_BYTES:
                p.value = p.value - lr * g
            else:  # the update below, without memory for the product
                (pool,) = self._pools_of(p)
                change = np.multiply(lr, g, out=pool())
                p.value = np.subtract(p.value, change, out=change)
        self.steps += 1

    def rates(self, lr: float, n: int) -> tuple[float, ...]:
        """lr, and how much of the gradient the velocity takes up."""
        return (lr, 1.0 if n == 1 else 1.0 - self.dampening) if self.dampening else (lr,)

    def update(self, p: Any, g: Any, state: Sequence[Any], rates: Sequence[float]) -> Moved:
        """p − lr·g, or with momentum p − lr·v and the velocity v."""
        if self.weight_decay:
            g = g + self.weight_decay * p
        if not self.momentum:
            return p - rates[0] * g, ()
        v = self.momentum * state[0] + (rates[1] * g if self.dampening else g)
        return p - rates[0] * (g + self.momentum * v if self.nesterov else v), (v,)


def for_each(moving: Sequence[Any], rates: tuple[Any, ...]) -> tuple[Any, ...]:
    """The rates of each parameter that moves: those given, or the only ones given, which are for all."""
    return rates if len(rates) == len(moving) else rates * len(moving)


def trainable(params: Iterable[Tensor]) -> list[Tensor]:
    """The parameters as a list, each fit to be trained and there once; else ArgumentError."""
    if hasattr(params, "parameters"):
        raise ArgumentError(f"params is {kind_of(params)}. Pass its tensors: parameters().")
    given: list[Any] = [params] if isinstance(params, Tensor) else list(params)
    seen: set[int] = set()
    for i, p in enumerate(given):
        if not isinstance(p, Tensor):
            raise ArgumentError(f"parameter {i} is {kind_of(p)}, not a tensor. Pass the layer's parameters().")
        if not (p.requires_grad and p.is_leaf):
            why = "requires no gradient" if p.is_leaf else "was computed from others"
            raise ArgumentError(f"parameter {i}, {describe(p)}, {why}. Train tensors made with requires_grad=True.")
        if id(p) in seen:
            raise ArgumentError(f"parameter {i}, {describe(p)}, is there twice and would move twice. Name it once.")
        seen.add(id(p))
    if not given:
        raise ArgumentError("there are no parameters to train. Give the layers tensors with requires_grad=True.")
    return given


def _bytes(state: Sequence[Any]) -> int:
    return sum(array.nbytes for array in state)


def _in_dtype(g: Any, dtype: np.dtype[Any]) -> Any:
    return g if g.dtype is dtype else g.astype(dtype)


def _require_names(given: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """ArgumentError unless both have the same names."""
    differences = (("lacks", wanted.keys() - given.keys()), ("has besides", given.keys() - wanted.keys()))
    said = [f"{what} {', '.join(sorted(names))}" for what, names in differences if names]
    if said:
        raise ArgumentError(
            f"the state {' and '.join(said)}. Load the state_dict() of the same optimizer of as many parameters."
        )


def _suited(name: str, given: Any, own: Any) -> Any:
    """What is loaded in the place of `own`, a copy; an error that names it if it is of another shape or dtype."""
    if isinstance(own, int):
        return whole(name, given, 0)
    array = np.array(given)
    if array.shape != own.shape:
        raise ShapeError(f"{name} has shape {array.shape}, its parameter {own.shape}. Load the state of this model.")
    if array.dtype != own.dtype:
        raise DTypeError(f"{name} has dtype {array.dtype}, its parameter {own.dtype}. Convert one of them.")
    return array[()]
