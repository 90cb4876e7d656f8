"""The general layer: equations that are alike but for the number of their layer, written once.

For a network of layers these are backpropagation's fundamental equations: ∂C/∂z of the last layer, how it follows for
every other one from the next, and ∂C/∂W and ∂C/∂b of all.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

from tinygrad_bp.derive.equations import Equation
from tinygrad_bp.derive.show import Row
from tinygrad_bp.formula import SLOT, slot
from tinygrad_bp.graph import Graph

_INDEXED = re.compile(r"(.*?)(\d+)")

_LEAST = 3
"""So many equations that are alike are written once."""


@final
@dataclass(frozen=True, slots=True)
class Rule:
    """One equation for several layers l, or for the last layer L alone; slots hold names like z[l+1] and z[L].

    layers: the numbers that stand for l or L, the last first. inputs: what stands for a[0], if the rule names it:
    ("a0", "X").
    """

    left: str
    right: str
    layers: tuple[int, ...]
    inputs: tuple[str, str] | None = None

    @property
    def is_of_last(self) -> bool:
        """Whether it is the equation of the last layer."""
        return "[L]›" in self.left


def general(graph: Graph, steps: Sequence[Equation]) -> tuple[Rule, ...]:
    """The rules that layers share, of the values whose gradients other equations use and of the leaves.

    What begins such a recursion, the equation of the last layer, comes before it.
    """
    names = {node.id: node.name for node in graph.nodes}
    groups: dict[str, dict[int, Equation]] = defaultdict(dict)
    inner, leaves = ([step for step in steps if (step.node.kind == "op") is computed] for computed in (True, False))
    for step in (*inner, *reversed(leaves)):
        indexed = _INDEXED.fullmatch(step.node.name)
        if indexed and _says_how(step) and (step.node.kind != "op" or _is_used(step, steps)):
            groups[indexed[1]][int(indexed[2])] = step
    found = {letter: _rules(group, names) for letter, group in groups.items()}
    if not any(len(rule.layers) > 1 for rules in found.values() for rule in rules):
        return ()  # nothing that layers have in common
    last = max([max(rule.layers) for rules in found.values() for rule in rules])
    rules = []
    for letter, group in groups.items():
        recursive = [rule for rule in found[letter] if len(rule.layers) > 1 or _is_recursive(rule)]
        begins = last in group and all(last not in rule.layers for rule in recursive)
        if begins and any(map(_is_recursive, recursive)):
            rules.append(Rule(*_relative_to_last(group[last], last, names), (last,)))
        rules += recursive
    return tuple(rules)


def _is_recursive(rule: Rule) -> bool:
    return "[l+1]›" in rule.right


def _relative_to_last(step: Equation, last: int, names: Mapping[str, str]) -> tuple[str, str]:
    left, right = (_relative(template, last, names) for template in (step.left, step.rights[-1].template))
    return left.replace("[l", "[L"), right.replace("[l", "[L")


def _says_how(step: Equation) -> bool:
    """Whether the equation tells more than the names of its links."""
    links = [factor.target.symbols.derivative(factor.target.id, step.node.id) for factor in step.factors]
    return not any(link in step.rights[-1].template for link in links)


def _is_used(step: Equation, steps: Sequence[Equation]) -> bool:
    return any(step.left in other.rights[-1].template for other in steps)


def _rules(group: Mapping[int, Equation], names: Mapping[str, str]) -> list[Rule]:
    """The rules of values that differ in their number only, those of one value too."""
    alike: dict[tuple[str, str], list[int]] = defaultdict(list)
    for l, step in group.items():
        alike[_relative(step.left, l, names), _relative(step.rights[-1].template, l, names)].append(l)
    rules = []
    for (left, right), layers in alike.items():
        inputs, first = None, min(layers) - 1
        if first in group and (inputs := _inputs(right, first, group[first], names)):
            layers.append(first)
        rules.append(Rule(left, right, tuple(sorted(layers, reverse=True)), inputs))
    return rules


def _relative(template: str, l: int, names: Mapping[str, str]) -> str:
    """A template with the numbers of layers counted from l."""

    def counted(match: re.Match[str]) -> str:
        indexed = _INDEXED.fullmatch(names.get(match[1], ""))
        if indexed is None:
            return match[0]
        apart = int(indexed[2]) - l
        return slot(f"{indexed[1]}[l{apart:+}]" if apart else f"{indexed[1]}[l]")

    return SLOT.sub(counted, template)


def _inputs(right: str, l: int, step: Equation, names: Mapping[str, str]) -> tuple[str, str] | None:
    """What a[l−1] is called in the first layer, if that alone makes its equation look different from the others."""
    own = _relative(step.rights[-1].template, l, names)
    if SLOT.sub("‹›", own) != SLOT.sub("‹›", right):
        return None
    differing = {pair for pair in zip(SLOT.findall(right), SLOT.findall(own), strict=True) if pair[0] != pair[1]}
    if len(differing) != 1:
        return None
    general, particular = differing.pop()
    if not general.endswith("[l-1]") or particular not in names:
        return None
    return f"{general.removesuffix('[l-1]')}{l - 1}", particular


def folded(rows: Sequence[Row], graph: Graph) -> dict[int, Row]:
    """The rows to write, by their places: those of three layers or more that differ in its number only are one."""
    names = {node.id: node.name for node in graph.nodes}
    alike: dict[Row, dict[int, int]] = defaultdict(dict)
    for i, row in enumerate(rows):
        numbers = [found[2] for key in SLOT.findall(row.left) if (found := _INDEXED.fullmatch(names.get(key, "")))]
        if numbers:
            left, *rights = [_relative(template, int(numbers[-1]), names) for template in (row.left, *row.rights)]
            alike[Row(left, tuple(rights), row.remark)].setdefault(int(numbers[-1]), i)
    shown = dict(enumerate(rows))
    for row, places in alike.items():
        layers = list(places)
        if len(layers) >= _LEAST and sorted(layers) == list(range(min(layers), max(layers) + 1)):
            first, *others = places.values()
            remark = f"{row.remark}   for l = {layers[0]} … {layers[-1]}".strip()
            shown[first] = Row(row.left, row.rights, remark)
            for i in others:
                del shown[i]
    return shown
