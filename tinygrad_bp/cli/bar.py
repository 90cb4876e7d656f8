"""The bar that training shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import tinygrad_bp as tg
from tinygrad_bp.errors import missing_extra


@contextmanager
def bar(epochs: int, quiet: bool) -> Iterator[Callable[[tg.nn.Epoch], None]]:
    """A function that shows an epoch on a bar, which appears with the first one. Rich is imported if there is a bar."""
    if quiet:
        yield lambda done: None
        return
    try:
        from rich import progress
    except ImportError as error:
        raise missing_extra("typer or rich", "cli") from error
    numbers = progress.TextColumn("{task.fields[numbers]}")
    shown = progress.Progress(
        progress.TextColumn("training"), progress.BarColumn(), progress.MofNCompleteColumn(), numbers
    )
    task = shown.add_task("", total=epochs, numbers="")

    def show(done: tg.nn.Epoch) -> None:
        cost, metrics = done.judged
        numbers = f"cost {cost:.4f}" + "".join([f"  {name} {value:.3f}" for name, value in metrics.items()])
        shown.start()
        shown.update(task, completed=done.epoch, numbers=numbers)

    try:
        yield show
    finally:
        if shown.live.is_started:
            shown.stop()
