"""A program written down as a JavaScript function, a line for every named value."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from tinygrad_bp.program.step import CONSTANT, GUARD, INPUT, Step, uniform
from tinygrad_bp.program.trace import Program
from tinygrad_bp.source.expressions import numpy_path
from tinygrad_bp.source.identifiers import Names, printed
from tinygrad_bp.source.javascript.functions import form, listed
from tinygrad_bp.source.javascript.scalars import ATOM, Expression, number, scalar
from tinygrad_bp.source.places import arrangement, border, moved, runs

WIDTH = 100
"""An expression longer than this is given a line of its own."""

_WORDS = """
arguments await break case catch class const continue debugger default delete do else enum eval export extends false
finally for function if implements import in Infinity instanceof Int32Array interface let Math NaN new null Number
package private protected public return static super switch this throw true try typeof undefined var void while with
yield
"""
RESERVED = frozenset(_WORDS.split())
"""What no value can be called."""

DTYPES = frozenset(
    ["float64", "float32", "bool", *[f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)]]
)
"""The dtypes that doubles can stand for; integers up to 2⁵³."""


@final
class NotWritten(Exception):
    """A step that has no form in JavaScript; who knows which op it belongs to tells the user."""

    def __init__(self, step: Step, reason: str):
        super().__init__(reason)
        self.step = step
        self.reason = reason


@dataclass(slots=True)
class _Scalar:
    """An expression for one element of a step's result, until a line uses it. reads: the steps it reads."""

    expression: Expression
    reads: dict[Step, None]


