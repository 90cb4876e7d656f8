"""Formulas as one writes them by hand: numbers first, x² for x·x, nothing that changes nothing."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_bp.engine import Node
from tinygrad_bp.formula.notation import COMPARISON, SUM, binding, fill
from tinygrad_bp.traits import Traits

_UNIT_FRACTION = re.compile(r"\\frac\{1\}\{([^{}]*)\}")
_NUMBER = re.compile(r"-?[\d.]+( \\cdot 10\^\{-?\d+\})?|-?\\frac\{-?1\}\{\d+\}")
_NEUTRAL: dict[Callable[..., Any] | None, str] = {
    operator.add: "0", operator.sub: "0", operator.truediv: "1", operator.pow: "1",
}  # fmt: skip
"""What changes nothing as the second operand."""


def tidied(node: Node, operands: list[str], of_rule: bool) -> str | None:
    """The formula of a node whose operands ask for another than its op's; `of_rule` as in `expression`."""
    shorter = _simplified(node, operands) if of_rule else None
    return shorter or _usual(node, operands)


def as_number(latex: str) -> str:
    """Iverson's brackets around a comparison."""
    return f"[{latex}]" if binding(latex) == COMPARISON else latex


def _usual(node: Any, operands: list[str]) -> str | None:
    """A number before what it multiplies, x² for x·x, nothing for axes of length 1."""
    first, second = operands[0], operands[-1]
    algebra = node.op.traits.algebra
    if algebra is operator.mul:
        if _is_number(second) and not _is_number(first):
            return fill(r"‹0› \cdot ‹1›", {"0": second, "1": first})
        if first == second:
            return fill("‹0›^{2}", {"0": first})
    if algebra is operator.truediv and (part := _UNIT_FRACTION.fullmatch(first)) and not _is_number(second):
        return fill(rf"\frac{{1}}{{{part[1]} \cdot ‹1›}}", {"1": second})
    if node.op.traits.arranges(**node.params) and (_is_number(first) or _same_but_ones(node)):
        return first
    return None


def _simplified(node: Any, operands: list[str]) -> str | None:
    """A rule's formula without neutral elements, and without guards of single points, which the op documents."""
    first, second = operands[0], operands[-1]
    traits: Traits = node.op.traits
    if traits.algebra is operator.mul:
        return _product(first, second) or _product(second, first)
    if _NEUTRAL.get(traits.algebra) == second:
        return first
    if traits.algebra is operator.neg and first[0] == "-" and binding(first[1:]) > SUM:
        return first[1:]
    guarded = traits.guarded(node, operands) if traits.guarded is not None else None
    if guarded is not None:
        return operands[guarded]
    if traits.arranges(**node.params) and not _is_number(first) and np.size(node.value) != np.size(node.inputs[0]):
        return fill(r"\operatorname{spread}(‹0›)", {"0": first})
    return None


def _product(one: str, other: str) -> str | None:
    """The product by 0, 1 or 1/n."""
    if one in ("0", "1"):
        return other if one == "1" else "0"
    if (part := _UNIT_FRACTION.fullmatch(one)) and other != one:
        return rf"\frac{{{as_number(other)}}}{{{part[1]}}}"
    return None


def _is_number(latex: str) -> bool:
    return _NUMBER.fullmatch(latex) is not None


def _same_but_ones(node: Node) -> bool:
    before, after = np.shape(node.inputs[0]), np.shape(node.value)
    return [n for n in before if n != 1] == [n for n in after if n != 1]
