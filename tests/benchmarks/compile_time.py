"""What compiling costs: the first call with Numba cold or from disk, on NumPy, or with kernels; fresh processes."""

import os
import subprocess
import sys
import tempfile
from statistics import median

from .report import NONE, table
from .workloads import WORKLOADS, Workload

SCRIPT = """
import sys, time
import numpy as np
from tests.benchmarks.contestants.tinygrad_compiled import compiled_step
from tests.benchmarks.workloads import WORKLOADS
row, backend = int(sys.argv[1]), sys.argv[2]
problem = next(w for w in WORKLOADS if w.row == row).make()
if backend == "numba":
    import numba
step = compiled_step(problem, backend)
start = time.perf_counter()
step(problem.parameters, problem.inputs, problem.targets)
seconds = time.perf_counter() - start
if backend != "auto" and step.plan.backend != backend:
    sys.exit(f"runs on {step.plan.backend}: {step.plan.reason}")
print(seconds)
"""


class Failed(Exception):
    """The step did not compile for the backend asked for."""


def _seconds(workload: Workload, backend: str, cache: str) -> float:
    command = [sys.executable, "-W", "ignore", "-c", SCRIPT, str(workload.row), backend]
    environment = {**os.environ, "TINYGRAD_BP_CACHE": cache}
    finished = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if finished.returncode:
        raise Failed(finished.stderr.strip().splitlines()[-1])
    return float(finished.stdout)


def _with_numba(workload: Workload, rounds: int) -> tuple[float, float]:
    """Seconds with nothing on disk yet, and with what that left there."""
    with tempfile.TemporaryDirectory() as cache:
        cold = _seconds(workload, "numba", cache)
        return cold, median([_seconds(workload, "numba", cache) for _ in range(rounds)])


def run(rounds: int) -> int:
    """Print seconds of the first call; Numba's own import is not in them, the imports it puts off until then are."""
    lines, notes = [], []
    for workload in (w for w in WORKLOADS if w.reference == "numpy"):
        numpy = median([_seconds(workload, "numpy", "") for _ in range(rounds)])
        cold = cached = kernels = None
        if workload.make().parameters[0].dtype != float:
            kernels = median([_seconds(workload, "auto", "") for _ in range(rounds)])
        else:
            try:
                cold, cached = _with_numba(workload, rounds)
            except Failed as error:
                notes.append(f"row {workload.row}, Numba: {error}")
        times = [f"{t:.3f}" if t is not None else NONE for t in (cold, cached, numpy, kernels)]
        lines.append([f"{workload.row}. {workload.title}", *times])
    print(table(["first call, seconds", "Numba cold", "Numba from disk", "NumPy", "NumPy and kernels"], lines))
    if notes:
        print("\n" + "\n".join(notes))
    return 0
