"""Calls that fail: an exception of the library, which names function and argument, in the place of Python's or NumPy's.

All of this runs after a failure; a call that succeeds pays nothing. What a user's own function raises stays as it is.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import wraps
from types import FrameType
from typing import Any, NoReturn, ParamSpec, TypeVar

import numpy as np

from tinygrad_bp.annotations import expected, fits
from tinygrad_bp.constants import constant, uneven
from tinygrad_bp.errors import (
    ArgumentError,
    DTypeError,
    LinearAlgebraError,
    ShapeError,
    SignatureError,
    TinygradError,
    TooLargeError,
    describe,
    kind_of,
    unknown_argument,
)

P = ParamSpec("P")
Y = TypeVar("Y")
Arguments = tuple[Any, ...]
Settings = Mapping[str, Any]

_OURS = frozenset({"tinygrad_bp", "numpy", "scipy"}) | sys.stdlib_module_names
_FAULTS = (
    ValueError, TypeError, LookupError, AttributeError, ArithmeticError, MemoryError, RecursionError, NameError,
    NotImplementedError, StopIteration, TinygradError,
)  # fmt: skip
"""What comes of wrong arguments; a missing file or package does not."""

_OPS = "tinygrad_bp.ops."
_TOO_LARGE = re.compile("too (big|large)|maximum (possible|allowed|supported)", re.IGNORECASE)
"""What NumPy says of sizes that no array has."""


def guarded(function: Callable[P, Y]) -> Callable[P, Y]:
    """The function, with the library's exceptions for calls that it cannot take. For what is public and no record."""

    @wraps(function)
    def call(*args: P.args, **params: P.kwargs) -> Y:
        try:
            return function(*args, **params)
        except Exception as error:  # it is explained, or raised again
            given: Any = args
            called: Any = function
            if next(iter(inspect.signature(function).parameters), "") == "self":
                called, given = called.__get__(given[0]), given[1:]
            name = function.__qualname__.removesuffix(".__init__").removeprefix("Tensor.")
            if name.startswith("_"):  # a base that several classes share: called is one of those
                name = type(args[0]).__name__
            return again(name, called, given, params, error)  # type: ignore[no-any-return]

    call.__guarded__ = True  # type: ignore[attr-defined]
    return call


def again(
    name: str,
    function: Callable[..., Any],
    args: Arguments,
    params: Settings,
    error: Exception,
    explain: Callable[..., str] | None = None,
) -> Any:
    """The function of arrays, if it failed on lists or numbers because they are none; else its failure, explained."""
    try:
        if isinstance(error, AttributeError) and not is_users(error):
            arrays = _as_arrays(function, args, params)
            if arrays is not None:
                try:
                    return function(*arrays.args, **arrays.kwargs)
                except Exception as second:  # of the arrays; it says more than that lists have no shape
                    error = second
        return refuse(name, function, args, params, error, explain)
    finally:
        del error  # whose traceback holds this frame: they would be a cycle


def refuse(
    name: str,
    function: Callable[..., Any],
    args: Arguments,
    params: Settings,
    error: Exception,
    explain: Callable[..., str] | None = None,
    recorded: bool = False,
) -> NoReturn:
    """Raise what is wrong with a call that failed: with the names of its arguments, with their types, or together.

    explain: what an op's record says of operands that do not fit. recorded: the operands are tensors; so messages of
    the forward function, which sees arrays, get the tensors' names.
    """
    reason: Exception | None = None
    try:
        reason = _reason(name, function, args, params, error, explain, recorded)
        if reason is error:
            raise error
        raise reason from error
    finally:
        del error, reason  # as above


def _reason(
    name: str,
    function: Callable[..., Any],
    args: Arguments,
    params: Settings,
    error: Exception,
    explain: Callable[..., str] | None,
    recorded: bool,
) -> Exception:
    """The exception that says what is wrong with a call that failed; the failure itself, if that does."""
    if isinstance(error, TypeError):
        require_signature(name, function, args, params)
    if not isinstance(error, _FAULTS) or is_users(error) or (isinstance(error, TinygradError) and not recorded):
        return error
    if isinstance(error, TinygradError):
        return type(error)(f"{error} (in {name} of {_shown(args, {})})")
    for key, value, annotation in () if isinstance(error, IndexError) else misfits(function, args, params):
        if isinstance(value, list | tuple) and annotation is Any and (rows := uneven(value)):
            return ShapeError(f"{name}: {key}: {rows}")
        kind = DTypeError if annotation is Any else ArgumentError
        return kind(f"{name}: {key} is {expected(annotation)}; got {described(value)}.")
    if explain is not None and isinstance(error, ValueError) and not isinstance(error, np.linalg.LinAlgError):
        return ShapeError(explain(*args))
    return _explained(name, _shown(args, params), error)


