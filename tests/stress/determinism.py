"""`python -m tests.stress.determinism [PROCESSES]`: same seed, same bytes; a resumed run goes on exactly."""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

import tinygrad_bp as tg
from tinygrad_bp import nn

PROCESSES = 5
LOSS = tg.binary_cross_entropy_with_logits


def parts():
    """Data, and a new model and optimizer of the same seeds."""
    X, y = tg.datasets.load_seeds()
    (X,) = nn.standardise(X)
    model = nn.Sequential(
        nn.Linear(7, 4, seed=0), nn.BatchNorm(4), nn.Tanh(), nn.Dropout(0.2, seed=1), nn.Linear(4, 1, seed=2)
    )
    return X, y.reshape(-1, 1) * 1.0, model, nn.Adam(model.parameters(), lr=nn.CosineDecay(0.05, 100))


def artefacts(folder: Path) -> dict[str, bytes]:
    """Everything that is written for people or files, by name."""
    X, y, model, optimizer = parts()
    nn.fit(model, X, y, LOSS, optimizer, 3, seed=3, batch=16)
    weights = {name: value.tobytes() for name, value in model.state_dict().items()}
    net = nn.NeuralNetwork([7, 3, 1], seed=0)
    net.fit(X.T, y.T, epochs=2)
    model.eval()
    C = LOSS(model(tg.tensor(X[:5], name="X")), tg.tensor(y[:5], name="y")).named("C")
    graph = tg.graph(C)
    fast = tg.compile(tg.grad(lambda w: tg.mean(tg.sigmoid(tg.asarray(X) @ w))), backend="numpy")
    fast(np.ones((7, 1)))
    x = tg.tensor(0.5, requires_grad=True, name="x")
    h = (tg.sigmoid(2 * x + 1) ** 2).named("h")
    files = [nn.save(folder / "model.npz", model, optimizer, classes=["a", "b"])]
    if "safetensors" in nn_extras():
        files.append(nn.save(folder / "model.safetensors", model, optimizer))
    texts = {
        "graph JSON": graph.to_json(), "DOT": tg.draw(C).dot, "SVG": tg.draw(C).svg, "Mermaid": tg.draw(C).mermaid,
        "source": fast.source, "derivation": tg.derive(h, x).text, "derivation page": tg.derive(h, x).html,
        "step-through page": tg.step_through(h).html, "living page": tg.play(h).html,
        "activation sheet": nn.activation_sheet().svg, "op table": tg.op_table().markdown,
    }  # fmt: skip
    return {
        "parameters": b"".join(weights[name] for name in sorted(weights)),
        "names of parameters": repr(list(weights)).encode(),
        "NeuralNetwork": b"".join(net.parameters[name].tobytes() for name in sorted(net.parameters)),
        **{name: text.encode() for name, text in texts.items()},
        **{f"checkpoint {path.suffix}": path.read_bytes() for path in files},
    }


def nn_extras() -> list[str]:
    from importlib.util import find_spec

    return [name for name in ("safetensors",) if find_spec(name)]


def digests() -> dict[str, str]:
    with tempfile.TemporaryDirectory() as folder:
        return {name: hashlib.sha256(content).hexdigest() for name, content in artefacts(Path(folder)).items()}


def in_processes(count: int) -> list[dict[str, str]]:
    """The digests that new processes give, each with a hash seed of its own."""
    found = []
    for seed in range(count):
        environment = {**os.environ, "PYTHONHASHSEED": str(seed * 7919)}
        command = [sys.executable, "-m", "tests.stress.determinism", "--digests"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        found.append(json.loads(done.stdout))
    return found


def resumed(folder: Path) -> list[str]:
    """What differs between a run of 6 epochs and one that is saved after 2, loaded into new parts, and goes on."""
    X, y, model, optimizer = parts()
    nn.fit(model, X, y, LOSS, optimizer, 6, seed=3, batch=16)
    _, _, other, its_optimizer = parts()
    history = nn.fit(other, X, y, LOSS, its_optimizer, 2, seed=3, batch=16)
    path = nn.save(folder / "half.npz", other, its_optimizer, history)
    _, _, other, its_optimizer = parts()
    history = nn.History.from_state(nn.load(path, other, its_optimizer).history)
    nn.fit(other, X, y, LOSS, its_optimizer, 6, seed=3, batch=16, resume=history)
    states = [
        {**m.state_dict(), **{f"optimizer {name}": value for name, value in o.state_dict().items()}}
        for m, o in ((model, optimizer), (other, its_optimizer))
    ]
    return [
        name
        for name, value in states[0].items()
        if np.asarray(value).tobytes() != np.asarray(states[1][name]).tobytes()
    ]


def main(arguments) -> int:
    """Print the figures; the status is how many things differ."""
    if arguments == ["--digests"]:
        print(json.dumps(digests()))
        return 0
    count = int(arguments[0]) if arguments else PROCESSES
    found = in_processes(count)
    differing = [name for name in found[0] if len({one[name] for one in found}) > 1]
    print(f"{len(found[0])} artefacts of {count} processes with other hash seeds: {len(differing)} differ {differing}")
    with tempfile.TemporaryDirectory() as folder:
        other = resumed(Path(folder))
    print(f"a resumed run against one without a break: {len(other)} arrays differ {other}")
    return len(differing) + len(other)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
