"""What compiling costs: the first call with Numba cold or from disk, on NumPy, or with kernels; fresh processes."""

import os
import subprocess
import sys
import tempfile
from statistics import median

from .report import table
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
print(time.perf_counter() - start)
"""


def _seconds(workload: Workload, backend: str, cache: str) -> float:
    command = [sys.executable, "-W", "ignore", "-c", SCRIPT, str(workload.row), backend]
    environment = {**os.environ, "TINYGRAD_BP_CACHE": cache}
    finished = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return float(finished.stdout)


def run(rounds: int) -> int:
    """Print seconds of the first call; Numba's own import is not in them, the imports it puts off until then are."""
    lines = []
    for workload in (w for w in WORKLOADS if w.reference == "numpy"):
        numpy = median([_seconds(workload, "numpy", "") for _ in range(rounds)])
        cold = cached = kernels = None
        if workload.make().parameters[0].dtype != float:
            kernels = median([_seconds(workload, "auto", "") for _ in range(rounds)])
        else:
            with tempfile.TemporaryDirectory() as cache:
                cold = _seconds(workload, "numba", cache)
                cached = median([_seconds(workload, "numba", cache) for _ in range(rounds)])
        times = [f"{t:.3f}" if t is not None else "–" for t in (cold, cached, numpy, kernels)]
        lines.append([f"{workload.row}. {workload.title}", *times])
    print(table(["first call, seconds", "Numba cold", "Numba from disk", "NumPy", "NumPy and kernels"], lines))
    return 0
