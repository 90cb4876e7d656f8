"""Arrays that remember the NumPy calls they came from: an op's forward function, run on them, writes its own code.

So the code of an op is the op's record and nothing else; there is no table of translations to keep right. A traced
array carries its number as well: what was traced has been computed, once, and shapes and dtypes are NumPy's own.
"""

from __future__ import annotations

import linecache
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any, NoReturn, final

import numpy as np

from tinygrad_bp.engine import Node
from tinygrad_bp.errors import TracingError
from tinygrad_bp.modes import quietly
from tinygrad_bp.program.step import (
    ASSIGN,
    ATTRIBUTE,
    CONSTANT,
    FUNCTION,
    GUARD,
    INDEX,
    INPUT,
    METHOD,
    NOTHING,
    NUMBERS,
    UFUNC,
    WHOLE,
    Step,
    is_pythons,
    mapped,
    uniform,
)

_numbers = count(1)


@final
class Tracer:
    """Computes, and writes down every call as a step. number: the order in which they were made."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.constants: dict[int, Step] = {}
        self.needed: Step | None = None  # whose number an op asked for, so that tracing ended
        self._alive: list[Any] = []  # so that no other array gets the identity of a constant
        self.number = next(_numbers)

    def input(self, value: Any) -> TracedArray:
        """A value that the program is given."""
        return self._traced(INPUT, value)

    def call(
        self, opcode: str, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any], pure: bool = True
    ) -> Any:
        """Compute, write the step down, and give back what it gave, traced.

        Where traces are nested, it is a step of the newest whose arrays are among the arguments.
        """
        newest = _newest((args, kwargs), self)
        if newest is not self:
            return newest.call(opcode, function, args, kwargs, pure)
        if opcode in (METHOD, ATTRIBUTE, INDEX) and args[0].__class__ is TracedArray:
            args = args[0].__as_numpys__(), *args[1:]  # Python's numbers have no such methods
        arrays: list[Any] = []
        given, steps = self._taken_apart(tuple(args), arrays)
        named, options = self._taken_apart(dict(kwargs), arrays) if kwargs else (kwargs, NOTHING)
        value = quietly(_computed, opcode, function, given, named)
        if function is np.count_nonzero and isinstance(value, int):  # so NumPy 2.0 counts
            value = np.intp(value)
        if is_pythons(function, given):
            return self._traced(opcode, value.item(), function, steps, options)
        if isinstance(value, np.ndarray | np.generic):
            return self._traced(opcode, value, function, steps, options, arrays, pure)
        if not isinstance(value, tuple | list):
            refuse(f"{getattr(function, '__name__', opcode)} gives a plain {type(value).__name__}")
        whole = self._append(Step(opcode, function, steps, options, pure=pure, place=len(self.steps)))
        results = [self._traced(INDEX, part, None, (whole, i)) for i, part in enumerate(value)]
        return type(value)(*results) if hasattr(value, "_fields") else type(value)(results)

    def guard(self, condition: TracedArray, truth: bool) -> None:
        """Note that the program holds only while the condition has this truth."""
        self._append(Step(GUARD, truth, (condition.step,), place=len(self.steps)))

    def step(self, x: Any) -> Step:
        """The step that an operand stands for; constants are numbered by identity."""
        if isinstance(x, TracedArray) and x.tracer is self:
            return x.step
        known = self.constants.get(id(x))
        if known is None:
            self._alive.append(x)
            step = Step(CONSTANT, value=_fixed(x), shape=x.shape, dtype=x.dtype, place=len(self.steps))
            known = self.constants[id(x)] = self._append(step)
        return known

    def lifted(self, x: Any) -> TracedArray:
        """A constant as an array of the program; traced arrays as they are."""
        return x if isinstance(x, TracedArray) and x.tracer is self else TracedArray(self, self.step(x), x)

    def _traced(
        self, opcode: str, value: Any, function: Any = None, args: Any = (), kwargs: Any = NOTHING,
        operands: Sequence[Any] = (), pure: bool = True,
    ) -> TracedArray:  # fmt: skip
        """The result of a step, with the step written down."""
        shape, dtype = np.shape(value), getattr(value, "dtype", None) or np.dtype(type(value))
        view = _is_view(value, operands) or getattr(function, "__name__", function) in _SOMETIMES_VIEWS
        contiguous = not shape or value.flags.c_contiguous
        step = Step(opcode, function, args, kwargs, None, shape, dtype, view, pure, contiguous, len(self.steps))
        return TracedArray(self, self._append(step), value)

    def _append(self, step: Step) -> Step:
        self.steps.append(step)
        return step

    def _taken_apart(self, tree: Any, arrays: list[Any]) -> tuple[Any, Any]:
        """Arguments of a call, with numbers and with steps in the place of arrays, which are appended to `arrays`."""
        if isinstance(tree, TracedArray):
            arrays.append(tree.value)
            return tree.value, self.step(tree)
        if isinstance(tree, (np.ndarray, np.generic)):
            arrays.append(tree)
            return tree, self.step(tree)
        if isinstance(tree, dict):
            pairs = {key: self._taken_apart(part, arrays) for key, part in tree.items()}
            return {key: value for key, (value, _) in pairs.items()}, {key: step for key, (_, step) in pairs.items()}
        if not isinstance(tree, (list, tuple)):
            return tree, tree
        parts = [self._taken_apart(part, arrays) for part in tree]
        make: Any = getattr(tree, "_make", type(tree))  # of a named tuple
        return make([value for value, _ in parts]), make([step for _, step in parts])


def _newest(tree: Any, newest: Tracer) -> Tracer:
    """The tracer that was made last, of those that arguments belong to."""
    for part in tree.values() if isinstance(tree, dict) else tree:
        if part.__class__ is TracedArray:
            newest = part.tracer if part.tracer.number > newest.number else newest
        elif isinstance(part, (list, tuple, dict)):
            newest = _newest(part, newest)
    return newest


def _fixed(x: Any) -> Any:
    """A constant that nobody can write to; one number in memory if all of its elements are the same."""
    if not isinstance(x, np.ndarray) or not x.flags.writeable or not any(x.strides):
        return x
    return x.copy() if uniform(x) is None else np.broadcast_to(x.flat[0], x.shape)


def _untraced(x: Any) -> Any:
    return x.value


def _is_view(result: Any, operands: Sequence[Any]) -> bool:
    if not isinstance(result, np.ndarray):
        return False
    arrays = [x for x in operands if isinstance(x, np.ndarray)]
    return not result.flags.writeable or any(np.may_share_memory(result, x) for x in arrays)


def _computed(opcode: str, function: Any, args: Any, kwargs: Any) -> Any:
    if opcode == INDEX:
        return args[0][args[1]]
    if opcode == ASSIGN:
        array, index, value = args
        new = array.copy()
        new[index] = value
        return new
    if opcode == ATTRIBUTE:
        return getattr(args[0], function)
    if opcode == METHOD:
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
class TracedArray(np.lib.mixins.NDArrayOperatorsMixin):
    """An array of a program that is being traced."""

    __slots__ = ("step", "tracer", "value")

    base = None

    def __init__(self, tracer: Tracer, step: Step, value: Any):
        self.tracer, self.step, self.value = tracer, step, value

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
        if any(isinstance(x, Node) for x in inputs):
            return NotImplemented
        if method == "at" or kwargs.get("out") is not None:
            refuse(f"np.{ufunc.__name__} writes into an array")
        if method == "__call__":
            return self.tracer.call(UFUNC, ufunc, inputs, kwargs)
        return self.tracer.call(FUNCTION, getattr(ufunc, method), inputs, kwargs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if function.__name__ in _INSPECTING:
            return function(*mapped(args, TracedArray, _untraced), **mapped(kwargs, TracedArray, _untraced))
        if function.__name__ in _COUNTING and (function is not np.where or len(args) < 3):
            refuse(f"np.{function.__name__} has a result whose length depends on numbers")
        return self.tracer.call(FUNCTION, function, args, kwargs)

    def __as_numpys__(self) -> TracedArray:
        """Python's number as NumPy's, which transforms and methods make of it."""
        number = NUMBERS.get(self.value.__class__)
        return self if number is None else self.tracer.call(FUNCTION, number, (self,), {})

    def __record_whole__(self, function: Any, args: Any, kwargs: Any) -> Any:
        """A function that the program contains as it stands."""
        return self.tracer.call(WHOLE, function, args, kwargs)

    def __lift__(self, x: Any) -> Any:
        """A constant that meets this array where NumPy would not ask, as an array of the program."""
        return self.tracer.lifted(x)

    def __getattr__(self, name: str) -> Any:
        if name in _ATTRIBUTES:
            return self.tracer.call(ATTRIBUTE, name, (self,), {})
        if name in _CONVERTING:
            self._refuse_number(f".{name}() needs the numbers")
        if name[:1] == "_" or not callable(getattr(np.ndarray, name, None)):
            raise AttributeError(name)
        return lambda *args, **kwargs: self.tracer.call(METHOD, name, (self, *args), kwargs)

    def __getitem__(self, index: Any) -> Any:
        parts = index if isinstance(index, tuple) else (index,)
        if any(isinstance(part, TracedArray) and part.dtype == np.bool_ for part in parts):
            refuse("an index of truths has a result whose length depends on them")
        return self.tracer.call(INDEX, None, (self, index), {})

    def __setitem__(self, index: Any, value: Any) -> None:
        """An op writes into an array that it has just made: from now on this is the array after the assignment."""
        since = self.tracer.steps[self.step.place :]
        if self.step.opcode == INPUT or self.step.view or any(s.view and self.step in s.operands for s in since):
            refuse("an assignment writes into an array that shares its memory")
        new = self.tracer.call(ASSIGN, None, (self, index, value), {})
        self.step, self.value = new.step, new.value

    def __len__(self) -> int:
        return self.step.shape[0]

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def __bool__(self) -> bool:
        if _is_asked_by_the_user(depth=2):
            refuse("a branch needs a number")
        truth = bool(self.value)
        self.tracer.guard(self, truth)
        return truth

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NoReturn:
        self._refuse_number("a conversion to a plain array or number needs the numbers")

    def __float__(self) -> NoReturn:
        self._refuse_number("float() needs a number")

    def __int__(self) -> NoReturn:
        self._refuse_number("int() needs a number")

    def __index__(self) -> NoReturn:  # noqa: PLE0305 - it always raises
        self._refuse_number("an index or a range needs a number")

    def _refuse_number(self, what: str) -> NoReturn:
        """End the trace; if an op asks, it may start again with the number as part of the program."""
        if not _is_asked_by_the_user(depth=3):
            self.tracer.needed = self.step
        refuse(what)


def _is_asked_by_the_user(depth: int) -> bool:
    """Whether what asks for a number, so many calls up, is the user's code by way of a tensor, and no op."""
    frame: Any = sys._getframe(depth)
    through_tensor = frame.f_globals["__name__"] == "tinygrad_bp.tensor"
    return through_tensor and not frame.f_back.f_code.co_filename.startswith(LIBRARIES)


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
