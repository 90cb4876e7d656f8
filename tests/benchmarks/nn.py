"""Training steps of small networks, one for each kind of layer, with Adam: proved equal, timed in turn, printed."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from .contestants import Contestant
from .environment import describe
from .measure import READY_SECONDS, Disagreement, costs, fastest_steps, require_equal, time_limit
from .networks import DROPPED, NETWORKS, NetworkRow
from .program import Program
from .report import NONE, table
from .workloads import Array

CONTESTANTS = (
    Contestant("torch", "torch eager", "networks_torch:eager", "torch"),
    Contestant("torch_compile", "torch.compile", "networks_torch:compiled", "torch", optional=True),
    Contestant("jax", "jax.jit", "networks_jax:program", "jax"),
    Contestant("tinygrad", "tinygrad_bp", "networks_tinygrad:eager", "tinygrad_bp"),
    Contestant("compiled", "tinygrad_bp compiled", "networks_tinygrad:compiled", "tinygrad_bp"),
    Contestant("compiled_jax", "compiled on JAX", "networks_tinygrad:on_jax", "tinygrad_bp"),
)
REFERENCE = CONTESTANTS[0]
OWN = ("tinygrad", "compiled", "compiled_jax")
CHECKED_STEPS = 5
TOLERANCE = 1e-4


def _prepare(contestant: Contestant, row: NetworkRow, expected: Array) -> Program:
    """Prove it without dropout, which all draw differently; the program that is timed drops."""
    with time_limit(READY_SECONDS):
        proved = contestant.program(row.make(0.0))
        require_equal("cost", costs(proved, CHECKED_STEPS), expected, TOLERANCE)
        return proved if row.make(0.0).dropped == row.make(DROPPED).dropped else contestant.program(row.make(DROPPED))


def run_row(row: NetworkRow, contestants: Sequence[Contestant], rounds: int) -> tuple[dict[str, float], list[str]]:
    """Return the seconds of each one's fastest step, and why some are missing."""
    expected = costs(REFERENCE.program(row.make(0.0)), CHECKED_STEPS)
    programs: dict[str, Program] = {}
    notes: list[str] = []
    for contestant in contestants:
        try:
            programs[contestant.name] = _prepare(contestant, row, expected)
        except Disagreement as error:
            notes.append(f"{contestant.label}: WRONG NUMBERS, {error}")
        except Exception as error:
            # Whatever one contestant fails with, the others still run.
            message = str(error).strip().splitlines() or [""]
            notes.append(f"{contestant.label}: {type(error).__name__}: {message[0][:150]}")
    return fastest_steps(programs, rounds), notes


def _line(row: NetworkRow, seconds: Mapping[str, float], contestants: Sequence[Contestant]) -> list[str]:
    """The times, and how tinygrad_bp stands: to torch eager as it is written, compiled to the best of the others."""
    cells = [f"{1e6 * seconds[c.name]:,.0f}" if c.name in seconds else NONE for c in contestants]
    others = {name: time for name, time in seconds.items() if name not in OWN}
    rivals = {
        "tinygrad": others.get(REFERENCE.name), "compiled": min(others.values(), default=None),
        "compiled_jax": others.get("jax"),
    }  # fmt: skip
    ratios = [f"{seconds[o] / rival:.2f}" if o in seconds and (rival := rivals[o]) else NONE for o in OWN]
    return [f"{row.row}. {row.title}", *cells, *ratios]


def run(rows: Sequence[int], contestants: Sequence[Contestant], rounds: int, threads: int, file: Path | None) -> int:
    """Print header and table, write the JSON if asked; 1 if a contestant computed wrong numbers."""
    environment = describe((c.package for c in contestants), threads)
    print("\n".join(f"{name}: {value}" for name, value in environment.items()), end="\n\n")
    results = {row: run_row(row, contestants, rounds) for row in NETWORKS if row.row in rows}
    header = [
        "training step, µs",
        *(c.label for c in contestants),
        "tinygrad_bp / torch",
        "compiled / best of the others",
        "compiled on JAX / jax.jit",
    ]
    print(table(header, [_line(row, seconds, contestants) for row, (seconds, _) in results.items()]))
    print(f"\nThe fastest step in {rounds} rounds, in which all took their turn.")
    notes = [f"row {row.row}: {note}" for row, (_, found) in results.items() for note in found]
    print("\n".join(notes))
    if file:
        figures = [{"row": row.row, "title": row.title, "seconds": seconds} for row, (seconds, _) in results.items()]
        content = {"environment": environment, "rounds": rounds, "rows": figures, "notes": notes}
        file.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return int(any("WRONG NUMBERS" in note for note in notes))
