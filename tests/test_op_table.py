"""The table of ops: true, complete, and the page in the repository is what the command writes."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tinygrad_bp import ops
from tinygrad_bp.op_table import op_table
from tinygrad_bp.op_table.example import example, kind
from tinygrad_bp.registry import OPS
from tinygrad_bp.transforms import vjp


def row(name):
    return next(row for row in op_table().rows if row.name == name)


REDIRECTED = """
import runpy, sys
from tinygrad_bp import ops
ops.__path__ = sys.argv[1:]
runpy.run_module("tinygrad_bp.op_table", run_name="__main__")
"""


def test_the_page_is_what_the_command_writes(tmp_path):
    pytest.importorskip("scipy", reason="some ops need the extra scipy")
    subprocess.run([sys.executable, "-c", REDIRECTED, tmp_path], check=True)
    written, kept = [(folder / "README.md").read_text("utf-8") for folder in (tmp_path, Path(ops.__path__[0]))]
    assert kept == written, "regenerate it: python -m tinygrad_bp.op_table"


def test_every_op_has_a_row_and_every_input_a_derivative():
    rows = {row.name: row for row in op_table().rows}
    assert rows.keys() == OPS.keys()
    for name, op in OPS.items():
        assert rows[name].formula
        assert rows[name].convention == op.convention
        assert bool(rows[name].derivatives) == op.differentiable


@pytest.mark.parametrize(
    ("name", "formula", "derivatives", "dtypes"),
    [
        ("sigmoid", "σ(x)", ("∂y/∂x = y(1 − y)",), "float, complex"),
        ("divide", "a/b", ("∂y/∂a = 1/b", "∂y/∂b = −y/b"), "float, complex"),
        ("matmul", "a·b", ("a ← δ·bᵀ", "b ← aᵀ·δ"), "float, complex"),
        ("sum", "Σ x", ("∂y/∂x = 1",), "float, complex"),
        ("mean", "mean(x)", ("∂y/∂x = 1/5",), "float, complex"),
        ("relu", "relu(x)", ("∂y/∂x = [x > 0]",), "float"),
        ("greater", "a > b", (), "float"),
        ("bitwise_and", "bitand(a, b)", (), "bool"),
        ("svd_packed", "svd(a)", ("∂y/∂a: no short formula",), "float"),
    ],
)
def test_a_row(name, formula, derivatives, dtypes):
    found = row(name)
    assert (found.formula, found.derivatives, found.dtypes) == (formula, derivatives, dtypes)


def test_inputs_of_different_kinds_are_told_apart():
    assert row("where").dtypes == "condition: bool; a: float, complex; b: float, complex"


def test_text_and_markdown():
    table = op_table()
    text, page = str(table), table.markdown
    assert page == table._repr_markdown_()
    for expected in ("ARITHMETIC", "sigmoid            σ(x)", "∂y/∂x = y(1 − y)", "½ to each at a tie"):
        assert expected in text
    assert f"{len(OPS)} in all" in page
    assert r"| `absolute` | `\|x\|` | `∂y/∂x = sign(x)` | 0 at 0 | 0, 0 | float |" in page
    columns = {line.replace(r"\|", "").count("|") for line in page.splitlines() if line.startswith("|")}
    assert columns == {7}


COMPLEX = sorted(
    name for name, op in OPS.items() if op.domain.analytic and op.differentiable and "f" in op.domain.kinds
)


@pytest.mark.parametrize("name", COMPLEX)
def test_what_is_called_complex_has_the_same_rule_there(name):
    op = OPS[name]
    node = example(op)
    random = np.random.default_rng(0)
    chosen = [i for i, _ in enumerate(node.inputs) if kind(op.domain, i) == "f" and op.vjps[i] is not None]
    points = [x + 0.05j * random.uniform(-1, 1, np.shape(x)) for x in (node.inputs[i] for i in chosen)]

    def f(*values):
        filled = dict(zip(chosen, values, strict=True))
        return op.call(*[filled.get(i, x) for i, x in enumerate(node.inputs)], **node.params)

    y, pullback = vjp(f, *points)
    assert y.dtype.kind == "c"
    g = random.normal(size=(*y.shape, 2)) @ [1, 1j]
    pulled = pullback(g)
    for k, x in enumerate(points):
        t = random.normal(size=(*x.shape, 2)) @ [1, 1j]
        ahead, behind = [f(*points[:k], x + step * t, *points[k + 1 :]) for step in (1e-5, -1e-5)]
        expected = np.sum(g * (ahead - behind)) / 2e-5
        assert np.sum(pulled[k] * t) == pytest.approx(expected, rel=1e-5, abs=1e-7)
