"""Peak memory of training steps on the fourth workload, each library in a process of its own."""

import subprocess
import sys

from .contestants import CONTESTANTS
from .report import table

SCRIPT = """
import resource, sys
from tests.benchmarks.contestants import CONTESTANTS
from tests.benchmarks.workloads import WORKLOADS
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
contestant = next(c for c in CONTESTANTS if c.name == sys.argv[1])
small, large = WORKLOADS[2].make(), WORKLOADS[3].make()
warm = contestant.program(small)
warm.step()
warm.wait()
before = peak()
program = contestant.program(large)
for _ in range(5):
    program.step()
program.wait()
print(before, peak())
"""


def run() -> int:
    """Print the peak before and after five steps; what the libraries take by themselves is in the first figure."""
    lines = []
    for contestant in CONTESTANTS:
        if contestant.name in ("micrograd", "compiled_numpy", "torch_compile"):
            continue
        command = [sys.executable, "-W", "ignore", "-c", SCRIPT, contestant.name]
        finished = subprocess.run(command, capture_output=True, text=True, check=False)
        if finished.returncode:
            lines.append([contestant.label, "–", "–", finished.stderr.strip().splitlines()[-1][:60]])
            continue
        before, after = map(float, finished.stdout.split())
        lines.append([contestant.label, f"{before:.0f}", f"{after:.0f}", f"{after - before:.0f}"])
    print(table(["784-1024-1024-10, batch 256: peak MiB", "library alone", "with five steps", "the steps"], lines))
    return 0
