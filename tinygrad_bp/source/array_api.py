"""Single NumPy calls as text for any module that conforms to the Array API standard, which is called `xp`.

The standard has fewer functions, no methods, and operands of one kind only: integers beside floats are converted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tinygrad_bp.program.step import (
    ATTRIBUTE,
    CONSTANT,
    FUNCTION,
    GUARD,
    INDEX,
    METHOD,
    UFUNC,
    WHOLE,
    Step,
    is_reversal,
    uniform,
)
from tinygrad_bp.source.array_api_calls import CONVERTED, NAMES, lacking
from tinygrad_bp.source.array_api_functions import FUNCTIONS, pad
from tinygrad_bp.source.expressions import (
    ATOM,
    LARGEST_INTEGER,
    LONG,
    POWER,
    PRODUCT,
    SHORT,
    UNARY,
    Expression,
    Operand,
    Spelling,
    binary,
    enclosed,
    index,
    is_operator,
    number as numpys_number,
    numpy_path,
)

_UFUNCS: Mapping[str, str] = {
    "absolute": "abs", "fabs": "abs", "arccos": "acos", "arccosh": "acosh", "arcsin": "asin", "arcsinh": "asinh",
    "arctan": "atan", "arctan2": "atan2", "arctanh": "atanh", "conjugate": "conj", "rint": "round",
    "invert": "bitwise_invert", "left_shift": "bitwise_left_shift", "right_shift": "bitwise_right_shift",
    **{name: name for name in (
        "ceil", "copysign", "cos", "cosh", "exp", "expm1", "floor", "hypot", "isfinite", "isinf", "isnan", "log",
        "log10", "log1p", "log2", "logaddexp", "logical_and", "logical_not", "logical_or", "logical_xor", "maximum",
        "minimum", "nextafter", "positive", "reciprocal", "sign", "signbit", "sin", "sinh", "sqrt", "square", "tan",
        "tanh", "trunc",
    )},
}  # fmt: skip
"""The standard's names of NumPy's ufuncs. Those that are operators need none."""

_FACTORS = {"deg2rad": "xp.pi / 180", "radians": "xp.pi / 180", "degrees": "180 / xp.pi", "rad2deg": "180 / xp.pi"}

_LOGICAL = {np.logical_and, np.logical_or, np.logical_not, np.logical_xor}
_TESTS = {np.isnan, np.isinf, np.isfinite, np.signbit}

_OF_TRUTHS = {
    np.multiply: np.bitwise_and, np.minimum: np.bitwise_and, np.add: np.bitwise_or, np.maximum: np.bitwise_or,
    np.not_equal: np.bitwise_xor,
}  # fmt: skip
"""What arithmetic of truth values is."""

_KINDS = "biufc"


def contained(step: Step) -> Any:
    """The function that a program contains in the place of what a step calls, if it is one that the standard lacks."""
    found = FUNCTIONS.get(step.function) if step.opcode in (UFUNC, FUNCTION, WHOLE) else None
    if found is None and step.opcode == WHOLE:
        lacking(step.called)
    if found is pad and "constant" not in step.args:
        lacking("np.pad but with a constant")
    return found


def call(step: Step, operand: Operand, dialect: Any = None) -> Expression:
    """A step as an expression, and how tightly that holds together."""
    if step.opcode == GUARD:
        return operand(step.args[0])
    if step.opcode == UFUNC:
        return _ufunc(step, operand)
    if step.opcode == INDEX:
        return _indexed(step, operand)
    if is_reversal(step) and len(step.shape) == 2:
        return f"{_first(step, operand)}.T", ATOM
    if step.opcode == ATTRIBUTE and step.function in ("real", "imag"):
        return f"xp.{step.function}({operand(step.args[0])[0]})", ATOM
    if step.opcode in (FUNCTION, METHOD, ATTRIBUTE):
        return _called(step, operand)
    return lacking(step.called)


def _first(step: Step, operand: Operand) -> str:
    text, binding = operand(step.args[0])
    return enclosed(text, binding, ATOM)


# --- elementwise ------------------------------------------------------------------------------------------------------


def _ufunc(step: Step, operand: Operand) -> Expression:
    function, name = step.function, step.called
    if step.kwargs:
        lacking(f"{name} with {', '.join(step.kwargs)}")
    target = _common(step)
    texts = [_operand(x, step, target, operand) if isinstance(x, Step) else _numeral(x) for x in step.args]
    if target is not None and target.kind == "b":
        function = _OF_TRUTHS.get(function, function)
    if is_operator(function):
        return binary(function, texts)
    if function in (np.power, np.float_power):
        return f"{enclosed(*texts[0], ATOM)} ** {enclosed(*texts[1], UNARY)}", POWER
    if function is np.exp2:
        return f"2 ** {enclosed(*texts[0], UNARY)}", POWER
    if function is np.negative:
        return f"-{enclosed(*texts[0], UNARY)}", UNARY
    if name in _FACTORS:
        return f"{enclosed(*texts[0], PRODUCT)} * ({_FACTORS[name]})", PRODUCT
    if name not in _UFUNCS:
        lacking(f"np.{name}")
    return f"xp.{_UFUNCS[name]}({', '.join([text for text, _ in texts])})", ATOM


def _common(step: Step) -> Any:
    """The dtype that the operands of a ufunc have to have; None if they may stay as they are."""
    if step.function in _TESTS:
        return None
    if step.function in _LOGICAL:
        return np.dtype(bool)
    if step.dtype.kind == "b":
        return np.result_type(*[x.dtype if isinstance(x, Step) else x for x in step.args])
    return step.dtype


def _operand(x: Step, user: Step, target: Any, operand: Operand) -> Expression:
    """An operand, converted where it is of a lower kind than what is computed."""
    text = operand(x)
    if target is None or x.dtype is None or _rank(x.dtype) == _rank(target) or _is_number(x, user):
        return text
    if _rank(x.dtype) > _rank(target) and target.kind != "b":
        return text
    return f"xp.astype({text[0]}, xp.{target.name})", ATOM


def _rank(dtype: Any) -> int:
    return _KINDS.replace("u", "i").index(dtype.kind.replace("u", "i"))


# --- functions --------------------------------------------------------------------------------------------------------


def _called(step: Step, operand: Operand) -> Expression:
    """A function, or a method as the function of the same name."""
    path = step.function if isinstance(step.function, str) else (numpy_path(step.function) or "").removeprefix("np.")
    if path in ("dot", "matmul"):
        factors = [_operand(x, step, step.dtype, operand) for x in step.args]
        return binary(np.matmul if all(x.shape for x in step.args) else np.multiply, factors)
    signature = NAMES.get(path)
    if signature is None:
        lacking(f"np.{path}" if step.opcode == FUNCTION else f"method .{path}()")
    x = step.args[0]
    arguments = signature.bound(step)
    texts = [_given(i, part, step, path, operand) for i, part in enumerate(arguments.positional)]
    if signature.flattens and arguments.named.get("axis", 0) is None:
        texts[0] = f"xp.reshape({texts[0]}, (-1,))" if len(x.shape) != 1 else texts[0]
    if path in ("argmax", "argmin", "argsort") and x.dtype.kind == "b":
        texts[0] = f"xp.astype({texts[0]}, xp.uint8)"  # truths have no order there
    named = {key: part for key, part in arguments.named.items() if part is not None}
    return f"xp.{signature.name}({', '.join([*texts, *_keywords(named, operand)])})", ATOM


def _given(i: int, part: Any, step: Step, path: str, operand: Operand) -> str:
    """The i-th argument of a function, converted where that asks for operands of one kind."""
    if i == 0 and path in ("concatenate", "stack"):
        return f"[{', '.join([_operand(x, step, step.dtype, operand)[0] for x in part])}]"
    if isinstance(part, Step) and path in CONVERTED and step.dtype is not None and (i or path != "where"):
        return _operand(part, step, step.dtype, operand)[0]
    return argument(part, operand)


def _keywords(named: Mapping[str, Any], operand: Operand) -> list[str]:
    return [f"{key}={argument(part, operand)}" for key, part in named.items()]


def _indexed(step: Step, operand: Operand) -> Expression:
    """An index: numbers and slices, arrays for all axes, or one for one axis, which the standard has a function for."""
    parts = step.args[1] if isinstance(step.args[1], tuple) else (step.args[1],)
    arrays = [i for i, part in enumerate(parts) if isinstance(part, Step | list)]
    if step.args[0].dtype is None:  # one of several results
        return f"{_first(step, operand)}[{index(step.args[1], operand, argument)}]", ATOM
    if not arrays or len(arrays) == len(step.args[0].shape) == len(parts) > 1:
        return f"{_first(step, operand)}[{indices(step.args[1], operand, len(step.args[0].shape))}]", ATOM
    (axis, *others), x = arrays, step.args[0]
    rest = [part for i, part in enumerate(parts) if i != axis]
    chosen = parts[axis]
    shape = chosen.shape if isinstance(chosen, Step) else np.shape(chosen)
    if others or any(part != slice(None) for part in rest) or len(shape) != 1:
        lacking("index of several arrays, or of an array beside numbers and slices")
    places = argument(chosen, operand) if isinstance(chosen, Step) else f"xp.asarray({chosen!r})"
    return f"xp.take({operand(x)[0]}, {places}, axis={axis})", ATOM


# --- arguments --------------------------------------------------------------------------------------------------------


def argument(x: Any, operand: Operand) -> str:
    """Anything that a call is given."""
    if isinstance(x, Step):
        return operand(x)[0]
    if isinstance(x, tuple | list):
        parts = ", ".join([argument(part, operand) for part in x])
        return f"[{parts}]" if isinstance(x, list) else f"({parts}{',' if len(x) == 1 else ''})"
    if isinstance(x, np.dtype | type):
        return f"xp.{np.dtype(x).name}"
    return number(x) if isinstance(x, float | complex | np.generic) else "..." if x is Ellipsis else repr(x)


def indices(parts: Any, operand: Operand, axes: int) -> str:
    """What stands in the brackets: it names all axes, or has an ellipsis."""
    listed = parts if isinstance(parts, tuple) else (parts,)
    named = [part for part in listed if part is not None]
    whole = len(named) == axes or any(part is Ellipsis for part in named)
    return index(parts if whole else (*listed, Ellipsis), operand, argument)


def number(x: Any) -> str:
    """A number; NumPy's as arrays of their dtype."""
    if isinstance(x, np.generic):
        return f"xp.asarray({number(x.item())}, dtype=xp.{x.dtype.name})"
    return numpys_number(x).replace("np.", "xp.")


