"""Lines that are alike but for the numbers in their names, one group for each layer, written once as a loop.

`z2 = W2 @ a1 + b2` and the same for layers 3 and 4 become `for l in range(2, 5): z[l] = W[l] @ a[l - 1] + b[l]`, and
every other line then says `z[5]` instead of `z5`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

REPEATS = 3
"""Fewer groups than this are easier to read one after the other."""

LONGEST = 12
"""So many lines a layer may have."""

STEEPEST = 4
"""A number may be this many times the layer's: layers_W[2 * l - 2]."""

_IDENTIFIER = re.compile(r"((?<![\w.])[A-Za-z_]\w*)")
_NUMBER = re.compile(r"\d+")
_MADE = re.compile(r"([A-Za-z_]\w*) = ")
_NOTE = re.compile(r"(?<=.)  # .*")

Moves = Sequence[Sequence[int]]
"""What the number of each identifier changes by from one group of lines to the next, line by line."""


@dataclass(frozen=True)
class _Line:
    """A line taken apart: the variable it makes, the texts around its identifiers, these, and the family of each."""

    text: str
    made: str
    texts: Sequence[str]
    names: Sequence[str]
    families: Sequence[str]

    def written(self, names: Iterable[str]) -> str:
        """The line with other names."""
        return "".join([f"{text}{name}" for text, name in zip(self.texts, [*names, ""], strict=True)])


@dataclass(frozen=True)
class _Roll:
    """`repeats` groups of lines that are alike, from line `start` on; the first is that of layer `first`.

    strangers: how often a group has to do with other numbers than its layer's.
    """

    start: int
    group: Sequence[_Line]
    repeats: int
    first: int
    step: int
    moves: Moves
    strangers: int

    @property
    def end(self) -> int:
        return self.start + len(self.group) * self.repeats

    def moving(self) -> Iterator[tuple[str, int]]:
        """Each identifier of the first group, and what its number changes by."""
        for line, moves in zip(self.group, self.moves, strict=True):
            yield from zip(line.names, moves, strict=True)


def rolled(lines: Sequence[str], arguments: Sequence[str], free: Callable[[str], str]) -> list[str]:
    """The lines of a function, with loops over layers that are alike, if there are any.

    arguments: the names that the function takes. free: gives a name that is not taken, nearest to what is wished for.
    """
    text = _Text(lines, arguments)
    rolls = text.rolls()
    families = sorted({text.places[name][0] for roll in rolls for name, move in roll.moving() if move})
    tables = {family: free(family.replace("_#", "").replace("#", "")) for family in families}
    return [*text.making(tables), *text.rewritten(rolls, tables)] if rolls else list(lines)


