"""`tutor`: derive the gradients of a network by hand, and be told what is right."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from tinygrad_bp.cli.application import Json, app, examples, tell, typer
from tinygrad_bp.cli.options import ActivationName, widths
from tinygrad_bp.cli.outputs import page_path
from tinygrad_bp.errors import ArgumentError
from tinygrad_bp.tutor.terminal import network_tutor, run


@app.command(
    short_help="Practise the derivatives of a network, answer by answer.",
    epilog=examples("tutor", "tutor --layers 4,3,2,1 --activation tanh", "tutor --out tutor.html"),
)
def tutor(
    layers: Annotated[str, typer.Option(help="Widths of the layers, inputs first.")] = "3,2,1",
    activation: ActivationName = "sigmoid",
    batch: Annotated[int, typer.Option(help="Examples that the cost is averaged over.")] = 4,
    seed: Annotated[int, typer.Option(help="Settles weights, inputs and targets.")] = 0,
    out: Annotated[
        Path | None, typer.Option(help="Write the exercises as a page to hand out, .html, or into this folder.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Ask for one gradient after the other; of a wrong answer the first wrong factor is named."""
    if out is None:
        if as_json:
            raise ArgumentError("--json is for a page: name it with --out.")
        run(widths(layers), activation, batch, seed)
        return
    path = page_path(out, "tutor.html")
    teacher = network_tutor(widths(layers), activation, batch, seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    teacher.save(path)
    tell({"written": [str(path)]}, [str(path)], as_json)
