"""python -m tests.benchmarks [steps | nn | ops | import | train | draw | compile | memory | profile | estimators]."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .environment import limit_threads


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument(
        "what",
        nargs="?",
        choices=("steps", "nn", "ops", "import", "train", "draw", "compile", "memory", "profile", "estimators"),
        default="steps",
    )
    parser.add_argument("--rows", help="steps, nn: which rows, such as 1,2 (default: all)")
    parser.add_argument("--only", help="which contestants, such as numpy,tinygrad,torch (default: all)")
    parser.add_argument("--torch-compile", action="store_true", help="steps, nn: torch.compile takes part too")
    parser.add_argument("--rounds", type=int, default=25, help="how often everything is timed (default: 25)")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="of BLAS and of every library")
    parser.add_argument("--json", type=Path, metavar="FILE", help="steps, nn: write the figures there too")
    return parser


def _side_by_side(options: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    """The rows and contestants that were asked for, of `steps` or `nn`; the first contestant always takes part."""
    from . import networks, nn, steps, workloads
    from .contestants import CONTESTANTS

    what: Any = nn if options.what == "nn" else steps
    contestants: Any = nn.CONTESTANTS if what is nn else CONTESTANTS
    known: Any = [w.row for w in (networks.NETWORKS if what is nn else workloads.WORKLOADS)]
    names = {c.name for c in contestants if not c.optional or options.torch_compile}
    if options.only:
        names = {contestants[0].name, *options.only.split(",")}
    rows = [int(r) for r in options.rows.split(",")] if options.rows else known
    unknown = names - {c.name for c in contestants} | {str(r) for r in set(rows) - set(known)}
    if unknown:
        there = ", ".join([*(c.name for c in contestants), *map(str, known)])
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {there}")
    chosen = [c for c in contestants if c.name in names]
    return what.run(rows, chosen, options.rounds, options.threads, options.json)  # type: ignore[no-any-return]


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
    return _side_by_side(options, parser)


if __name__ == "__main__":
    sys.exit(main())
