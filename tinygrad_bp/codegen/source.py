"""A program written down as a Python function of NumPy calls, a line for every named value."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from tinygrad_bp.codegen.expressions import ATOM, LOWEST, argument, array, call, enclosed, literal
from tinygrad_bp.codegen.helpers import Helpers
from tinygrad_bp.codegen.identifiers import Names, printed
from tinygrad_bp.codegen.simplify import is_reversal
from tinygrad_bp.codegen.symbolic import CONSTANT, FUNCTION, GUARD, INDEX, INPUT, UFUNC, WHOLE, Step

WIDTH = 76
"""An expression longer than this is given lines of its own for its parts."""

_SILENT = {np.add, np.subtract, np.multiply, np.negative, np.positive, np.maximum, np.minimum, np.absolute, np.greater}
"""Ufuncs that have nothing to warn of, as long as numbers are of ordinary size."""

LARGE = 1 << 16
"""From this many bytes on the memory of a value that nobody needs any more is used for the next one."""


@dataclass(slots=True)
class _Text:
    """An expression that stands for a step until a line uses it.

    reads: which variables it reads, how often; memory: the variable whose memory it is written to, if it is one's.
    fresh: whether it is written to memory that was asked for.
    """

    text: str
    binding: int
    reads: Counter[Step]
    memory: str | None = None
    fresh: bool = False


@final
@dataclass(frozen=True, slots=True)
class Written:
    """A program as text.

    name: of its function. constants: arrays too large for the text, which are its last arguments. helpers: the names of
    functions that it contains. objects: what it calls that has no source, by name.
    """

    text: str
    name: str
    constants: Sequence[Any]
    helpers: Mapping[Any, str]
    objects: Mapping[str, Any]


class Writer:
    """The lines of a function while they are written.

    as_read: for people to read, and for Numba, not only for NumPy to run. memory: makes a function, of a shape and a
    dtype, that gives memory for a large result; None leaves that to NumPy.
    """

    def __init__(
        self,
        inputs: Sequence[Step],
        steps: Sequence[Step],
        outputs: Sequence[Step],
        turn: int,
        as_read: bool = True,
        memory: Callable[[tuple[int, ...], Any], Any] | None = None,
    ):
        self.inputs, self.steps, self.outputs, self.turn = list(inputs), steps, outputs, turn
        self.as_read, self.memory = as_read, memory
        self.uses = _uses(steps, outputs)
        self.viewed = {operand for step in steps if step.view and not _is_glance(step) for operand in step.operands()}
        self.names = Names()
        self.texts: dict[Step, _Text] = {}
        self.finished: Counter[Step] = Counter()
        self.helpers = Helpers(self.names)
        self.constants: list[Step] = []
        self.tables: list[str] = []
        self.lines: list[str] = []

    def function(self, name: str, summary: str) -> Written:
        """The whole module: imports, helpers, the function."""
        name = self.names.taken(name)
        for step in self.inputs:
            self._name(step, self.names.taken(step.name))
        for step in self.steps:
            self._write(step)
        returned = ", ".join([self._output(y, i) for i, y in enumerate(self.outputs)])
        arguments = ", ".join([self.texts[step].text for step in [*self.inputs, *self.constants]])
        lines = [f'"""{summary}"""', *self.lines, f"return {returned}"]
        ignoring = any(step.kind == UFUNC and step.function not in _SILENT for step in self.steps)
        head = ['@np.errstate(all="ignore")'] * ignoring + [f"def {name}({arguments}):"]
        parts = ["\n".join(self.tables), *self.helpers.written]
        parts.append("\n".join([*head, *[f"    {line}" for line in lines]]))
        text = "\n\n\n".join([part for part in parts if part]) + "\n"
        text = f"{self.helpers.imports('np.' in text)}{'' if self.tables else chr(10)}{text}".lstrip()
        return Written(text, name, [s.value for s in self.constants], self.helpers.names, self.helpers.objects)

    # --- a step ---

    def _write(self, step: Step) -> None:
        if step.kind in (INPUT, CONSTANT):
            return
        if step.kind == GUARD:
            self._write_guard(step)
            return
        if step.order > self.turn:
            self.turn = sys.maxsize
            self.lines += ["# backward: dv is the derivative for v"]
        text = self._expression(step)
        if text.fresh or self._is_variable(step) or len(text.text) > WIDTH:
            self._assign(step, text)
        else:
            self.texts[step] = text

    def _is_variable(self, step: Step) -> bool:
        if _is_glance(step) and self.texts[step.args[0]].binding == ATOM and step not in self.outputs:
            return False
        told = step.name or (step in self.outputs and len(self.outputs) > 1)
        elided = not (self.as_read or step.view or step.ordered)  # NumPy would write the next result to its memory
        return bool(told) or self.uses[step] > 1 or not step.pure or elided

    def _assign(self, step: Step, text: _Text) -> None:
        variable = self.names.taken(step.name) if step.name else self._numbered(step)
        note = f"  # {printed(step.name)}" if step.name and step.name != variable else ""
        self.lines.append(f"{variable} = {text.text}{note}")
        self.finished += text.reads
        self._name(step, variable)

    def _name(self, step: Step, variable: str) -> None:
        self.texts[step] = _Text(variable, ATOM, Counter([step]))

    def _numbered(self, step: Step) -> str:
        """A name for a value that has none: new_W1 for what becomes of the input W1."""
        same = [s for s in step.operands() if s.kind == INPUT and _fits(s, step)]
        if step in self.outputs and len(same) == 1:
            return self.names.taken(f"new_{self.texts[same[0]].text}")
        return self.names.numbered("y" if step in self.outputs else "t")

    def _write_guard(self, step: Step) -> None:
        condition = self._expression(step)
        test = condition.text if not step.function else f"not {enclosed(condition.text, condition.binding, ATOM)}"
        self.lines += [f"if {test}:", '    raise ValueError("written for other values: write the program again")']
        self.finished += condition.reads

    def _output(self, y: Step, i: int) -> str:
        """A result in memory of its own: not an input's, nor another result's."""
        text, base = self._operand(y, None), _base(y)
        others = [_base(other) for k, other in enumerate(self.outputs) if other is not y or k < i]
        if y.kind == CONSTANT and not text.reads:
            return text.text
        shared = base.kind in (INPUT, CONSTANT) or base in others or y.size != base.size
        return f"{enclosed(text.text, text.binding, ATOM)}.copy()" if shared and y.shape else text.text

    # --- expressions ---

    def _expression(self, step: Step) -> _Text:
        reads: Counter[Step] = Counter()

        def operand(x: Step) -> tuple[str, int]:
            text = self._operand(x, step)
            reads.update(text.reads)
            return text.text, text.binding

        if step.kind == WHOLE:
            given = [argument(x, operand) for x in step.args]
            given += [f"{key}={argument(x, operand)}" for key, x in step.kwargs.items()]
            text, binding = f"{self.helpers.add(step.function)}({', '.join(given)})", ATOM
        else:
            text, binding = call(step, operand, self.as_read)
        if not _writes(step):
            return _Text(text, binding, reads)
        place = free = self._free(step, reads)
        if place is None and self.memory is not None:
            place = f"{self.helpers.add(self.memory(step.shape, step.dtype))}()"
        if place is not None:
            operands = [argument(x, lambda s: (self._operand(s, step).text, ATOM)) for x in step.args]
            name = "matmul" if step.function is np.dot else step.function.__name__  # which clears no memory first
            text, binding = f"np.{name}({', '.join(operands)}, out={place})", ATOM
        return _Text(text, binding, reads, free, fresh=place is not free)

    def _operand(self, x: Step, user: Step | None) -> _Text:
        if x in self.texts:
            return self.texts[x]
        text = literal(x, user)
        if text is None:
            table = array(x.value)
            self._name(x, self.names.numbered("k"))
            if table is None:
                self.constants.append(x)
            else:
                self.tables.append(f"{self.texts[x].text} = {table}")
            return self.texts[x]
        return _Text(text, LOWEST if text[:1] == "-" else ATOM, Counter())

    def _free(self, step: Step, reads: Counter[Step]) -> str | None:
        """The variable whose memory the step may write to: nobody reads it after this.

        It holds an operand, or what was computed on the way to one.
        """
        for x in step.operands() if step.kind == UFUNC and step.ordered else ():
            if x in self.texts and self.texts[x].memory is not None and _fits(x, step):
                return self.texts[x].memory
            owned = x.kind not in (INPUT, CONSTANT) and not x.view and x not in self.viewed and x not in self.outputs
            last = reads[x] == 1 and self.uses[x] - self.finished[x] == 1
            if owned and x.ordered and last and _fits(x, step) and self.texts[x].binding == ATOM:
                return self.texts[x].text
        return None


def _writes(step: Step) -> bool:
    """Whether a step has a large result that it can write to memory that is there."""
    if step.kind == FUNCTION and step.function is np.dot:
        writes = [len(x.shape) for x in step.operands()] == [2, 2]
    else:
        writes = step.kind == UFUNC and step.function.nout == 1
    return writes and not step.kwargs and step.dtype.itemsize * step.size >= LARGE


def _fits(x: Step, step: Step) -> bool:
    return x.shape == step.shape and x.dtype == step.dtype


def _base(step: Step) -> Step:
    """The step whose memory a step's result lies in."""
    while step.view:
        step = step.operands()[0]
    return step


def _is_glance(step: Step) -> bool:
    """Whether a step only looks at a variable another way, which costs nothing to write twice: W.T, dz[:, None]."""
    if step.kind == INDEX:
        return step.view and isinstance(step.args[1], tuple) and None in step.args[1]
    return is_reversal(step)


def _uses(steps: Iterable[Step], outputs: Sequence[Step]) -> Counter[Step]:
    """How often every step is written in an expression."""
    uses = Counter(outputs)
    for step in reversed(list(steps)):
        for operand in step.operands():
            uses[operand] += uses[step] if _is_glance(step) else 1
    return uses
