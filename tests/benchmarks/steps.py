"""Training steps side by side: prove every contestant on a row, time them, print the table."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .contestants import CONTESTANTS, Contestant
from .environment import describe
from .measure import READY_SECONDS, Disagreement, Trace, compare, time_limit, time_rounds, trace
from .program import Program
from .report import cell, quarters, table
from .workloads import WORKLOADS, Workload


@dataclass
class RowResult:
    """Seconds per step of every contestant in every round, and why some are missing."""

    workload: Workload
    times: dict[str, list[float]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    wrong: bool = False

    def ratios(self, name: str) -> list[float] | None:
        if not {name, self.workload.reference} <= self.times.keys():
            return None
        return [t / r for t, r in zip(self.times[name], self.times[self.workload.reference], strict=True)]

    def as_json(self) -> dict[str, Any]:
        figures = {}
        for name, times in self.times.items():
            figures[name] = {"microseconds": 1e6 * quarters(times)[1]}
            ratios = self.ratios(name)
            if ratios:
                figures[name] |= zip(("ratio_25", "ratio", "ratio_75"), quarters(ratios), strict=True)
        return {
            "row": self.workload.row,
            "title": self.workload.title,
            "reference": self.workload.reference,
            "figures": figures,
            "notes": self.notes,
        }


def _prepare(contestant: Contestant, workload: Workload, expected: Trace, result: RowResult) -> Program | None:
    try:
        with time_limit(READY_SECONDS):
            program = contestant.program(workload.make())
            compare(trace(program, workload.make()), expected, workload.make())
    except Disagreement as error:
        result.wrong = True
        result.notes.append(f"{contestant.label}: WRONG NUMBERS, {error}")
    except ImportError as error:
        result.notes.append(f"{contestant.label}: cannot be imported ({error})")
    except Exception as error:
        # Whatever one contestant fails with, the others still run.
        message = str(error).strip().splitlines() or [""]
        result.notes.append(f"{contestant.label}: {type(error).__name__}: {message[0][:150]}")
    else:
        return program
    return None


def run_row(workload: Workload, contestants: Sequence[Contestant], rounds: int) -> RowResult:
    """Prove and time everyone who can take part in this row."""
    result = RowResult(workload)
    problem = workload.make()
    expected = trace(CONTESTANTS[0].program(workload.make()), problem)
    programs = {
        c.name: program
        for c in contestants
        if problem.kind in c.kinds and (program := _prepare(c, workload, expected, result))
    }
    result.times = time_rounds(programs, rounds)
    return result


def _table(results: Sequence[RowResult], contestants: Sequence[Contestant]) -> str:
    lines = [
        [f"{r.workload.row}. {r.workload.title}"] + [cell(r.times.get(c.name), r.ratios(c.name)) for c in contestants]
        for r in results
    ]
    return table(["training step", *(c.label for c in contestants)], lines)


def run(rows: Sequence[int], contestants: Sequence[Contestant], rounds: int, threads: int, file: Path | None) -> int:
    """Print header and table, write the JSON if asked; 1 if a contestant computed wrong numbers."""
    environment = describe((c.package for c in contestants), threads)
    print("\n".join(f"{name}: {value}" for name, value in environment.items()), end="\n\n")
    results = [run_row(w, contestants, rounds) for w in WORKLOADS if w.row in rows]
    print(_table(results, contestants))
    print(f"\nMedian of {rounds} rounds: ratio to the hand-written NumPy, in row 6 to micrograd (µs per step).")
    print("~: the quartiles of the ratio are more than a fifth apart, measure again on a quieter machine.")
    for result in results:
        for note in result.notes:
            print(f"row {result.workload.row}: {note}")
    if file:
        content = {"environment": environment, "rounds": rounds, "rows": [r.as_json() for r in results]}
        file.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return int(any(result.wrong for result in results))
