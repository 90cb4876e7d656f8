"""Running a program: as it stands on NumPy, or compiled by Numba from the same source."""

from __future__ import annotations

import linecache
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from time import perf_counter
from typing import Any, Literal, final

from tinygrad_bp.codegen import Program
from tinygrad_bp.codegen.source import Writer
from tinygrad_bp.compile.blocks import Blockwise, threads
from tinygrad_bp.compile.memory import Memory
from tinygrad_bp.compile.numba_backend import Unsupported, obstacle, on_numba
from tinygrad_bp.compile.stretches import stretched

Choice = Literal["auto", "numpy", "numba"]
Run = Callable[..., Any]

BACKENDS = ("auto", "numpy", "numba")

SMALL = 1 << 14
"""Up to this many elements in its largest array a program is Numba's: calls cost more there than numbers do."""


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


@final
@dataclass(frozen=True, slots=True)
class Ready:
    """A program that can be run: from its inputs to a tuple of results, or to the only one.

    quick: the same for arguments like those it was made ready with; `checks` says whether it refuses others by itself.
    """

    run: Run
    quick: Run
    checks: bool
    plan: Plan


def planned(program: Program, choice: Choice, inputs: Sequence[Any], expected: Sequence[Any]) -> Ready:
    """Choose how to run a program, and make it ready; inputs and expected results are those it was traced with."""
    start = perf_counter()
    largest = max([step.size for step in program.steps], default=0)
    backend, reason = _choice(program, choice, largest)
    if backend == "numba":
        try:
            run, quick = on_numba(program, inputs, expected)
        except Unsupported as error:
            backend, reason = "numpy", str(error)
            warnings.warn(f"{program.name} runs on NumPy, not on Numba: {error}", RuntimeWarning, stacklevel=6)
    if backend == "numpy":
        run, stretches = on_numpy(program, native=choice != "numpy")
        quick = run
        if stretches:
            native = sum(stretch.native for stretch in stretches)
            reason += f"; {len(stretches)} elementwise stretches in blocks on {threads()} threads"
            reason += f", {native} of them as machine code" * bool(native)
    plan = Plan(backend, reason, len(program.operations), largest, perf_counter() - start)
    return Ready(run, quick, backend == "numba", plan)


def _choice(program: Program, choice: Choice, largest: int) -> tuple[str, str]:
    if choice != "auto":
        return choice, "as asked"
    if find_spec("numba") is None:
        return "numpy", "Numba is not installed (pip install 'tinygrad_bp[jit]')"
    if largest > SMALL:
        return "numpy", "the arrays are large enough for NumPy"
    if found := obstacle(program):
        return "numpy", found
    return "numba", "the arrays are small"


def on_numpy(program: Program, native: bool) -> tuple[Run, list[Blockwise]]:
    """The program as a Python function, and the stretches of it that run block by block.

    native: whether these may become machine code.
    """
    steps, outputs, stretches = stretched(program.steps, program.outputs, native)
    writer = Writer(program.inputs, steps, outputs, program.turn, as_read=False, memory=Memory)
    written = writer.function(program.name, "As it runs.")
    file = f"<tinygrad_bp {program.name} {hash(written.text):x}>"
    linecache.cache[file] = (len(written.text), None, written.text.splitlines(True), file)
    space: dict[str, Any] = dict(written.objects)
    exec(compile(written.text, file, "exec"), space)
    run = space[written.name]
    return (partial_last(run, written.constants) if written.constants else run), stretches


def partial_last(run: Run, last: Sequence[Any]) -> Run:
    """A function whose last arguments are given."""
    return lambda *first: run(*first, *last)
