"""Single NumPy calls as text, in the form a person would write: operators, methods, `np.` functions."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any, Literal, NamedTuple

import numpy as np

from tinygrad_bp.errors import TracingError
from tinygrad_bp.ops.activations import SHORT_ROW
from tinygrad_bp.program.step import (
    ATTRIBUTE,
    CONSTANT,
    FUNCTION,
    GUARD,
    INDEX,
    METHOD,
    UFUNC,
    Step,
    is_outer,
    is_plain_reduction,
    is_reversal,
    uniform,
)

Dialect = Literal["people", "numpy", "numba", "jax", "array_api"]
"""Who reads the code: somebody who wants to understand it, NumPy in the shortest time, Numba, which knows less, JAX,
whose arrays nobody writes to, or any module of the Array API standard."""

IMPORTS = {"jax": "import jax.numpy as np", "array_api": "import array_api_strict as xp"}
"""The lines that import modules of arrays other than NumPy."""

LOWEST, COMPARISON, OR, XOR, AND, SUM, MATRICES, PRODUCT, UNARY, POWER, ATOM = range(11)
"""How tightly an expression holds together, loosest first, as in Python; but one writes (A @ B) * c."""

SHORT, LONG = 16, 1000
"""Up to so many numbers a constant array is written where it is used, or before the function."""

LARGEST_INTEGER = 1e6
"""Larger numbers keep their form: 1e20."""

NEAR_0 = 1e-9
"""Nobody writes 1 / n for a number this small."""

Operand = Callable[[Step], tuple[str, int]]

_BINARY = {
    np.add: ("+", SUM), np.subtract: ("-", SUM), np.multiply: ("*", PRODUCT), np.divide: ("/", PRODUCT),
    np.floor_divide: ("//", PRODUCT), np.remainder: ("%", PRODUCT), np.matmul: ("@", MATRICES),
    np.bitwise_and: ("&", AND), np.bitwise_or: ("|", OR), np.bitwise_xor: ("^", XOR),
    np.greater: (">", COMPARISON), np.less: ("<", COMPARISON), np.equal: ("==", COMPARISON),
    np.greater_equal: (">=", COMPARISON), np.less_equal: ("<=", COMPARISON), np.not_equal: ("!=", COMPARISON),
}  # fmt: skip
_ASSOCIATIVE = {np.bitwise_and, np.bitwise_or, np.bitwise_xor}
_REDUCTIONS = {
    np.add.reduce: "np.sum", np.sum: "np.sum", np.multiply.reduce: "np.prod", np.max: "np.max", np.min: "np.min",
    np.maximum.reduce: "np.max", np.minimum.reduce: "np.min",
}  # fmt: skip

_STANDARD = {
    np.concatenate: "concat", np.transpose: "permute_dims", np.absolute: "abs", np.conjugate: "conj",
    np.arccos: "acos", np.arccosh: "acosh", np.arcsin: "asin", np.arcsinh: "asinh", np.arctan: "atan",
    np.arctan2: "atan2", np.arctanh: "atanh",
}  # fmt: skip
"""The names that the Array API standard gives functions of NumPy's: the same objects, so that they cost nothing."""

_SPACES = {"np": np, "np.linalg": np.linalg, "np.fft": np.fft, "np.lib.stride_tricks": np.lib.stride_tricks}

Expression = tuple[str, int]


class Spelling(NamedTuple):
    """What a kind of reader calls things: functions of steps, constants and arguments that give text."""

    call: Callable[..., Expression]
    literal: Callable[..., Expression | None]
    array: Callable[[Any], str | None]
    argument: Callable[[Any, Operand], str]
    place: Callable[[Any, Operand, int], str]
    copied: Callable[[str], str]
    contained: Callable[[Step], Any]


def enclosed(text: str, binding: int, needed: int) -> str:
    """The text, in parentheses if it holds together more loosely than its place asks for."""
    return text if binding >= needed else f"({text})"


def call(step: Step, operand: Operand, dialect: Dialect = "people") -> Expression:
    """A step as an expression, and how tightly that holds together."""
    if step.opcode == GUARD:
        return operand(step.args[0])
    if step.opcode == UFUNC and not step.kwargs:
        return _ufunc(step, operand, dialect)
    if step.function is np.dot and (is_outer(step) or dialect == "people"):
        return binary(np.matmul if dialect == "people" else np.multiply, [operand(x) for x in step.args])
    if step.opcode == INDEX:
        return f"{_of(step, operand)}[{index(step.args[1], operand)}]", ATOM
    if is_reversal(step) and len(step.shape) == 2:
        return f"{_of(step, operand)}.T", ATOM
    if step.opcode == ATTRIBUTE:
        return f"{_of(step, operand)}.{step.function}", ATOM
    if dialect == "numpy" and step.function is np.max and _is_over_short_rows(step):
        *rows, n = step.args[0].shape
        matrix = _of(step, operand) + f".reshape({prod(rows)}, {n})" * (len(rows) > 1)
        return f"np.maximum.reduce({matrix}.T.copy(), axis=0).reshape({', '.join(map(str, rows))}, 1)", ATOM
    if dialect != "numpy" and step.opcode == FUNCTION and step.function in _REDUCTIONS and is_plain_reduction(step):
        return _reduction(step, operand, dialect), ATOM
    given = [argument(x, operand) for x in step.args] + [f"{k}={argument(x, operand)}" for k, x in step.kwargs.items()]
    if step.called == "reshape" and dialect == "people" and len(step.args) == 2 and not step.kwargs:
        return f"{_of(step, operand)}.reshape({', '.join(map(str, step.shape)) or '()'})", ATOM
    if step.opcode == METHOD:
        return f"{_of(step, operand)}.{step.function}({', '.join(given[1:])})", ATOM
    path = f"np.{_STANDARD[step.function]}" if _is_standard(step, dialect) else numpy_path(step.function)
    if path is None:
        raise TracingError(f"{step.function!r} is no function of NumPy's that a program can name.")
    return f"{path}({', '.join(given)})", ATOM


