"""Whole programs as they are printed, each in a file to be read, and that they compute what the engine computes."""

import difflib
import runpy
from pathlib import Path

import numpy as np
import pytest

from tinygrad_bp.trees import flatten

FOLDER = Path(__file__).with_name("expected")
PROGRAMS = runpy.run_path(str(FOLDER / "__main__.py"))["PROGRAMS"]


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_program_is_the_one_in_the_file(name):
    text, _, _ = PROGRAMS[name]
    expected = (FOLDER / f"{name}.py").read_text(encoding="utf-8")
    changes = "\n".join(difflib.unified_diff(expected.splitlines(), text.splitlines(), "expected", "now", lineterm=""))
    assert text == expected, f"`python -m tests.source.expected` writes the files again:\n{changes}"


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_program_computes_what_the_engine_computes(name):
    _, f, args = PROGRAMS[name]
    (run,) = [
        v
        for v in runpy.run_path(str(FOLDER / f"{name}.py")).values()
        if getattr(v, "__doc__", None) and str(v.__doc__).startswith("Written by")
    ]
    for got, want in zip(flatten(run(*args))[0], flatten(f(*args))[0], strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-14)


def test_every_file_is_of_a_program():
    assert {path.stem for path in FOLDER.glob("*.py")} == {"__main__", *PROGRAMS}