class _Text:
    """The lines of a function. places: the family of each variable, and its number there; dW3 is number 3 of dW#."""

    def __init__(self, lines: Sequence[str], arguments: Sequence[str]):
        made = [match[1] for line in lines if (match := _MADE.match(line))]
        self.arguments = arguments
        self.places = {name: place for name in [*arguments, *made] if (place := _place(name)) is not None}
        self.lines = [self._parsed(line) for line in lines]
        self.uses = Counter([name for line in self.lines for name in line.names])

    def _parsed(self, line: str) -> _Line:
        parts = _IDENTIFIER.split(_NOTE.sub("", line))
        match, names = _MADE.match(line), parts[1::2]
        families = [self.places[name][0] if name in self.places else name for name in names]
        return _Line(line, match[1] if match else "", parts[::2], names, families)

    # --- finding ---

    def rolls(self) -> list[_Roll]:
        """What can be rolled, first to last: where groups overlap, those that hold one layer each, then the longest."""
        found = [roll for length in range(1, LONGEST + 1) for roll in self._of_length(length)]
        rolls: list[_Roll] = []
        for roll in sorted(found, key=lambda roll: (roll.strangers, -len(roll.group) * (roll.repeats - 1))):
            if all(roll.end <= other.start or other.end <= roll.start for other in rolls):
                rolls.append(roll)
        return sorted(rolls, key=lambda roll: roll.start)

    def _of_length(self, length: int) -> Iterator[_Roll]:
        """What can be rolled in groups of so many lines, whichever line a group begins with."""
        count = len(self.lines)
        moves = [self._moves(start, length) for start in range(count)]
        repeats = [1] * (count + length)
        for start in range(count - 1, -1, -1):
            if moves[start] is not None:
                goes_on = start + length < count and moves[start] == moves[start + length]
                repeats[start] = repeats[start + length] + 1 if goes_on else 2
        for start, now in enumerate(moves):
            goes_on = start >= length and moves[start - length] == now
            if now is not None and repeats[start] >= REPEATS and not goes_on:
                roll = self._roll(start, self.lines[start : start + length], repeats[start], now)
                if roll is not None:
                    yield roll

    def _moves(self, start: int, length: int) -> list[list[int]] | None:
        """By how much the numbers differ between a group and the next, if they are alike otherwise."""
        lines, places = self.lines, self.places
        if start + 2 * length > len(lines):
            return None
        moves = []
        for a, b in zip(lines[start : start + length], lines[start + length : start + 2 * length], strict=True):
            if a.families != b.families or a.texts != b.texts:
                return None
            pairs = zip(a.names, b.names, strict=True)
            moves.append([places[q][1] - places[p][1] if p in places else 0 for p, q in pairs])
        return moves

    def _roll(self, start: int, group: Sequence[_Line], repeats: int, moves: Moves) -> _Roll | None:
        """The loop, if a line makes a variable of one layer after the other, and the rest can follow."""
        makes = [
            (line.made, changes[0]) for line, changes in zip(group, moves, strict=True) if line.made in self.places
        ]
        layers = [(self.places[name][1], move) for name, move in makes if abs(move) == 1]
        if not layers:
            return None
        first, step = layers[0]
        own = self._own(group, moves)
        moves = [
            [0 if name in own else move for name, move in zip(line.names, changes, strict=True)]
            for line, changes in zip(group, moves, strict=True)
        ]
        strangers = sum([number != first for number, _ in layers])
        strangers += sum([move not in (0, step) for changes in moves for move in changes])
        steepest = max([abs(move) for changes in moves for move in changes])
        return _Roll(start, group, repeats, first, step, moves, strangers) if steepest <= STEEPEST else None

    def _own(self, group: Sequence[_Line], moves: Moves) -> set[str]:
        """The variables that a group makes for itself, not one for each layer: they need no number."""
        inside = Counter([name for line in group for name in line.names])
        makes = [
            (line.made, changes[0]) for line, changes in zip(group, moves, strict=True) if line.made in self.places
        ]
        own = {name for name, move in makes if abs(move) != 1 and inside[name] == self.uses[name]}
        changing = [
            (name, move)
            for line, changes in zip(group, moves, strict=True)
            for name, move in zip(line.names, changes, strict=True)
        ]
        numbered = {self.places[name][0] for name, move in changing if move and name not in own}
        return {name for name in own if self.places[name][0] not in numbered}

    # --- writing ---

    def making(self, tables: Mapping[str, str]) -> list[str]:
        """The lines that make the tables: with the arguments at their numbers, or empty."""
        lines, empty = [], []
        for family, table in tables.items():
            members = [(self.places[name], name) for name in self.arguments if name in self.places]
            entries = [f"{place[1]}: {name}" for place, name in members if place[0] == family]
            lines += [f"{table} = {{{', '.join(entries)}}}"] if entries else []
            empty += [] if entries else [table]
        return [*lines, *([f"{', '.join(empty)} = {', '.join(['{}'] * len(empty))}"] if empty else [])]

    def rewritten(self, rolls: Sequence[_Roll], tables: Mapping[str, str]) -> Iterator[str]:
        """Every line, those of a roll once. What the function takes keeps its own name outside of loops."""

        def fixed(name: str) -> str:
            family, number = self.places.get(name, ("", 0))
            return f"{tables[family]}[{number}]" if family in tables and name not in self.arguments else name

        def moving(name: str, move: int, roll: _Roll) -> str:
            if not move:
                return fixed(name)
            family, number = self.places[name]
            slope = move * roll.step
            return f"{tables[family]}[{_linear(slope, number - slope * roll.first)}]"

        at = 0
        for roll in rolls:
            yield from [_kept(line, fixed) for line in self.lines[at : roll.start]]
            yield f"for l in range({roll.first}, {roll.first + roll.step * roll.repeats}{', -1' * (roll.step < 0)}):"
            for line, moves in zip(roll.group, roll.moves, strict=True):
                pairs = zip(line.names, moves, strict=True)
                yield f"    {line.written([moving(name, move, roll) for name, move in pairs])}"
            at = roll.end
        yield from [_kept(line, fixed) for line in self.lines[at:]]


def _place(name: str) -> tuple[str, int] | None:
    """The family of a name and its number there, if the name has one number."""
    numbers = _NUMBER.findall(name)
    return (
        (_NUMBER.sub("#", name), int(numbers[0])) if len(numbers) == 1 and numbers[0] == str(int(numbers[0])) else None
    )


def _kept(line: _Line, renamed: Callable[[str], str]) -> str:
    """A line outside of loops: as it is, unless a name in it has become an entry of a table."""
    names = [renamed(name) for name in line.names]
    return line.text if names == line.names else line.written(names)


def _linear(slope: int, offset: int) -> str:
    """slope·l + offset as a person writes it: l - 1, 2 * l, 5 - l."""
    if slope < 0 < offset:
        return f"{offset} - {f'{-slope} * ' if slope != -1 else ''}l"
    times = {1: "l", -1: "-l"}.get(slope, f"{slope} * l")
    return f"{times} {'+' if offset > 0 else '-'} {abs(offset)}" if offset else times
