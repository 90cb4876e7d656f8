"""`predict`: what a trained network says of the examples in a file."""

from __future__ import annotations

import csv
import io
import sys
from pathlib import Path
from typing import Annotated, Any

from tinygrad_bp.annotations import Array
from tinygrad_bp.cli.application import Json, app, examples, tell, typer
from tinygrad_bp.cli.network import Network, read_network
from tinygrad_bp.cli.options import Header
from tinygrad_bp.cli.outputs import require_file
from tinygrad_bp.datasets import Sheet, read_sheet
from tinygrad_bp.errors import DataError
from tinygrad_bp.files import write_whole


@app.command(
    short_help="Predict the examples of a CSV file.",
    epilog=examples(
        "predict tinygrad_bp_output/network.npz new.csv",
        "predict network.npz new.csv --out predictions.csv",
    ),
)
def predict(
    network: Annotated[Path, typer.Argument(help="The network.npz that train wrote.")],
    data: Annotated[
        Path, typer.Argument(metavar="FILE.csv", help="Examples with the same columns; the target may be missing.")
    ],
    out: Annotated[
        Path | None, typer.Option(help="The CSV file for the predictions, instead of standard output.")
    ] = None,
    header: Header = None,
    as_json: Json = False,
) -> None:
    """Predict every example of a CSV file: its class with the probabilities of all, or its number."""
    if out is not None:
        require_file(out, [".csv"])
    trained = read_network(network)
    X = _features(trained, read_sheet(data, header))
    names, rows = _predictions(trained, trained.outputs(X))
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        write_whole(out, _csv(names, rows).encode())
    if as_json:
        told = (
            {"columns": names, "predictions": rows} if out is None else {"examples": len(rows), "written": [str(out)]}
        )
        tell(told, [], as_json)
    elif out is None:
        sys.stdout.write(_csv(names, rows))
    else:
        print(f"{len(rows)} predictions in {out}")


def _features(network: Network, sheet: Sheet) -> Array:
    """The columns that the network takes: by their names if both files have some, else by their places."""
    wanted, given = network.features, sheet.names
    if network.has_header and sheet.has_header:
        missing = [name for name in wanted if name not in given]
        if missing:
            raise DataError(f"{sheet.path} lacks {', '.join(missing)}; its columns are {', '.join(given)}.")
        return sheet.numbers([given.index(name) for name in wanted])
    if len(given) not in (len(wanted), len(network.columns)):
        raise DataError(
            f"{sheet.path} has {len(given)} columns; the network takes {len(wanted)}, {', '.join(wanted)}, or with the "
            f"target {len(network.columns)}."
        )
    names = wanted if len(given) == len(wanted) else network.columns
    return sheet.numbers([names.index(name) for name in wanted])


def _predictions(network: Network, z: Array) -> tuple[list[str], list[list[Any]]]:
    """Names of columns, and a row for every example."""
    if network.classes is None:
        return ["prediction"], [[number] for number in network.numbers(z).tolist()]
    p = network.probabilities(z)
    classes = [network.classes[k] for k in p.argmax(axis=1)]
    rows = [[name, *row] for name, row in zip(classes, p.tolist(), strict=True)]
    return ["class", *[f"P({name})" for name in network.classes]], rows


def _csv(names: list[str], rows: list[list[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([names, *rows])
    return text.getvalue()
