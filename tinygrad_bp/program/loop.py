"""A loop as one step of a program: a program of its own that is run again and again."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np

from tinygrad_bp.program.step import CONSTANT, GUARD, INPUT, SCALE, UFUNC, Step
from tinygrad_bp.program.trace import Program


@final
@dataclass(frozen=True, eq=False)
class Loop:
    """carries, y ← body(captured, carries, x[t]) for every t: what the function of a WHOLE step may be.

    body: its inputs are captured values, carries and parts of xs, its outputs the next carries and parts of ys. The
    loop takes captured values, the first carries and the whole xs, and gives a tuple: the last carries, the whole ys.
    captured, carries: how many there are. length: how often the body is run, backward from the end of xs if `reverse`.
    is_pullback: whether the body is linear in its carries and in what flows into them, so that NaN in it comes out.
    run: the loop as a function.
    """

    body: Program
    captured: int
    carries: int
    length: int
    reverse: bool
    is_pullback: bool = False
    run: Callable[..., Any] | None = None

    @property
    def __name__(self) -> str:
        return f"{self.body.name}_loop"

    def __call__(self, *args: Any) -> Any:
        """Run it."""
        assert self.run is not None
        return self.run(*args)

    @property
    def ys(self) -> Sequence[Step]:
        """The steps of the body that give a part of each of ys."""
        return self.body.outputs[self.carries :]

    def with_body(self, body: Program) -> Loop:
        """The same loop of another body."""
        return replace(self, body=body, run=None)

    @property
    def quick(self) -> Loop | None:
        """The loop with plain products where a cotangent of 0 has to win: as good where no NaN comes out of it.

        None if there are no such products, or NaN might not come out.
        """
        new: dict[Step, Step] = {}
        steps: list[Step] = []
        for step in self.body.steps if self.is_pullback else ():
            moved = step.on(new)
            if moved.function is SCALE:
                moved = replace(moved, opcode=UFUNC, function=np.multiply)
            new[step] = moved
            steps.append(moved)
        if all(a is b for a, b in new.items()):
            return None
        outputs = [new[y] for y in self.body.outputs]
        names = {new.get(step, step): name for step, name in self.body.names.items()}
        body = replace(self.body, name=f"quick_{self.body.name}", steps=steps, outputs=outputs, names=names)
        return replace(self, body=body, is_pullback=False, run=None)


def without_arrays(loop: Loop, is_text: Callable[[Step], bool]) -> tuple[Loop, list[Any]]:
    """The loop with arrays among the constants of its body as captured values; and these, after the others there are.

    is_text: whether a constant can be part of the text.
    """
    body = loop.body
    arrays = [step for step in body.steps if step.opcode == CONSTANT and step.shape and not is_text(step)]
    new = {step: replace(step, opcode=INPUT, value=None) for step in arrays}
    if not new:
        return loop, []
    steps: list[Step] = []
    for step in body.steps:
        steps.append(new.setdefault(step, step.on(new)))
    inputs = [*body.inputs[: loop.captured], *[new[step] for step in arrays], *body.inputs[loop.captured :]]
    names = {new.get(step, step): name for step, name in body.names.items()} | {new[step]: "k" for step in arrays}
    body = replace(body, inputs=inputs, steps=steps, outputs=[new.get(y, y) for y in body.outputs], names=names)
    return replace(loop, body=body, captured=loop.captured + len(arrays), run=None), [step.value for step in arrays]


def shortened(loop: Loop, used: Container[int]) -> tuple[Loop, list[int], list[int]]:
    """The loop without results that nobody uses, and the numbers of the arguments and of the results that it keeps."""
    body, n, first = loop.body, loop.carries, loop.captured
    needed = [i for i in range(len(body.outputs)) if i in used]
    while True:
        steps = {step for step in body.steps if step.opcode == GUARD} | {body.outputs[i] for i in needed}
        for step in reversed(body.steps):
            if step in steps:
                steps.update(step.operands)
        more = [i for i in range(n) if body.inputs[first + i] in steps and i not in needed]
        if not more:
            break
        needed = sorted([*needed, *more])
    dropped = {first + i for i in range(n) if i not in needed}
    kept = [i for i, x in enumerate(body.inputs) if i not in dropped and (x in steps or first <= i < first + n)]
    if len(needed) == len(body.outputs) and len(kept) == len(body.inputs):
        return loop, kept, needed
    new = replace(
        body, inputs=[body.inputs[i] for i in kept], outputs=[body.outputs[i] for i in needed],
        gradients=[None] * len(needed), steps=[step for step in body.steps if step in steps],
    )  # fmt: skip
    captured, carries = sum(i < first for i in kept), sum(i < n for i in needed)
    return replace(loop, body=new, captured=captured, carries=carries, run=None), kept, needed


def with_bodies(program: Program) -> list[Step]:
    """The steps of a program, and those of its loops."""
    found = list(program.steps)
    for step in found:
        if isinstance(step.function, Loop):
            found += step.function.body.steps
    return found
