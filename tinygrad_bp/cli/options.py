"""Options that more than one command has, and the choices that a shell completes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Annotated

import tinygrad_bp as tg
from tinygrad_bp.cli.application import typer
from tinygrad_bp.errors import ArgumentError


def choices(names: Iterable[str]) -> Callable[[str], list[str]]:
    """What a shell offers for the beginning of a word."""
    known = [*names]
    return lambda incomplete: [name for name in known if name.startswith(incomplete)]


ActivationName = Annotated[
    str,
    typer.Option(
        "--activation",
        help="Of the hidden layers: sigmoid, tanh, relu, …",
        autocompletion=choices(tg.nn.ACTIVATIONS),
    ),
]

Header = Annotated[
    bool | None,
    typer.Option("--header/--no-header", help="Whether the first line names the columns; found out if not said."),
]


def widths(layers: str) -> list[int]:
    """The widths that --layers lists."""
    try:
        return [int(width) for width in layers.split(",")]
    except ValueError as error:
        raise ArgumentError(f"--layers takes widths with commas between, as in 7,2,1; got {layers!r}.") from error