def _explained(name: str, given: str, error: Exception) -> Exception:
    """The library's exception for one of NumPy's or Python's, which a function met with what it was given."""
    said = str(error).removesuffix(".")
    if isinstance(error, IndexError):
        return type(error)(f"{said} (in {name} of {given})")
    if isinstance(error, np.linalg.LinAlgError):
        return LinearAlgebraError(f"{name} of {given}: {said}. Check its last two axes, its rank and its symmetry.")
    if isinstance(error, MemoryError) or (isinstance(error, ValueError) and _TOO_LARGE.search(said)):
        return TooLargeError(f"{name} of {given} cannot be made: there is not enough memory: {said}. Make it smaller.")
    if isinstance(error, ArithmeticError | RecursionError):
        return ArgumentError(f"{name} of {given} is out of range: {said}. Pass other numbers.")
    kind = ShapeError if isinstance(error, ValueError) else DTypeError
    return kind(f"{name}: {given} do not fit together: {said}. Reshape, transpose or convert one of them.")


def _shown(args: Arguments, params: Settings) -> str:
    return ", ".join([*map(described, args), *[f"{key}={described(value)}" for key, value in params.items()]])


def is_outside(frame: FrameType) -> bool:
    """Whether the code that runs in a frame is a user's."""
    return str(frame.f_globals.get("__name__")).partition(".")[0] not in _OURS


def is_users(error: Exception) -> bool:
    """Whether other code than the library's, NumPy's, SciPy's and Python's own raised it."""
    step = error.__traceback__
    while step is not None:
        if is_outside(step.tb_frame):
            return True
        step = step.tb_next
    return False


def require_signature(name: str, function: Callable[..., Any], args: Arguments, params: Settings) -> None:
    """Raise SignatureError if the function does not take these arguments, for a call that failed."""
    try:
        signature = inspect.signature(function)
    except ValueError:  # as below
        return
    try:
        signature.bind(*args, **params)
    except TypeError as error:
        for key in params:
            if key not in signature.parameters:
                raise unknown_argument(name, key, signature.parameters) from None
        parameters = [p.replace(annotation=p.empty) for p in signature.parameters.values()]
        plain = signature.replace(parameters=parameters, return_annotation=signature.empty)
        raise SignatureError(f"{name}: {error}. It is called as {name}{plain}.") from None


def require_callable(name: str, key: str, f: Any) -> None:
    """Raise ArgumentError if an argument is no function: where it is given, not where it is called."""
    if not callable(f):
        raise ArgumentError(f"{name}: {key} is a function; got {described(f)}. Pass {key} itself, not what it returns.")


# --- arguments beside their annotations -------------------------------------------------------------------------------


def misfits(function: Callable[..., Any], args: Arguments, params: Settings) -> Iterator[tuple[str, Any, Any]]:
    """The arguments that are not what their annotations say: name, value and annotation."""
    for parameter, values in _given(function, args, params):
        for key, value in values:
            annotation = parameter.annotation
            if annotation is Any and (key in params or not function.__module__.startswith(_OPS)):
                continue  # it is anything, not an operand
            if value is not parameter.default and not _takes(annotation, value):
                yield key, value, annotation


def _takes(annotation: Any, value: Any) -> bool:
    if annotation is not Any:
        return fits(value, annotation)
    try:
        return hasattr(value, "requires_grad") or constant(value).dtype.kind in "biufc"
    except (TypeError, ValueError):
        return False


def _given(
    function: Callable[..., Any], args: Arguments, params: Settings
) -> Iterable[tuple[inspect.Parameter, list[tuple[str, Any]]]]:
    """Every parameter with the arguments that it gets, by the name to call each."""
    try:
        signature = inspect.signature(function, eval_str=True)
        bound = signature.bind(*args, **params).arguments
    except (NameError, TypeError, ValueError):  # functions of NumPy's in C have no signature before 2.4
        return
    for name, value in bound.items():
        parameter = signature.parameters[name]
        if parameter.kind is parameter.VAR_POSITIONAL:
            yield parameter, [(f"{name}[{i}]", v) for i, v in enumerate(value)]
        elif parameter.kind is parameter.VAR_KEYWORD:
            yield parameter, list(value.items())
        else:
            yield parameter, [(name, value)]


def _as_arrays(function: Callable[..., Any], args: Arguments, params: Settings) -> inspect.BoundArguments | None:
    """The call with arrays in the place of lists and numbers among its operands; None if there are none."""
    if not function.__module__.startswith(_OPS):
        return None
    changed = False

    def array(value: Any) -> Any:
        nonlocal changed
        if value is None or hasattr(value, "dtype"):
            return value
        changed = True
        return constant(value)

    try:
        bound = inspect.signature(function, eval_str=True).bind(*args, **params)
        for name, value in bound.arguments.items():
            parameter = bound.signature.parameters[name]
            if parameter.annotation is Any and parameter.kind is parameter.VAR_POSITIONAL:
                bound.arguments[name] = tuple(map(array, value))
            elif parameter.annotation is Any:
                bound.arguments[name] = array(value)
    except (TypeError, ValueError):  # they are no arrays of numbers
        return None
    return bound if changed else None


def described(value: Any) -> str:
    """An argument as messages write it: name and shape of an array, else what it is, if that is short."""
    if isinstance(getattr(value, "dtype", None), np.dtype) and not isinstance(value, np.dtype):
        text = describe(value)
        return text if value.dtype.kind in "biufc" else f"{text} of dtype {value.dtype}"
    text = repr(value)
    return text if len(text) <= 60 and " object at 0x" not in text else kind_of(value)
