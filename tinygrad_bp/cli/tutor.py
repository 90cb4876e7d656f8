"""`tutor`: derive the gradients of a network by hand, and be told what is right."""

from __future__ import annotations

from typing import Annotated

from tinygrad_bp.cli.application import app, examples, typer
from tinygrad_bp.cli.options import ActivationName, widths
from tinygrad_bp.tutor.terminal import run


@app.command(
    short_help="Practise the derivatives of a network, answer by answer.",
    epilog=examples("tutor", "tutor --layers 4,3,2,1 --activation tanh"),
)
def tutor(
    layers: Annotated[str, typer.Option(help="Widths of the layers, inputs first.")] = "3,2,1",
    activation: ActivationName = "sigmoid",
    batch: Annotated[int, typer.Option(help="Examples that the cost is averaged over.")] = 4,
    seed: Annotated[int, typer.Option(help="Settles weights, inputs and targets.")] = 0,
) -> None:
    """Ask for one gradient after the other; of a wrong answer the first wrong factor is named."""
    run(widths(layers), activation, batch, seed)
