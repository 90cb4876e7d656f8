"""JAX on many devices and on two hosts: ten steps are NumPy's, and the end of one process ends the other in time.

The processes take the platform from JAX_PLATFORMS, so that the same tests run on other devices than processors.
"""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import tinygrad_bp as tg
from tests.backends.jax_child import batch, models, trained, training_step
from tinygrad_bp import nn

pytest.importorskip("jax", reason="the jax extra is not installed")
pytestmark = pytest.mark.once
ROOT = Path(__file__).resolve().parents[2]
SECONDS = 240


def environment(devices):
    """That of a child which has so many devices, where they are processors."""
    platform = os.environ.get("JAX_PLATFORMS", "cpu")
    own = {"JAX_PLATFORMS": platform, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    return {**os.environ, **own, "XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}"}


def begun(devices, *arguments):
    command = [sys.executable, "-m", "tests.backends.jax_child", *map(str, arguments)]
    return subprocess.Popen(
        command, cwd=ROOT, env=environment(devices), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def ended(process, seconds=SECONDS):
    try:
        out, err = process.communicate(timeout=seconds)
    finally:
        process.kill()
    return process.returncode, out, err


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def test_one_device_two_and_eight():
    code, out, err = ended(begun(8, "devices"))
    assert code == 0, err
    *names, there = out.splitlines()
    assert names == ["mlp", "cnn", "transformer", "by name", "fit"]
    assert there == "8 cpu" or "cpu" not in there  # on other devices as many as there are


def test_two_processes_of_two_devices(tmp_path):
    port = free_port()
    pair = [begun(2, "hosts", rank, port, tmp_path, "lives") for rank in range(2)]
    results = [ended(process) for process in pair]
    assert [code for code, _, _ in results] == [0, 0], results
    first, second = [out.splitlines()[-1] for _, out, _ in results]
    assert first == second
    model, shape = models()["mlp"]
    step, values = training_step(model)
    costs, _ = trained(tg.compile(step, backend="numpy"), values, batch(shape))
    np.testing.assert_allclose([float(word) for word in first.split()], costs, rtol=1e-11)


def test_one_process_ends_and_the_other_ends_with_an_error(tmp_path):
    port = free_port()
    pair = [begun(2, "hosts", rank, port, tmp_path, "dies") for rank in range(2)]
    start = time.monotonic()
    (code, _, _), (killed, _, _) = [ended(process, 120) for process in pair]
    assert killed == 9
    assert code != 0
    assert time.monotonic() - start < 120
    model, shape = models()["mlp"]
    nn.load(tmp_path / "model.npz", model)
    step, values = training_step(model)
    whole, _ = trained(step, training_step(models()["mlp"][0])[1], batch(shape))
    np.testing.assert_allclose(trained(step, values, batch(shape), 5)[0], whole[5:], rtol=1e-9)
