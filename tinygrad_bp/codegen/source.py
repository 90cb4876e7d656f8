"""A program written down as a Python function of NumPy calls, a line for every named value."""

from __future__ import annotations

import keyword
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_bp.codegen.expressions import ATOM, LOWEST, argument, call, enclosed, literal
from tinygrad_bp.codegen.helpers import Helpers
from tinygrad_bp.codegen.simplify import is_reversal
from tinygrad_bp.codegen.symbolic import CONSTANT, GUARD, INDEX, INPUT, UFUNC, WHOLE, Step

WIDTH = 76
"""An expression longer than this is given lines of its own for its parts."""

LARGE = 1 << 16
"""From this many bytes on the memory of a value that nobody needs any more is used for the next one."""


@dataclass(slots=True)
class _Text:
    """An expression that stands for a step until a line uses it, and which variables it reads."""

    text: str
    binding: int
    reads: Counter[Step]


class Writer:
    """The lines of a function while they are written."""

    def __init__(self, inputs: Sequence[Step], steps: Sequence[Step], outputs: Sequence[Step], turn: int):
        self.inputs, self.steps, self.outputs, self.turn = list(inputs), steps, outputs, turn
        self.uses = _uses(steps, outputs)
        self.viewed = {operand for step in steps if step.view and not _is_glance(step) for operand in step.operands()}
        self.names = _Names()
        self.texts: dict[Step, _Text] = {}
        self.finished: Counter[Step] = Counter()
        self.helpers = Helpers()
        self.constants: list[Step] = []
        self.lines: list[str] = []

    def function(self, name: str, summary: str) -> str:
        """The whole module: imports, helpers, the function."""
        for step in self.inputs:
            self._name(step, self.names.taken(step.name))
        for step in self.steps:
            self._write(step)
        returned = ", ".join([self._output(y, i) for i, y in enumerate(self.outputs)])
        arguments = ", ".join([self.texts[step].text for step in [*self.inputs, *self.constants]])
        body = "\n".join(f"    {line}" if line else "" for line in [*self.lines, f"return {returned}"])
        head = f'def {self.names.taken(name)}({arguments}):\n    """{summary}"""\n'
        return "\n\n\n".join(["import numpy as np", *self.helpers.sources(), head + body]) + "\n"

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
        if self._is_variable(step) or len(text.text) > WIDTH:
            self._assign(step, text)
        else:
            self.texts[step] = text

    def _is_variable(self, step: Step) -> bool:
        if _is_glance(step) and self.texts[step.args[0]].binding == ATOM and step not in self.outputs:
            return False
        told = step.name or (step in self.outputs and len(self.outputs) > 1)
        return bool(told) or self.uses[step] > 1 or not step.pure

    def _assign(self, step: Step, text: _Text) -> None:
        variable = self.names.taken(step.name or self._suggestion(step))
        note = f"  # {step.name}" if step.name and step.name != variable else ""
        self.lines.append(f"{variable} = {text.text}{note}")
        self.finished += text.reads
        self._name(step, variable)

    def _name(self, step: Step, variable: str) -> None:
        self.texts[step] = _Text(variable, ATOM, Counter([step]))

    def _suggestion(self, step: Step) -> str:
        """A name for a value that has none: for what becomes of an input, new_W1."""
        same = [s for s in step.operands() if s.kind == INPUT and (s.shape, s.dtype) == (step.shape, step.dtype)]
        result = f"new_{same[0].name}" if len(same) == 1 else "y"
        return result if step in self.outputs else "t"

    def _write_guard(self, step: Step) -> None:
        condition = self._expression(step)
        test = condition.text if not step.function else f"not {enclosed(condition.text, condition.binding, ATOM)}"
        self.lines += [f"if {test}:", '    raise ValueError("written for other values: write the program again")']
        self.finished += condition.reads

    def _output(self, y: Step, i: int) -> str:
        """A result: its own memory, not an input's, nor another result's."""
        text = self._operand(y, None)
        shared = y.kind in (INPUT, CONSTANT) or y.view or y in self.outputs[:i]
        return f"{enclosed(text.text, text.binding, ATOM)}.copy()" if shared and y.shape else text.text

    # --- expressions ---

    def _expression(self, step: Step) -> _Text:
        reads: Counter[Step] = Counter()

        def operand(x: Step) -> tuple[str, int]:
            text = self._operand(x, step)
            reads.update(text.reads)
            return text.text, text.binding

        if step.kind == WHOLE:
            name = self.helpers.add(step.function)
            text, binding = argument_call(name, step, operand), ATOM
        else:
            text, binding = call(step, operand)
        free = self._free(step, reads)
        if free is not None:
            operands = [argument(x, operand) for x in step.args]
            text, binding = f"np.{step.function.__name__}({', '.join(operands)}, out={free})", ATOM
        return _Text(text, binding, reads)

    def _operand(self, x: Step, user: Step | None) -> _Text:
        if x in self.texts:
            return self.texts[x]
        text = literal(x, user)
        if text is None:
            x.name = x.name or "k"
            self.constants.append(x)
            self._name(x, self.names.taken(x.name))
            return self.texts[x]
        return _Text(text, LOWEST if text[:1] == "-" else ATOM, Counter())

    def _free(self, step: Step, reads: Counter[Step]) -> str | None:
        """The variable whose memory the step may write to: nobody reads it after this."""
        if step.kind != UFUNC or step.dtype.itemsize * int(np.prod(step.shape)) < LARGE or step.kwargs:
            return None
        for x in step.operands():
            owned = x.kind not in (INPUT, CONSTANT) and not x.view and x not in self.viewed and x not in self.outputs
            last = reads[x] == 1 and self.uses[x] - self.finished[x] == 1
            if owned and last and (x.shape, x.dtype) == (step.shape, step.dtype) and self.texts[x].binding == ATOM:
                return self.texts[x].text
        return None


def argument_call(name: str, step: Step, operand: Any) -> str:
    """A call with the step's arguments."""
    given = [argument(x, operand) for x in step.args]
    given += [f"{key}={argument(x, operand)}" for key, x in step.kwargs.items()]
    return f"{name}({', '.join(given)})"


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


class _Names:
    """Identifiers, each given out once."""

    def __init__(self) -> None:
        self.known = {"np", "l", "O", "I", *keyword.kwlist}
        self.counts: dict[str, int] = defaultdict(int)

    def taken(self, wish: str) -> str:
        """The identifier nearest to what is wished for."""
        name = "".join([c if c.isalnum() and c.isascii() else "_" for c in wish]).strip("_") or "t"
        name = f"v{name}" if name[0].isdigit() else name
        candidate = name
        while candidate in self.known or (name in ("t", "k", "y") and candidate == name):
            self.counts[name] += 1
            candidate = f"{name}{self.counts[name]}" if not name[-1].isdigit() else f"{name}_{self.counts[name]}"
        self.known.add(candidate)
        return candidate
