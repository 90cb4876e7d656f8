"""`play`: a page in which a network lives."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np

import tinygrad_bp as tg
from tinygrad_bp.cli.application import Json, app, examples, tell, typer
from tinygrad_bp.cli.options import ActivationName, widths
from tinygrad_bp.cli.outputs import page_path
from tinygrad_bp.errors import ArgumentError


@app.command(
    short_help="Write a page in which a network can be trained.",
    epilog=examples("play", "play --layers 7,4,1 --activation tanh --out network.html"),
)
def play(
    layers: Annotated[str, typer.Option(help="Widths of the layers, features first, then 1 at the end.")] = "7,3,2,1",
    activation: ActivationName = "sigmoid",
    seed: Annotated[int, typer.Option(help="Settles the initial weights and the order of the examples.")] = 0,
    out: Annotated[Path, typer.Option(help="The page, .html, or its folder.")] = Path("tinygrad_bp_output"),
    as_json: Json = False,
) -> None:
    """Write a page in which a network lives: its numbers can be changed and trained there, on the seeds data."""
    network = tg.nn.NeuralNetwork(widths(layers), activation, seed)
    X, y = tg.datasets.load_seeds()
    if (network.architecture[0], network.architecture[-1]) != (X.shape[1], 1):
        raise ArgumentError(
            f"--layers begins with {X.shape[1]}, the features of the seeds, and ends with 1; got {layers}."
        )
    path = page_path(out, "play.html")
    order = np.random.default_rng(seed).permutation(len(y))
    X, y = ((X - X.mean(axis=0)) / X.std(axis=0))[order], y.astype(float)[order]
    page = tg.play(network.cost_graph(X[:1].T, y[:1, None]), examples=(X, y))
    path.parent.mkdir(parents=True, exist_ok=True)
    page.save(path)
    tell({"written": [str(path)]}, [str(path)], as_json)
