"""Arrays that remember the NumPy calls they came from: an op's forward function, run on them, writes its own code.

So the code of an op is the op's record and nothing else; there is no table of translations to keep right. A symbolic
array carries its number as well: what was traced has been computed, once, and shapes and dtypes are NumPy's own.
"""

from __future__ import annotations

import linecache
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any, NoReturn, final

import numpy as np

from tinygrad_bp.errors import TracingError

INPUT, CONSTANT, UFUNC, FUNCTION, METHOD, ATTRIBUTE, INDEX, WHOLE, GUARD = (
    "input", "constant", "ufunc", "function", "method", "attribute", "index", "whole", "guard",
)  # fmt: skip
"""What a step does: see `Step`."""


@final
@dataclass(eq=False, slots=True)
class Step:
    """One NumPy call of a program, or one of its inputs or constants.

    kind: INPUT, CONSTANT, UFUNC (function is the ufunc), FUNCTION, METHOD or ATTRIBUTE of the first argument (function
    is its name), INDEX, WHOLE (a function that the program contains as it stands) or GUARD (the truth of the argument
    that the program was traced for). args and kwargs hold steps, and plain values that are part of the code.
    value: the constant; of other steps what they gave, until the trace has ended. view: whether the result shares
    memory with an argument. pure: whether the same arguments always give the same result. ordered: whether its
    elements lay in memory in C order. order: its place in the trace.
    """

    kind: str
    function: Any
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    value: Any = None
    name: str = ""
    shape: tuple[int, ...] = ()
    dtype: Any = None
    view: bool = False
    pure: bool = True
    ordered: bool = True
    order: int = 0

    @property
    def size(self) -> int:
        """The number of elements."""
        return prod(self.shape)

    @property
    def called(self) -> str:
        """The name of the function; empty if it has none."""
        return self.function if isinstance(self.function, str) else getattr(self.function, "__name__", "")

    def operands(self) -> list[Step]:
        """The steps among the arguments, also inside lists and tuples, in order."""
        found: list[Step] = []
        _collect(self.args, found)
        if self.kwargs:
            _collect(self.kwargs, found)
        return found


def _collect(tree: Any, found: list[Step]) -> None:
    """Append the steps inside of nested lists, tuples and dicts to `found`."""
    if isinstance(tree, (list, tuple)):
        for part in tree:
            if isinstance(part, Step):
                found.append(part)
            else:
                _collect(part, found)
    elif isinstance(tree, dict):
        _collect(list(tree.values()), found)


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


