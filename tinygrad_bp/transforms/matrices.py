"""Whole matrices of derivatives, and products with the second one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import wraps
from typing import Any, Literal, overload

import numpy as np

from tinygrad_bp.annotations import Array, Number, Operand
from tinygrad_bp.calls import guarded
from tinygrad_bp.engine import Node
from tinygrad_bp.errors import ArgumentError, DTypeError, describe
from tinygrad_bp.ops.joining import stack
from tinygrad_bp.tensor import Tensor
from tinygrad_bp.transforms.forward import jvp, push
from tinygrad_bp.transforms.inputs import (
    Argnums,
    Function,
    Inputs,
    as_tensor,
    call,
    filled,
    positions,
    require_function,
)
from tinygrad_bp.transforms.reverse import grad
from tinygrad_bp.transforms.signatures import Matrix, Value
from tinygrad_bp.trees import flatten

Mode = Literal["auto", "reverse", "forward"]


@overload
def jacobian(f: Callable[..., Value], argnums: Literal[0] = 0, mode: Mode = "auto") -> Matrix: ...
@overload
def jacobian(f: Function, argnums: Argnums = 0, mode: Mode = "auto") -> Function: ...
@guarded
def jacobian(f: Function, argnums: Argnums = 0, mode: Mode = "auto") -> Function:
    """The function that returns the Jacobian ∂f/∂x of shape f(x).shape + x.shape.

    Nested containers give containers of blocks: for every array that f returns, one block for every array in x.
    mode: "reverse" costs a sweep for each element of f(x), "forward" one for each element of x; "auto" takes the fewer.

    >>> import tinygrad_bp as tg
    >>> tg.jacobian(lambda x: x * x)(np.array([1.0, 2.0]))
    array([[2., 0.],
           [0., 4.]])
    """
    if mode not in ("auto", "reverse", "forward"):
        raise ArgumentError(f"mode is 'auto', 'reverse' or 'forward'; got {mode!r}.")
    require_function("jacobian", f, argnums)

    @wraps(f)
    def transformed(*args: Any, **kwargs: Any) -> Any:
        chosen = positions(argnums, len(args))
        inputs = Inputs([args[i] for i in chosen])
        leaves, rebuild = flatten(call(f, *filled(args, chosen, inputs.values), **kwargs))
        outputs = [as_tensor(y) for y in leaves]
        _require_real([*inputs.tensors, *outputs])
        fewer_rows = sum(y.size for y in outputs) <= sum(x.size for x in inputs.tensors)
        by_rows = mode == "reverse" or (mode == "auto" and fewer_rows)
        blocks = _rows(inputs, outputs) if by_rows else _columns(inputs, outputs)
        trees = [inputs.unflatten(block) for block in blocks]
        return rebuild(iter([tuple(t) if isinstance(argnums, tuple | list) else t[0] for t in trees]))

    return transformed


def _require_real(tensors: Sequence[Tensor]) -> None:
    for t in tensors:
        if t.dtype.kind == "c":
            raise DTypeError(
                f"jacobian needs real arguments and results; {describe(t)} has dtype {t.dtype}. "
                "Differentiate its real and its imaginary part, or use vjp and jvp."
            )


def _rows(inputs: Inputs, outputs: Sequence[Tensor]) -> list[list[Any]]:
    """The blocks ∂y/∂x of every output and input, a sweep backwards for each element of the outputs."""
    blocks = []
    for y in outputs:
        rows = [inputs.pull([y], [e]) for e in _units(y)]
        blocks.append(
            [_stacked([row[i] for row in rows], (*y.shape, *x.shape), x) for i, x in enumerate(inputs.tensors)]
        )
    return blocks


def _columns(inputs: Inputs, outputs: Sequence[Tensor]) -> list[list[Any]]:
    """The same blocks, a sweep forwards for each element of the inputs."""
    blocks: list[list[Any]] = [[] for _ in outputs]
    for i, x in enumerate(inputs.tensors):
        rest = [None] * len(inputs.tensors)
        columns = [push(inputs, outputs, [*rest[:i], e, *rest[i + 1 :]]) for e in _units(x)]
        for k, y in enumerate(outputs):
            block = _stacked([inputs.leaf(column[k]) for column in columns], (x.size, y.size), x)
            blocks[k].append(block.T.reshape((*y.shape, *x.shape)))
    return blocks


def _units(x: Tensor) -> Iterator[Any]:
    """Every unit array of x's shape."""
    for i in range(x.size):
        e = np.zeros(x.size, x.dtype)
        e[i] = 1
        yield e.reshape(x.shape)[()]


def _stacked(rows: Sequence[Any], shape: tuple[int, ...], like: Tensor) -> Any:
    if not rows:
        return np.zeros(shape, like.dtype)
    if not isinstance(rows[0], Node):
        return np.array(rows, like.dtype).reshape(shape)
    return stack(rows).reshape(shape)


@overload
def hessian(f: Function, argnums: Literal[0] = 0) -> Matrix: ...
@overload
def hessian(f: Function, argnums: Argnums = 0) -> Function: ...
@guarded
def hessian(f: Function, argnums: Argnums = 0) -> Any:
    """The function that returns ∂²f/∂x², of shape x.shape + x.shape, for f that returns one number.

    Nested containers give, for every array in x, a container of blocks.

    >>> import tinygrad_bp as tg
    >>> tg.hessian(lambda x: (x**3).sum())(np.array([1.0, 2.0]))
    array([[ 6.,  0.],
           [ 0., 12.]])
    """
    require_function("hessian", f, argnums)
    return jacobian(grad(f, argnums), argnums, mode="forward")


@overload
def hvp(f: Function, xs: Sequence[Tensor], vs: Sequence[Operand]) -> tuple[Tensor, ...]: ...
@overload
def hvp(f: Function, xs: Sequence[Array | Number], vs: Sequence[Array | Number]) -> tuple[Array, ...]: ...
@overload
def hvp(f: Function, xs: Sequence[Any], vs: Sequence[Any]) -> tuple[Any, ...]: ...
@guarded
def hvp(f: Function, xs: Sequence[Any], vs: Sequence[Any]) -> tuple[Any, ...]:
    """Hessian–vector products Σⱼ ∂²f/∂xᵢ∂xⱼ·vⱼ, one for each x, by forward mode over reverse mode.

    >>> import tinygrad_bp as tg
    >>> tg.hvp(lambda x: (x**3).sum(), (np.array([1.0, 2.0]),), (np.array([1.0, 1.0]),))
    (array([ 6., 12.]),)
    """
    require_function("hvp", f)
    return tuple(jvp(grad(f, tuple(range(len(xs)))), xs, vs)[1])
