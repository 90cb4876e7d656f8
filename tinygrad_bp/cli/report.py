"""What `train` says and writes: what was trained on what, how good it is, the network and the pictures."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal

import tinygrad_bp as tg
from tinygrad_bp.cli.application import INTERRUPTED, program, tell
from tinygrad_bp.cli.charts import history_chart
from tinygrad_bp.cli.learning import Plan, Prepared
from tinygrad_bp.cli.outputs import require_folder
from tinygrad_bp.cli.plane import boundary_chart
from tinygrad_bp.cli.scores import Scores, confusion_table, scores
from tinygrad_bp.datasets import Table
from tinygrad_bp.files import write_whole
from tinygrad_bp.play import MOST_EXAMPLES, LivingPage

PICTURES: tuple[Literal["forward", "backward", "both"], ...] = ("forward", "backward", "both")
NETWORK, STEPS, LIVING = "network.npz", "step_through.html", "play.html"
CHARTS = ("history.svg", "boundary.svg")
PICTURED = 10_000
"""So many examples at most are in the graph that is drawn."""


class Report:
    """What training prints and writes. The places are checked at once, before there is something to lose."""

    def __init__(self, out: Path, step_through: bool, play: bool, quiet: bool, as_json: bool):
        self.out, self.step_through, self.play, self.quiet, self.as_json = out, step_through, play, quiet, as_json
        self.told: dict[str, Any] = {}
        require_folder(out, [NETWORK, *[f"{name}.svg" for name in PICTURES], *CHARTS, STEPS, LIVING])

    def begin(self, table: Table, plan: Plan, ready: Prepared) -> None:
        """Say what will be trained on what."""
        parts = {"train": ready.train, "validation": ready.validation, "test": ready.test}
        sizes = {name: len(part[1]) for name, part in parts.items() if part is not None}
        layers = plan.widths(table)
        self.told |= {"seed": plan.seed, "found": table.found, "task": table.task, "examples": sizes}
        self.told |= {"features": [*table.features], "target": table.target, "classes": table.classes, "layers": layers}
        self.told |= {name: getattr(plan, name) for name in ("activation", "optimizer", "alpha", "batch")}
        classes = (
            f"classes of {table.target}: {', '.join(table.classes)}" if table.classes else f"target: {table.target}"
        )
        self._say(
            *([table.found] if table.found else []),
            f"{table.task}, {len(table.y)} examples ({', '.join([f'{n} {name}' for name, n in sizes.items()])}), "
            f"{len(table.features)} features, {classes}",
            f"network {'-'.join(map(str, layers))}, {plan.activation}, {plan.optimizer}, learning rate {plan.alpha:g}, "
            f"batches of {plan.batch}, seed {plan.seed}",
        )

    def end(self, ready: Prepared, optimizer: Any, history: tg.nn.History) -> int:
        """Say how good the network is, write it and the pictures; returns the exit status."""
        interrupted = history.stopped == "interrupted"
        self.told |= {"epochs": len(history), "stopped": history.stopped, "written": []}
        if interrupted and not len(history):
            tell(self.told, ["interrupted before the first epoch was over; nothing is written"], self.as_json)
            return INTERRUPTED
        if history.stopped != "epochs":
            said = "interrupted" if interrupted else "stopped early"
            best = f"; the best weights are those of epoch {history.best_number}" if history.best_number else ""
            self._say(f"{said} after epoch {len(history)}{best}")
        on = {name: scores(ready.network, *part) for name, part in (("train", ready.train), ("test", ready.test))}
        self.told |= {name: found.told() for name, found in on.items()}
        self._say(*_costs(on), *_confusion(ready, on["test"]))
        result = _result(on["test"])
        if not self.as_json:
            print(result)
        self.out.mkdir(parents=True, exist_ok=True)
        ready.network.save(self.out / NETWORK, optimizer, history)
        pictures = self._pictures(ready, history)
        for name, content in pictures.items():
            write_whole(self.out / name, content)
        self.told["written"] = [str(self.out / name) for name in (NETWORK, *pictures)]
        tell(self.told, [f"pictures in {self.out}: {', '.join(pictures)}"], self.as_json)
        self._say(f"network in {self.out / NETWORK}; {program()} predict {self.out / NETWORK} FILE.csv")
        return INTERRUPTED if interrupted else 0

    def _pictures(self, ready: Prepared, history: tg.nn.History) -> Mapping[str, bytes]:
        """All pictures, before one is written: none is left behind alone if another cannot be made."""
        X, y = ready.train
        C = ready.network.cost_graph(X[:PICTURED], y[:PICTURED])
        drawings: dict[str, Any] = {f"{name}.svg": tg.draw(C, passes=name, detail="named") for name in PICTURES}
        with ThreadPoolExecutor() as pool:  # Graphviz runs in processes of its own while charts are drawn here
            texts = pool.map(lambda drawing: drawing.svg, drawings.values())
            charts = self._charts(ready, history)
            pictures = {name: text.encode() for name, text in zip(drawings, texts, strict=True)}
        if self.step_through:
            pictures[STEPS] = tg.step_through(C).html.encode()
        if self.play:
            pictures[LIVING] = _living(ready).html.encode()
        return pictures | charts

    def _charts(self, ready: Prepared, history: tg.nn.History) -> dict[str, bytes]:
        charts = {}
        if len(history):
            charts[CHARTS[0]] = history_chart(history)
        if len(ready.network.features) > 1:
            charts[CHARTS[1]] = boundary_chart(ready.network, ready.train, ready.test)
        return charts

    def _say(self, *lines: str) -> None:
        if not (self.quiet or self.as_json):
            print(*lines, sep="\n")


def _living(ready: Prepared) -> LivingPage:
    """The page of the network for one example, with as many of the training examples as fit."""
    network, (X, y) = ready.network, ready.train
    inputs, targets = network.scaled(X[:MOST_EXAMPLES]), network.targets(y[:MOST_EXAMPLES])
    return tg.play(network.cost_graph(X[:1], y[:1]), examples={"X": inputs, "y": targets})


def _costs(on: Mapping[str, Scores]) -> list[str]:
    lines = [f"train cost: {on['train'].cost:.4f}, test cost: {on['test'].cost:.4f}"]
    if on["train"].accuracy is not None:
        return [*lines, f"train accuracy: {on['train'].accuracy:.3f}"]
    return [*lines, _result(on["train"]).replace("test", "train")]


def _confusion(ready: Prepared, test: Scores) -> list[str]:
    return [] if test.confusion is None else confusion_table(test.confusion, ready.network.classes or ())


def _result(found: Scores) -> str:
    if found.accuracy is not None:
        return f"test accuracy: {found.accuracy:.3f}"
    r2 = "" if found.r2 is None else f", R²: {found.r2:.3f}"
    return f"test RMSE: {found.rmse:.4g}{r2}"
