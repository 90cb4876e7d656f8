"""`NetworkClassifier` against scikit-learn's `MLPClassifier` of the same sizes: accuracy and time of `fit`."""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import numpy as np
from sklearn import datasets
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import StratifiedKFold
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

import tinygrad_bp as tg

from .report import quarters, spread, table
from .workloads import Array

FOLDS = 5
HIDDEN = (100,)
EPOCHS = 200


@dataclass
class Record:
    """What one estimator came to in every fold of every round: accuracy, and seconds of `fit`."""

    accuracy: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


def tables() -> Iterator[tuple[str, Array, Array]]:
    """Yield name, X and y of every data set."""
    yield "seeds", *tg.datasets.load_seeds(varieties=(1, 2, 3))
    for name in ("iris", "wine", "breast_cancer", "digits"):
        yield name.replace("_", " "), *getattr(datasets, f"load_{name}")(return_X_y=True)


def estimators(seed: int) -> dict[str, Any]:
    """Return both with the same sizes, and so that neither ends before its last epoch."""
    settings = {"max_iter": EPOCHS, "n_iter_no_change": EPOCHS + 1, "random_state": seed}
    return {"ours": tg.nn.NetworkClassifier(HIDDEN, **settings), "MLP": MLPClassifier(HIDDEN, **settings)}


def cross_validate(X: Array, y: Array, rounds: int) -> dict[str, Record]:
    """Fit both on the same folds, one after the other, first the one and then the other first."""
    records = {name: Record() for name in estimators(0)}
    for seed in range(rounds):
        for fold, (train, test) in enumerate(StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(X, y)):
            scaler = StandardScaler().fit(X[train])
            X_train, X_test = scaler.transform(X[train]), scaler.transform(X[test])
            for name, estimator in [*estimators(seed).items()][:: 1 if fold % 2 else -1]:
                start = perf_counter()
                estimator.fit(X_train, y[train])
                records[name].seconds.append(perf_counter() - start)
                records[name].accuracy.append(estimator.score(X_test, y[test]))
    return records


def row(name: str, X: Array, records: dict[str, Record]) -> list[str]:
    """Return a data set's line of the table."""
    ours, theirs = records["ours"], records["MLP"]
    difference = np.subtract(ours.accuracy, theirs.accuracy)
    error = difference.std(ddof=1) / np.sqrt(len(difference))
    ratios = [a / b for a, b in zip(ours.seconds, theirs.seconds, strict=True)]
    times = [f"{1e3 * quarters(record.seconds)[1]:,.0f}" for record in (ours, theirs)]
    return [
        f"{name} {X.shape}",
        f"{np.mean(ours.accuracy):.4f}",
        f"{np.mean(theirs.accuracy):.4f}",
        f"{difference.mean():+.4f} ± {error:.4f}",
        *times,
        spread(ratios),
    ]


def run(rounds: int) -> int:
    """Print accuracies and times of all data sets."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    lines = [row(name, X, cross_validate(X, y, rounds)) for name, X, y in tables()]
    print(f"{FOLDS} folds × {rounds} seeds, hidden {HIDDEN}, {EPOCHS} epochs, batches of 200, standardised features")
    print(table(["data", "accuracy", "MLP", "difference", "fit, ms", "MLP, ms", "fit / MLP's"], lines))
    return 0
