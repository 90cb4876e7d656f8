"""A program written down as a Python function of NumPy calls, a line for every named value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any, final

import numpy as np

from tinygrad_bp.program.fusion import FusionGroup
from tinygrad_bp.program.step import (
    CONSTANT,
    FUNCTION,
    FUSED,
    GUARD,
    INDEX,
    INPUT,
    UFUNC,
    WHOLE,
    Step,
    is_reversal,
)
from tinygrad_bp.program.trace import Program
from tinygrad_bp.source.expressions import ATOM, LOWEST, argument, array, call, enclosed, literal
from tinygrad_bp.source.helpers import Helpers
from tinygrad_bp.source.identifiers import Names, printed
from tinygrad_bp.source.module import Module

WIDTH = 76
"""An expression longer than this is given lines of its own for its parts."""

_SILENT = {np.add, np.subtract, np.multiply, np.negative, np.positive, np.maximum, np.minimum, np.absolute, np.greater}
"""Ufuncs that have nothing to warn of, as long as numbers are of ordinary size."""


REUSED_BYTES = 1 << 16
"""From this many bytes on the memory of a value that nobody needs any more is used for the next one: the system hands
out fresh memory slowly."""


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
class Writer:
    """The lines of a function while they are written.

    for_people: as people read it, and Numba, not only NumPy. pool: makes a function, of a shape and a dtype, that gives
    memory for a large result; None leaves that to NumPy. fused: makes a function of a group. inline: whether short
    arrays stand where they are used, and not before the function.
    """

    def __init__(
        self,
        program: Program,
        for_people: bool = True,
        pool: Callable[[tuple[int, ...], Any], Callable[..., Any]] | None = None,
        fused: Callable[[FusionGroup], Any] | None = None,
        inline: bool = True,
    ):
        steps, outputs = program.steps, program.outputs
        self.program, self.steps, self.outputs = program, steps, outputs
        self.for_people, self.pool, self.fused, self.inline = for_people, pool, fused, inline
        self.backward_from: float = program.backward_from
        self.returned = set(outputs)
        self.uses = _uses(steps, outputs)
        self.viewed = {operand for step in steps if step.view and not _is_glance(step) for operand in step.operands}
        self.names = Names()
        self.texts: dict[Step, _Text] = {}
        self.finished: Counter[Step] = Counter()
        self.helpers = Helpers(self.names)
        self.constants: list[Step] = []
        self.tables: list[str] = []
        self.lines: list[str] = []

    def module(self, summary: str) -> Module:
        """The whole module: imports, helpers, the function."""
        name = self.names.taken(self.program.name)
        for step in self.program.inputs:
            self._name(step, self.names.taken(self.program.names[step]))
        for step in self.steps:
            self._write(step)
        returned = ", ".join([self._output(y, i) for i, y in enumerate(self.outputs)])
        arguments = ", ".join([self.texts[step].text for step in [*self.program.inputs, *self.constants]])
        lines = [f'"""{summary}"""', *self.lines, f"return {returned}"]
        ignoring = any(step.opcode == UFUNC and step.function not in _SILENT for step in self.steps)
        head = ['@np.errstate(all="ignore")'] * ignoring + [f"def {name}({arguments}):"]
        function = "\n".join([*head, *[f"    {line}" for line in lines]])
        tables, constants = "\n".join(self.tables), [step.value for step in self.constants]
        return Module(name, tables, function, constants, self.helpers)

    # --- a step ---

    def _write(self, step: Step) -> None:
        if step.opcode in (INPUT, CONSTANT):
            return
        if step.opcode == GUARD:
            self._write_guard(step)
            return
        if step.place > self.backward_from:
            self.backward_from = inf
            self.lines += ["# backward: dv is the derivative for v"]
        text = self._expression(step)
        if text.fresh or self._is_variable(step) or len(text.text) > WIDTH:
            self._assign(step, text)
        else:
            self.texts[step] = text

    def _is_variable(self, step: Step) -> bool:
        if _is_glance(step) and self.texts[step.args[0]].binding == ATOM and step not in self.returned:
            return False
        told = step in self.program.names or (step in self.returned and len(self.outputs) > 1)
        elided = not (
            self.for_people or step.view or step.contiguous
        )  # NumPy would write the next result to its memory
        return bool(told) or self.uses[step] > 1 or not step.pure or elided

    def _assign(self, step: Step, text: _Text) -> None:
        name = self.program.names.get(step)
        variable = self.names.taken(name) if name else self._numbered(step)
        note = f"  # {printed(name)}" if name and name != variable else ""
        self.lines.append(f"{variable} = {text.text}{note}")
        self.finished += text.reads
        self._name(step, variable)

    def _name(self, step: Step, variable: str) -> None:
        self.texts[step] = _Text(variable, ATOM, Counter([step]))

    def _numbered(self, step: Step) -> str:
        """A name for a value that has none: new_W1 for what becomes of the input W1."""
        same = [s for s in step.operands if s.opcode == INPUT and _fits(s, step)]
        if step in self.returned and len(same) == 1:
            return self.names.taken(f"new_{self.texts[same[0]].text}")
        return self.names.numbered("y" if step in self.returned else "t")

    def _write_guard(self, step: Step) -> None:
        condition = self._expression(step)
        test = condition.text if not step.function else f"not {enclosed(condition.text, condition.binding, ATOM)}"
        self.lines += [f"if {test}:", '    raise ValueError("written for other values: write the program again")']
        self.finished += condition.reads

    def _output(self, y: Step, i: int) -> str:
        """A result in memory of its own: not an input's, nor another result's."""
        text, base = self._operand(y, None), _base(y)
        others = [_base(other) for k, other in enumerate(self.outputs) if other is not y or k < i]
        if y.opcode == CONSTANT and not text.reads:
            return text.text
        shared = base.opcode in (INPUT, CONSTANT) or base in others or y.size != base.size
        return f"{enclosed(text.text, text.binding, ATOM)}.copy()" if shared and y.shape else text.text

    # --- expressions ---

    def _expression(self, step: Step) -> _Text:
        reads: Counter[Step] = Counter()

        def operand(x: Step) -> tuple[str, int]:
            text = self._operand(x, step)
            reads.update(text.reads)
            return text.text, text.binding

        if step.opcode in (WHOLE, FUSED):
            given = [argument(x, operand) for x in step.args]
            given += [f"{key}={argument(x, operand)}" for key, x in step.kwargs.items()]
            text, binding = f"{self.helpers.add(self._function(step))}({', '.join(given)})", ATOM
        else:
            text, binding = call(step, operand, self.for_people)
        free = self._free(step, reads) if _writes(step) else None
        if free is not None:
            place = free
        elif self.pool is not None and _writes(step):
            place = f"{self.helpers.add(self.pool(step.shape, step.dtype))}()"
        else:
            return _Text(text, binding, reads)
        operands = [argument(x, lambda s: (self._operand(s, step).text, ATOM)) for x in step.args]
        name = "matmul" if step.function is np.dot else step.function.__name__  # which clears no memory first
        return _Text(f"np.{name}({', '.join(operands)}, out={place})", ATOM, reads, free, fresh=free is None)

    def _function(self, step: Step) -> Any:
        """What a step calls that the module contains."""
        return self.fused(step.function) if step.opcode == FUSED and self.fused is not None else step.function

    def _operand(self, x: Step, user: Step | None) -> _Text:
        if x in self.texts:
            return self.texts[x]
        text = literal(x, user, self.inline)
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
        for x in step.operands if step.opcode == UFUNC and step.contiguous else ():
            if x in self.texts and self.texts[x].memory is not None and _fits(x, step):
                return self.texts[x].memory
            owned = x.opcode not in (INPUT, CONSTANT) and not x.view and x not in self.viewed and x not in self.returned
            last = reads[x] == 1 and self.uses[x] - self.finished[x] == 1
            if owned and x.contiguous and last and _fits(x, step) and self.texts[x].binding == ATOM:
                return self.texts[x].text
        return None


def _writes(step: Step) -> bool:
    """Whether a step has a large result that it can write to memory that is there."""
    if step.opcode == FUNCTION and step.function is np.dot:
        writes = [len(x.shape) for x in step.operands] == [2, 2]
    else:
        writes = step.opcode == UFUNC and step.function.nout == 1
    return writes and not step.kwargs and step.dtype.itemsize * step.size >= REUSED_BYTES


def _fits(x: Step, step: Step) -> bool:
    return x.shape == step.shape and x.dtype == step.dtype


def _base(step: Step) -> Step:
    """The step whose memory a step's result lies in."""
    while step.view:
        step = step.operands[0]
    return step


def _is_glance(step: Step) -> bool:
    """Whether a step only looks at a variable another way, which costs nothing to write twice: W.T, dz[:, None]."""
    if step.opcode == INDEX:
        return step.view and isinstance(step.args[1], tuple) and None in step.args[1]
    return is_reversal(step)


def _uses(steps: Iterable[Step], outputs: Sequence[Step]) -> Counter[Step]:
    """How often every step is written in an expression."""
    uses = Counter(outputs)
    for step in reversed(list(steps)):
        for operand in step.operands:
            uses[operand] += uses[step] if _is_glance(step) else 1
    return uses
