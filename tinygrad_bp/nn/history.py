"""`History`: the epochs of a run of `fit`, and where it ended, so that it can go on from there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import inf, nan
from os import PathLike
from typing import Any, Literal, Self, cast, final, get_args, overload

from tinygrad_bp.errors import ArgumentError
from tinygrad_bp.nn import curves, history_state
from tinygrad_bp.nn.records import Epoch, RunState
from tinygrad_bp.tables import Table

Stopped = Literal["epochs", "early stopping", "callback", "interrupted"]


@final
class History(Sequence[Epoch]):
    """The epochs of a run of `fit`, a sequence, and where it ended; `fit(…, resume=history)` goes on from there.

    stopped: why it ended, "epochs", "early stopping", "callback" or "interrupted". best: the epoch that early stopping
    found best, else the one of the smallest cost, of validation if there was any; None before the first. position: the
    epoch begun last, and how many batches of it are done. Printed it is a table, in a notebook one of HTML.

    >>> history = History([Epoch(1, 0.5, {"accuracy": 0.75}), Epoch(2, 0.25, {"accuracy": 1.0})])
    >>> history.column("cost"), history[-1].metrics["accuracy"], history.best.epoch
    ([0.5, 0.25], 1.0, 2)
    """

    def __init__(
        self, epochs: Sequence[Epoch] = (), stopped: Stopped = "epochs", best: int = 0, run: RunState | None = None
    ):
        self.stopped: Stopped = stopped
        self.run: RunState = run or RunState(len(epochs))
        self._epochs: list[Epoch] = list(epochs)
        self.best_number: int = best

    @overload
    def __getitem__(self, i: int) -> Epoch: ...
    @overload
    def __getitem__(self, i: slice) -> list[Epoch]: ...
    def __getitem__(self, i: int | slice) -> Epoch | list[Epoch]:
        return self._epochs[i]

    def __eq__(self, other: object) -> bool:
        """Whether the epochs have the same numbers, seconds aside."""
        return isinstance(other, History) and self._epochs == other._epochs

    __hash__ = None  # type: ignore[assignment]

    def __len__(self) -> int:
        return len(self._epochs)

    def __iter__(self) -> Iterator[Epoch]:
        return iter(self._epochs)

    @property
    def position(self) -> tuple[int, int]:
        """The epoch begun last, from 1, and how many batches of it are done."""
        return self.run.epoch, self.run.batches

    @property
    def best(self) -> Epoch | None:
        """The best epoch so far."""
        if 0 < self.best_number <= len(self):
            return self._epochs[self.best_number - 1]
        return min(self._epochs, key=_cost, default=None)

    @property
    def marked(self) -> int:
        """The best epoch's number, for pictures; 0 where it is just the last and judged by its own cost alone."""
        best = self.best
        judged = best is not None and (self.best_number or best.validation_cost is not None)
        return best.epoch if best and len(self) > 1 and (judged or best is not self._epochs[-1]) else 0

    def column(self, name: str) -> list[float]:
        """A number of every epoch, NaN where one has none: "cost", a metric, "validation cost", "lr", "seconds", …

        Raises ArgumentError for a name that no epoch has.
        """
        known = curves.columns(self)
        if name not in known and self._epochs:
            raise ArgumentError(f"the epochs have no {name!r}; they have {', '.join(known)}.")
        return [epoch.numbers.get(name, nan) for epoch in self]

    # --- kept ---

    def state_dict(self) -> dict[str, Any]:
        """All of it as numbers, texts and arrays, by name; `from_state` makes the history again."""
        return history_state.state_of(self._epochs, self.stopped, self.best_number, self.run)

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """The history that gave this `state_dict`; ArgumentError if none did."""
        epochs, stopped, best, run = history_state.loaded(state)
        if stopped not in get_args(Stopped):
            raise ArgumentError(f"a run ends by {', '.join(get_args(Stopped))}; the history says {stopped!r}.")
        return cls(epochs, cast(Stopped, stopped), best, run)

    # --- looked at ---

    def plot(self, path: str | PathLike[str] | None = None) -> Any:
        """The costs and metrics over the epochs: matplotlib's figure, also written to `path` if one is given.

        The best epoch is marked, unless it is just the last, without validation and early stopping. Raises
        MissingExtraError without matplotlib, extra `plot`.
        """
        return curves.plotted(self, self.marked, path)

    def __repr__(self) -> str:
        return repr(self._table)

    def __rich__(self) -> Table:
        return self._table

    def _repr_html_(self) -> str:
        return self._table._repr_html_()

    @property
    def _table(self) -> Table:
        return curves.table(self, self._end)

    @property
    def _end(self) -> str:
        epoch, batches = self.position
        whole = f"{epoch} epoch{'s' * (epoch != 1)}"
        where = whole if epoch == len(self) else f"batch {batches} of epoch {epoch}"
        best = f"; best: epoch {self.best.epoch}" if self.best else ""
        why = "" if self.stopped == "epochs" else f": {self.stopped}"
        return f"ended after {where}{why}{best}"


def _cost(epoch: Epoch) -> float:
    cost, _ = epoch.judged
    return cost if cost == cost else inf
