"""The README tells the truth: its Python runs, and what it shows is what comes out."""

import re
from pathlib import Path

import numpy as np
import pytest

import tinygrad_bp as tg

README = Path(__file__).resolve().parent.parent / "README.md"


def blocks(language):
    found = re.findall(r"^```(\w*)\n(.*?)^```$", README.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    return [text for kind, text in found if kind == language]


def test_its_python_runs_and_shows_what_it_says(tmp_path, monkeypatch):
    for name, extra in {"sympy": "derive", "scipy": "scipy", "sklearn": "sklearn"}.items():
        pytest.importorskip(name, reason=f"the README shows what the extra {extra} does")
    monkeypatch.chdir(tmp_path)
    space = {}
    example, step, program, *others = blocks("python")
    exec(example + step, space)
    assert (tmp_path / "network.svg").exists()
    W, b, X, y = (space[name].data for name in "WbXy")
    fast = tg.compile(space["step"], backend="numpy")
    for got, want in zip(fast(W, b, X, y), space["step"](W, b, X, y), strict=True):
        np.testing.assert_allclose(got, want)
    assert [line for line in program.splitlines() if line not in fast.source.splitlines()] == []
    (derivation,) = blocks("")
    text = tg.derive(space["C"], space["W"]).text
    assert [line for line in derivation.splitlines() if line.strip() not in text] == []
    for block in others:
        exec(block, space)
    assert len(space["model"].parameters()) == 6
