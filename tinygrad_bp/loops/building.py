"""A cell while it is put together from parts of another one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, final

from tinygrad_bp.loops.cell import Cell, Counts, OpStep


class Symbol(NamedTuple):
    """A value of the new cell: an input of one of three kinds, a constant, or the result of a step."""

    kind: str
    i: int


_INPUTS = ("captured", "carries", "xs")


@final
class Building:
    """The inputs and steps of the new cell, each found by its key in the old one, `source`.

    values: what the old one's keys stand for in its examples.
    """

    def __init__(self, source: Cell, values: Sequence[Any]):
        self.source, self.values = source, values
        self.inputs: dict[str, list[int]] = {kind: [] for kind in _INPUTS}
        self.steps: list[tuple[OpStep, Sequence[Symbol]]] = []
        self.constants: list[Any] = []
        self.known: dict[int, Symbol] = {}

    def input(self, kind: str, key: int) -> Symbol:
        """A new input, in the place of what the key stands for."""
        symbol = self.appended(kind, key)
        self.known[key] = symbol
        return symbol

    def appended(self, kind: str, key: int) -> Symbol:
        """A new input as large as what the key stands for, and nothing else of it."""
        self.inputs[kind].append(key)
        return Symbol(kind, len(self.inputs[kind]) - 1)

    def constant(self, value: Any) -> Symbol:
        """A constant."""
        self.constants.append(value)
        return Symbol("constant", len(self.constants) - 1)

    def step(self, step: OpStep, operands: Sequence[Symbol]) -> Symbol:
        """A step on these operands."""
        self.steps.append((step, operands))
        return Symbol("step", len(self.steps) - 1)

    def at(self, key: int) -> Symbol:
        """What a key has become; constants are taken over when they are asked for."""
        if key < 0:
            self.known[key] = self.known.get(key) or self.constant(self.source.constants[-1 - key])
        return self.known[key]

    def copied(self, key: int) -> Symbol:
        """The old cell's step for this key, on what its operands have become."""
        step = self.source.steps[key - len(self.source.examples)]
        self.known[key] = symbol = self.step(step, [self.at(o) for o in step.operands])
        return symbol

    def cell(self, name: str, outputs: Sequence[Symbol], results: Sequence[Any]) -> Cell:
        """The new cell; results: what it gives for its examples."""
        counts = Counts(*[len(self.inputs[kind]) for kind in _INPUTS])
        keys = [key for kind in _INPUTS for key in self.inputs[kind]]
        starts = {"captured": 0, "carries": counts.captured, "xs": counts.captured + counts.carries}
        starts["step"] = len(keys)

        def place(symbol: Symbol) -> int:
            return -1 - symbol.i if symbol.kind == "constant" else starts[symbol.kind] + symbol.i

        return Cell(
            name, tuple([self._name(key) for key in keys]), counts,
            tuple([step._replace(operands=tuple(map(place, operands))) for step, operands in self.steps]),
            tuple(self.constants), tuple(map(place, outputs)), tuple([self.values[key] for key in keys]),
            tuple(results),
        )  # fmt: skip

    def _name(self, key: int) -> str:
        return self.source.names[key] if key < len(self.source.names) else "kept"
