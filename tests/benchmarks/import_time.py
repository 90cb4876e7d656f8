"""What importing a package costs once NumPy is there: fresh interpreters, the median of many."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from statistics import median

SCRIPT = """
import sys, time, numpy
start = time.perf_counter()
__import__(sys.argv[1])
print(time.perf_counter() - start)
"""


def _seconds(package: str, environment: dict[str, str]) -> float:
    command = [sys.executable, "-c", SCRIPT, package]
    finished = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if finished.returncode:
        raise ImportError(finished.stderr.strip().splitlines()[-1])
    return float(finished.stdout)


def run(packages: Sequence[str], rounds: int) -> int:
    """Print each package's median import time; the first, uncounted import of each writes its bytecode."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryDirectory() as cache:
        environment["PYTHONPYCACHEPREFIX"] = cache
        times: dict[str, list[float]] = {}
        for package in packages:
            try:
                _seconds(package, environment)
            except ImportError as error:
                print(f"{package}: – ({error})")
            else:
                times[package] = []
        for _ in range(rounds):
            for package, measured in times.items():
                measured.append(_seconds(package, environment))
    for package, measured in times.items():
        print(f"import {package}, beyond NumPy: {1e3 * median(measured):.1f} ms (median of {rounds})")
    return int(len(times) < len(packages))
