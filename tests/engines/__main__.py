"""Print the table of ops and engines: python -m tests.engines [engine …] [--ops name,name]."""

import argparse
import platform
from collections import Counter
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from tinygrad_bp.backends import Unsupported
from tinygrad_bp.registry import OPS

from .cases import difference, largest, program_of
from .engines import ENGINES

EQUAL = "="


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.engines", description=__doc__)
    parser.add_argument("engines", nargs="*", default=list(ENGINES), help=", ".join(ENGINES))
    parser.add_argument("--ops", default="", help="only these ops")
    options = parser.parse_args()
    equal: Counter[str] = Counter()
    lines = []
    for name in options.ops.split(",") if options.ops else sorted(OPS):
        case = largest(name)
        if case is None:
            continue
        found = [_compared(engine, case) for engine in options.engines]
        equal.update([engine for engine, text in zip(options.engines, found, strict=True) if text == EQUAL])
        lines.append([name, *found])
    print(f"Python {platform.python_version()}, {', '.join(_versions(options.engines))}\n")
    _row(f"op, value and VJPs ({len(lines)})", *[f"{engine} ({equal[engine]})" for engine in options.engines])
    _row(*["---"] * (len(options.engines) + 1))
    for line in lines:
        _row(*line)


def _compared(engine: str, case: Any) -> str:
    """EQUAL if the engine gives NumPy's numbers to 1e-12, else why not."""
    program, inputs, values = program_of(case)
    try:
        with np.errstate(all="ignore"):
            return (
                difference(ENGINES[engine][1](program, inputs, values), values, of_largest=not case.op.derivatives)
                or EQUAL
            )
    except Unsupported as error:
        return str(error)[:90]


def _row(*cells: str) -> None:
    print("|", " | ".join([cell.replace("|", "\\|") for cell in cells]), "|")


def _versions(engines: list[str]) -> list[str]:
    found = []
    for package in dict.fromkeys([p for engine in engines for p in ENGINES[engine][0]]):
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            found.append(f"{package} not installed")
    return found


if __name__ == "__main__":
    main()
