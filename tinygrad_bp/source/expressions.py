"""Single NumPy calls as text, in the form a person would write: operators, methods, `np.` functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_bp.errors import TracingError
from tinygrad_bp.program.step import ATTRIBUTE, CONSTANT, GUARD, INDEX, METHOD, UFUNC, Step, is_reversal, uniform

LOWEST, COMPARISON, OR, XOR, AND, SUM, PRODUCT, UNARY, POWER, ATOM = range(10)
"""How tightly an expression holds together, loosest first, as in Python."""

SHORT, LONG = 16, 1000
"""Up to so many numbers a constant array is written where it is used, or before the function."""

NEAR_0 = 1e-9
"""Nobody writes 1 / n for a number this small."""

Operand = Callable[[Step], tuple[str, int]]

_BINARY = {
    np.add: ("+", SUM), np.subtract: ("-", SUM), np.multiply: ("*", PRODUCT), np.divide: ("/", PRODUCT),
    np.floor_divide: ("//", PRODUCT), np.remainder: ("%", PRODUCT), np.matmul: ("@", PRODUCT),
    np.bitwise_and: ("&", AND), np.bitwise_or: ("|", OR), np.bitwise_xor: ("^", XOR),
    np.greater: (">", COMPARISON), np.less: ("<", COMPARISON), np.equal: ("==", COMPARISON),
    np.greater_equal: (">=", COMPARISON), np.less_equal: ("<=", COMPARISON), np.not_equal: ("!=", COMPARISON),
}  # fmt: skip
_ASSOCIATIVE = {np.bitwise_and, np.bitwise_or, np.bitwise_xor}

_SPACES = {"np": np, "np.linalg": np.linalg, "np.fft": np.fft, "np.lib.stride_tricks": np.lib.stride_tricks}

Expression = tuple[str, int]


def enclosed(text: str, binding: int, needed: int) -> str:
    """The text, in parentheses if it holds together more loosely than its place asks for."""
    return text if binding >= needed else f"({text})"


def call(step: Step, operand: Operand, for_people: bool = True) -> Expression:
    """A step as an expression, and how tightly that holds together.

    for_people: whether sums are written as one reads them, which takes NumPy a little longer.
    """
    if step.opcode == GUARD:
        return operand(step.args[0])
    if step.opcode == UFUNC and not step.kwargs:
        return _ufunc(step, operand)
    if step.opcode == INDEX:
        return f"{_of(step, operand)}[{index(step.args[1], operand)}]", ATOM
    if is_reversal(step) and len(step.shape) == 2:
        return f"{_of(step, operand)}.T", ATOM
    if step.opcode == ATTRIBUTE:
        return f"{_of(step, operand)}.{step.function}", ATOM
    if for_people and step.function in (np.add.reduce, np.sum):
        return _sum(step, operand), ATOM
    given = [argument(x, operand) for x in step.args] + [f"{k}={argument(x, operand)}" for k, x in step.kwargs.items()]
    if step.opcode == METHOD:
        return f"{_of(step, operand)}.{step.function}({', '.join(given[1:])})", ATOM
    path = numpy_path(step.function)
    if path is None:
        raise TracingError(f"{step.function!r} is no function of NumPy's that a program can name.")
    return f"{path}({', '.join(given)})", ATOM


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


def _ufunc(step: Step, operand: Operand) -> Expression:
    texts = [_ufunc_operand(x, step, operand) for x in step.args]
    if step.function in _BINARY:
        sign, binding = _BINARY[step.function]
        left = binding + (binding == COMPARISON)
        right = binding if step.function in _ASSOCIATIVE else binding + 1
        return f"{enclosed(*texts[0], left)} {sign} {enclosed(*texts[1], right)}", binding
    if step.function is np.power:
        return f"{enclosed(*texts[0], ATOM)} ** {enclosed(*texts[1], UNARY)}", POWER
    if step.function is np.negative:
        return f"-{enclosed(*texts[0], UNARY)}", UNARY
    return f"np.{step.function.__name__}({', '.join([text for text, _ in texts])})", ATOM


def _ufunc_operand(x: Any, step: Step, operand: Operand) -> Expression:
    if isinstance(x, Step):
        return operand(x)
    text = number(x)
    return text, UNARY if text[:1] == "-" else PRODUCT if " / " in text else ATOM


def _sum(step: Step, operand: Operand) -> str:
    """A sum, with kept axes put back by an index: the form that every NumPy-like module knows."""
    options = dict(zip(("axis", "dtype", "out", "keepdims"), step.args[1:], strict=False)) | dict(step.kwargs)
    axis, keepdims = options.get("axis"), options.get("keepdims")
    if isinstance(axis, tuple) and len(axis) == 1:
        (axis,) = axis
    source = step.args[0]
    everything = axis is None or (isinstance(axis, tuple) and len(axis) == len(source.shape))
    if everything:
        total = f"np.sum({operand(source)[0]})"
        return f"np.reshape({total}, {step.shape})" if keepdims else total
    if not isinstance(axis, int):
        return f"np.sum({operand(source)[0]}, axis={axis}{', keepdims=True' if keepdims else ''})"
    axis %= len(source.shape)
    text = f"np.sum({operand(source)[0]}, axis={axis})"
    return f"{text}[{', '.join([':'] * axis + ['None'])}]" if keepdims else text


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


def index(parts: Any, operand: Operand) -> str:
    """What stands in the brackets."""
    if isinstance(parts, tuple):
        return ", ".join([index(part, operand) for part in parts]) or "()"
    if isinstance(parts, slice):
        start, stop, step = ["" if part is None else str(part) for part in (parts.start, parts.stop, parts.step)]
        return f"{start}:{stop}" + (f":{step}" if step else "")
    return argument(parts, operand)


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


def literal(x: Step, user: Step | None, inline: bool = True) -> str | None:
    """A constant as part of the code; None if it is too large for that, or an array that is not to be `inline`."""
    value = x.value
    shared = uniform(value)
    if user is not None and user.opcode == UFUNC and shared is not None and _is_weak(x, user):
        text = number(shared)
        return f"({text})" if " / " in text else text
    if not x.shape:
        return number(value[()])
    if not value.size:
        return f"np.zeros({x.shape}, np.{x.dtype.name})"
    if not inline:
        return None
    if shared is not None:
        return f"np.full({x.shape}, {number(shared)}, np.{x.dtype.name})"
    if value.ndim == 1 and value.dtype == np.int64 and np.array_equal(value, np.arange(value.size)):
        return f"np.arange({value.size})"
    return array(value) if value.size <= SHORT else None


def array(value: Any) -> str | None:
    """An array of numbers as code; None if it is too long for that."""
    if value.size > LONG:
        return None
    return f"np.array({_listed(value.tolist())}, np.{value.dtype.name})"


def _listed(x: Any) -> str:
    """Nested lists of numbers as code, fractions in decimals."""
    if isinstance(x, list):
        return f"[{', '.join(map(_listed, x))}]"
    return repr(x) if np.isfinite(x) else number(x)


def _is_weak(x: Step, user: Step) -> bool:
    """Whether a Python number in the constant's place gives the same shape and dtype."""
    others = [s for s in user.operands if s is not x and s.opcode != CONSTANT]
    same = user.function.signature is None and all(s.dtype == x.dtype for s in others) and bool(others)
    return same and np.broadcast_shapes(*[s.shape for s in others]) == user.shape
