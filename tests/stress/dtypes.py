"""`python -m tests.stress.dtypes [--seeds N]`: every op on arrays of every dtype and every layout.

A result is right if it is that of the same op on a plain, contiguous, native copy in float64 or complex128, as exactly
as the dtype allows, or that of NumPy's function on a plain copy of the same dtype, where dtypes have an arithmetic of
their own (True + True); and if the gradient is likewise, in the dtype of the input. It may be refused with one of the
library's exceptions. Inputs must be afterwards what they were.
"""

import argparse
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from random import Random
from typing import Any

import numpy as np

import tinygrad_bp as tg
from tinygrad_bp.domains import BROADCAST
from tinygrad_bp.engine import Op
from tinygrad_bp.errors import TinygradError
from tinygrad_bp.registry import OPS
from tinygrad_bp.testing.strategies import _inputs

DTYPES = ("float16", "float32", "float64", "int64", "bool", "complex128")

TOLERANCES = {"float16": 0.05, "float32": 1e-4, "float64": 1e-9, "complex128": 1e-9, "int64": 1e-9, "bool": 1e-9}
"""Of the largest number of a result: how exactly a result is computed is another test's matter."""


ONLY_IN_RULES = {
    "sinc_derivative", "cofactor", "cofactors_along", "mean_of_largest", "shared_by_largest", "fold", "independent",
    "settled", "beside_vectors",
}  # fmt: skip
"""Ops of which derivatives are made: they get floating numbers only."""


def _every_second(a: Any, step: int) -> Any:
    """The same numbers, each second one of a larger array, forwards or backwards."""
    if not a.ndim:
        return a
    wide = np.zeros((*a.shape[:-1], 2 * a.shape[-1] + 1), a.dtype)
    view = wide[..., 1 : 2 * a.shape[-1] + 1 : 2]
    view = view[..., ::-1] if step < 0 else view
    view[...] = a
    return view


def _read_only(a: Any) -> Any:
    a = np.array(a)
    a.flags.writeable = False
    return a


LAYOUTS: dict[str, Callable[[Any], Any]] = {
    "C": lambda a: np.array(a, order="C"),
    "F": lambda a: np.array(a, order="F"),
    "strided": lambda a: _every_second(a, 2),
    "negative": lambda a: _every_second(a, -2),
    "0-d": lambda a: a,
    "empty": lambda a: a,
    "read-only": _read_only,
    "big-endian": lambda a: a.astype(a.dtype.newbyteorder(">")),
}


@dataclass(frozen=True)
class Case:
    """One op on arrays of one dtype and layout."""

    op: Op
    dtype: str
    layout: str
    arrays: tuple[Any, ...]
    params: Mapping[str, Any]
    free: tuple[bool, ...]  # which inputs may have any dtype

    def __repr__(self) -> str:
        shapes = ", ".join([f"{a.shape}:{a.dtype.str}" for a in self.arrays])
        return f"{self.op.name}({shapes}{''.join([f', {k}={v!r}' for k, v in self.params.items()])}), {self.layout}"


# --- inputs -----------------------------------------------------------------------------------------------------------


def cases(record: Op, dtype: str, layout: str, seed: int) -> Iterator[Case]:
    """A case, or none: not every op takes numbers without an axis, or nothing at all."""
    random = Random(f"{record.name} {dtype} {layout} {seed}")
    arity = len(record.vjps) if isinstance(record.vjps, tuple) else 2
    shapes = _shapes(random, record, arity, layout)
    if shapes is None:
        return
    choices = record.domain.params(*shapes)
    if not choices:
        return
    params = dict(random.choice(choices))
    numbers = np.random.default_rng(random.getrandbits(32))
    inputs = _inputs(numbers, record.domain, shapes, params, 1.0)
    arrays = [_of(np.asarray(x), dtype, layout) for x in inputs]
    yield Case(record, dtype, layout, tuple(arrays), params, tuple([np.asarray(x).dtype.kind in "fc" for x in inputs]))


