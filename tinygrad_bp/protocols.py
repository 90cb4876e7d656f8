"""NumPy's own functions on tensors: `np.exp(t)`, `np.sum(t, axis=0)`, `np.add.outer(t, a)`.

NumPy asks an argument that is not one of its arrays what to do (`__array_ufunc__`, `__array_function__`). The answer is
looked up by name, so an op that is added needs no line here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from functools import cache
from inspect import Parameter, isfunction, ismodule, signature
from typing import Any, NoReturn

import numpy as np

from tinygrad_bp import fft, linalg, ops
from tinygrad_bp.arguments import completed
from tinygrad_bp.calls import refuse
from tinygrad_bp.engine import Node
from tinygrad_bp.errors import ArgumentError, ArrayConversionError, MissingRuleError
from tinygrad_bp.registry import OPS

Function = Callable[..., Any]

_REDUCED = {
    "add": "sum", "multiply": "prod", "maximum": "max", "minimum": "min", "logical_and": "all", "logical_or": "any",
    "logaddexp": "logsumexp",
}  # fmt: skip
_ACCUMULATED = {"add": "cumsum", "multiply": "cumprod"}

_LIKE = {"empty_like", "full_like", "ones_like", "zeros_like"}
"""What these make is a constant."""

_INSPECTING = {
    "all", "allclose", "any", "argmax", "argmin", "argpartition", "argsort", "argwhere", "array2string", "array_equal",
    "array_equiv", "array_repr", "array_str", "can_cast", "common_type", "count_nonzero", "diag_indices_from",
    "digitize", "einsum_path", "flatnonzero", "isclose", "iscomplex", "iscomplexobj", "isin", "isneginf", "isposinf",
    "isreal", "isrealobj", "lexsort", "linalg.matrix_rank", "may_share_memory", "min_scalar_type", "nanargmax",
    "nanargmin", "ndim", "nonzero", "result_type", "save", "savetxt", "savez", "savez_compressed", "searchsorted",
    "shape", "shares_memory", "size", "tril_indices_from", "triu_indices_from", "where",
}  # fmt: skip
"""Nothing that these return depends smoothly on the values; without a function of their own here they get arrays."""

_WRITING = {"copyto", "fill_diagonal", "place", "put", "put_along_axis", "putmask"}

_NEUTRAL = {
    "where": True, "dtype": None, "initial": None, "casting": "same_kind", "order": "K", "subok": True,
    "signature": None, "axes": None, "keepdims": False,
}  # fmt: skip
"""Arguments of ufuncs that change nothing."""

_HINTS = {"optimize", "overwrite_input", "subok"}
"""Arguments about how to compute, not what."""

_INSTEAD = {
    "where": "Choose elements with np.where first.",
    "dtype": "Convert with astype before or after.",
    "initial": "Combine it with the result.",
}


@cache
def functions() -> Mapping[str, Function]:
    """The library's functions by the names NumPy has for them after `np.`: `sum`, `linalg.norm`, `fft.fft`."""
    pages = [page for page in vars(ops).values() if ismodule(page)]
    found = {name: f for page in pages for name, f in _public(page) if f.__module__ == page.__name__}
    for space, module in (("linalg", linalg), ("fft", fft)):
        found |= {f"{space}.{name}": f for name, f in _public(module)}
    return found | {"expit": found["sigmoid"], "log_expit": found["log_sigmoid"]}


@cache
def _with_all_arguments(name: str) -> Function | None:
    """The library's function for NumPy's `name`, with NumPy's arguments; made when it is first asked for."""
    function = functions().get(name)
    return function and completed(name, function)


def _public(module: Any) -> list[tuple[str, Function]]:
    return [(name, f) for name, f in vars(module).items() if isfunction(f) and not name.startswith("_")]


def _find(name: str) -> Function | None:
    """The function for NumPy's `name`: the library's, or one registered by the user."""
    return _with_all_arguments(name) or (OPS[name].call if name in OPS else None)


def _refuse(name: str, method: str = "") -> NoReturn:
    space = name.rpartition(".")[0]
    candidates = [c for c in functions() if _is_numpys(c) and c.rpartition(".")[0] == space]
    nearest = get_close_matches(name, candidates, n=1, cutoff=0.75)
    hint = f"; the nearest name that has one is np.{nearest[0]}" if nearest else ""
    raise MissingRuleError(
        f"np.{name}{method} has no derivative rule here{hint}. Write it with functions that have one, give it a rule "
        "with custom_op, or use .data if no gradient is to pass."
    )


def _is_numpys(name: str) -> bool:
    space, _, last = name.rpartition(".")
    return hasattr(getattr(np, space) if space else np, last)


def _refuse_out(name: str) -> NoReturn:
    functional = f" tg.{name} returns a new array." if name in functions() else ""
    raise ArrayConversionError(
        f"np.{name} would write into an existing array, where the gradient of a tensor is lost. "
        f"Use the tensor that is returned without out=: a = a + t instead of a += t.{functional}"
    )


