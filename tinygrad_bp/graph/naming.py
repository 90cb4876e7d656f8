"""Names for the values of a graph: the user's, else the notation's (z1, a1, …, C), else the op's."""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Container, Iterator, Mapping, Sequence
from itertools import count

import numpy as np

from tinygrad_bp.engine import Node
from tinygrad_bp.traits import Role


def name_nodes(nodes: Sequence[Node]) -> dict[int, tuple[str, bool]]:
    """For every node its name, and whether it is more than the op's. The last node is the one differentiated.

    Results of linear algebra, with the bias that is added to them, are z1, z2, …; what an activation makes of anything
    is a1, a2, …; parameters without a name are w1, w2, …, other leaves x1, x2, …; a single number at the end is C.
    Numbers that nobody named and that need no gradient have no name: they are constants.
    """
    taken = {node.name for node in nodes if node.name}
    series = {letter: free_names(letter, taken) for letter in "zawx"}
    parents = {node.number: [p for p in node.parents if isinstance(p, Node)] for node in nodes}
    before_bias = _before_bias(nodes, parents)
    named: dict[int, tuple[str, bool]] = {}
    for node in nodes:
        if node.name:
            named[node.number] = node.name, True
        elif node is nodes[-1] and node.op is not None and node.value.size == 1 and "C" not in taken:
            named[node.number] = "C", True
        elif (letter := _letter(node, parents[node.number], named, before_bias)) is not None:
            named[node.number] = next(series[letter]), True
    return {**named, **_op_names(nodes, named)}


def is_number(node: Node) -> bool:
    """Whether a tensor is only a number to a graph, a constant: nobody named it, and it needs no gradient."""
    return node.op is None and not node.requires_grad and not node.name and np.ndim(node.value) == 0


def free_names(letter: str, taken: Container[str]) -> Iterator[str]:
    """letter1, letter2, … without the names that are taken."""
    return (name for i in count(1) if (name := f"{letter}{i}") not in taken)


def _letter(
    node: Node, parents: Sequence[Node], named: Mapping[int, tuple[str, bool]], before_bias: set[int]
) -> str | None:
    if node.op is None:
        return "w" if node.requires_grad else None if is_number(node) else "x"
    role = node.op.traits.role
    if role is Role.ACTIVATION:
        return "a"
    if node.op.derivatives and len(node.operands) == 1 and named.get(parents[0].number, ("",))[0][:1] == "z":
        return "a"  # any function of one variable is an activation when it is applied to z
    adds_bias = adds(node) and any(p.number in before_bias for p in parents)
    return "z" if adds_bias or (role is Role.PRODUCT and node.number not in before_bias) else None


def adds(node: Node) -> bool:
    """Whether a node is the sum of its parents."""
    return node.op is not None and node.op.traits.algebra is operator.add


def _before_bias(nodes: Sequence[Node], parents: Mapping[int, Sequence[Node]]) -> set[int]:
    """The unnamed products whose only use is that something is added to them."""
    uses = Counter([p.number for used in parents.values() for p in used])
    return {
        p.number
        for node in nodes
        if adds(node)
        for p in parents[node.number]
        if p.op is not None and not p.name and uses[p.number] == 1 and p.op.traits.role is Role.PRODUCT
    }


def _op_names(nodes: Sequence[Node], named: Mapping[int, object]) -> dict[int, tuple[str, bool]]:
    """The op's name, numbered where it comes more than once."""
    unnamed = [(node.number, node.op.name) for node in nodes if node.number not in named and node.op is not None]
    total, seen = Counter([name for _, name in unnamed]), Counter[str]()
    names = {}
    for number, name in unnamed:
        seen[name] += 1
        names[number] = (f"{name}{seen[name]}" if total[name] > 1 else name), False
    return names
