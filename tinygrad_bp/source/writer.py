"""A program written down as a Python function of NumPy calls, a line for every named value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Any, final

import numpy as np

from tinygrad_bp.program.fusion import FusionGroup
from tinygrad_bp.program.loop import Loop
from tinygrad_bp.program.ranges import warnings
from tinygrad_bp.program.step import (
    ASSIGN,
    CONSTANT,
    FUSED,
    GUARD,
    INPUT,
    SCALE,
    UFUNC,
    WHOLE,
    Step,
    base,
    is_glance,
    is_outer,
)
from tinygrad_bp.program.trace import Program
from tinygrad_bp.source import array_api, expressions
from tinygrad_bp.source.expressions import ATOM, Dialect, Operand, enclosed
from tinygrad_bp.source.helpers import Helpers, scale
from tinygrad_bp.source.identifiers import Names, printed
from tinygrad_bp.source.loops import Pool, loop_function
from tinygrad_bp.source.module import Module
from tinygrad_bp.source.rolling import rolled
from tinygrad_bp.source.uses import REUSED_BYTES, can_write, ends, uses

WIDTH = 76
"""An expression longer than this is given lines of its own for its parts."""


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

    pool: makes a function, of a shape and a dtype, that gives memory for a large result; None leaves that to NumPy.
    fused: makes a function of a group. silent: whether the function keeps NumPy from warning. slots: names of further
    arguments, arrays that results are written to. arrays: the line that imports the module of arrays.
    """

    def __init__(
        self,
        program: Program,
        dialect: Dialect = "people",
        pool: Pool | None = None,
        fused: Callable[[FusionGroup], Any] | None = None,
        silent: bool = True,
        slots: Mapping[Step, str] | None = None,
        arrays: str = "",
    ):
        steps, outputs = program.steps, program.outputs
        self.program, self.steps, self.outputs = program, steps, outputs
        self.dialect, self.pool, self.fused, self.silent = dialect, pool, fused, silent
        self.arrays = arrays or expressions.IMPORTS.get(dialect, "import numpy as np")
        self.spelling = array_api.SPELLING if dialect == "array_api" else expressions.SPELLING
        self.backward_from: float = program.backward_from
        self.returned = set(outputs)
        self.uses = uses(steps, outputs)
        self.user = {operand: step for step in steps for operand in step.operands}
        self.viewed = {operand for step in steps if step.view and not is_glance(step) for operand in step.operands}
        self.ends = ends(steps, self.uses)
        self.slots = slots or {}
        self.names = Names()
        self.names.known |= {*self.slots.values()}
        self.texts: dict[Step, _Text] = {}
        self.gradients: dict[int, str] = {}
        self.told: dict[Step, list[tuple[int, str]]] = {}  # the names of gradients that a step gives
        for i, (y, gradient) in enumerate(zip(outputs, program.gradients, strict=True)):
            if gradient:
                self.told.setdefault(y, []).append((i, gradient))
        self.finished: Counter[Step] = Counter()
        self.helpers: Helpers | None = None
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
        arguments = ", ".join(filter(None, [arguments, *self.slots.values()]))
        lines = [*self.lines, f"return {returned}"]
        if self.dialect == "people":
            lines = rolled(lines, arguments.split(", "), self.names.taken)
        lines.insert(0, f'"""{summary}"""')
        head = [*self._silence(), f"def {name}({arguments}):"]
        function = "\n".join([*head, *[f"    {line}" for line in lines]])
        helpers, tables = self.helpers, "\n".join(self.tables)
        body = "\n\n\n".join(filter(None, [tables, *(helpers.written if helpers else ()), function])) + "\n"
        arrays = self.arrays * (f"{self.arrays.split()[-1]}." in body)
        imports = (helpers or Helpers(self.names)).imports(arrays)
        text = f"{imports}{'' if tables else chr(10)}{body}".lstrip()
        constants = [step.value for step in self.constants]
        return Module(name, text, constants, *(helpers.names, helpers.objects) if helpers else ({}, {}))

    # --- a step ---

    def _write(self, step: Step) -> None:
        if step.opcode in (INPUT, CONSTANT):
            return
        if step.opcode == GUARD:
            self._write_guard(step)
            return
        if step.place > self.backward_from:
            self.backward_from = inf
            self.lines += ["# backward: dv is the derivative with respect to v"]
        if step.opcode == ASSIGN:
            self._write_assignment(step)
            return
        text = self._expression(step)
        if text.fresh or self._is_variable(step) or len(text.text) > WIDTH:
            self._assign(step, text)
        else:
            self.texts[step] = text

    def _is_variable(self, step: Step) -> bool:
        if is_glance(step) and self.texts[step.args[0]].binding == ATOM and step not in self.returned:
            return False
        told = step in self.program.names and not self._is_factor(step)
        told = told or (step in self.returned and len(self.outputs) > 1)
        written_to = self.dialect == "numpy" and not (step.view or step.contiguous)  # by NumPy, with the next result
        return told or self.uses[step] > 1 or not step.pure or written_to

    def _is_factor(self, step: Step) -> bool:
        """Whether a cotangent is there only to be multiplied and become the next one that has a name."""
        user = self.user.get(step)
        if user is None or user not in self.program.names or step.place <= self.program.backward_from:
            return False
        return user.function in (np.multiply, SCALE)

    def _assign(self, step: Step, text: _Text) -> None:
        end = self.ends.get(step, step)
        name = self.program.names.get(end)
        variable = self.names.taken(name) if name else self._numbered(end)
        note = f"  # {printed(name)}" if name and name != variable else ""
        self.lines.append(f"{variable} = {text.text}{note}")
        self.finished.update(text.reads)
        self._name(step, variable)
        for i, gradient in self.told.get(step, ()):
            if gradient != name:
                self.gradients[i] = self.names.taken(gradient)
                self.lines.append(f"{self.gradients[i]} = {variable}")

    @property
    def warnings(self) -> set[str]:
        """What NumPy could warn of, as `np.errstate` calls it."""
        bodies = [step.function.body.steps for step in self.steps if isinstance(step.function, Loop)]
        return set[str]().union(*map(warnings, [self.steps, *bodies]))

    def _silence(self) -> list[str]:
        """The decorator for what NumPy would warn of, if there is anything."""
        ignored = ", ".join([f'{kind}="ignore"' for kind in sorted(self.warnings)]) if self.silent else ""
        return [f"@np.errstate({ignored})"] if ignored else []

    def _write_assignment(self, step: Step) -> None:
        """A line that makes the array, unless it is there, and one that writes to a part of it."""
        array, place, value = step.args
        old, (operand, reads) = self._operand(array, step), self._reader(step, step.operands[1:])
        sign = "+=" if step.function is np.add else "="
        where = self.spelling.place(place, operand, len(array.shape))
        change = f"[{where}] {sign} {self.spelling.argument(value, operand)}"
        if array in self.ends:
            self._name(step, old.text)
        else:
            free = self._is_new(array, old, reads)
            made = old.text if free else self.spelling.copied(enclosed(old.text, old.binding, ATOM))
            self._assign(step, _Text(made, ATOM, old.reads))
        self.lines.append(self.texts[step].text + change)
        self.finished.update(reads)

    def _is_new(self, array: Step, text: _Text, reads: Counter[Step]) -> bool:
        """Whether an array, written like this, has memory that nobody else reads; the line itself reads these too."""
        if array.opcode == CONSTANT or array not in text.reads:
            return not array.view and not (array.opcode == CONSTANT and text.reads)
        return array not in self.program.names and self._is_free(array, text.reads + reads)

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
        self.finished.update(condition.reads)

    def _output(self, y: Step, i: int) -> str:
        """A result in memory of its own: not an input's, nor another result's."""
        text, owner = self._operand(y, None), base(y)
        text = replace(text, text=self.gradients.get(i, text.text))
        others = [base(other) for k, other in enumerate(self.outputs) if other is not y or k < i]
        if y.opcode == CONSTANT and not text.reads:
            return text.text
        shared = owner.opcode in (INPUT, CONSTANT) or owner in others or y.size != owner.size
        return self.spelling.copied(enclosed(text.text, text.binding, ATOM)) if shared and y.shape else text.text

    # --- expressions ---

    def _expression(self, step: Step) -> _Text:
        operand, reads = self._reader(step, step.operands)
        contained = self.spelling.contained(step)
        if contained is not None or step.opcode in (WHOLE, FUSED):
            argument = self.spelling.argument
            given = [argument(x, operand) for x in step.args]
            given += [f"{key}={argument(x, operand)}" for key, x in step.kwargs.items()]
            text, binding = f"{self._helper(contained or self._function(step))}({', '.join(given)})", ATOM
        else:
            text, binding = self.spelling.call(step, operand, self.dialect)
        writes = self.dialect in ("people", "numpy") and _writes(step)  # the others have no out=
        free = self._free(step, reads) if writes and step not in self.slots else None
        if free is not None or step in self.slots:
            place = free or self.slots[step]
        elif self.pool is not None and writes and step.contiguous:
            place = f"{self._helper(self.pool(step.shape, step.dtype))}()"
        else:
            return _Text(text, binding, reads)
        operands = [self.spelling.argument(x, lambda s: (self._operand(s, step).text, ATOM)) for x in step.args]
        name = "multiply" if is_outer(step) else step.called.replace("dot", "matmul")  # which clears no memory first
        return _Text(f"np.{name}({', '.join(operands)}, out={place})", ATOM, reads, free, fresh=free is None)

    def _reader(self, user: Step, operands: Sequence[Step]) -> tuple[Operand, Counter[Step]]:
        """What gives the text of a step's operands, and the variables that these read, each as often as it is there."""

        def text(x: Step) -> _Text:
            return self._operand(self._unbroadcast(x, user), user)

        reads: Counter[Step] = Counter()
        for x in operands:
            reads.update(text(x).reads)
        return lambda x: (text(x).text, text(x).binding), reads

    def _unbroadcast(self, x: Step, user: Step) -> Step:
        """What is broadcast by hand for a ufunc that broadcasts by itself."""
        if x.called != "broadcast_to" or self.dialect not in ("people", "array_api") or user.opcode != UFUNC:
            return x
        if self.uses[x] > 1 or x in self.texts[x].reads:  # it has a line of its own
            return x
        whole = [other for other in user.operands if other.called != "broadcast_to" and other.shape == user.shape]
        return x.args[0] if whole else x

    def _helper(self, function: Any) -> str:
        """The name of a function that the module contains."""
        self.helpers = self.helpers or Helpers(self.names)
        return self.helpers.add(function)

    def _function(self, step: Step) -> Any:
        """What a step calls that the module contains."""
        if step.function is SCALE and self.dialect == "people":
            return scale
        if isinstance(step.function, Loop):
            return loop_function(step.function, self.dialect, Writer, self.pool)
        return self.fused(step.function) if step.opcode == FUSED and self.fused is not None else step.function

    def _operand(self, x: Step, user: Step | None) -> _Text:
        if x in self.texts:
            return self.texts[x]
        text = self.spelling.literal(x, user, self.dialect)
        if text is None:
            table = self.spelling.array(x.value)
            self._name(x, self.names.numbered("k"))
            if table is None:
                self.constants.append(x)
            else:
                self.tables.append(f"{self.texts[x].text} = {table}")
            return self.texts[x]
        return _Text(*text, Counter())

    def _free(self, step: Step, reads: Counter[Step]) -> str | None:
        """The variable whose memory the step may write to: nobody reads it after this.

        It holds an operand, or what was computed on the way to one.
        """
        for x in step.operands if step.opcode == UFUNC else ():
            if x in self.texts and self.texts[x].memory is not None and _fits(x, step):
                return self.texts[x].memory
            if self._is_free(x, reads) and _fits(x, step) and self.texts[x].binding == ATOM:
                return self.texts[x].text
        return None

    def _is_free(self, x: Step, reads: Counter[Step]) -> bool:
        """Whether nobody needs the memory of x any more after a line with these reads."""
        owned = x.opcode not in (INPUT, CONSTANT) and not x.view and x not in self.viewed and x not in self.returned
        return owned and reads[x] == 1 and self.uses[x] - self.finished[x] == 1


def _writes(step: Step) -> bool:
    """Whether a step has a large result that it can write to memory that is there."""
    return can_write(step) and step.dtype.itemsize * step.size >= REUSED_BYTES


def _fits(x: Step, step: Step) -> bool:
    return x.shape == step.shape and x.dtype == step.dtype and x.contiguous == step.contiguous