# --- ufuncs -----------------------------------------------------------------------------------------------------------


def array_ufunc(self: Node, ufunc: np.ufunc, method: str, *inputs: Any, out: Any = None, **kwargs: Any) -> Any:
    """NumPy's protocol for its ufuncs and their methods; `self` is one of the inputs."""
    name = ufunc.__name__
    if out is not None:
        _refuse_out(name)
    if method == "__call__":
        function = _find(name) or _refuse(name)
        return function(*inputs, **_accepted(name, function, kwargs)) if kwargs else function(*inputs)
    if method == "outer":
        function, (a, b) = _find(name) or _refuse(name), inputs
        column = functions()["reshape"](a, np.shape(a) + (1,) * np.ndim(b))
        return function(column, b, **_accepted(f"{name}.outer", function, kwargs))
    if method == "at":
        _refuse_out(f"{name}.at")
    named = {"reduce": _REDUCED, "accumulate": _ACCUMULATED}.get(method, {}).get(name)
    function = _with_all_arguments(named or "") or _refuse(name, f".{method}")
    return function(*inputs, **_accepted(f"{name}.{method}", function, {"axis": 0, **kwargs}))


def _accepted(name: str, function: Function, kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The keyword arguments that `function` takes, without those that change nothing; others are an error."""
    known = _parameters(function)
    for key, value in kwargs.items():
        if key not in known and value is not np._NoValue and (key not in _NEUTRAL or value is not _NEUTRAL[key]):
            _refuse_argument(name, key, value)
    return {key: value for key, value in kwargs.items() if key in known}


def _refuse_argument(name: str, key: str, value: Any) -> NoReturn:
    instead = _INSTEAD.get(key, "Leave it away.")
    raise ArgumentError(f"np.{name}: {key}={value!r} is not supported for tensors. {instead}")


@cache
def _parameters(function: Function) -> Mapping[str, Parameter]:
    try:
        return signature(function).parameters
    except ValueError:  # a function written in C, before NumPy 2.4
        return {}


# --- other functions --------------------------------------------------------------------------------------------------


def array_function(
    self: Node, function: Function, types: tuple[type, ...], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> Any:
    """NumPy's protocol for its other functions; `self` is one of the tensors among the arguments."""
    if not all(issubclass(kind, Node | np.ndarray) for kind in types):
        return NotImplemented
    name = _name(function)
    if name in _WRITING:
        _refuse_out(name)
    if name in _LIKE:
        return type(self)(function(_plain(args[0]), *args[1:], **kwargs)[()])
    ours = _find(name)
    if name == "where" and len(args) < 3:
        ours = None  # the indices of what holds
    if ours is None:
        if name not in _INSPECTING:
            _refuse(name)
        try:
            return function(*_plain(args), **_plain(kwargs))
        except Exception as error:  # it is explained, or raised again
            refuse(f"np.{name}", function, args, kwargs, error)
    args, kwargs = _translated(name, function, ours, args, kwargs)
    return ours(*args, **kwargs)


@cache
def _name(function: Function) -> str:
    """A function's name after `np.`, and that of windows as if it were there."""
    module = function.__module__
    return ".".join([*(module.split(".")[1:] if "stride_tricks" not in module else ()), function.__name__])


def _plain(value: Any) -> Any:
    """Tensors, also inside lists, tuples and dicts, as their values."""
    if isinstance(value, list | tuple):
        return type(value)([_plain(v) for v in value])
    if isinstance(value, dict):
        return {key: _plain(v) for key, v in value.items()}
    return value.value if isinstance(value, Node) else value


def _translated(
    name: str, theirs: Function, ours: Function, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
    """Arguments of NumPy's function as our function takes them: its first ones may be named otherwise."""
    wanted, known = _parameters(theirs), _parameters(ours)
    if kwargs.get("out") is not None:
        _refuse_out(name)
    if not wanted or (len(args) == 1 and kwargs.keys() <= known.keys()):
        return args, kwargs
    pairs = zip(wanted, known, strict=False)
    renamed = {a: b for a, b in pairs if a not in known and b not in wanted and known[b].default is Parameter.empty}
    positional: list[Any] = []
    following: list[Any] = []
    given: dict[str, Any] = {}
    for key, value in signature(theirs).bind(*args, **kwargs).arguments.items():
        if wanted[key].kind is Parameter.VAR_POSITIONAL:
            following += value
        elif wanted[key].kind is Parameter.VAR_KEYWORD:
            given |= _accepted(name, ours, value)
        elif key in known or key in renamed:
            given[renamed.get(key, key)] = value
        elif key == "out" and value is not None:
            _refuse_out(name)
        elif key not in _HINTS and not _is_default(value, wanted[key].default):
            _refuse_argument(name, key, value)
    for key in known:
        if key not in given or known[key].kind is Parameter.KEYWORD_ONLY:
            break
        positional.append(given.pop(key))
    return (*positional, *following), given


def _is_default(value: Any, default: Any) -> bool:
    return value is None or value is default or (isinstance(value, str | int) and value == default)
