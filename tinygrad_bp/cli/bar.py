"""The bar that training shows."""

from __future__ import annotations

import tinygrad_bp as tg
from tinygrad_bp.cli.application import progress


class Bar:
    """A progress bar with cost and accuracy; it appears after the first pass, so not if there is none."""

    def __init__(self, epochs: int, quiet: bool):
        columns = (
            progress.TextColumn("training"),
            progress.BarColumn(),
            progress.MofNCompleteColumn(),
            progress.TextColumn("{task.fields[numbers]}"),
        )
        self.progress = progress.Progress(*columns, disable=quiet)
        self.task = self.progress.add_task("", total=epochs, numbers="")

    def show(self, done: tg.nn.Epoch) -> None:
        """Show an epoch's numbers, those of validation if there are any."""
        cost, metrics = done.judged
        numbers = f"cost {cost:.4f}" + "".join([f"  {name} {value:.3f}" for name, value in metrics.items()])
        self.progress.start()
        self.progress.update(self.task, completed=done.epoch, numbers=numbers)

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *_: object) -> None:
        if self.progress.live.is_started:
            self.progress.stop()
