"""A cost that uses parameters, as a function of their values: what transforms and `compile` can take."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from tinygrad_bp.tensor import Tensor, asarray
from tinygrad_bp.transforms import value_and_grad


def gradients_of(cost: Callable[..., Any], params: Sequence[Tensor], has_aux: bool = False) -> Callable[..., Any]:
    """The function (values, *args) -> (cost, gradients) of `cost(*args)`, which uses `params` without being given them.

    With has_aux `cost` returns (cost, anything), and so does the function: ((cost, anything), gradients).

    values: a tuple, one array for each parameter; gradients likewise. The parameters are leaves, and have the values
    they are given for as long as a call takes; so one thread at a time may use them.

    >>> import numpy as np
    >>> import tinygrad_bp as tg
    >>> w = tg.tensor(2.0, requires_grad=True)
    >>> f = gradients_of(lambda x: w * w * x, [w])
    >>> f((np.array(5.0),), 3.0), w.item()
    ((array(75.), (array(30.),)), 2.0)
    """

    def with_values(values: tuple[Tensor, ...], *args: Any) -> Any:
        stand_in(params, values)
        return cost(*args)

    both = value_and_grad(with_values, has_aux=has_aux)

    def cost_and_gradients(values: tuple[Any, ...], *args: Any) -> Any:
        with restored(params):
            return both(values, *args)

    return cost_and_gradients


def stand_in(tensors: Sequence[Tensor], values: Sequence[Any]) -> None:
    """Give tensors these values; one that is a tensor itself is what they count as from now on."""
    for t, value in zip(tensors, values, strict=True):
        other = asarray(value)
        # The sweep knows nodes by their numbers: a tensor with the number of another leaf counts as that leaf.
        t.value, t.number = other.value, other.number


@contextmanager
def restored(params: Sequence[Tensor]) -> Iterator[None]:
    """Whatever the body makes of the parameters, afterwards they are what they were."""
    before = [(p.value, p.number) for p in params]
    try:
        yield
    finally:
        for p, (value, number) in zip(params, before, strict=True):
            p.value, p.number = value, number