def _is_standard(step: Step, dialect: Dialect) -> bool:
    """Whether a function is called by its name in the Array API standard: where people read."""
    return dialect == "people" and step.function in _STANDARD


def _is_over_short_rows(step: Step) -> bool:
    shape = step.args[0].shape
    return len(shape) > 1 and 0 < shape[-1] <= SHORT_ROW and step.kwargs == {"axis": -1, "keepdims": True}


def _of(step: Step, operand: Operand) -> str:
    """The first argument, in front of a dot or a bracket."""
    text, binding = operand(step.args[0])
    return enclosed(text, binding, ATOM)


def numpy_path(value: Any) -> str | None:
    """How code reaches a function of NumPy's: np.add.reduce, np.linalg.inv; None for anything else."""
    name, bound = getattr(value, "__name__", ""), getattr(value, "__self__", None)
    if isinstance(bound, np.ufunc):
        return f"{numpy_path(bound)}.{name}"
    for space, module in _SPACES.items():
        if name and getattr(module, name, None) is value:
            return f"{space}.{name}"
    return None


def _ufunc(step: Step, operand: Operand, dialect: Dialect) -> Expression:
    texts = [operand(x) if isinstance(x, Step) else _numeral(x, step, dialect) for x in step.args]
    if step.function in _BINARY:
        last = step.args[-1]
        product = step.function is np.multiply and isinstance(last, Step) and last.function is np.multiply
        return binary(step.function, texts, step.function in _ASSOCIATIVE or (product and dialect == "people"))
    if step.function is np.power:
        return f"{enclosed(*texts[0], ATOM)} ** {enclosed(*texts[1], UNARY)}", POWER
    if step.function is np.negative:
        return f"-{enclosed(*texts[0], UNARY)}", UNARY
    name = _STANDARD[step.function] if _is_standard(step, dialect) else step.called
    return f"np.{name}({', '.join([text for text, _ in texts])})", ATOM


def is_operator(function: Any) -> bool:
    """Whether a ufunc is written as an operator between its operands."""
    return function in _BINARY


def binary(function: np.ufunc, texts: list[Expression], associative: bool = False) -> Expression:
    """An operator between two expressions. People take products for associative, which they are but for rounding."""
    sign, binding = _BINARY[function]
    (a, left), (b, right) = texts
    if binding == MATRICES:
        return f"{enclosed(a, left, MATRICES if left < PRODUCT else UNARY)} @ {enclosed(b, right, UNARY)}", MATRICES
    a = enclosed(a, left, binding + (binding == COMPARISON))
    return f"{a} {sign} {enclosed(b, right, binding if associative else binding + 1)}", binding


def _numeral(x: Any, user: Step, dialect: Dialect) -> Expression:
    """A number among a ufunc's arguments; 1.0 is 1 to a person, as it is to NumPy beside floats."""
    others = [s.dtype.kind for s in user.operands if s.opcode != CONSTANT]
    if dialect == "people" and isinstance(x, float) and not set(others) - {"f", "c"}:
        x = int(x) if x.is_integer() and abs(x) < LARGEST_INTEGER and str(x) != "-0.0" else x
    text = number(x)
    return text, UNARY if text[:1] == "-" else PRODUCT if " / " in text else ATOM


def _reduction(step: Step, operand: Operand, dialect: Dialect) -> str:
    """A sum, or the like; for Numba with kept axes put back by an index."""
    source, *positional = step.args
    axis, keepdims = step.kwargs.get("axis", *positional or [None]), step.kwargs.get("keepdims")
    if isinstance(axis, tuple):
        axis = axis[0] if len(axis) == 1 else None if len(axis) == len(source.shape) else axis
    name, x = _REDUCTIONS[step.function], operand(source)[0]
    if dialect == "numba" and keepdims and not isinstance(axis, tuple):
        if axis is None:
            return f"np.reshape({name}({x}), {step.shape})"
        axis %= len(source.shape)
        return f"{name}({x}, axis={axis})[{', '.join([':'] * axis + ['None'])}]"
    return f"{name}({x}{'' if axis is None else f', axis={axis}'}{', keepdims=True' * bool(keepdims)})"


# --- arguments --------------------------------------------------------------------------------------------------------


