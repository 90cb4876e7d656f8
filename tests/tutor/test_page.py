"""The page judges answers as Python does: the same verdict, mistake, message, place, edge and correction, in Node."""

import json
import re
import shutil
import subprocess
from xml.etree import ElementTree

import numpy as np
import pytest

import tinygrad_bp as tg
from tests.tutor.networks import COSTS, tutor
from tests.tutor.test_answers import RIGHT, mutations
from tests.tutor.test_mistakes import MISTAKES
from tests.tutor.test_reading import HOSTILE, UNREADABLE
from tinygrad_bp.errors import ArgumentError
from tinygrad_bp.tutor.page import written_functions
from tinygrad_bp.tutor.reading import read
from tinygrad_bp.tutor.terms import written
from tinygrad_bp.tutor.vocabulary import functions

pytest.importorskip("sympy", reason="derivations are simplified by the extra derive")
node = pytest.mark.skipif(shutil.which("node") is None, reason="there is no Node on this machine")

FIELDS = ("right", "message", "mistake", "where", "edge", "correction")
QUICK = 25
"""Answers with one part changed; those with two mistakes take thousands of tries."""


def changed_answers():
    """Solutions with one part changed, some of every kind."""
    rng = np.random.default_rng(0)
    found = []
    for name in ("one", "tanh", "rows", "ways"):
        teacher = tutor(name)
        for exercise in teacher.exercises:
            right = read(teacher.solution(exercise.name), teacher.known, exercise.name, teacher.m)
            found += [(name, exercise.name, written(term)) for term in mutations(right)]
    return [found[i] for i in rng.choice(len(found), QUICK, replace=False)]


def answers():
    """All that is judged: network, exercise, answer."""
    listed = [*[row[:3] for row in MISTAKES], *RIGHT, *changed_answers()]
    return [*listed, *[("batch", "z1", answer) for answer in [row[0] for row in UNREADABLE] + HOSTILE]]


def in_node(folder, name, text):
    """What Node prints for a script, read as JSON."""
    path = folder / f"{name}.js"
    path.write_text(text.encode("utf-8", "replace").decode(), encoding="utf-8")
    done = subprocess.run(["node", path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def judged_by_pages(folder, rows):
    """What the pages say to every answer, all of them in one process."""
    parts, order = [], []
    for network in COSTS:
        own = [row for row in rows if row[0] == network]
        checks = f"return {json.dumps([row[1:] for row in own])}.map(([name, text]) => diagnosis.check(name, text));"
        parts.append(f"(() => {{\n{tutor(network).page.script}\n{checks}\n}})()")
        order += own
    script = f"console.log(JSON.stringify([{', '.join(parts)}].flat()));"
    return dict(zip(order, in_node(folder, "pages", script), strict=True))


def told(verdict):
    """A verdict as the page gives it."""
    return json.loads(json.dumps({field: getattr(verdict, field) for field in FIELDS}))


@node
@pytest.mark.once
def test_every_answer_is_judged_as_in_python(tmp_path):
    pages = judged_by_pages(tmp_path, answers())
    for network, name, text, mistake, *_ in MISTAKES:
        assert pages[network, name, text]["mistake"] == mistake, text
    assert all(pages[row]["right"] for row in RIGHT)
    assert len(pages) > 240
    for (network, name, text), page in pages.items():
        ours = told(tutor(network).check(name, text))
        shown = FIELDS if text.isprintable() else ("right", "mistake")  # Python quotes other signs by their codes
        assert {field: page[field] for field in shown} == {field: ours[field] for field in shown}, text


# --- functions --------------------------------------------------------------------------------------------------------


@node
def test_functions_give_what_numpy_gives(tmp_path):
    C = (tg.tensor(np.ones((2, 3)), requires_grad=True, name="x") ** 2).sum().named("C")
    x = np.random.default_rng(0).uniform(0.1, 0.9, (2, 3))
    calls = [(name, None, False) for name in functions()]
    calls += [
        (n, axis, kept) for n, f in functions().items() if f.takes_axis for axis in (0, -1) for kept in (False, True)
    ]
    script = (
        f"{tg.tutor(C).page.script}\nconst x = np.array([2, 3], {x.ravel().tolist()});"
        "const sample = { values: new Map([['x', x]]) };"
        f"const run = ([label, axis, keepdims]) => !functions.has(label) ? null : evaluation.evaluate("
        "terms.term('call', [terms.term('value', [], { label: 'x' })], { label, axis, keepdims }), sample);"
        f"const found = {json.dumps(calls)}.map(run).map((y) => y && [y.shape, [...y.data].map(String)]);"
        "console.log(JSON.stringify(found));"
    )
    missing = []
    for (name, axis, keepdims), found in zip(calls, in_node(tmp_path, "functions", script), strict=True):
        function = functions()[name]
        if found is None:
            missing.append(name)
            continue
        options = {"axis": axis} if axis is not None else {}
        options |= {"keepdims": keepdims} if function.reduces else {}
        with np.errstate(all="ignore"):
            expected = np.asarray(function.call(x, **options), float)
        assert tuple(found[0]) == expected.shape, name
        numbers = [float(text.replace("Infinity", "inf")) for text in found[1]]
        np.testing.assert_allclose(numbers, expected.ravel(), rtol=1e-12, err_msg=name)
    assert sorted(missing) == ["erfcinv", "invert", "rgamma"]  # of SciPy's, and of truths only


def test_a_function_is_written_for_rows_of_any_length():
    script = written_functions()
    assert '["mean", ' in script
    assert "t1 / n" in script
    assert not re.search(r"\b(89|97)\b", script)


# --- the file ---------------------------------------------------------------------------------------------------------


def test_a_page_asks_nothing_of_anyone(tmp_path):
    path = tutor("batch").save(tmp_path / "tutor.html")
    page = path.read_text(encoding="utf-8")
    assert "default-src 'none'" in page
    assert not re.search(r"(src|href)=", page.partition("<script>")[0])
    assert "eval(" not in page
    assert "new Function" not in page
    assert path.stat().st_size < 300_000
    assert "W3ᵀ·δ" in tg.draw(tutor("batch").graph, values="none").svg
    assert "W3ᵀ·δ" not in page.partition("<script>")[0]  # no tooltip tells the answer
    shown = ElementTree.fromstring(re.search(r"<svg.*?</svg>", page, re.DOTALL)[0])
    drawn = ElementTree.fromstring(tg.draw(tutor("batch").graph, values="none").svg)
    assert [part.get("id") for part in shown.iter() if part.get("class")] == [
        part.get("id") for part in drawn.iter() if part.get("class")
    ]
    with pytest.raises(ArgumentError, match=r"the suffix of a page is \.html"):
        tutor("batch").save(tmp_path / "tutor.pdf")
    assert tutor("batch").page._repr_html_().startswith("<iframe srcdoc=")


def test_a_page_is_not_too_large():
    w = tg.tensor(np.ones((80, 80)), requires_grad=True, name="w")
    with pytest.raises(
        ArgumentError, match="at most 100 values with 10000 numbers in all, gradients too; the graph of C"
    ):
        assert tg.tutor((w**2).sum().named("C")).page.html