@final
class Trace:
    """The steps of a program in the order they were taken."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.constants: dict[int, Step] = {}
        self.alive: list[Any] = []

    def input(self, name: str, value: Any) -> Symbolic:
        """A value that the program is given."""
        return self._taken(Step(INPUT, None, value=value, name=name))

    def call(self, kind: str, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any], pure: bool = True) -> Any:
        """Compute, write the step down, and give back what it gave, symbolic."""
        with np.errstate(all="ignore"):
            value = _computed(kind, function, mapped(args, Symbolic, _value), mapped(kwargs, Symbolic, _value))
        known = [mapped(part, (Symbolic, np.ndarray, np.generic), self.step) for part in (tuple(args), dict(kwargs))]
        step = Step(kind, function, known[0], known[1], value, pure=pure)
        if isinstance(value, np.ndarray | np.generic):
            shared = _is_view(value, [operand.value for operand in step.operands()])
            step.view = shared or step.called in _SOMETIMES_VIEWS
            return self._taken(step)
        if not isinstance(value, tuple | list):
            refuse(f"{getattr(function, '__name__', kind)} gives a plain {type(value).__name__}")
        self._append(step)
        parts = [self._taken(Step(INDEX, None, (step, i), value=part)) for i, part in enumerate(value)]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)

    def guard(self, condition: Symbolic, truth: bool) -> None:
        """Note that the program holds only while the condition has this truth."""
        self._append(Step(GUARD, truth, (condition.step,)))

    def step(self, x: Any) -> Step:
        """The step that an operand stands for; constants are numbered by identity."""
        if isinstance(x, Symbolic):
            return x.step
        if id(x) not in self.constants:
            self.alive.append(x)
            fixed = x.copy() if isinstance(x, np.ndarray) and x.flags.writeable and any(x.strides) else x
            self.constants[id(x)] = Step(CONSTANT, None, value=fixed, shape=x.shape, dtype=x.dtype)
            self._append(self.constants[id(x)])
        return self.constants[id(x)]

    def _taken(self, step: Step) -> Symbolic:
        step.shape, step.dtype = np.shape(step.value), getattr(step.value, "dtype", np.dtype(type(step.value)))
        step.ordered = not step.shape or step.value.flags.c_contiguous
        self._append(step)
        return Symbolic(self, step)

    def _append(self, step: Step) -> None:
        step.order = len(self.steps)
        self.steps.append(step)


def _value(x: Symbolic) -> Any:
    return x.step.value


def _is_view(result: Any, operands: Sequence[Any]) -> bool:
    if not isinstance(result, np.ndarray):
        return False
    arrays = [x for x in operands if isinstance(x, np.ndarray)]
    return not result.flags.writeable or any(np.may_share_memory(result, x) for x in arrays)


def _computed(kind: str, function: Any, args: Any, kwargs: Any) -> Any:
    if kind == INDEX:
        return args[0][args[1]]
    if kind == ATTRIBUTE:
        return getattr(args[0], function)
    if kind == METHOD:
        return getattr(args[0], function)(*args[1:], **kwargs)
    if function is np.power and any(isinstance(x, np.generic) for x in args):
        return args[0] ** args[1]  # as it is written: the last bit is not always that of an array's power
    return function(*args, **kwargs)


_SOMETIMES_VIEWS = {"reshape", "ravel", "ascontiguousarray", "asfortranarray"}
"""Functions whose result shares memory with an argument or not, as that lies in memory."""

_ATTRIBUTES = {"T", "mT", "real", "imag"}
_INSPECTING = {"shape", "ndim", "size", "result_type", "can_cast", "iscomplexobj", "isrealobj", "common_type"}
_COUNTING = {"nonzero", "argwhere", "flatnonzero", "unique", "extract", "compress", "where"}
_CONVERTING = {"item", "tolist", "tobytes", "view", "fill", "itemset", "put", "sort", "partition", "setflags", "resize"}


@final
class Symbolic(np.lib.mixins.NDArrayOperatorsMixin):
    """An array of a program that is being traced."""

    __slots__ = ("step", "trace")

    base = None

    def __init__(self, trace: Trace, step: Step):
        self.trace, self.step = trace, step

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of every axis."""
        return self.step.shape

    @property
    def dtype(self) -> Any:
        """Type of an element."""
        return self.step.dtype

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.step.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        return self.step.size

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method == "at" or kwargs.get("out") is not None:
            refuse(f"np.{ufunc.__name__} writes into an array")
        if method == "__call__":
            return self.trace.call(UFUNC, ufunc, inputs, kwargs)
        return self.trace.call(FUNCTION, getattr(ufunc, method), inputs, kwargs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if function.__name__ in _INSPECTING:
            return function(*mapped(args, Symbolic, _value), **mapped(kwargs, Symbolic, _value))
        if function.__name__ in _COUNTING and (function is not np.where or len(args) < 3):
            refuse(f"np.{function.__name__} has a result whose length depends on numbers")
        return self.trace.call(FUNCTION, function, args, kwargs)

    def __record_whole__(self, function: Any, args: Any, kwargs: Any) -> Any:
        """A function that the program contains as it stands."""
        return self.trace.call(WHOLE, function, args, kwargs)

    def __lift__(self, x: Any) -> Any:
        """A constant that meets this array where NumPy would not ask, as an array of the program."""
        return x if isinstance(x, Symbolic) else Symbolic(self.trace, self.trace.step(x))

    def __getattr__(self, name: str) -> Any:
        if name in _ATTRIBUTES:
            return self.trace.call(ATTRIBUTE, name, (self,), {})
        if name in _CONVERTING:
            refuse(f".{name}() needs the numbers")
        if name[:1] == "_" or not callable(getattr(np.ndarray, name, None)):
            raise AttributeError(name)
        return lambda *args, **kwargs: self.trace.call(METHOD, name, (self, *args), kwargs)

    def __getitem__(self, index: Any) -> Any:
        parts = index if isinstance(index, tuple) else (index,)
        if any(isinstance(part, Symbolic) and part.dtype == np.bool_ for part in parts):
            refuse("an index of truths has a result whose length depends on them")
        return self.trace.call(INDEX, None, (self, index), {})

    def __setitem__(self, index: Any, value: Any) -> NoReturn:
        refuse("an assignment writes into an array")

    def __len__(self) -> int:
        return self.step.shape[0]

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def __bool__(self) -> bool:
        if sys._getframe(1).f_globals["__name__"] == "tinygrad_bp.tensor":  # the user's code, not an op
            refuse("a branch needs a number")
        truth = bool(self.step.value)
        self.trace.guard(self, truth)
        return truth

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NoReturn:
        refuse("a conversion to a plain array or number needs the numbers")

    def __float__(self) -> NoReturn:
        refuse("float() needs a number")

    def __int__(self) -> NoReturn:
        refuse("int() needs a number")

    def __index__(self) -> NoReturn:  # noqa: PLE0305 - it always raises
        refuse("an index or a range needs a number")


LIBRARIES = (str(Path(__file__).parent.parent), str(Path(np.__file__).parent))
"""Where files lie that are not the user's code."""


def refuse(what: str) -> NoReturn:
    """The error for code that wants a number before there is one; it names the line of the user's that asked."""
    frame: Any = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(LIBRARIES):
        frame = frame.f_back
    file, line = frame.f_code.co_filename, frame.f_lineno
    code = linecache.getline(file, line).strip()
    raise TracingError(
        f"{what}, but the number is known only when the compiled program runs: line {line} of {Path(file).name}"
        f"{f', `{code}`' if code else ''}. Choose between arrays with tg.where, pass what settles the shape of the "
        "program as an int or a string, and register an op of your own that looks at numbers with whole=True."
    )
