"""The article's network learns in a web page: a whole step of training as an ONNX model, run by ONNX Runtime Web.

Writes the model, the seeds and the first parameters into a folder, and the page beside them:

    python -m examples.training_in_browser page        # needs the extra onnx
    npm pack onnxruntime-web && tar xzf onnxruntime-web-*.tgz
    cp package/dist/ort.wasm.min.js package/dist/ort-wasm-simd-threaded.{mjs,wasm} page/
    python -m http.server --directory page             # and open http://localhost:8000
"""

import json
import sys
from pathlib import Path

import numpy as np

import tinygrad_bp as tg

RUNTIME = ("ort.wasm.min.js", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")
"""What the page loads of the package onnxruntime-web, from its folder `dist`."""


def loss(parameters, X, y):
    """The cost of the network 7-2-1; examples are columns, as in the article."""
    a1 = tg.sigmoid(parameters["W1"] @ X + parameters["b1"])
    return tg.binary_cross_entropy(tg.sigmoid(parameters["W2"] @ a1 + parameters["b2"]), y)


def step(parameters, X, y, alpha):
    """The cost, and the parameters after a step of gradient descent."""
    C, gradients = tg.value_and_grad(loss)(parameters, X, y)
    return C, {name: p - alpha * gradients[name] for name, p in parameters.items()}


def problem():
    """First parameters, the seeds, standardised, and a learning rate."""
    X, y = tg.datasets.load_seeds(varieties=(1, 2))
    X, y = ((X - X.mean(axis=0)) / X.std(axis=0)).T, (y == y.max())[None].astype(float)
    rng = np.random.default_rng(0)
    parameters = {"W1": rng.normal(size=(2, 7)), "b1": np.zeros((2, 1)), "W2": rng.normal(size=(1, 2))}
    return {**parameters, "b2": np.zeros((1, 1))}, X, y, 1.0


def write(folder):
    """The page and its files."""
    parameters, X, y, alpha = problem()
    folder.mkdir(parents=True, exist_ok=True)
    tg.export.onnx(step, parameters, X, y, alpha, path=folder / "step.onnx")
    given = {**parameters, "X": X, "y": y, "alpha": np.array(alpha)}
    numbers = {name: {"shape": x.shape, "data": x.ravel().tolist()} for name, x in given.items()}
    (folder / "start.json").write_text(json.dumps(numbers), encoding="utf-8")
    page = Path(__file__).with_suffix(".html").read_text(encoding="utf-8")
    (folder / "index.html").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1] if len(sys.argv) > 1 else "page"))
