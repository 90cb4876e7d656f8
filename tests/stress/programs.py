"""`python -m tests.stress.programs --count 100000 --seed 0`: random programs, computed and differentiated every way.

A program is right if it has the same numbers eager, compiled on NumPy, as the text it prints, on Numba and, as far as
it has the functions, in PyTorch; if its gradients are those of differences, to second order, forwards and backwards;
if its graph comes back from JSON, its pictures are whole and its derivation holds. A program that is not is made
smaller and printed, to run alone.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from typing import Any

import hypothesis
import numpy as np
from hypothesis import HealthCheck, Phase, given, settings, strategies as st

import tinygrad_bp as tg
from tests.stress.program.random_programs import RandomProgram, drawn
from tests.stress.program.ways import SKIPPED, Subject, fault, smallest_failing

MOST_SHOWN = 5
BATCH = 200
EACH = {
    "eager": 1, "compiled": 1, "printed": 1, "gradients": 1, "snapshot": 1, "peer": 1, "pictures": 2, "derived": 2,
    "numba": 50,
}  # fmt: skip
"""A way is gone by every so manieth program; Numba compiles slowly."""


@st.composite
def programs(draw: Any, smallest: int, largest: int) -> RandomProgram:
    """Programs of so many lines."""
    return drawn(lambda n: draw(st.integers(0, n - 1)) if n > 1 else 0, draw(st.integers(0, 2**32)), smallest, largest)


@dataclass
class Found:
    """What a batch of programs gave. ways: how many programs went each; faults: text and program, at most a few."""

    programs: int = 0
    lines: int = 0
    ways: Counter[str] = field(default_factory=Counter)
    differences: int = 0
    faults: list[tuple[str, RandomProgram]] = field(default_factory=list)

    def add(self, other: Found) -> None:
        """Take in another batch."""
        self.programs, self.lines = self.programs + other.programs, self.lines + other.lines
        self.ways += other.ways
        self.differences += other.differences
        self.faults += other.faults

    def check(self, program: RandomProgram, ways: Sequence[str]) -> None:
        """Take a program these ways; a faulty one is made smaller."""
        self.programs += 1
        self.lines += len(program.lines)
        subject = Subject(program)
        for way in ways:
            wrong = fault(program, way, subject)
            self.ways[way] += wrong != SKIPPED
            if wrong:
                self.differences += 1
                if len(self.faults) < MOST_SHOWN:
                    small = smallest_failing(program, way)
                    self.faults.append((fault(small, way) or wrong, small))
                return


def batch(seed: int, count: int, smallest: int, largest: int, each: Mapping[str, int] = EACH) -> Found:
    """Check so many programs. each: a way is gone by every so manieth program."""
    found = Found()

    @hypothesis.seed(seed)
    @settings(
        max_examples=count, database=None, deadline=None, phases=[Phase.generate], suppress_health_check=[*HealthCheck]
    )
    @given(programs(smallest, largest))
    def check(program: RandomProgram) -> None:
        found.check(program, [way for way, every in each.items() if found.programs % every == 0])

    check()
    return found


def main() -> int:
    """Print the figures; the status is 1 if there is a difference."""
    parser = argparse.ArgumentParser(prog="python -m tests.stress.programs", description=__doc__)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--lines", type=int, nargs=2, default=(20, 200), metavar=("LEAST", "MOST"))
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    options = parser.parse_args()
    total, batches = Found(), range(0, options.count, BATCH)
    with ProcessPoolExecutor(options.processes) as pool:
        running = [
            pool.submit(batch, options.seed + start, min(BATCH, options.count - start), *options.lines)
            for start in batches
        ]
        for done in as_completed(running):
            if done.exception():
                pool.shutdown(wait=False, cancel_futures=True)
            found = done.result()
            total.add(found)
            for text, program in found.faults:
                print(f"\n{program}\n# {text}\n", flush=True)
            print(f"{total.programs:,} programs, {total.lines:,} ops, {total.differences:,} differences", flush=True)
    print(", ".join([f"{way}: {n:,}" for way, n in total.ways.items()]))
    print(f"tinygrad_bp {tg.__version__}, NumPy {np.__version__}")
    return int(total.differences > 0)


if __name__ == "__main__":
    sys.exit(main())
