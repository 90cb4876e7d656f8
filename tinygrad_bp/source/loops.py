"""The function of a loop as text: it calls that of its body again and again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from tinygrad_bp.program.loop import Loop
from tinygrad_bp.program.step import CONSTANT, INPUT, Step
from tinygrad_bp.source import pytext
from tinygrad_bp.source.expressions import Dialect, literal, number
from tinygrad_bp.source.identifiers import Names
from tinygrad_bp.source.uses import REUSED_BYTES, can_write

Pool = Callable[[tuple[int, ...], Any], Callable[..., Any]]
"""Makes a function, of a shape and a dtype, that gives memory for a large result."""

_CHECKED = """\
def {name}(*args):
    results = quick(*args)
    for y in results:
        if np.isnan(np.vdot(y, y)):
            return exact(*args)
    return results
"""
"""A loop that is done once more, with exact zeros, where NaN comes out of it."""


@lru_cache(128)
def loop_function(loop: Loop, dialect: Dialect, writer: Any, pool: Pool | None = None) -> Callable[..., Any]:
    """A loop as a function of captured values, first carries and whole xs.

    writer: the class that writes its body. pool: as the writer has it, for large ys.
    """
    quick = loop.quick if dialect == "numpy" else None
    if quick is not None:
        exact = replace(loop, is_pullback=False)
        functions = [loop_function(part, dialect, writer, pool) for part in (quick, exact)]
        both = dict(zip(("quick", "exact"), functions, strict=True))
        return pytext.function(_CHECKED.format(name=loop.__name__), loop.__name__, {"np": np, **both})
    made = list(dict.fromkeys([y for y in loop.body.outputs if y.opcode not in (INPUT, CONSTANT)]))
    step = ""
    slots: dict[Step, str] = {}
    space: dict[str, Any] = {"np": np}
    if made:
        body = replace(loop.body, outputs=made, gradients=[None] * len(made))
        slots = _slots(loop, made) if dialect == "numpy" else {}
        module = writer(body, dialect, silent=False, slots=slots).module(f"A step of {loop.__name__}.")
        step = module.name
        space[step] = pytext.function(module.text, step, module.objects)
    text = _LoopText(loop, made, step, slots, dialect == "numba")
    for y, like in zip(text.ys, loop.ys, strict=True):
        if pool is not None and loop.length * like.size * like.dtype.itemsize >= REUSED_BYTES:
            text.memory[y] = f"memory_of_{y}()"
            space[f"memory_of_{y}"] = pool((loop.length, *like.shape), like.dtype)
    return pytext.function(text.written(), text.name, space)


def _slots(loop: Loop, made: Sequence[Step]) -> dict[Step, str]:
    """Names for the places in ys that the body writes its results to, instead of to memory of their own."""
    written = [step in loop.ys and step.shape and step.contiguous and can_write(step) for step in made]
    return {step: f"to{i}" for i, step in enumerate(made) if written[i]}


class _LoopText:
    """The function of a loop while it is written.

    slots: see `_slots`; the body takes these places after its inputs. copies: whether the first carries are copied, to
    be of the type of those that follow. memory: what gives it to ys, if not NumPy.
    """

    def __init__(self, loop: Loop, made: Sequence[Step], body: str, slots: Mapping[Step, str], copies: bool):
        self.loop, self.made, self.body, self.slots, self.copies = loop, made, body, slots, copies
        names = Names()
        names.known |= {body}
        self.name = names.taken(loop.__name__)
        program = loop.body
        self.inputs = [names.taken(program.names.get(step, "x")) for step in program.inputs]
        self.carried = self.inputs[loop.captured : loop.captured + loop.carries]
        self.t = names.taken("t")
        known = dict(zip(program.inputs, self.inputs, strict=True))
        xs = program.inputs[loop.captured + loop.carries :]
        self.at = {step: f"{known[step]}[{self.t}]" if step in xs else known[step] for step in program.inputs}
        self.results = {step: names.numbered("new") for step in made}
        self.ys = [names.numbered("y") for _ in loop.ys]
        self.memory: dict[str, str] = {}

    def written(self) -> str:
        """Its text."""
        loop, outputs = self.loop, self.loop.body.outputs
        lines = [f'"""{loop.body.name}, {loop.length} times{", from the end" * loop.reverse}."""']
        if self.copies:
            carries = self.loop.body.inputs[loop.captured : loop.captured + loop.carries]
            pairs = zip(self.carried, carries, strict=True)
            lines += [f"{name} = {name}.copy()" for name, step in pairs if step.shape]
        for y, step in zip(self.ys, loop.ys, strict=True):
            new = f"np.empty({(loop.length, *step.shape)}, np.{step.dtype.name})"
            lines.append(f"{y} = {self.memory.get(y, new)}")
        order = f"range({loop.length - 1}, -1, -1)" if loop.reverse else f"range({loop.length})"
        places = {step: self._to(y) for y, step in zip(self.ys, loop.ys, strict=True) if step in self.slots}
        inside = [
            f"{self._to(y)} = {self._value(step)}"
            for y, step in zip(self.ys, loop.ys, strict=True) if places.get(step) != self._to(y)
        ]  # fmt: skip
        if self.body:
            given = ", ".join([*[self.at[step] for step in loop.body.inputs], *[places[step] for step in self.slots]])
            inside.insert(0, f"{', '.join(self.results.values())} = {self.body}({given})")
        pairs = zip(self.carried, outputs[: loop.carries], strict=True)
        moved = [(name, value) for name, value in [(name, self._value(step)) for name, step in pairs] if name != value]
        if moved:
            inside.append(f"{', '.join([name for name, _ in moved])} = {', '.join([value for _, value in moved])}")
        if inside:
            lines += [f"for {self.t} in {order}:", *[f"    {line}" for line in inside]]
        last = [self._last(i) for i in range(loop.carries)]
        results = [*last, *self.ys]
        lines.append(f"return {', '.join(results)}" if len(results) > 1 else f"return ({results[0]},)")
        return "\n".join([f"def {self.name}({', '.join(self.inputs)}):", *[f"    {line}" for line in lines]]) + "\n"

    def _to(self, y: str) -> str:
        return f"{y}[{self.t}]"

    def _value(self, step: Step) -> str:
        """What the body gives for one of its outputs."""
        if step in self.results:
            return self.results[step]
        if step in self.at:
            return self.at[step]
        text = literal(step, None)
        assert text is not None  # other constants are inputs
        return text[0] if step.shape else number(step.value[()])

    def _last(self, i: int) -> str:
        """A carry after the loop, in memory of its own."""
        outputs = self.loop.body.outputs
        step, name = outputs[i], self.carried[i]
        own = step in self.results and step not in self.slots and self.loop.length > 0 and step not in outputs[:i]
        return name if own or not step.shape else f"{name}.copy()"
