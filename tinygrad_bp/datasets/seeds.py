"""The seeds data: seven measurements of 210 wheat kernels of three varieties."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tinygrad_bp.calls import guarded
from tinygrad_bp.errors import ArgumentError

FEATURES = (
    "area",
    "perimeter",
    "compactness",
    "kernel_length",
    "kernel_width",
    "asymmetry",
    "groove_length",
)
"""The columns of X: area in mm²; perimeter in mm; compactness 4πA/P²; kernel length, kernel width in mm;
asymmetry coefficient; groove length in mm."""

VARIETIES = {1: "Kama", 2: "Rosa", 3: "Canadian"}
"""The varieties of wheat by number, 70 kernels each."""


@guarded
def load_seeds(varieties: Sequence[int] = (1, 2)) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Load the kernels of some varieties: measurements X and labels y.

    X has shape (m, 7), float64, one kernel per row in the file's order, columns and units as in `FEATURES`.
    y has shape (m,), int64: a label is the position of the kernel's variety in `varieties`, so two varieties
    give 0 and 1 whichever two they are. Both arrays are fresh at each call.

    Raises ArgumentError if `varieties` is empty, repeats one, or names one that is not in `VARIETIES`.

    >>> X, y = load_seeds()
    >>> X.shape, y.shape, sorted(set(y.tolist()))
    ((140, 7), (140,), [0, 1])
    >>> dict(zip(FEATURES, X[0].tolist()))["area"]
    15.26

    Source: UCI Machine Learning Repository, Seeds, DOI 10.24432/C5H30K, CC BY 4.0; see README.md beside it.
    """
    chosen = list(varieties)
    expected = f"expected one or more different varieties out of {list(VARIETIES)}"
    if not chosen:
        raise ArgumentError(f"load_seeds: {expected}, got none. Leave `varieties` out for the first two.")
    for i, variety in enumerate(chosen):
        if variety not in list(VARIETIES):
            raise ArgumentError(f"load_seeds: {expected}, got {variety!r} in {chosen}. Remove it.")
        if variety in chosen[:i]:
            raise ArgumentError(f"load_seeds: {expected}, got {variety!r} twice in {chosen}. Name it once.")

    with Path(__file__).with_name("seeds.csv").open(encoding="utf-8") as file:
        table = np.loadtxt(file, delimiter=",", skiprows=1)
    variety_of_row = table[:, -1]
    rows = np.isin(variety_of_row, chosen)
    labels = np.argmax(variety_of_row[rows, np.newaxis] == np.array(chosen), axis=1)
    return table[rows, :-1], labels.astype(np.int64)
