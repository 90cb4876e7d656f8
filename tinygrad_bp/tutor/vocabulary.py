"""The words of an answer: the names of a graph's values, and functions, both found where they are defined."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, final

from tinygrad_bp.engine import Op
from tinygrad_bp.formula import plain
from tinygrad_bp.graph import Graph
from tinygrad_bp.registry import OPS
from tinygrad_bp.traits import Role

ALIASES = {"ln": "log", "abs": "absolute"}

_SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
_INDEX = re.compile(r"(?:\^?\[(\d+)\]|\^\((\d+)\)|_\{?(\d+)\}?)")


@final
@dataclass(frozen=True)
class Vocabulary:
    """What can be named: `values` of the graph, and those among them that have a `gradients`; `root` is the cost.

    aliases: other names of values that the article has: a0 for X, y′ for the last activation.
    """

    root: str
    values: tuple[str, ...]
    gradients: frozenset[str]
    aliases: Mapping[str, str]

    def value(self, word: str) -> str | None:
        """The value that a word names, however its number is written: z1, z₁, z_1, z[1], z^[1]."""
        name = _INDEX.sub(lambda match: next(filter(None, match.groups())), word.translate(_SUBSCRIPTS))
        for candidate in (word, name, self.aliases.get(name)):
            if candidate in self.values:
                return candidate
        return None

    def gradient(self, word: str) -> str | None:
        """The value whose gradient a word names: dz1, δ1 (which is that of z1)."""
        if word[:1] == "d" and (of := self.value(word[1:])) in self.gradients:
            return of
        if word[:1] == "δ" and (of := self.value(f"z{word[1:]}")) in self.gradients:
            return of
        return None

    def nearest(self, word: str) -> str:
        """What to say of a word that names nothing."""
        found = get_close_matches(word, self.values, n=1, cutoff=0.5)
        return f"did you mean {found[0]}?" if found else f"there are {', '.join(self.values)}."


def vocabulary(graph: Graph) -> Vocabulary:
    """The names in a graph, and what they are called besides."""
    shown = [node for node in graph.view("named").nodes if node.named]
    names = tuple(dict.fromkeys([node.name for node in shown]))
    aliases: dict[str, str] = {}
    last = [node.name for node in shown if node.op and OPS[node.op].traits.role is Role.ACTIVATION]
    if last:
        aliases |= dict.fromkeys(("y'", "y′", "ŷ"), last[-1])
    inputs = [node.name for node in shown if node.kind == "input"]
    if inputs and "z1" in names:
        aliases["a0"] = next((name for name in inputs if name in ("X", "x")), inputs[0])
    gradients = frozenset([node.name for node in shown if node.gradient_data is not None and node != graph.root])
    return Vocabulary(graph.root.name, names, gradients, aliases)


@final
@dataclass(frozen=True, slots=True)
class Function:
    """A function of one array, an op's. reduces: whether it takes the axes to go over, and keepdims."""

    op: Op
    reduces: bool
    takes_axis: bool

    @property
    def call(self) -> Callable[..., Any]:
        """On arrays."""
        return self.op.forward


@lru_cache(1)
def functions() -> Mapping[str, Function]:
    """All that can be called: elementwise functions of one array, activations, reductions, by name and by symbol."""
    found: dict[str, Function] = {}
    for name, op in OPS.items():
        parameters = inspect.signature(op.forward).parameters
        needed = [p for p in parameters.values() if p.default is p.empty]
        reduces = {"axis", "keepdims"} <= set(parameters)
        elementwise = op.derivatives is not None and len(op.derivatives) == 1
        if len(needed) == 1 and not op.internal and (reduces or elementwise or op.traits.role is Role.ACTIVATION):
            found[name] = Function(op, reduces, "axis" in parameters)
            if symbol := re.fullmatch(r"(\w)\(0\)", plain(op.latex)):
                found[symbol[1]] = found[name]
    return found | {alias: found[name] for alias, name in ALIASES.items()}
