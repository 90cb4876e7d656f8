"""The options of `train`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tinygrad_bp as tg
from tinygrad_bp.cli.application import typer
from tinygrad_bp.cli.learning import OPTIMIZERS
from tinygrad_bp.cli.options import choices
from tinygrad_bp.datasets.table import TASKS

Data = Annotated[Path | None, typer.Option(help="A CSV file, instead of the seeds data.")]
Target = Annotated[str, typer.Option(help="Its column to learn: a name, or a number from 1; -1 is the last.")]
TaskName = Annotated[
    str | None,
    typer.Option(help="binary, multi-class or regression; found from the target.", autocompletion=choices(TASKS)),
]
Seed = Annotated[int, typer.Option(help="Settles the split, the initial weights and the order.")]
Layers = Annotated[
    str | None, typer.Option(help="Widths of the layers, features first, outputs last. [default: 7,2,1 or found]")
]
Activation = Annotated[
    str | None,
    typer.Option(
        help="Of the hidden layers. [default: sigmoid, with --data tanh]", autocompletion=choices(tg.nn.ACTIVATIONS)
    ),
]
Optimizer = Annotated[
    str | None,
    typer.Option(help=f"{', '.join(OPTIMIZERS)}. [default: sgd, with --data adam]", autocompletion=choices(OPTIMIZERS)),
]
Alpha = Annotated[float, typer.Option(help="The learning rate.")]
Epochs = Annotated[int, typer.Option(help="Passes over the training examples.")]
Batch = Annotated[int | None, typer.Option(help="Examples in a step. [default: 1, with --data 32]")]
Validation = Annotated[
    float | None, typer.Option(help="The share of the training examples to validate with after each pass.")
]
Patience = Annotated[
    int | None, typer.Option(help="End after so many passes without a smaller cost, with the best weights.")
]
Out = Annotated[Path, typer.Option(help="The folder for network and pictures.")]
StepThrough = Annotated[bool, typer.Option("--step-through", help="Write a page to step through as well.")]
Play = Annotated[bool, typer.Option("--play", help="Write a page in which the trained network lives as well.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print the test's result only.")]