def _shapes(random: Random, record: Op, arity: int, layout: str) -> list[Any] | None:
    domain = record.domain
    length = max(2, domain.smallest)
    if domain.shapes == BROADCAST:
        return [{"0-d": (), "empty": (0, 3)}.get(layout, (2, 3))] * arity
    words = [word.split(",") for word in domain.shapes]
    words = [word if len(word) > 1 else word * arity for word in words]
    if layout == "0-d":
        words = [word for word in words if not any(word)]
    elif layout == "empty":
        words = [word for word in words if any(word)] if not domain.smallest else []
    else:
        words = [word for word in words if any(word)]
    if not words:
        return None
    word = random.choice(words)
    letters = sorted(set("".join(word)))
    sizes = {letter: length + i % 2 for i, letter in enumerate(letters)}
    if layout == "empty":
        sizes[letters[0]] = 0
    return [tuple([sizes[letter] for letter in w]) for w in word]


def _of(x: Any, dtype: str, layout: str) -> Any:
    """An input in the dtype, if it is one that has numbers of any kind, and in the layout."""
    if x.dtype.kind in "fc":
        if dtype == "bool":
            x = x > 0
        elif dtype == "int64":
            x = np.round(x.real).astype(np.int64)
        elif dtype == "complex128":
            x = x + (0.25j if x.dtype.kind == "f" else 0)
        else:
            x = x.real.astype(dtype)
    return LAYOUTS[layout](np.asarray(x))


# --- what comes of it -------------------------------------------------------------------------------------------------


def outcome(case: Case) -> str:
    """ "right", "refused: …" or what is wrong."""
    before = [(a.tobytes(), a.dtype.str, a.strides, a.flags.writeable) for a in case.arrays]
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        found = _judged(case)
    after = [(a.tobytes(), a.dtype.str, a.strides, a.flags.writeable) for a in case.arrays]
    return "wrong: an input is changed" if before != after else found


def _judged(case: Case) -> str:
    call = case.op.call
    try:
        y = call(*case.arrays, **case.params)
        value, gradients = _swept(case)
    except TinygradError as error:
        return f"refused: {type(error).__name__}: {error}"
    except Exception as error:  # all are looked at
        return f"wrong: raises {type(error).__name__}: {error}"
    tolerance = TOLERANCES[case.dtype]
    if not _alike(y, value, tolerance / 100):
        return f"wrong: {y} of arrays, {value} of tensors"
    try:
        wanted, slopes = _swept(_plain(case))
    except TinygradError as error:
        return "right" if _is_numpys(case, y) else f"wrong: {y}; of float64 {error}"
    if not _alike(y, wanted, tolerance) and not _is_numpys(case, y) and not _is_logical(y, wanted):
        return f"wrong: {y} instead of {wanted}"
    for a, g, slope in zip(case.arrays, gradients, slopes, strict=True):
        if g is None or slope is None:
            continue
        if (g.dtype.kind, g.dtype.itemsize, g.shape) != (a.dtype.kind, a.dtype.itemsize, a.shape):
            return f"wrong: the gradient has dtype {g.dtype} and shape {g.shape}"
        if not _alike(g, slope, tolerance, least=0.1):  # much of a gradient may cancel
            return f"wrong: gradient {g} instead of {slope}"
    return "right"


def _swept(case: Case) -> tuple[Any, list[Any]]:
    """The op of tensors that share the arrays, and the gradients for a cotangent that is not uniform."""
    floating = np.dtype(case.dtype).kind in "fc"
    tensors = [tg.asarray(a, requires_grad=a.dtype.kind in "fc" and floating) for a in case.arrays]
    y = case.op.call(*tensors, **case.params)
    if not y.requires_grad:
        return y.data, [None] * len(tensors)
    value = y.numpy()
    y.backward(1.0 + np.arange(y.size).reshape(y.shape) % 5 / 4)
    return value, [t.grad for t in tensors]


def _plain(case: Case) -> Case:
    """The same numbers as contiguous native float64 or complex128."""
    arrays = [
        np.array(a, ("c16" if a.dtype.kind == "c" else "f8") if free else a.dtype.newbyteorder("="), order="C")
        for a, free in zip(case.arrays, case.free, strict=True)
    ]
    return Case(case.op, case.dtype, "plain", tuple(arrays), case.params, case.free)


