"""The command line, `python -m tinygrad_bp train | draw | derive | play | …`. A mistake: one line, status 2."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np

import tinygrad_bp as tg
from tinygrad_bp.derive.page import derivation_page
from tinygrad_bp.errors import ArgumentError, TinygradError, missing_extra

try:
    import typer
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
except ImportError as error:
    raise missing_extra("typer or rich", "cli") from error

PROGRAM = "python -m tinygrad_bp"
INTERRUPTED = 130
PICTURES: tuple[Literal["forward", "backward", "both"], ...] = ("forward", "backward", "both")

# Typer brings its own copy of Click or uses Click itself, as its version has it.
UsageError: type[Exception] = typer.BadParameter.__mro__[1]

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.callback()
def _commands() -> None:
    """Automatic differentiation that shows its work."""


@app.command()
def train(
    seed: Annotated[int, typer.Option(help="Settles the split and the initial weights.")] = 0,
    layers: Annotated[str, typer.Option(help="Widths of the layers, features first, then 1 at the end.")] = "7,2,1",
    alpha: Annotated[float, typer.Option(help="The learning rate.")] = 0.01,
    epochs: Annotated[int, typer.Option(help="Passes over the training examples.")] = 100,
    batch: Annotated[int, typer.Option(help="Examples in a step.")] = 1,
    data: Annotated[Path | None, typer.Option(help="A CSV file: numbers, and the class in the last column.")] = None,
    out: Annotated[Path, typer.Option(help="The folder for the pictures.")] = Path("tinygrad_bp_output"),
    step_through: Annotated[bool, typer.Option("--step-through", help="Write a page to step through as well.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Show no progress.")] = False,
) -> None:
    """Train the article's network on the seeds data, test it, and draw its computation graph."""
    widths = _widths(layers)
    _require_folder(out)
    X, y = tg.datasets.load_seeds() if data is None else tg.datasets.load_table(data)
    with _Bar(epochs, quiet) as bar:
        trained = tg.nn.train(X, y, widths, alpha, epochs, batch, seed, progress=bar.show)
    C = trained.network.cost_graph(trained.X, trained.Y)
    pictures: dict[str, tg.Drawing | tg.StepThrough] = {
        f"{name}.svg": tg.draw(C, passes=name, detail="named") for name in PICTURES
    }
    if step_through:
        pictures["step_through.html"] = tg.step_through(C)
    _save(pictures, out)
    print(f"test accuracy: {trained.test_accuracy:.3f}")
    print(f"pictures in {out}: {', '.join(pictures)}")


@app.command()
def draw(
    target: Annotated[str, typer.Argument(help="module:function, which returns the tensor to draw.")],
    out: Annotated[Path, typer.Option(help="The file: .svg, .png, .pdf, .dot, .mmd, or .html to step through.")],
    passes: Annotated[str, typer.Option(help="forward, backward or both.")] = "both",
    detail: Annotated[str, typer.Option(help="ops, named or scopes.")] = "named",
    heat: Annotated[bool, typer.Option("--heat", help="Colour the nodes by the norm of their gradient.")] = False,
) -> None:
    """Draw the computation graph of the tensor that a function of yours returns."""
    C = _called(target)
    if out.suffix in (".html", ".htm"):
        picture: tg.Drawing | tg.StepThrough = tg.step_through(C, detail=detail)  # type: ignore[arg-type]
    else:
        picture = tg.draw(C, passes=passes, detail=detail, heat=heat)  # type: ignore[arg-type]
    out.parent.mkdir(parents=True, exist_ok=True)
    print(picture.save(out))


@app.command()
def derive(
    layers: Annotated[str, typer.Option(help="Widths of the layers, inputs first.")] = "7,2,1",
    activation: Annotated[str, typer.Option(help="Of the hidden layers: sigmoid, tanh, relu, …")] = "sigmoid",
    batch: Annotated[int, typer.Option(help="Examples that the cost is averaged over.")] = 1,
    seed: Annotated[int, typer.Option(help="Settles weights, inputs and targets.")] = 0,
    out: Annotated[Path, typer.Option(help="The page, .html, or its folder.")] = Path("tinygrad_bp_output"),
) -> None:
    """Write a page that derives every gradient of a network: forward equations, cost, ∂C/∂W and ∂C/∂b, the picture."""
    network = tg.nn.NeuralNetwork(_widths(layers), activation, seed)
    if batch < 1:
        raise ArgumentError(f"batch is a whole number from 1 on; got {batch}.")
    random = np.random.default_rng(seed)
    X = random.normal(size=(network.architecture[0], batch))
    C = network.cost_graph(X, random.integers(0, 2, size=(network.architecture[-1], batch)))
    page = derivation_page(C)
    path = out if out.suffix in (".html", ".htm") else out / "derivation.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    print(page.save(path))