@final
class Writer:
    """The lines of a function while they are written."""

    def __init__(self, program: Program):
        self.program = program
        self.uses: Counter[Step] = Counter([x for step in program.steps for x in step.operands] + list(program.outputs))
        self.user: dict[Step, Step] = {x: step for step in program.steps for x in step.operands}
        self.names: Names = Names()
        self.names.known |= RESERVED
        self.function: str = self.names.taken(program.name)
        self.arrays: dict[Step, str] = {}
        self.scalars: dict[Step, _Scalar] = {}
        self.tables: dict[bytes, str] = {}
        self.constants: list[str] = []
        self.lines: list[str] = []

    def text(self) -> str:
        """The function: given the library, it gives the function from the inputs to the outputs."""
        for step in self.program.inputs:
            self.arrays[step] = self.names.taken(self.program.names[step])
        inputs = ", ".join([self.arrays[step] for step in self.program.inputs])
        backward = self.program.backward_from
        for step in self.program.steps:
            if step.opcode in (INPUT, CONSTANT):
                continue
            if step.place > backward:
                self.lines.append("// backward: dv is the derivative with respect to v")
                backward = len(self.program.steps) + step.place
            self._write(step)
        returned = [f"return [{', '.join([self.array(y) for y in self.program.outputs])}];"]
        body = "\n".join([f"    {line}" for line in [*self.lines, *returned]])
        constants = "".join([f"  {line}\n" for line in self.constants])
        return f"function {self.function}(np) {{\n{constants}  return ([{inputs}]) => {{\n{body}\n  }};\n}}\n"

    # --- a step ---

    def _write(self, step: Step) -> None:
        try:
            if step.opcode == GUARD:
                self.lines.append(f"np.require({self.array(step.args[0])}, {str(bool(step.function)).lower()});")
                return
            _require_written(step)
            written = self._scalar(step)
            if written is not None and self._is_part(step, written):
                self.scalars[step] = written
                return
            self._assign(step, self._rounded(step) if written is None else self._each(step, written))
        except (TypeError, ValueError) as error:
            reason = f"{_called(step)}, called like this, is not written in JavaScript ({error})"
            raise NotWritten(step, reason) from error

    def _assign(self, step: Step, text: str) -> None:
        name = self.program.names.get(step)
        if name is None and self.uses[step] == 1 and len(text) <= WIDTH and self.user.get(step) is not None:
            self.arrays[step] = text
            return
        self.arrays[step] = self.names.taken(name) if name else self.names.numbered("t")
        note = f" // {printed(name).replace('<', '‹')}" if name and name != self.arrays[step] else ""  # no </script>
        self.lines.append(f"const {self.arrays[step]} = {text};{note}")

    # --- elementwise ---

    def _scalar(self, step: Step) -> _Scalar | None:
        """The step for one element; None if it is no elementwise function."""
        written = scalar(step)
        if written is None:
            return None
        reads: dict[Step, None] = {}
        short = step.dtype == np.float32 or any(x.dtype == np.float32 for x in step.operands)
        args = [self._element(x, reads, short) for x in step.args]
        expression = written(*args, **{key: self._element(x, reads, short) for key, x in step.kwargs.items()})
        if step.dtype == np.float32:
            expression = f"Math.fround({expression[0]})", ATOM
        return _Scalar(expression, reads)

    def _element(self, x: Any, reads: dict[Step, None], short: bool) -> Any:
        """An argument for one element; beside float32 a Python number is rounded to that."""
        if isinstance(x, float) and short:
            x = float(np.float32(x))
        if not isinstance(x, Step):
            return number(x) if isinstance(x, float | int | np.number) and not isinstance(x, bool) else x
        if uniform(x) is not None:
            return number(uniform(x))
        if x in self.scalars:
            reads.update(self.scalars[x].reads)
            return self.scalars[x].expression
        if not self.array(x).isidentifier():  # it has to have a name in the function of its elements
            self._name(x)
        reads[x] = None
        return self.arrays[x], ATOM

    def _name(self, x: Step) -> None:
        name = self.names.numbered("t")
        self.lines.append(f"const {name} = {self.arrays[x]};")
        self.arrays[x] = name

    def _is_part(self, step: Step, written: _Scalar) -> bool:
        """Whether a step is written where it is used, as a part of that expression."""
        user = self.user.get(step)
        if user is None or step in self.program.names or self.uses[step] > 1 or len(written.expression[0]) > WIDTH:
            return False
        return scalar(user) is not None and step.shape == user.shape

    def _each(self, step: Step, written: _Scalar) -> str:
        """An expression for all elements."""
        reads = list(written.reads)
        if not reads:
            return f"np.full({listed(step.shape)}, {written.expression[0]})"
        names = [self.arrays[x] for x in reads]
        body = written.expression[0]
        text = f"np.each(({', '.join(names)}) => {body}, {', '.join(names)})"
        shape = np.broadcast_shapes(*[x.shape for x in reads])
        return text if shape == step.shape else f"np.broadcast({text}, {listed(step.shape)})"

    # --- arrays ---

    def _rounded(self, step: Step) -> str:
        """A step on whole arrays, whose sums and products are rounded if its dtype is a short one."""
        places = arrangement(step)
        if places is not None:
            return self._arranged(step, places)
        written = form(step)
        if written is None:
            raise NotWritten(step, f"{_called(step)} is not written in JavaScript")
        text = written(self, step, *step.args, **step.kwargs)
        return f"np.rounded({text})" if step.dtype == np.float32 else text

    def _arranged(self, step: Step, places: Any) -> str:
        operands = moved(step)
        given, size = [self.array(x) for x in operands], sum([x.size for x in operands])
        source = given[0] if len(given) == 1 else f"np.joined({', '.join(given)})"
        if places.size == size and _is_in_order(places):
            return f"np.reshape({source}, {listed(step.shape)})"
        if len(operands[0].shape) == 2 and step.shape == operands[0].shape[::-1] and _is_in_order(places.T):
            return f"np.transpose({source})"
        outside = border(step)
        more = f", {number(outside)[0]}" if outside else ""
        return f"np.arranged({source}, {self.table(places)}, {listed(step.shape)}{more})"

    def array(self, x: Any) -> str:
        """The code of an operand: an array."""
        if not isinstance(x, Step):
            return f"np.full([], {number(x)[0]})"
        if x in self.arrays:
            return self.arrays[x]
        if x in self.scalars:
            return self._each(x, self.scalars[x])
        _require_written(x)
        shared = uniform(x)
        self.arrays[x] = self.names.numbered("k")
        value = f"np.full({listed(x.shape)}, {number(shared)[0]})" if shared is not None else _array(x.value)
        self.constants.append(f"const {self.arrays[x]} = {value};")
        return self.arrays[x]

    def table(self, places: Any) -> str:
        """The name of a table of places."""
        key = np.asarray(places, np.int64).tobytes()
        if key not in self.tables:
            self.tables[key] = self.names.numbered("places")
            numbers = [n for run in runs(places) for n in run]
            short = len(numbers) < places.size
            text = (
                f"np.runs({', '.join(map(str, numbers))})"
                if short
                else f"Int32Array.of({listed(places.ravel())[1:-1]})"
            )
            self.constants.append(f"const {self.tables[key]} = {text};")
        return self.tables[key]


def _is_in_order(places: Any) -> bool:
    """Whether a table has all places, one after the other."""
    return bool(np.array_equal(places.ravel(), np.arange(1, places.size + 1)))


def _require_written(step: Step) -> None:
    """Raise NotWritten for what doubles cannot stand for."""
    if step.dtype is None:
        raise NotWritten(step, f"{_called(step)} has several results")
    if str(step.dtype) not in DTYPES:
        raise NotWritten(step, f"{step.dtype} is not written in JavaScript")
    integer = step.dtype.kind in "iu" and step.dtype != np.int64
    if integer and step.called != "astype" and step.opcode not in (CONSTANT, INPUT) and scalar(step) is not None:
        raise NotWritten(step, f"arithmetic in {step.dtype} is not written in JavaScript")


def _called(step: Step) -> str:
    return numpy_path(step.function) or step.called or step.opcode


def _array(value: Any) -> str:
    numbers = ", ".join([number(v)[0] for v in value.ravel()])
    return f"np.array({listed(value.shape)}, [{numbers}])"
