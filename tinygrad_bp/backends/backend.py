"""What a backend is: a record that makes a program into something that runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, final

from tinygrad_bp.program import Program

Run = Callable[..., Any]


class Unsupported(Exception):
    """A program that a backend cannot take, or takes for something else."""


@final
@dataclass(frozen=True, slots=True)
class Executable:
    """A program that can be run: from its inputs to a tuple of results, or to the only one.

    quick: the same for arguments like those it was prepared with. checks: whether it refuses other shapes and dtypes by
    itself, with ValueError or TypeError. python_numbers: whether results without axes are Python's numbers.
    own_arrays: whether results are arrays of the backend's own kind. note: what else there is to say of how it runs.
    """

    run: Run
    quick: Run
    checks: bool = False
    python_numbers: bool = False
    own_arrays: bool = False
    note: str = ""


@final
@dataclass(frozen=True, slots=True)
class Arrays:
    """The arrays of a backend that has a kind of its own.

    owns: whether something is one. to_numpy, from_numpy: the same numbers on the other side.
    """

    owns: Callable[[Any], bool]
    to_numpy: Callable[[Any], Any]
    from_numpy: Callable[[Any], Any]


@final
@dataclass(frozen=True, slots=True)
class Backend:
    """A way to run programs.

    available: what has to be installed first, empty if nothing. obstacle: why a program is not for this backend where
    it may be chosen freely, empty if it is. prepare: the executable of a program, for inputs and expected results it
    was traced with; raises Unsupported. arrays: its own kind, None for NumPy's.
    """

    name: str
    available: Callable[[], str]
    obstacle: Callable[[Program], str]
    prepare: Callable[[Program, Sequence[Any], Sequence[Any]], Executable]
    arrays: Arrays | None = None


@final
@dataclass(frozen=True, slots=True)
class Plan:
    """How a compiled function runs, and why.

    operations: how many NumPy calls it makes; largest: elements of its largest array; seconds: what compiling took.
    """

    backend: str
    reason: str
    operations: int
    largest: int
    seconds: float

    def __str__(self) -> str:
        size = f"{self.operations} operations on up to {self.largest:,} elements"
        return f"{self.backend}: {self.reason} ({size}; compiled in {self.seconds:.3f} s)"