@app.command()
def play(
    layers: Annotated[str, typer.Option(help="Widths of the layers, features first, then 1 at the end.")] = "7,3,2,1",
    activation: Annotated[str, typer.Option(help="Of the hidden layers: sigmoid, tanh, relu, …")] = "sigmoid",
    seed: Annotated[int, typer.Option(help="Settles the initial weights and the order of the examples.")] = 0,
    out: Annotated[Path, typer.Option(help="The page, .html, or its folder.")] = Path("tinygrad_bp_output"),
) -> None:
    """Write a page in which a network lives: its numbers can be changed and trained there, on the seeds data."""
    network = tg.nn.NeuralNetwork(_widths(layers), activation, seed)
    X, y = tg.datasets.load_seeds()
    if (network.architecture[0], network.architecture[-1]) != (X.shape[1], 1):
        raise ArgumentError(
            f"--layers begins with {X.shape[1]}, the features of the seeds, and ends with 1; got {layers}."
        )
    order = np.random.default_rng(seed).permutation(len(y))
    X, y = ((X - X.mean(axis=0)) / X.std(axis=0))[order], y.astype(float)[order]
    page = tg.play(network.cost_graph(X[:1].T, y[:1, None]), examples=(X, y))
    path = out if out.suffix in (".html", ".htm") else out / "play.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    print(page.save(path))


@app.command()
def source(
    layers: Annotated[str, typer.Option(help="Widths of the layers, inputs first.")] = "7,2,1",
    activation: Annotated[str, typer.Option(help="Of the hidden layers: sigmoid, tanh, relu, …")] = "sigmoid",
    batch: Annotated[int, typer.Option(help="Examples in a step.")] = 1,
) -> None:
    """Print the NumPy program of a network's forward and backward pass, which needs nothing but NumPy."""
    print(tg.nn.NeuralNetwork(_widths(layers), activation).source(batch), end="")


@app.command()
def doctor(
    measure: Annotated[bool, typer.Option("--measure", help="Measure matrix products in any case.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print it for programs.")] = False,
) -> None:
    """Report versions, extras, Graphviz and BLAS with its kernels and threads, and what to change."""
    from tinygrad_bp.doctor.facts import examine  # here, so that the other commands start without waiting for it
    from tinygrad_bp.doctor.report import report, report_json

    facts = examine(measure)
    print(report_json(facts) if as_json else report(facts))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    try:
        return app(arguments, prog_name=PROGRAM, standalone_mode=False) or 0
    except UsageError as error:
        return _refused(f"{error.format_message()} ({PROGRAM} --help)")  # type: ignore[attr-defined]
    except (TinygradError, OSError) as error:
        return _refused(str(error))
    except typer.Abort:  # Ctrl-C, in versions that do not return the status themselves
        return INTERRUPTED


def _refused(message: str) -> int:
    print("error:", *message.split(), file=sys.stderr)
    return 2


def _widths(layers: str) -> list[int]:
    try:
        return [int(width) for width in layers.split(",")]
    except ValueError as error:
        raise ArgumentError(f"--layers takes widths with commas between, as in 7,2,1; got {layers!r}.") from error


def _require_folder(out: Path) -> None:
    """Find out before the work, not after."""
    if out.exists() and not out.is_dir():
        raise ArgumentError(f"--out takes a folder; {out} is a file. Name another one.")


def _called(target: str) -> Any:
    """What `module:function` returns, the module looked for in the folder one stands in too."""
    module, _, name = target.partition(":")
    if not (module and name):
        raise ArgumentError(f"draw takes module:function, as in examples.gallery:article; got {target!r}.")
    sys.path.insert(0, "")
    try:
        function = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ArgumentError(f"{target!r} cannot be loaded: {error}.") from error
    finally:
        sys.path.remove("")
    return function()


def _save(pictures: dict[str, tg.Drawing | tg.StepThrough], out: Path) -> None:
    """Make all pictures, then write them: none is left behind alone if another cannot be made."""
    for picture in pictures.values():
        picture.html if isinstance(picture, tg.StepThrough) else picture.svg
    out.mkdir(parents=True, exist_ok=True)
    for name, picture in pictures.items():
        picture.save(out / name)


class _Bar:
    """A progress bar with cost and accuracy; it appears after the first pass, so not if there is none."""

    def __init__(self, epochs: int, quiet: bool):
        numbers = TextColumn("cost {task.fields[cost]:.4f}  accuracy {task.fields[accuracy]:.3f}")
        self.progress = Progress(TextColumn("training"), BarColumn(), MofNCompleteColumn(), numbers, disable=quiet)
        self.task = self.progress.add_task("", total=epochs, cost=0.0, accuracy=0.0)

    def show(self, done: tg.nn.Pass) -> None:
        self.progress.start()
        self.progress.update(self.task, completed=done.epoch, cost=done.cost, accuracy=done.accuracy)

    def __enter__(self) -> _Bar:
        return self

    def __exit__(self, *_: object) -> None:
        if self.progress.live.is_started:
            self.progress.stop()
