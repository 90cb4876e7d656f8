"""A step: one NumPy call of a program, on the results of steps before it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from inspect import unwrap
from math import prod
from types import MappingProxyType
from typing import Any, final

import numpy as np

from tinygrad_bp.registry import scale

INPUT, CONSTANT, UFUNC, FUNCTION, METHOD, ATTRIBUTE, INDEX, ASSIGN, WHOLE, GUARD, FUSED = (
    "input", "constant", "ufunc", "function", "method", "attribute", "index", "assign", "whole", "guard", "fused",
)  # fmt: skip
"""The opcodes: see `Step`."""

NOTHING: Mapping[str, Any] = MappingProxyType({})


@final
@dataclass(frozen=True, eq=False, slots=True)
class Step:
    """One NumPy call of a program, or one of its inputs or constants; two steps are the same only if they are one.

    opcode: INPUT, CONSTANT, UFUNC (function is the ufunc), FUNCTION, METHOD or ATTRIBUTE of the first argument
    (function is its name), INDEX, ASSIGN (a copy of the first argument; the third stands at the index that is the
    second, or is added there if function is np.add), WHOLE (a function that the program contains as it stands), GUARD
    (function is the truth of the argument that the program was traced for) or FUSED (function is the `FusionGroup`).
    args and kwargs hold steps, and plain values that are part of the code; operands: the steps among them, in order;
    called: the name of the function, if it has one. value: of a constant. shape, dtype: of the result; size: the number
    of its elements. view: whether it shares memory with an argument. pure: whether the same arguments always give the
    same result. contiguous: whether its elements lie in memory in C order. place: in the trace.
    """

    opcode: str
    function: Any = None
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
    value: Any = None
    shape: tuple[int, ...] = ()
    dtype: Any = None
    view: bool = False
    pure: bool = True
    contiguous: bool = True
    place: int = 0
    operands: tuple[Step, ...] = field(init=False, repr=False)
    size: int = field(init=False, repr=False)
    called: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        found: list[Step] = []
        _collect(self.args, found)
        if self.kwargs:
            _collect(self.kwargs.values(), found)
        function = self.function
        object.__setattr__(self, "operands", tuple(found))
        object.__setattr__(self, "size", prod(self.shape))
        object.__setattr__(self, "called", function if isinstance(function, str) else getattr(function, "__name__", ""))

    def on(self, new: Mapping[Step, Step]) -> Step:
        """The same step with each of its operands replaced by what stands for it in `new`."""
        for operand in self.operands:
            if new.get(operand, operand) is not operand:
                args, kwargs = mapped((self.args, dict(self.kwargs)), Step, lambda s: new.get(s, s))
                return replace(self, args=args, kwargs=kwargs or NOTHING)
        return self


def _collect(parts: Any, found: list[Step]) -> None:
    """Append the steps inside of nested lists, tuples and dicts to `found`."""
    for part in parts:
        if isinstance(part, Step):
            found.append(part)
        elif isinstance(part, (list, tuple)):
            _collect(part, found)
        elif isinstance(part, dict):
            _collect(part.values(), found)


def mapped(tree: Any, kind: type | tuple[type, ...], f: Callable[[Any], Any]) -> Any:
    """Nested lists, tuples and dicts with f applied to what is of the kind."""
    if isinstance(tree, kind):
        return f(tree)
    if isinstance(tree, (list, tuple)):
        parts = [mapped(part, kind, f) for part in tree]
        return type(tree)(*parts) if hasattr(tree, "_fields") else type(tree)(parts)
    if isinstance(tree, dict):
        return {key: mapped(part, kind, f) for key, part in tree.items()}
    return tree


# --- what can be seen of a step ---------------------------------------------------------------------------------------

SCALE: Any = unwrap(scale.op.forward)  # type: ignore[attr-defined]
"""The function of the op `scale`, cotangent times derivative, in which an exact 0 wins against infinity and NaN."""


NUMBERS: Mapping[type, Any] = {float: np.float64, complex: np.complex128}
"""NumPy's numbers for Python's, as functions: a number that a transform is given has a dtype, and divides by 0."""


_OPERATORS = {
    np.add, np.subtract, np.multiply, np.divide, np.floor_divide, np.remainder, np.power, np.negative, np.positive,
}  # fmt: skip


def is_pythons(function: Any, operands: Iterable[Any]) -> bool:
    """Whether a call is written as an operator between Python's numbers; what it gives changes no array's dtype."""
    return function in _OPERATORS and all(x.__class__ in (bool, int, float, complex) for x in operands)


def uniform(step: Any) -> Any:
    """The number that all elements of a constant are; None if there is no such number."""
    value: Any = step.value if isinstance(step, Step) and step.opcode == CONSTANT else step
    if not isinstance(value, np.ndarray | np.generic):
        return value if isinstance(value, bool | int | float | complex) else None
    if not value.size:
        return None
    first: Any = value.reshape(-1)[0] if value.ndim else value
    if any(getattr(value, "strides", ())):
        bits = np.ascontiguousarray(value).reshape(-1, 1).view(np.uint8)  # 0 and −0 are equal and not the same
        if not (bits == bits[:1]).all():
            return None
    return first.item()


def is_reversal(step: Step) -> bool:
    """Whether a step reverses the order of all axes: a matrix transposed."""
    if step.called not in ("T", "transpose") or step.opcode == WHOLE:
        return False
    return all(part is None for part in (*step.args[1:], *step.kwargs.values()))


def is_outer(step: Step) -> bool:
    """Whether a step is the product of a column and a row, which is an elementwise one too."""
    shapes = [x.shape for x in step.operands] if step.function in (np.dot, np.matmul) else []
    return len(shapes) == 2 and len(shapes[0]) == len(shapes[1]) == 2 and shapes[0][1] == 1


def is_glance(step: Step) -> bool:
    """Whether a step only looks at a variable another way, which costs nothing to do twice: W.T, dz[:, None]."""
    if step.opcode == INDEX:
        return step.view and isinstance(step.args[1], tuple) and None in step.args[1]
    return step.view and is_reversal(step)


def base(step: Step) -> Step:
    """The step whose memory a step's result lies in."""
    while step.view:
        step = step.operands[0]
    return step


def is_total(step: Step) -> bool:
    """Whether a step adds up elements."""
    return step.opcode == FUNCTION and step.function == np.add.reduce


def is_plain_reduction(step: Step) -> bool:
    """Whether a sum, or the like, has no options but the axes."""
    return len(step.args) < 3 and {*step.kwargs} <= {"axis", "keepdims"}


def summed_axes(step: Step) -> list[int]:
    """The axes over which elements are added up."""
    axis = step.kwargs.get("axis", step.args[1] if len(step.args) > 1 else None)
    rank = len(step.args[0].shape)
    return [*range(rank)] if axis is None else [i % rank for i in np.atleast_1d(axis).tolist()]
