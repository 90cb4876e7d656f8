"""Identifiers of a program, each given out once."""

from __future__ import annotations

import keyword
from itertools import count


def printed(name: str) -> str:
    """A name as a comment or a docstring can hold it: on one line, without what ends or escapes text."""
    return "".join([c if c.isprintable() and c not in '"\\' else "_" for c in name])


class Names:
    """The identifiers that are taken.

    >>> names = Names()
    >>> names.taken("hidden.W"), names.taken("hidden.W"), names.taken("W1"), names.taken("W1"), names.numbered("t")
    ('hidden_W', 'hidden_W1', 'W1', 'W1_1', 't1')
    """

    def __init__(self) -> None:
        self.known: set[str] = {"np", "l", "O", "I", "complex", *keyword.kwlist}
        self.counts: dict[str, int] = {}

    def taken(self, wish: str) -> str:
        """The identifier nearest to what is wished for."""
        name = "".join([c if c.isalnum() and c.isascii() else "_" for c in wish]).rstrip("_") or "t"
        name = f"v{name}" if name[0].isdigit() else name
        if name in self.known:
            return self.numbered(f"{name}_" if name[-1].isdigit() else name)
        self.known.add(name)
        return name

    def numbered(self, stem: str) -> str:
        """The stem with the first number that is free."""
        first = self.counts.get(stem, 1)
        i = next(i for i in count(first) if f"{stem}{i}" not in self.known)
        self.counts[stem] = i + 1
        self.known.add(f"{stem}{i}")
        return f"{stem}{i}"
