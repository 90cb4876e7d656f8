"""The function of a loop as text: it calls that of its body again and again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from tinygrad_bp.program.loop import Loop
from tinygrad_bp.program.step import CONSTANT, INPUT, Step
from tinygrad_bp.source import pytext
from tinygrad_bp.source.expressions import Dialect, literal, number
from tinygrad_bp.source.identifiers import Names


@lru_cache(128)
def loop_function(loop: Loop, dialect: Dialect, writer: Any) -> Callable[..., Any]:
    """A loop as a function of captured values, first carries and whole xs. writer: the class that writes its body."""
    made = list(dict.fromkeys([y for y in loop.body.outputs if y.opcode not in (INPUT, CONSTANT)]))
    step = ""
    space: dict[str, Any] = {"np": np}
    if made:
        body = replace(loop.body, outputs=made, gradients=[None] * len(made))
        module = writer(body, dialect, silent=False).module(f"A step of {loop.__name__}.")
        step = module.name
        space[step] = pytext.function(module.text, step, module.objects)
    text = _LoopText(loop, made, step)
    return pytext.function(text.written(), text.name, space)


class _LoopText:
    """The function of a loop while it is written."""

    def __init__(self, loop: Loop, made: Sequence[Step], body: str):
        self.loop, self.made, self.body = loop, made, body
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

    def written(self) -> str:
        """Its text."""
        loop, outputs = self.loop, self.loop.body.outputs
        lines = [f'"""{loop.body.name}, {loop.length} times{", from the end" * loop.reverse}."""']
        for y, step in zip(self.ys, loop.ys, strict=True):
            lines.append(f"{y} = np.empty({(loop.length, *step.shape)}, np.{step.dtype.name})")
        order = f"range({loop.length - 1}, -1, -1)" if loop.reverse else f"range({loop.length})"
        inside = [f"{self._to(y)} = {self._value(step)}" for y, step in zip(self.ys, loop.ys, strict=True)]
        if self.body:
            given = ", ".join([self.at[step] for step in loop.body.inputs])
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
        own = step in self.results and self.loop.length > 0 and step not in outputs[:i]
        return name if own or not step.shape else f"{name}.copy()"