def _numeral(x: Any) -> Expression:
    """A number among a ufunc's arguments, which takes the dtype of the array beside it."""
    if isinstance(x, float) and x.is_integer() and abs(x) < LARGEST_INTEGER and str(x) != "-0.0":
        x = int(x)
    text = number(x)
    return text, UNARY if text[:1] == "-" else PRODUCT if " / " in text else ATOM


def literal(x: Step, user: Step | None, dialect: Any = None) -> Expression | None:
    """A constant as part of the code; None if it is too large for that."""
    shared = uniform(x.value)
    if user is not None and _is_number(x, user):
        return _numeral(shared)
    if x.size > SHORT and shared is None:
        return None
    if x.shape and shared is not None:
        text = f"xp.full({x.shape}, {number(shared)}, dtype=xp.{x.dtype.name})"
        return text, ATOM
    return array(x.value) or "", ATOM


def _is_number(x: Step, user: Step) -> bool:
    """Whether a constant is written as a Python number, which gives the same shape and dtype there."""
    shared = uniform(x.value) if x.opcode == CONSTANT else None
    if shared is None or (user.opcode != UFUNC and user.function is not np.where) or contained(user) is not None:
        return False
    operands = user.operands[1:] if user.function is np.where else user.operands
    others = [s for s in operands if s is not x and s.opcode != CONSTANT]
    if not others or getattr(user.function, "signature", None) is not None:
        return False
    if np.broadcast_shapes(*[s.shape for s in user.operands if s is not x]) != user.shape:
        return False
    target = user.dtype if user.function is np.where else _common(user)
    return target is not None and bool(np.result_type(*[s.dtype for s in others], shared) == target)


def array(value: Any) -> str | None:
    """An array of numbers as code; None if it is too long for that."""
    if value.size > LONG:
        return None
    if not value.size:
        return f"xp.zeros({value.shape}, dtype=xp.{value.dtype.name})"
    return f"xp.asarray({_listed(value.tolist())}, dtype=xp.{value.dtype.name})"


def _listed(x: Any) -> str:
    return f"[{', '.join(map(_listed, x))}]" if isinstance(x, list) else number(x)


def copied(text: str) -> str:
    """An array once more, in memory of its own."""
    return f"xp.asarray({text}, copy=True)"


SPELLING = Spelling(call, literal, array, argument, indices, copied, contained)
