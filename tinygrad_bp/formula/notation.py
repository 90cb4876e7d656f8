"""Formulas as templates: operands put into LaTeX with the parentheses they need, and LaTeX read out as plain text.

A template is LaTeX in which ‹key› stands where an operand goes. What binds how tightly is read from the template
itself, so an op states its formula once and no second table lists precedences.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

import numpy as np

COMPARISON, SUM, HADAMARD, PRODUCT, PREFIX, POWER, ATOM = range(7)
"""How tightly an expression holds together, loosest first."""

SLOT = re.compile("‹([^›]*)›")
_OPERAND = re.compile(r"\{(\d+)\}")
_TOKEN = re.compile(r"\\[A-Za-z]+|\\.|‹[^›]*›|\S")
_BINDING = {
    **dict.fromkeys((">", "<", "=", r"\ge", r"\le", r"\ne"), COMPARISON),
    **dict.fromkeys("+-", SUM),
    r"\odot": HADAMARD,
    r"\cdot": PRODUCT,
    **dict.fromkeys((r"\sum", r"\prod", r"\log", r"\max", r"\min"), PREFIX),
    "^": POWER,
}
_OPENING = {"(", "{", "[", r"\lvert", r"\lVert", r"\lfloor", r"\lceil"}
_CLOSING = {")", "}", "]", r"\rvert", r"\rVert", r"\rfloor", r"\rceil"}


def slot(key: object) -> str:
    """The place in a template where the operand `key` goes."""
    return f"‹{key}›"


@lru_cache(4096)
def template(latex: str) -> str:
    r"""An op's LaTeX, whose operands are written {0}, {1}, as a template.

    >>> template("e^{{0}}")
    'e^{‹0›}'
    """
    return _OPERAND.sub("‹\\1›", latex)


def listed(template: str, count: int) -> str:
    """A template of an op that takes any number of operands, with a slot for each: [‹0›, ‹1›] for two and for five.

    >>> listed("[‹0›, ‹1›]", 1), listed("[‹0›, ‹1›]", 3), listed("[‹0›, ‹1›]", 9)
    ('[‹0›]', '[‹0›, ‹1›, ‹2›]', '[‹0›, ‹1›, …, ‹8›]')
    """
    if count == 2 or not template.startswith("[‹0›, ‹1›"):
        return template
    slots = [slot(i) for i in range(count)]
    shown = slots if count <= MOST_LISTED else [*slots[:2], "…", slots[-1]]
    return template.replace("‹0›, ‹1›", ", ".join(shown))


MOST_LISTED = 5
"""Operands of one op that are all written."""


def binding(latex: str) -> int:
    """How tightly an expression holds together: the loosest operator outside all brackets."""
    return _binding(SLOT.sub("‹›", latex))  # so that formulas that differ in their names only are looked at once


@lru_cache(4096)
def _binding(latex: str) -> int:
    level, depth = ATOM, 0
    tokens = _TOKEN.findall(latex)
    for token, following in zip(tokens, [*tokens[1:], ""], strict=True):
        depth += (token in _OPENING) - (token in _CLOSING)
        if depth == 0:
            found = _BINDING.get(token, ATOM)
            called = found == PREFIX and following == "(" and token != r"\sum"
            level = min(level, ATOM if called else found)
    return level


def _needed(before: str, after: str) -> int:
    """How tightly an operand must hold together between its two neighbours."""
    left = {"-": HADAMARD}.get(before, _BINDING.get(before, COMPARISON))
    if after in _CLOSING or after in ("", ",", r"\text"):
        right = COMPARISON
    else:
        right = ATOM if after in "^_" else _BINDING.get(after, PRODUCT)
    return max(left + (left == COMPARISON and before in _BINDING), right + (right == COMPARISON and after in _BINDING))


@lru_cache(4096)
def _slots(latex: str) -> tuple[tuple[tuple[str, str, int], ...], str]:
    """For every slot the text before it, its key and how tightly its operand must hold together; and the last text."""
    tokens = ["", *_TOKEN.findall(latex), ""]
    needed = [_needed(tokens[i - 1], tokens[i + 1]) for i, t in enumerate(tokens) if t[:1] == "‹"]
    *texts, last = SLOT.split(latex)
    return tuple(zip(texts[::2], texts[1::2], needed, strict=True)), last


def _is_slot(latex: str) -> bool:
    return latex[:1] == "‹" and latex.find("›") == len(latex) - 1


def fill(latex: str, operands: Mapping[str, str]) -> str:
    r"""A template with its operands, in parentheses where they bind more loosely than their place asks for.

    A comparison that is used as a number is put in Iverson's brackets. Operands that are not given stay open.

    >>> fill(r"‹0› \odot ‹1›", {"0": "x", "1": "1 - x"})
    'x \\odot (1 - x)'
    """
    slots, last = _slots(latex)
    filled = ""
    for before, key, need in slots:
        operand = operands[key] if key in operands else slot(key)
        if not _is_slot(operand) and (held := binding(operand)) < need:
            operand = f"[{operand}]" if held == COMPARISON else f"({operand})"
        filled += before + operand
    return (filled + last).replace("+ -", "- ")


def enclosed(latex: str) -> str:
    """An expression in parentheses, unless it is a single thing."""
    return fill("‹x›^", {"x": latex})[:-1]


def symbol(y: str, x: str) -> str:
    r"""The symbol of a derivative, ∂y/∂x.

    >>> symbol("a", "b + c")
    '\\frac{\\partial a}{\\partial (b + c)}'
    """
    return rf"\frac{{\partial {enclosed(y)}}}{{\partial {enclosed(x)}}}"


def with_names(latex: str, names: Mapping[str, str]) -> str:
    """A finished formula with a name in every slot; names are single words and need no parentheses."""
    return SLOT.sub(lambda match: names.get(match[1], match[1]), latex)


def length(latex: str) -> int:
    """About how many characters wide a template is in print."""
    return len(SLOT.sub("xx", latex))


def number(value: object) -> str:
    """A number as LaTeX, with four significant digits."""
    x = np.asarray(value)[()]
    if x.dtype.kind == "b":
        return str(int(x))
    if x.dtype.kind == "c":
        return f"{x:.4g}"
    digits, _, exponent = f"{x:.4g}".partition("e")
    return rf"{digits} \cdot 10^{{{int(exponent)}}}" if exponent else digits


_SPECIAL = {"\\": r"\backslash ", "^": r"\hat{}", "~": r"\sim ", **{c: f"\\{c}" for c in "{}$&#%_"}}


def latex_name(name: str) -> str:
    r"""A name as LaTeX: its digits become an index, and nothing in it can become a command.

    >>> latex_name("W1"), latex_name("learning_rate")
    ('W_{1}', '\\mathrm{learning\\_rate}')
    """
    if indexed := re.fullmatch(r"([A-Za-z])(\d+)", name):
        return f"{indexed[1]}_{{{indexed[2]}}}"
    if (len(name) == 1 and name.isalpha()) or re.fullmatch(r"-?\d+(\.\d+)?", name):
        return name
    return rf"\mathrm{{{''.join([_SPECIAL.get(c, c if c.isprintable() else ' ') for c in name])}}}"


def terms(formula: str) -> list[str]:
    """The terms of a sum, each with its sign; LaTeX or text, with spaces around the signs between them.

    >>> terms("a + b(c - d) - e")
    ['a', '+ b(c - d)', '- e']
    """
    found, depth = [""], 0
    for word in formula.split(" "):
        if depth == 0 and word in ("+", "-", "−") and found[-1]:
            found.append("")
        found[-1] += f" {word}" if found[-1] else word
        depth += sum([(c in "([{") - (c in ")]}") for c in word])
    return found