def _is_logical(y: Any, wanted: Any) -> bool:
    """Whether a sum or a product of bools is what NumPy makes of one: whether the number is not 0."""
    y = np.asarray(y)
    return y.dtype.kind == "b" and np.array_equal(y, np.asarray(wanted) != 0)


def _is_numpys(case: Case, y: Any) -> bool:
    """Whether NumPy says the same of plain arrays of the same dtype."""
    function = getattr(np, case.op.name, None) or getattr(np.linalg, case.op.name, None)
    plain = [np.array(a, a.dtype.newbyteorder("="), order="C") for a in case.arrays]
    try:
        return function is not None and _alike(y, function(*plain, **case.params), TOLERANCES[case.dtype])
    except Exception:  # NumPy refuses it
        return False


def _alike(y: Any, wanted: Any, tolerance: float, least: float = 1e-3) -> bool:
    """Whether numbers are the same up to rounding, where the dtype has such numbers.

    least: what the largest number counts as, if it is less.
    """
    y, wanted = np.asarray(y), np.asarray(wanted)
    if y.shape != wanted.shape:
        return False
    largest = np.finfo(y.dtype).max if y.dtype.kind in "fc" else np.inf
    kind = np.complex128 if "c" in y.dtype.kind + wanted.dtype.kind else np.float64
    y, wanted = y.astype(kind), wanted.astype(kind)
    beyond = (np.abs(wanted) > largest / 4) | ~np.isfinite(wanted)
    same = (y == wanted) | (np.isnan(y) & np.isnan(wanted)) | beyond
    scale = np.abs(wanted[~beyond]).max(initial=0.0)
    with np.errstate(all="ignore"):
        return bool(np.all(same | (np.abs(y - wanted) <= tolerance * max(scale, least))))


# --- the table --------------------------------------------------------------------------------------------------------


def everything(seeds: range, every: int = 1) -> Iterator[tuple[Case, str]]:
    """Every case with its outcome; or every second one, every third one …, of each op others."""
    library = [record for record in OPS.values() if record.forward.__module__.startswith("tinygrad_bp.")]
    kinds = product(library, DTYPES, LAYOUTS, seeds)
    for number, (record, dtype, layout, seed) in enumerate(kinds):
        if number % every or (record.name in ONLY_IN_RULES and dtype in ("int64", "bool")):
            continue
        for case in cases(record, dtype, layout, seed):
            yield case, outcome(case)


def main(args: list[str]) -> int:
    """Print the table; the status is whether anything is wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    given = parser.parse_args(args)
    start = time.monotonic()
    table: Counter[tuple[str, str, str]] = Counter()
    refused: dict[tuple[str, str], str] = {}
    wrong: dict[tuple[str, str, str], str] = {}
    for case, found in everything(range(given.seeds)):
        kind = found.partition(":")[0]
        table[case.dtype, case.layout, kind] += 1
        if kind == "refused":
            refused.setdefault((case.op.name, case.dtype), found)
        elif kind == "wrong":
            wrong.setdefault((case.op.name, case.dtype, found[:25]), f"{case}: {found}")
    for line in wrong.values():
        print(line.replace("\n", " ")[:400])
    print(f"{'right, refused, wrong':22}" + "".join([f"{layout:>16}" for layout in LAYOUTS]))
    for dtype in DTYPES:
        cells = [[table[dtype, layout, kind] for kind in ("right", "refused", "wrong")] for layout in LAYOUTS]
        print(f"{dtype:22}" + "".join([f"{', '.join(map(str, cell)):>16}" for cell in cells]))
    for dtype in DTYPES:
        names = [name for name, kind in refused if kind == dtype]
        print(f"refused for {dtype}: {', '.join(names) or 'none'}")
    total = sum(table.values())
    bad = sum([n for (*_, kind), n in table.items() if kind == "wrong"])
    print(f"{total:,} cases of {len(OPS)} ops, {time.monotonic() - start:.0f} s: {bad} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
