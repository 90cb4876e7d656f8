"""What signatures say of arrays: types for a type checker, and for those who read.

In `ops/` the annotation `Any` of an input stands for an operand: an array, a number, a tensor, or an array that writes
down calls. `python -m tinygrad_bp.stubs` makes of it what users see.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, Union, get_args, get_origin

import numpy as np

if TYPE_CHECKING:
    from tinygrad_bp.tensor import Tensor

Array: TypeAlias = np.ndarray[Any, Any]

Number: TypeAlias = complex | np.generic
"""A number of Python's or NumPy's: bool, int and float count as complex."""

DType: TypeAlias = np.dtype[np.generic] | type[object] | str
"""What says a dtype: np.float32, float, "float32", x.dtype."""

_One: TypeAlias = Array | Number
Constant: TypeAlias = (
    _One | Sequence[_One] | Sequence[Sequence[_One]] | Sequence[Sequence[Sequence[_One]]]
    | Sequence[Sequence[Sequence[Sequence[_One]]]]
)  # fmt: skip
"""An array, a number, or rows of numbers, nested as deep as images in a batch are."""

Operand: TypeAlias = "Tensor | Constant"
"""What an op takes as an input."""


_PLAIN: dict[Any, tuple[Any, str]] = {
    bool: (bool | np.bool_, "True or False"),
    int: (int | np.integer, "a whole number"),
    float: (int | float | np.integer | np.floating, "a number"),
    complex: (int | float | complex | np.number, "a number"),
    str: (str, "a text"),
    None: (NoneType, "None"),
    NoneType: (NoneType, "None"),
}
"""What counts as a value of a plain type, and what it is called."""


def fits(value: Any, annotation: Any) -> bool:
    """Whether a value may be what the annotation says, as far as that is easily seen.

    >>> fits(2, float), fits("a", int), fits((1, 2.5), Sequence[int]), fits(None, int | None)
    (True, False, False, True)
    """
    origin, args = get_origin(annotation), get_args(annotation)
    if annotation is Any:
        return True
    if annotation in _PLAIN:
        return isinstance(value, _PLAIN[annotation][0])
    if origin in (Union, UnionType):
        return any(fits(value, a) for a in args)
    if origin is Literal:
        return isinstance(value, str | int | None) and value in args
    if origin is type:
        return isinstance(value, type)
    if origin is Callable:
        return callable(value)
    if origin is tuple and args and args[-1] is not Ellipsis:
        return isinstance(value, tuple) and len(value) == len(args) and all(map(fits, value, args))
    if origin in (Sequence, list, tuple) and args:
        return isinstance(value, origin) and not isinstance(value, str | bytes) and all(fits(v, args[0]) for v in value)
    kind = origin or annotation
    return isinstance(value, kind) if isinstance(kind, type) and not getattr(kind, "_is_protocol", False) else True


def expected(annotation: Any) -> str:
    """What the annotation says, in words.

    >>> expected(int | None), expected(Sequence[float]), expected(Literal["C", "F"])
    ('a whole number or None', 'a sequence of numbers', "'C' or 'F'")
    """
    origin, args = get_origin(annotation), get_args(annotation)
    if annotation is Any:
        return "an array of numbers, a tensor or a number"
    if annotation in _PLAIN:
        return _PLAIN[annotation][1]
    if origin in (Union, UnionType):
        return " or ".join(dict.fromkeys(map(expected, args)))
    if origin is Literal:
        return " or ".join(map(repr, args))
    if origin is Callable:
        return "a function"
    if origin in (Sequence, list, tuple) and args:
        return f"a {origin.__name__.lower()} of {_plural(expected(args[0]))}"
    return str((origin or annotation).__name__)


def _plural(text: str) -> str:
    """Of one that is said in words: `a list of numbers` becomes `lists of numbers`; other texts stay."""
    noun, of, rest = text.removeprefix("a ").partition(" of ")
    return f"{noun}s{of}{rest}" if text.startswith("a ") and " or " not in text else text
