"""Methods made of functions, for a class that has many of them and writes none out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import update_wrapper
from typing import Any

import numpy as np

from tinygrad_bp.calls import refuse
from tinygrad_bp.engine import Node, Op, apply

Function = Callable[..., Any]


def operator(function: Function) -> Any:
    """`self ∘ other` for a binary op."""
    record: Op = function.op  # type: ignore[attr-defined]

    def method(self: Node, other: Any) -> Any:
        return apply(record, (self, other))

    return update_wrapper(method, function)


def reflected(function: Function) -> Any:
    """`other ∘ self` for a binary op whose left operand does not know tensors."""
    record: Op = function.op  # type: ignore[attr-defined]

    def method(self: Node, other: Any) -> Any:
        return apply(record, (other, self))

    return update_wrapper(method, function)


def reduction(function: Function) -> Any:
    """A reduction over `axis`; `keepdims` has its name, since NumPy has other arguments between the two."""
    numpys = getattr(np, function.__name__)

    def method(self: Node, axis: Any = None, *, keepdims: bool = False, **others: Any) -> Any:
        if others:
            return _with_numpys(numpys, (self,), {"axis": axis, "keepdims": keepdims, **others})
        return function(self, axis=axis, keepdims=keepdims)

    method.numpys = numpys  # type: ignore[attr-defined]
    return update_wrapper(method, function)


def method(function: Function) -> Any:
    """NumPy's function as a method: it comes back to the library's function of the same name."""

    def method(self: Node, *args: Any, **kwargs: Any) -> Any:
        return _with_numpys(function, (self, *args), kwargs)

    method.numpys = function  # type: ignore[attr-defined]
    return update_wrapper(method, function)


def _with_numpys(function: Function, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    try:
        return function(*args, **kwargs)
    except Exception as error:  # it is explained, or raised again
        refuse(function.__name__, function, args, kwargs, error)
