"""Slopes as people write them: a·(1 − a) beside a = σ(z), and 1 − a² beside a = tanh z.

What runs computes the same numbers in ways that keep their digits in the tails, where 1 − a has none left.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from tinygrad_bp.program import Program
from tinygrad_bp.program.passes import eliminate_dead_steps, replaced
from tinygrad_bp.program.step import UFUNC, Step, uniform


def readable(program: Program) -> Program:
    """The program with such slopes from the values beside them."""
    steps: list[Step] = []
    new: dict[Step, Step] = {}
    for step in program.steps:
        made = step.on(new)
        parts = _logistic(made) or _hyperbolic(made, steps) or [made]
        steps += parts
        new[step] = parts[-1]
    changed = len(steps) != len(program.steps) or any(a is not b for a, b in zip(steps, program.steps, strict=True))
    return eliminate_dead_steps(replaced(program, steps, new)) if changed else program


def _logistic(step: Step) -> list[Step]:
    """1 − a for what is a·e⁻ᶻ, and a·(1 − a) for a/(1 + eᶻ), where a = 1/(1 + e⁻ᶻ)."""
    if step.function is np.fmin and uniform(step.args[1]) == 1:
        a, power = _operands(step.args[0], np.multiply)
        return [_like(step, np.subtract, 1.0, a)] if power is not None and _inverse(a) is power else []
    a, below = _operands(step, np.divide)
    there, here = _inverse(a), _beside_1(below)
    if there is None or here is None or not _are_opposite(there.args[0], here.args[0]):
        return []
    rest = _like(step, np.subtract, 1.0, a)
    return [rest, _like(step, np.multiply, a, rest)]


def _hyperbolic(step: Step, before: list[Step]) -> list[Step]:
    """1 − a² for 4s/(1 + s)² with s = e^(−2|z|), where a = tanh z."""
    above, below = _operands(step, np.divide)
    t, again = _operands(below, np.multiply)
    four, s = _operands(above, np.multiply)
    if t is None or t is not again or uniform(four) != 4 or s is not _beside_1(t):
        return []
    times, size = _operands(s.args[0], np.multiply)
    if uniform(times) != -2 or getattr(size, "function", None) is not np.absolute:
        return []
    z = size.args[0]
    known = next((x for x in before if x.function is np.tanh and x.args[0] is z), None)
    a = known or _like(step, np.tanh, z)
    square = _like(step, np.multiply, a, a)
    return [*([] if known else [a]), square, _like(step, np.subtract, 1.0, square)]


def _like(step: Step, function: Any, *args: Any) -> Step:
    return replace(step, opcode=UFUNC, function=function, args=args)


def _operands(x: Any, function: Any) -> tuple[Any, Any]:
    """Both operands of a step of this function; nothing of another."""
    return x.args if isinstance(x, Step) and x.function is function and len(x.args) == 2 else (None, None)


def _beside_1(x: Any) -> Any:
    """eᵘ in 1 + eᵘ."""
    one, power = _operands(x, np.add)
    return power if uniform(one) == 1 and isinstance(power, Step) and power.function is np.exp else None


def _inverse(a: Any) -> Any:
    """eᵘ in 1/(1 + eᵘ)."""
    one, below = _operands(a, np.divide)
    return _beside_1(below) if uniform(one) == 1 else None


def _are_opposite(u: Any, v: Any) -> bool:
    return any(getattr(a, "function", None) is np.negative and a.args[0] is b for a, b in ((u, v), (v, u)))
