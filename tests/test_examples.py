"""The examples run, and the article's derivation holds for every network."""

import re
import subprocess
import sys
from decimal import Decimal
from importlib import import_module
from operator import ge, le
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, strategies as st
from threadpoolctl import threadpool_limits

from examples.article import derivatives_by_engine, derivatives_by_hand, main, random_problem

ROOT = Path(__file__).resolve().parent.parent
widths = st.integers(1, 20)


@given(st.lists(widths, min_size=2, max_size=6), st.integers(1, 50), st.integers(0, 2**32))
def test_the_engine_derives_the_articles_formulas(architecture, m, seed):
    network, X, Y = random_problem(architecture, m, seed)
    by_engine = derivatives_by_engine(network, X, Y)
    by_hand = derivatives_by_hand(network.parameters, X, Y, network.L)
    assert len(by_hand) == 3 * network.L
    for name, derivative in by_hand.items():
        np.testing.assert_allclose(by_engine[name], derivative, rtol=1e-12, atol=1e-12, err_msg=name)


def test_article_prints_its_table(capsys):
    main()
    printed = capsys.readouterr().out
    assert "7-2-1, 14 examples" in printed
    assert "largest of all: " in printed


def test_article_runs_from_the_command_line():
    command = [sys.executable, "-m", "examples.article"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "largest of all" in done.stdout


@pytest.mark.parametrize(
    ("name", "printed"),
    [("rosenbrock", r"Newton-CG .* \d\.\de-\d+"), ("maximum_likelihood", r"11\.87 ± 0\.09 .* 0\.50")],
)
def test_minimizing_with_scipy(name, printed, capsys):
    pytest.importorskip("scipy")
    import_module(f"examples.{name}").main()
    assert re.search(printed, capsys.readouterr().out)


def near(figure, number):
    """Apart by one unit of the last digit at most."""
    return abs(figure - number) <= Decimal(10) ** number.as_tuple().exponent


FIGURES = {
    "seeds_softmax": (r"(0\.\d+) of the unseen kernels right", ge),
    "digits_cnn": (r"(0\.\d+) of the unseen ones right", ge),
    "uncertain_regression": (r"hold (0\.\d+) of the unseen .* (−0\.\d+), .* (0\.\d+)", near, le, ge),
    "characters": (r"(0\.\d+) bits .* unseen lines, trigrams need (1\.\d+)", le, ge),
    "sine_with_gaps": (r"error (0\.\d+) inside of them, by straight lines (0\.\d+)", le, ge),
    "gaussian_process": (r"(0\.\d+) ± (0\.\d+) where 0\.70", near, near),
    "physics_informed": (r"within (1e-4) of the exact solution", le),
}
"""The numbers in the first line of an example's docstring, and how what `main` returns compares with each of them."""

NEEDS = {"digits_cnn": "sklearn", "gaussian_process": "scipy", "physics_informed": "scipy"}


@pytest.mark.once
@pytest.mark.parametrize("name", FIGURES)
def test_an_example_reaches_the_figures_in_its_first_line(name, capsys):
    if name in NEEDS:
        pytest.importorskip(NEEDS[name])
    example = import_module(f"examples.{name}")
    claim, *comparisons = FIGURES[name]
    written = re.search(claim, example.__doc__.splitlines()[0]).groups()
    with threadpool_limits(1):  # there is a worker for each core: threads of BLAS would wait for one another
        reached = np.atleast_1d(example.main())
    for text, figure, holds in zip(written, reached, comparisons, strict=True):
        number = Decimal(text.replace("−", "-"))
        assert holds(Decimal(figure).quantize(number), number), capsys.readouterr().out
