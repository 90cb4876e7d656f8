"""Training by ONNX Runtime Web in a real browser gives NumPy's numbers. Downloads that package, 33 MB, by npm."""

import shutil
import subprocess
import tarfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import numpy as np
import pytest

from examples.training_in_browser import RUNTIME, problem, step, write

pytest.importorskip("onnx", reason="the onnx extra is not installed")
pytestmark = [pytest.mark.once, pytest.mark.network]

PACKAGE = "onnxruntime-web@1"
TRAIN = """
const done = arguments[arguments.length - 1];
ready.then(() => train(100)).then(
  () => done({ costs, parameters: Object.fromEntries(Object.entries(parameters).map(([n, x]) => [n, [...x.data]])) }),
  (error) => done({ error: String(error) }));
"""


class Silent(SimpleHTTPRequestHandler):
    """Files of a folder, without a word."""

    def log_message(self, *_):
        pass


@pytest.fixture
def served(tmp_path):
    """The page, with the runtime beside it, at an address of this machine."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("there is no npm on this machine")
    try:
        packed = subprocess.run(
            [npm, "pack", "--silent", PACKAGE], cwd=tmp_path, capture_output=True, text=True, timeout=120
        )
    except subprocess.TimeoutExpired:
        pytest.skip("npm found no onnxruntime-web in time")
    if packed.returncode:
        pytest.skip("npm finds no onnxruntime-web")
    folder = tmp_path / "page"
    write(folder)
    with tarfile.open(tmp_path / packed.stdout.strip()) as archive:
        for name in RUNTIME:
            (folder / name).write_bytes(archive.extractfile(f"package/dist/{name}").read())
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Silent, directory=folder))
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/index.html"
    server.shutdown()
    server.server_close()


def test_a_hundred_steps(browser, served):
    browser.set_script_timeout(60)
    browser.get(served)
    found = browser.execute_async_script(TRAIN)
    browser.get("about:blank")
    assert "error" not in found, found["error"]
    parameters, X, y, alpha = problem()
    for cost in found["costs"]:
        C, parameters = step(parameters, X, y, alpha)
        np.testing.assert_allclose(cost, C, rtol=1e-10)
    assert len(found["costs"]) == 100
    for name, p in parameters.items():
        np.testing.assert_allclose(np.reshape(found["parameters"][name], p.shape), p, rtol=1e-9, atol=1e-11)
