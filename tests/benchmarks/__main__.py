"""python -m tests.benchmarks [steps | ops | import | train | draw | compile | memory | profile | estimators]."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from .environment import limit_threads


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument(
        "what",
        nargs="?",
        choices=("steps", "ops", "import", "train", "draw", "compile", "memory", "profile", "estimators"),
        default="steps",
    )
    parser.add_argument("--rows", help="steps: which rows, such as 1,2 (default: all)")
    parser.add_argument("--only", help="which contestants, such as numpy,tinygrad,torch (default: all)")
    parser.add_argument("--torch-compile", action="store_true", help="steps: torch.compile takes part too")
    parser.add_argument("--rounds", type=int, default=25, help="how often everything is timed (default: 25)")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="of BLAS and of every library")
    parser.add_argument("--json", type=Path, metavar="FILE", help="steps: write the figures there too")
    return parser


def _steps(options: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    from . import steps
    from .contestants import CONTESTANTS
    from .workloads import WORKLOADS

    names = {c.name for c in CONTESTANTS if not c.optional or options.torch_compile}
    if options.only:
        names = {"numpy", *options.only.split(",")}
    rows = [int(r) for r in options.rows.split(",")] if options.rows else [w.row for w in WORKLOADS]
    unknown = names - {c.name for c in CONTESTANTS} | {str(r) for r in set(rows) - {w.row for w in WORKLOADS}}
    if unknown:
        known = ", ".join([*(c.name for c in CONTESTANTS), *(str(w.row) for w in WORKLOADS)])
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {known}")
    chosen = [c for c in CONTESTANTS if c.name in names]
    return steps.run(rows, chosen, options.rounds, options.threads, options.json)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = _parser()
    options = parser.parse_args(arguments)
    limit_threads(options.threads)
    if options.what == "import":
        from . import import_time

        return import_time.run(options.only.split(",") if options.only else ["tinygrad_bp"], options.rounds)
    if options.what == "train":
        from . import train_loop

        return train_loop.run(options.rounds)
    if options.what == "ops":
        from . import operations

        return operations.run(options.rounds)
    if options.what == "compile":
        from . import compile_time

        return compile_time.run(min(options.rounds, 5))
    if options.what == "memory":
        from . import memory

        return memory.run()
    if options.what == "profile":
        from . import call_counts

        return call_counts.run()
    if options.what == "estimators":
        from . import estimators

        return estimators.run(min(options.rounds, 5))
    if options.what == "draw":
        from . import drawing

        return drawing.run()
    return _steps(options, parser)


if __name__ == "__main__":
    sys.exit(main())
