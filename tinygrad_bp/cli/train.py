"""`train`: from a table to a network that can be kept, with what it learned in numbers and in pictures."""

from __future__ import annotations

from pathlib import Path

import tinygrad_bp as tg
from tinygrad_bp.cli import training_options as option
from tinygrad_bp.cli.application import Json, app, examples
from tinygrad_bp.cli.bar import bar
from tinygrad_bp.cli.learning import Plan, learn, prepared
from tinygrad_bp.cli.options import Header, widths
from tinygrad_bp.cli.report import Report
from tinygrad_bp.datasets import Table, read_table
from tinygrad_bp.errors import ArgumentError

ARTICLES = Plan((7, 2, 1), "sigmoid", "sgd", alpha=0.01, epochs=100, batch=1, seed=0)
OTHERS = Plan(None, "tanh", "adam", alpha=0.01, epochs=100, batch=32, seed=0)
"""What is done unless it is said otherwise, without a file and with one."""


@app.command(
    short_help="Train a network on a table, keep it, draw it.",
    epilog=examples(
        "train",
        "train --layers 7,16,1 --activation relu --optimizer adam --batch 32",
        "train --data flowers.csv --target species --validation 0.2 --early-stopping 10",
        "train --data houses.csv --target 4 --task regression --out houses",
        "train --layers 7,3,2,1 --play",
    ),
)
def train(
    data: option.Data = None,
    target: option.Target = "-1",
    task: option.TaskName = None,
    header: Header = None,
    seed: option.Seed = 0,
    layers: option.Layers = None,
    activation: option.Activation = None,
    optimizer: option.Optimizer = None,
    alpha: option.Alpha = 0.01,
    epochs: option.Epochs = 100,
    batch: option.Batch = None,
    validation: option.Validation = None,
    early_stopping: option.Patience = None,
    out: option.Out = Path("tinygrad_bp_output"),
    step_through: option.StepThrough = False,
    play: option.Play = False,
    quiet: option.Quiet = False,
    as_json: Json = False,
) -> int:
    """Train a network on a table, test it, keep it, and draw its computation graph.

    Without options: the article's 7-2-1 network on two varieties of the seeds data.
    """
    default = ARTICLES if data is None else OTHERS
    plan = Plan(
        layers=default.layers if layers is None else widths(layers),
        activation=activation or default.activation,
        optimizer=optimizer or default.optimizer,
        alpha=alpha,
        epochs=epochs,
        batch=default.batch if batch is None else batch,
        seed=seed,
        validation=validation,
        patience=early_stopping,
    )
    report = Report(out, step_through, play, quiet, as_json)
    table = _table(data, target, task, header)
    ready = prepared(table, plan)
    with bar(epochs, quiet or as_json) as show:
        report.begin(table, plan, ready)
        taught, history = learn(plan, ready, show)
    return report.end(ready, taught, history)


def _table(data: Path | None, target: str, task: option.TaskName, header: bool | None) -> Table:
    """The user's table, or the two varieties that the article's network tells apart."""
    if data is not None:
        return read_table(data, target, task, header)  # type: ignore[arg-type]
    if (target, task, header) != ("-1", None, None):
        raise ArgumentError("--target, --task and --header are for a file: name it with --data.")
    X, y = tg.datasets.load_seeds()
    names = tg.datasets.FEATURES
    return Table(X, y, names, "variety", "binary", ("Kama", "Rosa"), (*names, "variety"), True, "")
