"""Programs in Node: all cases of a test in one process."""

import base64
import json
import subprocess

import numpy as np

from tinygrad_bp.source.javascript import library

RUN = """
const doubles = (text) => new Float64Array(new Uint8Array(Buffer.from(text, "base64")).buffer);
const encoded = ({ shape, data }) => [shape, Buffer.from(Float64Array.from(data).buffer).toString("base64")];
const results = cases.map(([make, inputs]) =>
  make(np)(inputs.map(([shape, text]) => np.array(shape, doubles(text)))).map(encoded));
console.log(JSON.stringify(results));
"""


def encoded(x):
    return [list(np.shape(x)), base64.b64encode(np.asarray(x, float).tobytes()).decode()]


def run_in_node(folder, cases):
    """What Node gives for (program text, inputs), all in one process."""
    listed = ",\n".join([f"[{text}, {json.dumps([encoded(x) for x in inputs])}]" for text, inputs in cases])
    script = folder / "cases.js"
    script.write_text(f"{library()}\nconst cases = [{listed}];\n{RUN}", encoding="utf-8")
    done = subprocess.run(["node", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout)
    return [[np.frombuffer(base64.b64decode(text)).reshape(shape) for shape, text in result] for result in results]
