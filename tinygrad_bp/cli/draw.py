"""`draw`: the graph of what a function of the user's returns."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tinygrad_bp as tg
from tinygrad_bp.cli.application import Json, app, examples, tell, typer
from tinygrad_bp.cli.outputs import PAGES, require_file
from tinygrad_bp.cli.targets import called

SUFFIXES = (".svg", ".png", ".pdf", ".dot", ".gv", ".mmd", *PAGES)


@app.command(
    short_help="Draw the graph of what a function returns.",
    epilog=examples("draw mine:cost --out cost.svg", "draw mine:cost --out cost.html --detail ops"),
)
def draw(
    target: Annotated[str, typer.Argument(help="module:function, which returns the tensor to draw.")],
    out: Annotated[Path, typer.Option(help="The file: .svg, .png, .pdf, .dot, .mmd, or .html to step through.")],
    passes: Annotated[str, typer.Option(help="forward, backward or both.")] = "both",
    detail: Annotated[str, typer.Option(help="ops, named or scopes.")] = "named",
    heat: Annotated[bool, typer.Option("--heat", help="Colour the nodes by the norm of their gradient.")] = False,
    as_json: Json = False,
) -> None:
    """Draw the computation graph of the tensor that a function of yours returns."""
    require_file(out, SUFFIXES)
    C = called(target, "draw")
    if out.suffix.lower() in PAGES:
        picture: tg.Drawing | tg.StepThrough = tg.step_through(C, detail=detail)  # type: ignore[arg-type]
    else:
        picture = tg.draw(C, passes=passes, detail=detail, heat=heat)  # type: ignore[arg-type]
    out.parent.mkdir(parents=True, exist_ok=True)
    path = picture.save(out)
    tell({"written": [str(path)]}, [str(path)], as_json)
