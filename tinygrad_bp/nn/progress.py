"""How far training is, while it runs: a bar in a terminal or a notebook, lines where nobody looks."""

from __future__ import annotations

import sys
from html import escape
from importlib.util import find_spec
from time import perf_counter
from typing import Any, Protocol, final

from tinygrad_bp.nn.records import Epoch, RunState

EVERY = 0.1
"""Seconds between two pictures of a bar."""

LINE_EVERY = 1.0
"""Seconds between two lines."""


class Display(Protocol):
    """Where progress is shown."""

    every: float

    def show(self, share: float | None, text: str) -> None:
        """Show how much is done, None if that is unknown, and what there is to say."""

    def close(self) -> None:
        """Nothing more will come."""


@final
class Bar:
    """Shows epoch, cost, metrics and the time that is left; count: batches in an epoch, if known."""

    def __init__(self, epochs: int, count: int | None, state: RunState, display: Display | None = None):
        self.epochs, self.count = epochs, count
        self.display: Display = display or display_here()
        self._numbers: dict[str, float] = {}
        self._began: float = perf_counter()
        self._shown: float = 0.0
        self._done_before: float | None = self._share(max(state.epoch, 1), state.batches if state.epoch else 0)

    def step(self, state: RunState, cost: float) -> None:
        """A step was taken."""
        now = perf_counter()
        if now - self._shown >= self.display.every:
            self._show(state.epoch, self._share(state.epoch, state.batches), {"cost": cost, **self._numbers}, now)

    def epoch(self, epoch: Epoch) -> None:
        """An epoch is over."""
        now = perf_counter()
        self._numbers = {name: x for name, x in epoch.numbers.items() if name not in ("cost", "lr", "seconds")}
        if now - self._shown >= self.display.every or epoch.epoch in (1, self.epochs):
            self._show(epoch.epoch, epoch.epoch / self.epochs, {"cost": epoch.cost, **self._numbers}, now)

    def _share(self, epoch: int, batches: int) -> float | None:
        return None if self.count is None else (epoch - 1 + batches / self.count) / self.epochs

    def _show(self, epoch: int, share: float | None, numbers: dict[str, float], now: float) -> None:
        self._shown = now
        parts = [f"epoch {epoch}/{self.epochs}", *[f"{name} {x:.4g}" for name, x in numbers.items()]]
        parts += filter(None, [self._left(share, now)])
        self.display.show(share, "  ".join(parts))

    def _left(self, share: float | None, now: float) -> str:
        """The time left if it goes on as so far."""
        if share is None or share <= (self._done_before or 0.0):
            return ""
        seconds = round((now - self._began) * (1.0 - share) / (share - (self._done_before or 0.0)))
        minutes, seconds = divmod(seconds, 60)
        return f"{minutes // 60}:{minutes % 60:02}:{seconds:02} left"


def display_here() -> Display:
    """A bar in a notebook or a terminal, else lines."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if getattr(shell, "kernel", None) is not None:
        return Notebook()
    if sys.stderr is not None and sys.stderr.isatty() and find_spec("rich"):
        return Terminal()
    return Lines()


@final
class Lines:
    """A line now and then, on standard error."""

    every: float = LINE_EVERY

    def show(self, share: float | None, text: str) -> None:
        """Print it."""
        print(text, file=sys.stderr, flush=True)

    def close(self) -> None:
        """Nothing is left open."""


@final
class Terminal:
    """A bar by rich, on standard error."""

    every: float = EVERY

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        columns = BarColumn(bar_width=24), TextColumn("{task.description}", markup=False)
        self._bar: Any = Progress(*columns, console=Console(stderr=True), auto_refresh=False)
        self._task: Any = self._bar.add_task("", total=None)

    def show(self, share: float | None, text: str) -> None:
        """Draw the bar anew."""
        self._bar.start()
        total = None if share is None else 1.0
        self._bar.update(self._task, total=total, completed=share or 0.0, description=text, refresh=True)

    def close(self) -> None:
        """Leave the bar as it is, and give the cursor back."""
        self._bar.stop()


@final
class Notebook:
    """A bar of HTML below a cell."""

    every: float = EVERY

    def __init__(self) -> None:
        self._handle: Any = None

    def show(self, share: float | None, text: str) -> None:
        """Put the bar in the place of the one before."""
        from IPython.display import HTML, display

        value = "" if share is None else f' value="{share:.4f}"'
        bar = HTML(f'<progress max="1"{value}></progress> <code>{escape(text)}</code>')
        if self._handle is None:
            self._handle = display(bar, display_id=True)
        else:
            self._handle.update(bar)

    def close(self) -> None:
        """It stays where it is."""
