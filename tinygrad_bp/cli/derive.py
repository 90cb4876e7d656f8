"""`derive`: a page with every derivative of a network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np

import tinygrad_bp as tg
from tinygrad_bp.cli.application import Json, app, examples, tell, typer
from tinygrad_bp.cli.options import ActivationName, widths
from tinygrad_bp.cli.outputs import page_path
from tinygrad_bp.derive.page import derivation_page
from tinygrad_bp.errors import ArgumentError


@app.command(
    short_help="Write a page with every gradient of a network.",
    epilog=examples("derive", "derive --layers 3,4,2 --activation tanh --out network.html"),
)
def derive(
    layers: Annotated[str, typer.Option(help="Widths of the layers, inputs first.")] = "7,3,2,1",
    activation: ActivationName = "sigmoid",
    batch: Annotated[int, typer.Option(help="Examples that the cost is averaged over.")] = 1,
    seed: Annotated[int, typer.Option(help="Settles weights, inputs and targets.")] = 0,
    out: Annotated[Path, typer.Option(help="The page, .html, or its folder.")] = Path("tinygrad_bp_output"),
    as_json: Json = False,
) -> None:
    """Write a page that derives every gradient of a network: forward equations, cost, ∂C/∂W and ∂C/∂b, the picture."""
    network = tg.nn.NeuralNetwork(widths(layers), activation, seed)
    if batch < 1:
        raise ArgumentError(f"batch is a whole number from 1 on; got {batch}.")
    path = page_path(out, "derivation.html")
    random = np.random.default_rng(seed)
    X = random.normal(size=(network.architecture[0], batch))
    C = network.cost_graph(X, random.integers(0, 2, size=(network.architecture[-1], batch)))
    page = derivation_page(C)
    path.parent.mkdir(parents=True, exist_ok=True)
    page.save(path)
    tell({"written": [str(path)]}, [str(path)], as_json)