def argument(x: Any, operand: Operand) -> str:
    """Anything that a call is given."""
    if isinstance(x, Step):
        return operand(x)[0]
    if isinstance(x, tuple):
        return f"({', '.join([argument(part, operand) for part in x])}{',' if len(x) == 1 else ''})"
    if isinstance(x, list):
        return f"[{', '.join([argument(part, operand) for part in x])}]"
    if isinstance(x, slice):
        return f"slice({', '.join([repr(part) for part in (x.start, x.stop, x.step)])})"
    if isinstance(x, np.dtype):
        return f"np.{x.name}"
    if isinstance(x, type) and issubclass(x, np.generic):
        return f"np.{x.__name__}"
    if isinstance(x, type):
        return x.__name__
    return number(x) if isinstance(x, float | complex | np.generic) else "..." if x is Ellipsis else repr(x)


def index(parts: Any, operand: Operand, spelled: Callable[[Any, Operand], str] | None = None) -> str:
    """What stands in the brackets. spelled: how a part of it is written that is no slice."""
    if isinstance(parts, tuple):
        return ", ".join([index(part, operand, spelled) for part in parts]) or "()"
    if isinstance(parts, slice):
        start, stop, step = ["" if part is None else str(part) for part in (parts.start, parts.stop, parts.step)]
        return f"{start}:{stop}" + (f":{step}" if step else "")
    return (spelled or argument)(parts, operand)


def number(x: Any) -> str:
    """A number as one writes it: 0.5, 1 / 97, np.inf."""
    if isinstance(x, np.generic):
        text = number(x.item())
        return f"np.{x.dtype.name}{text if text[:1] == '(' else f'({text})'}"
    if isinstance(x, complex) and not np.isfinite(x):
        return f"complex({number(x.real)}, {number(x.imag)})"
    if isinstance(x, float) and not np.isfinite(x):
        return {"inf": "np.inf", "-inf": "-np.inf"}.get(repr(x), "np.nan")
    if isinstance(x, float) and NEAR_0 < abs(x) < 1 and len(repr(x)) > 12:
        whole = round(1 / x)
        if 1 / whole == x:
            return f"1 / {whole}"
    return repr(x)


def literal(x: Step, user: Step | None, dialect: Dialect = "people") -> Expression | None:
    """A constant as part of the code; None if it is too large, or an array that a program would make each time."""
    shared = uniform(x.value)
    if user is not None and user.opcode in (UFUNC, FUNCTION) and shared is not None and _is_weak(x, user):
        return _numeral(shared, user, dialect)
    if dialect == "numba" and x.size and x.shape:
        return None
    if dialect == "numpy" and x.shape and shared == 1 and user is not None and user.function is np.dot:
        return None  # of a sum: made once, see `sums`
    text = _constant(x.value, shared)
    return None if text is None else (text, LOWEST if text[:1] == "-" else ATOM)


def _constant(value: Any, shared: Any) -> str | None:
    if not value.ndim:
        return number(value[()])
    if not value.size or (shared == 0 and "-" not in repr(shared)):
        return _zeros(value)
    if shared is not None:
        return f"np.full({value.shape}, {number(shared)}{_dtype(value)})"
    if value.ndim == 1 and value.dtype == np.int64 and np.array_equal(value, np.arange(value.size)):
        return f"np.arange({value.size})"
    return array(value) if value.size <= SHORT else None


def _zeros(value: Any) -> str:
    shape = value.size if value.ndim == 1 else value.shape
    return f"np.zeros({shape})" if value.dtype == np.float64 else f"np.zeros({shape}, np.{value.dtype.name})"


def array(value: Any) -> str | None:
    """An array of numbers as code; None if it is too long for that."""
    if value.size > LONG:
        return None
    return f"np.array({_listed(value.tolist())}{_dtype(value)})"


def _dtype(value: Any) -> str:
    """The dtype as a further argument, where the numbers do not say it."""
    return "" if value.size and value.dtype in (np.float64, np.int64, np.bool_) else f", np.{value.dtype.name}"


def _listed(x: Any) -> str:
    """Nested lists of numbers as code, fractions in decimals."""
    if isinstance(x, list):
        return f"[{', '.join(map(_listed, x))}]"
    return repr(x) if np.isfinite(x) else number(x)


def _is_weak(x: Step, user: Step) -> bool:
    """Whether a Python number in the constant's place gives the same shape and dtype."""
    if user.function is np.where:
        shapes = [s.shape for s in user.operands if s is not x]
        return x.dtype == np.float64 and bool(shapes) and np.broadcast_shapes(*shapes) == user.shape
    others = [s for s in user.operands if s is not x and s.opcode != CONSTANT]
    if user.opcode != UFUNC or user.function.signature is not None or any(s.dtype != x.dtype for s in others):
        return False
    return bool(others) and np.broadcast_shapes(*[s.shape for s in others]) == user.shape


SPELLING = Spelling(
    call, literal, array, argument,
    place=lambda parts, operand, axes: index(parts, operand),
    copied=lambda text: f"{text}.copy()",
    contained=lambda step: None,
)  # fmt: skip
