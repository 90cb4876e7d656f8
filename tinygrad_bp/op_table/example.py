"""One application of an op to small inputs from its test domain."""

from __future__ import annotations

from inspect import Parameter, signature
from typing import Any

import numpy as np

from tinygrad_bp.domains import BROADCAST, Domain
from tinygrad_bp.engine import Op
from tinygrad_bp.modes import quietly, tracing
from tinygrad_bp.tensor import Tensor

MANY = 2
"""How many inputs an op with any number of them is shown with."""


ELEMENTS = 5
"""How long the first axis of an example is."""


def input_names(op: Op) -> list[str]:
    """The names of the op's inputs in its forward function; x0, x1 if it takes any number and names none."""
    parameters = list(signature(op.forward).parameters.values())
    if all(p.kind is not Parameter.VAR_POSITIONAL for p in parameters):
        return [p.name for p in parameters[: len(op.vjps)]]
    named = [p.name for p in parameters if p.kind is Parameter.POSITIONAL_OR_KEYWORD]
    return named or [f"x{i}" for i in range(MANY)]


def kind(domain: Domain, i: int) -> str:
    """The dtype kind of input i."""
    return domain.kinds[min(i, len(domain.kinds) - 1)]


def example(op: Op) -> Any:
    """The node that the op makes of inputs in the middle of its domain, named as in its forward function."""
    names, domain = input_names(op), op.domain
    shapes = _shapes(domain, len(names))
    params = dict(domain.params(*shapes)[0])
    inputs = [_value(domain, i, shape) for i, shape in enumerate(shapes)]
    if domain.prepare is not None:
        inputs = list(domain.prepare(*inputs, **params))
    tensors = [Tensor(x, x.dtype.kind in "fc", name) for name, x in zip(names, inputs, strict=True)]
    with tracing():
        return quietly(op.call, *tensors, **params)


def _shapes(domain: Domain, count: int) -> list[tuple[int, ...]]:
    """The first shapes of the domain without 0-d operands."""
    if domain.shapes == BROADCAST:
        return [(ELEMENTS,)] * count
    choices = [word.split(",") for word in domain.shapes]
    fitting = [words for words in choices if len(words) == count] or choices
    words = next((words for words in fitting if all(words)), fitting[0])
    letters = sorted({letter for word in words for letter in word})
    lengths = {letter: max(domain.smallest, ELEMENTS + 2 * i) for i, letter in enumerate(letters)}
    words = words if len(words) == count else words[:1] * count
    return [tuple([lengths[letter] for letter in word]) for word in words]


def _value(domain: Domain, i: int, shape: tuple[int, ...]) -> Any:
    low, high = domain.intervals[min(i, len(domain.intervals) - 1)]
    ramp = np.linspace(low, high, int(np.prod(shape)) + 2)[1:-1].reshape(shape)[()]
    if kind(domain, i) == "b":
        return ramp > (low + high) / 2
    return ramp.astype({"f": float, "i": int, "c": complex}[kind(domain, i)])
