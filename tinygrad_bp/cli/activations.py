"""`activations`: the sheet of activations, as a table and as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tinygrad_bp as tg
from tinygrad_bp.cli.application import Json, app, examples, tell, typer
from tinygrad_bp.cli.options import choices
from tinygrad_bp.cli.outputs import require_file


@app.command(
    short_help="Print the activations, with their derivatives, ranges and conventions.",
    epilog=examples("activations", "activations relu elu gelu --out sheet.svg"),
)
def activations(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Which ones; all if none are named.", autocompletion=choices(tg.nn.ACTIVATIONS)),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="A file for the sheet with the curves, .svg.")] = None,
    as_json: Json = False,
) -> None:
    """Print name, formula, derivative, range and convention at kinks of activations, and draw their curves."""
    sheet = tg.nn.activation_sheet(*(names or ()))
    if out is not None:
        require_file(out, [".svg"])
        out.parent.mkdir(parents=True, exist_ok=True)
        sheet.save(out)
    written = [] if out is None else [str(out)]
    told = {"entries": [entry._asdict() for entry in sheet.entries], "written": written}
    tell(told, [sheet.text, *written], as_json)
