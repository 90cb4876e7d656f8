"""How far one small job travels through the package: Python calls, files entered, moves from file to file.

The job is about Σ sigmoid(x) on three numbers; graph, draw and derive record it first. Counted are, on the calling
thread alone, the calls of functions defined in the package: lambdas and the resumptions of generators too, and before
Python 3.12 comprehensions. Generated programs, NumPy and Numba are not in it, nor is what only the first job of its
kind does: each is done once on Σ tanh(x), uncounted.

calls: all of them. files: in which their functions stand. calls across: those whose nearest caller within the package
is in another file; a function that NumPy or Numba calls back counts as called by whoever called NumPy or Numba.
moves: how often a call is into another file than the call before it, as a reader turns over who follows them in order.
"""

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from types import FrameType
from typing import Any
from unittest.mock import patch

import numpy as np

import tinygrad_bp as tg

from .report import table

PACKAGE = os.path.join(os.path.dirname(tg.__file__), "")
NUMBERS = np.array([-1.0, 0.5, 2.0])

Formula = Callable[[Any], Any]


def _cost_of(f: Formula) -> Formula:
    return lambda x: tg.sum(f(x))


def _eager(f: Formula) -> None:
    x = tg.tensor(NUMBERS, requires_grad=True)
    optimizer = tg.nn.SGD([x], 0.1)
    _cost_of(f)(x).backward()
    optimizer.step()
    optimizer.zero_grad()


def _grad(f: Formula) -> None:
    tg.grad(_cost_of(f))(NUMBERS)


def _recorded(f: Formula) -> tuple[tg.Tensor, tg.Tensor]:
    x = tg.tensor(NUMBERS, requires_grad=True, name="x")
    return _cost_of(f)(x), x


def _graph(f: Formula) -> None:
    tg.graph(_recorded(f)[0])


def _draw(f: Formula) -> None:
    tg.draw(_recorded(f)[0]).svg  # noqa: B018 - the layout and the SVG are made when asked for


def _derive(f: Formula) -> None:
    tg.derive(*_recorded(f)).text  # noqa: B018 - the text is made when asked for


def _compile(f: Formula) -> None:
    tg.compile(_cost_of(f), backend="numpy")(NUMBERS)


def _compile_gradient(f: Formula) -> None:
    tg.compile(tg.value_and_grad(_cost_of(f)), backend="numpy")(NUMBERS)


def _numba(f: Formula) -> None:
    with tempfile.TemporaryDirectory() as cache, patch.dict("os.environ", TINYGRAD_BP_CACHE=cache):
        tg.compile(_cost_of(f), backend="numba")(NUMBERS)


JOBS: dict[str, Callable[[Formula], None]] = {
    "eager step": _eager,
    "grad": _grad,
    "graph": _graph,
    "draw, with the SVG": _draw,
    "derive, as text": _derive,
    "compile on NumPy": _compile,
    "the same, value and gradient": _compile_gradient,
    "compile with Numba": _numba,
}


@dataclass
class Calls:
    """The file of every call in order, and how many of them come from another file."""

    files: list[str] = field(default_factory=list)
    across: int = 0

    def note(self, frame: FrameType, event: str, _argument: Any) -> None:
        """What `sys.setprofile` is given."""
        file = frame.f_code.co_filename
        if event != "call" or not file.startswith(PACKAGE):
            return
        self.files.append(file)
        caller = frame.f_back
        while caller and not caller.f_code.co_filename.startswith(PACKAGE):
            caller = caller.f_back
        self.across += caller is not None and caller.f_code.co_filename != file

    @property
    def moves(self) -> int:
        return sum(before != after for before, after in pairwise(self.files))


@contextmanager
def counted() -> Iterator[Calls]:
    """Count the calls made in the block."""
    calls = Calls()
    previous = sys.getprofile()
    sys.setprofile(calls.note)
    try:
        yield calls
    finally:
        sys.setprofile(previous)


def run() -> int:
    """Print a table of counts."""
    lines = []
    for name, do in JOBS.items():
        do(tg.tanh)
        with counted() as calls:
            do(tg.sigmoid)
        figures = (len(calls.files), len(set(calls.files)), calls.across, calls.moves)
        lines.append([name, *[f"{n:,}" for n in figures]])
    print(table(["Σ sigmoid(x)", "calls", "files", "calls across", "moves"], lines))
    return 0
