"""Arguments of NumPy's functions that the library's own do without, made of other functions: np.sum(t, where=…)."""

from __future__ import annotations

from collections.abc import Callable
from inspect import Parameter, signature
from typing import Any, Literal

import numpy as np

from tinygrad_bp.annotations import Array, DType
from tinygrad_bp.calls import guarded
from tinygrad_bp.errors import ArgumentError
from tinygrad_bp.ops.arithmetic import add, maximum, minimum, multiply
from tinygrad_bp.ops.comparison import where as choose
from tinygrad_bp.ops.complex import conjugate
from tinygrad_bp.ops.reductions import sum
from tinygrad_bp.ops.shaping import astype, broadcast_to, converted, reshape, swapaxes, transpose

Function = Callable[..., Any]

MISSING: Any = np._NoValue
"""What NumPy calls an argument that was not given."""


def _like(function: Function, complete: Function) -> Function:
    """`complete` with the signature of `function` and its own keywords after it."""
    ours = signature(function, eval_str=True)
    added = signature(complete, eval_str=True).parameters.values()
    parameters = [*ours.parameters.values(), *[p for p in added if p.kind is Parameter.KEYWORD_ONLY]]
    complete.__signature__ = ours.replace(parameters=parameters)  # type: ignore[attr-defined]
    complete.__qualname__, complete.__module__ = function.__name__, function.__module__
    return guarded(complete)


def _with_dtype(function: Function) -> Function:
    def complete(x: Any, *args: Any, dtype: DType | None = None, **kwargs: Any) -> Any:
        if dtype is None:
            return function(x, *args, **kwargs)
        return converted(function(astype(x, dtype), *args, **kwargs), dtype)  # sums of short integers are longer ones

    return _like(function, complete)


def _with_initial(function: Function, combine: Function, neutral: Any = None) -> Function:
    """A reduction with `initial`, one more element, and `where`, which leaves elements out for the neutral one."""

    def complete(x: Any, *args: Any, where: Any = True, initial: Any = MISSING, **kwargs: Any) -> Any:
        if where is not True:
            fill = initial if neutral is None else neutral
            if fill is MISSING:
                raise ArgumentError(f"np.{function.__name__}: where= may leave no element. Give initial= as well.")
            x = choose(broadcast_to(where, x.shape), x, fill)
        y = function(x, *args, **kwargs)
        return y if initial is MISSING else combine(y, initial)

    return _like(function, complete)


def _mean_with_where(mean: Function) -> Function:
    def complete(x: Any, *args: Any, where: Any = True, **kwargs: Any) -> Any:
        if where is True:
            return mean(x, *args, **kwargs)
        chosen = broadcast_to(where, x.shape)
        return sum(choose(chosen, x, 0), *args, **kwargs) / sum(astype(chosen, x.dtype), *args, **kwargs)

    return _like(mean, complete)


def _with_correction(function: Function) -> Function:
    def complete(x: Any, *args: Any, correction: float = MISSING, **kwargs: Any) -> Any:
        if correction is MISSING:
            return function(x, *args, **kwargs)
        if "ddof" in kwargs or len(args) > 1:
            raise ArgumentError(f"np.{function.__name__}: ddof and correction are the same. Give one of them.")
        return function(x, *args, ddof=correction, **kwargs)

    return _like(function, complete)


def _with_order(function: Function) -> Function:
    """Elements read and placed in C order, or with order="F" in Fortran's: that of the transpose."""

    def complete(x: Any, shape: Any = -1, *, order: Literal["C", "F"] = "C") -> Any:
        if order not in ("C", "F"):
            raise ArgumentError(f"np.{function.__name__}: order is 'C' or 'F' for tensors; got order={order!r}.")
        if order == "C":
            return reshape(x, shape)
        shape = tuple(shape) if np.iterable(shape) else (shape,)
        return transpose(reshape(transpose(x), shape[::-1]))

    return _like(function, complete)


def _with_rtol(pinv: Function) -> Function:
    def complete(a: Any, *args: Any, rtol: float | Array | None = None, **kwargs: Any) -> Any:
        return pinv(a, *args, **kwargs) if rtol is None else pinv(a, rtol)

    return _like(pinv, complete)


def _with_upper(cholesky: Function) -> Function:
    def complete(a: Any, *, upper: bool = False) -> Any:
        lower = cholesky(a)
        return conjugate(swapaxes(lower, -1, -2)) if upper else lower

    return _like(cholesky, complete)


_COMPLETED: dict[str, Callable[[Function], Function]] = {
    **dict.fromkeys(("sum", "nansum"), lambda f: _with_dtype(_with_initial(f, add, 0))),
    **dict.fromkeys(("prod", "nanprod"), lambda f: _with_dtype(_with_initial(f, multiply, 1))),
    **dict.fromkeys(("max", "amax", "nanmax"), lambda f: _with_initial(f, maximum)),
    **dict.fromkeys(("min", "amin", "nanmin"), lambda f: _with_initial(f, minimum)),
    "mean": lambda f: _with_dtype(_mean_with_where(f)),
    **dict.fromkeys(("var", "std", "nanvar", "nanstd"), lambda f: _with_dtype(_with_correction(f))),
    **dict.fromkeys(("nanmean", "cumsum", "cumprod", "nancumsum", "nancumprod", "trace"), _with_dtype),
    **dict.fromkeys(("reshape", "ravel"), _with_order),
    "linalg.pinv": _with_rtol,
    "linalg.cholesky": _with_upper,
}


def completed(name: str, function: Function) -> Function:
    """The function with the arguments that NumPy's function of this name has beyond those of an op."""
    return _COMPLETED[name](function) if name in _COMPLETED else function
