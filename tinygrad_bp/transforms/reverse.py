"""Reverse mode: gradients and vector–Jacobian products."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Literal, overload

import numpy as np

from tinygrad_bp.annotations import Array, Number
from tinygrad_bp.calls import guarded
from tinygrad_bp.errors import ArgumentError, DTypeError, NonScalarBackwardError, describe, kind_of
from tinygrad_bp.tensor import Tensor
from tinygrad_bp.transforms.inputs import (
    Argnums,
    Function,
    Inputs,
    as_tensor,
    call,
    filled,
    positions,
    require_function,
    shaped,
)
from tinygrad_bp.transforms.signatures import Gradient, Value, ValueAndGradient
from tinygrad_bp.trees import aligned, flatten, tree_map


@overload
def value_and_grad(f: Function, argnums: Literal[0] = 0, has_aux: Literal[False] = False) -> ValueAndGradient: ...
@overload
def value_and_grad(f: Function, argnums: Argnums = 0, has_aux: bool = False) -> Callable[..., tuple[Any, Any]]: ...
@guarded
def value_and_grad(f: Function, argnums: Argnums = 0, has_aux: bool = False) -> Any:
    """The function that returns (f(…), ∂f/∂arguments), for f that returns one number.

    argnums: the argument, or the arguments, to differentiate for; each may be a nested container of arrays, and its
    gradient is the same container. has_aux: f returns (number, anything); then ((number, anything), gradient).
    Given arrays it gives arrays: tensors that f uses but is not given are constants, but for those of a transform
    around it. Give it tensors to differentiate the results once more.
    Raises NonScalarBackwardError if f does not return one number, DTypeError for integer arguments.

    >>> import tinygrad_bp as tg
    >>> tg.value_and_grad(lambda x: x**3)(2.0)
    (array(8.), array(12.))
    """
    require_function("value_and_grad", f, argnums)

    @wraps(f)
    def transformed(*args: Any, **kwargs: Any) -> Any:
        chosen = positions(argnums, len(args))
        inputs = Inputs([args[i] for i in chosen])
        result = call(f, *filled(args, chosen, inputs.values), **kwargs)
        y, aux = _with_aux(result) if has_aux else (result, None)
        y = _one_number(y)
        grads = inputs.unflatten(inputs.pull([y], [np.ones(y.shape, y.dtype)[()]]))
        value = inputs.result(y)
        if has_aux:
            value = value, tree_map(lambda a: inputs.result(a) if isinstance(a, Tensor) else a, aux)
        return value, grads[0] if not isinstance(argnums, tuple | list) else tuple(grads)

    return transformed


def _with_aux(result: Any) -> Any:
    if not (isinstance(result, tuple) and len(result) == 2):
        raise ArgumentError(
            f"has_aux=True needs a function that returns (number, anything); it returned {kind_of(result)}."
        )
    return result


def _one_number(y: Any) -> Tensor:
    """f's result, which must be one real number."""
    if y is None or isinstance(y, tuple | list | dict):
        raise NonScalarBackwardError(
            f"grad needs a function that returns one number; it returned {kind_of(y)}. "
            "Return the number alone, or (number, anything) with has_aux=True."
        )
    number = as_tensor(y)
    if number.size != 1:
        raise NonScalarBackwardError(
            f"grad needs a function that returns one number; it returned {describe(number)}. "
            "Reduce it with sum() or mean(), or use jacobian or vjp."
        )
    if number.dtype.kind == "c":
        raise DTypeError(
            f"grad needs a function that returns a real number; "
            f"it returned {describe(number)} of dtype {number.dtype}. "
            "Take its real part or its absolute value, or use vjp."
        )
    return number


@overload
def grad(f: Function, argnums: Literal[0] = 0, has_aux: Literal[False] = False) -> Gradient: ...
@overload
def grad(f: Function, argnums: int, has_aux: Literal[False] = False) -> Callable[..., Any]: ...
@overload
def grad(
    f: Function, argnums: tuple[int, ...] | list[int], has_aux: Literal[False] = False
) -> Callable[..., tuple[Any, ...]]: ...
@overload
def grad(f: Function, argnums: Argnums = 0, *, has_aux: Literal[True]) -> Callable[..., tuple[Any, Any]]: ...
@overload
def grad(f: Function, argnums: Argnums = 0, has_aux: bool = False) -> Function: ...
@guarded
def grad(f: Function, argnums: Argnums = 0, has_aux: bool = False) -> Any:
    """The gradient function of f, which returns one number; nests to any order.

    Arguments as in `value_and_grad`; with has_aux it returns (gradient, anything).

    >>> import tinygrad_bp as tg
    >>> tg.grad(tg.grad(lambda x: x**3))(2.0)
    array(12.)
    """
    require_function("grad", f, argnums)
    both = value_and_grad(f, argnums, has_aux)

    @wraps(f)
    def transformed(*args: Any, **kwargs: Any) -> Any:
        value, grads = both(*args, **kwargs)
        return (grads, value[1]) if has_aux else grads

    return transformed


@overload
def vjp(f: Callable[..., Value], *xs: Tensor) -> tuple[Tensor, Callable[[Any], tuple[Tensor, ...]]]: ...
@overload
def vjp(f: Callable[..., Value], *xs: Array | Number) -> tuple[Array, Callable[[Any], tuple[Array, ...]]]: ...
@overload
def vjp(f: Function, *xs: Any) -> tuple[Any, Callable[[Any], tuple[Any, ...]]]: ...
@guarded
def vjp(f: Function, *xs: Any) -> tuple[Any, Callable[[Any], tuple[Any, ...]]]:
    """(f(*xs), pullback), where pullback(g) is the tuple of vector–Jacobian products gᵀ·∂f/∂x, one for each x.

    f may return a nested container; g then has the same structure. The pullback may be called any number of times.

    >>> import tinygrad_bp as tg
    >>> y, pullback = tg.vjp(lambda x, a: a * x, np.array([1.0, 2.0]), 3.0)
    >>> pullback(np.array([1.0, 1.0]))
    (array([3., 3.]), array(3.))
    """
    require_function("vjp", f)
    inputs = Inputs(xs, own=True)
    result = call(f, *inputs.values)
    leaves, rebuild = flatten(result)
    outputs = [as_tensor(y) for y in leaves]

    def pullback(g: Any) -> tuple[Any, ...]:
        what = "vjp: the cotangent"
        seeds = [shaped(s, y, what) for s, y in zip(aligned(g, result, what), outputs, strict=True)]
        return tuple(inputs.unflatten(inputs.with_tensors(seeds).pull(outputs, seeds)))

    return rebuild(iter([inputs.result(y) for y in outputs])), pullback
