"""`source`: a network's backpropagation as a NumPy program."""

from __future__ import annotations

from typing import Annotated

import tinygrad_bp as tg
from tinygrad_bp.cli.application import app, examples, typer
from tinygrad_bp.cli.options import ActivationName, widths


@app.command(
    short_help="Print a network's backpropagation in NumPy.",
    epilog=examples("source", "source --layers 7,16,1 --activation relu --batch 32 > network.py"),
)
def source(
    layers: Annotated[str, typer.Option(help="Widths of the layers, inputs first.")] = "7,2,1",
    activation: ActivationName = "sigmoid",
    batch: Annotated[int, typer.Option(help="Examples in a step.")] = 1,
) -> None:
    """Print the NumPy program of a network's forward and backward pass, which needs nothing but NumPy."""
    print(tg.nn.NeuralNetwork(widths(layers), activation).source(batch), end="")
