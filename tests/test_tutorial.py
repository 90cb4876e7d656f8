"""The tutorial's chapters run, their exercises can be done, and the book is whole and asks nothing of a network."""

import re
import runpy
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pytest

import tinygrad_bp as tg
from examples.tutorial.book import CHAPTERS, ROOT, build, with_mathml
from tinygrad_bp.errors import MissingExtraError

WRONG = {
    "ch01_notation": ["((5, 3), 43)", "((3, 5), 35)", "((4, 5), 43)"],
    "ch02_forward_propagation": [
        "lambda parameters, X: sigmoid(parameters['W1'] @ X + parameters['b1'])",
        "lambda parameters, X: np.zeros((len(parameters[f'b{len(parameters) // 2}']), X.shape[1]))",
    ],
    "ch03_cost": ["0.5", "0.7", "0.2", "1.0"],
    "ch04_computation_graph": ["2", "3", "5"],
    "ch05_chain_rule": [
        "{}",
        "{'z3': 'a3 - y', 'z2': 'W3 @ dz3 * a2 * (1 - a2)', 'W2': 'dz2 @ a1.T', 'b2': 'dz2'}",
        "{'z3': 'a3 - y', 'z2': 'W3.T @ dz3', 'W2': 'dz2 @ a1.T', 'b2': 'dz2'}",
        "{'z3': 'y - a3', 'z2': 'W3.T @ dz3 * a2 * (1 - a2)', 'W2': 'dz2 @ a1.T', 'b2': 'dz2'}",
        "{'z3': 'a3 - y', 'z2': 'W3.T @ dz3 * a2 * (1 - a2)', 'W2': '0 * W2', 'b2': 'dz2'}",
        "{'z3': 'a3 - y', 'z2': 'W3.T @ dz3 * a2 * (1 - a2)', 'W2': 'dz2 @ a1.T'}",
    ],
    "ch06_sigmoid_derivative": ["'a * (1 - a)'", "'1 - a'"],
    "ch07_activations": ["'1 / (1 + e^z)'", "'e^z'"],
    "ch08_by_hand": ["backward", "lambda p, values, y: backward(p, values, y) | {'db1': 0 * p['b1']}"],
    "ch09_class": [
        "lambda network, X, Y, alpha, steps: None",
        "lambda network, X, Y, alpha, steps: [network.forward_propagate(X), network.compute_cost(Y)][1:] * steps",
        "lambda network, X, Y, alpha, steps: [1 / (n + 1) for n in range(steps)]",
    ],
    "ch10_training": ["(0, 0.0)", "(5, 3.0)", "(0, -1.0)"],
    "ch11_beyond": ["1.0", "0.0", "3 ** (1 / 3)"],
    "ch12_from_other_libraries": ["tg.grad(lambda x: tg.mean(f(x)))(xs)", "0.0", "np.tanh(xs)"],
}
"""Answers that an exercise must not take."""


@pytest.fixture(scope="module")
def run():
    """What a chapter has defined at its end; each runs once in a worker."""
    done = {}

    def chapter(name):
        if name not in done:
            done[name] = runpy.run_path(ROOT / "examples" / "tutorial" / f"{name}.py")
        return done[name]

    return chapter


def blocks(name):
    """The Python that stands in the text of a chapter."""
    text = (ROOT / "examples" / "tutorial" / f"{name}.py").read_text(encoding="utf-8")
    return [re.sub(r"(?m)^# ?", "", block) for block in re.findall(r"(?ms)^# ```python\n(.*?)^# ```$", text)]


def test_there_is_a_chapter_for_each_section():
    assert [chapter.stem for chapter in CHAPTERS] == list(WRONG)


@pytest.mark.once
@pytest.mark.parametrize("name", WRONG)
def test_a_chapter_runs_and_takes_the_right_answer_only(name, run):
    namespace = run(name)
    check = namespace["check"]
    assert check(namespace["answer"]).startswith("Replace the dots")
    for wrong in WRONG[name]:
        reply = check(eval(wrong, dict(namespace)))
        assert not reply.startswith("Right"), (wrong, reply)
    own = dict(namespace)
    exec(blocks(name)[-1], own)  # the folded answer
    assert check(own["answer"]).startswith("Right"), check(own["answer"])


@pytest.mark.once
@pytest.mark.parametrize(
    ("name", "check", "wrong", "reply"),
    [
        ("ch05_chain_rule", "check", 1, "W3 has to be transposed here."),
        ("ch05_chain_rule", "check", 2, "A factor is forgotten: the derivative of a2 = σ(z2) for z2."),
        ("ch05_chain_rule", "check", 3, "y - a3 is the wrong way round."),
        ("ch06_sigmoid_derivative", "check", 0, "a * (1 - a) is not the derivative of a = tanh(z) for z."),
        ("ch07_activations", "check", 0, "(1 + e^z) is not"),
        ("ch08_by_hand", "check_equations", "{'z3': 'a3 - y'}", "The cost is the mean over m = 5 examples"),
        ("ch08_by_hand", "check_equations", "{'z3': '(a3 - y)/m', 'b2': 'dz2'}", "what dz2 gives is added up"),
    ],
)
def test_the_tutor_says_what_is_wrong(name, check, wrong, reply, run):
    namespace = run(name)
    answer = eval(WRONG[name][wrong] if isinstance(wrong, int) else wrong, dict(namespace))
    assert reply in namespace[check](answer)


@pytest.mark.once
def test_equations_come_before_the_program(run):
    own = dict(run("ch08_by_hand"))
    assert own["check_equations"](own["equations"]).startswith("Replace the dots")
    exec(blocks("ch08_by_hand")[-1], own)
    assert own["check_equations"](own["equations"]).startswith("Right")


@pytest.mark.parametrize("library", ["torch", "jax", "autograd", "mygrad", "micrograd"])
def test_other_libraries_give_what_is_said(library, run):
    pytest.importorskip(library)
    given = run("ch12_from_other_libraries")
    (code,) = [block for block in blocks("ch12_from_other_libraries") if re.match(rf"(import|from) {library}\b", block)]
    namespace = {name: given[name] for name in ("np", "X", "y", "W0", "b0")}
    exec(code, namespace)
    cost = given["squares" if library == "micrograd" else "cost"]
    wanted = tg.grad(cost, argnums=(0, 1))(given["W0"], given["b0"])
    for found, expected in zip((namespace["dW"], namespace["db"]), wanted, strict=True):
        np.testing.assert_allclose(np.asarray(found), expected, rtol=1e-5)


def test_formulas_become_mathml():
    assert (
        with_mathml("so $a^{[2]}$ is")
        == "so <math><msup><mi>a</mi><mrow><mo>[</mo><mn>2</mn><mo>]</mo></mrow></msup></math> is"
    )
    assert with_mathml("$$a$$") == '<math display="block"><mi>a</mi></math>'


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.stem)
def test_every_command_in_a_formula_is_known(chapter):
    text = chapter.read_text(encoding="utf-8")
    for formula in re.findall(r"\$\$?([^$]+)\$", text):
        words = re.findall(r"<m[it][^>]*>([^<]{2,})</m[it]", with_mathml(f"${formula}$"))
        assert set(words) <= {"log", "tanh"}, formula


class Sources(HTMLParser):
    """What a page would load, the pages in its frames included."""

    def __init__(self):
        super().__init__()
        self.found = []
        self.ids = []

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.found += [
            attributes[name] for name in ("src", "href", "xlink:href", "data", "poster") if name in attributes
        ]
        self.ids += [attributes["id"]] if "id" in attributes else []
        if "srcdoc" in attributes:
            inner = Sources()
            inner.feed(attributes["srcdoc"])
            self.found += inner.found


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    """The folder with the notebooks and the book, built from the command line."""
    for package in ("jupytext", "nbclient", "nbconvert", "ipykernel"):
        pytest.importorskip(package)
    folder = tmp_path_factory.mktemp("book")
    command = [sys.executable, "-m", "examples.tutorial", "--out", folder]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.once
def test_the_book_is_whole_and_asks_nothing_of_a_network(book):
    nbformat = pytest.importorskip("nbformat")
    text = (book / "book.html").read_text(encoding="utf-8")
    for chapter in CHAPTERS:
        nb = nbformat.read(book / f"{chapter.stem}.ipynb", as_version=4)
        nbformat.validate(nb)
        assert not [o for cell in nb.cells for o in cell.get("outputs", []) if o.output_type == "error"]
        assert nb.cells[0].source.splitlines()[0].startswith(f"# {int(chapter.stem[2:4])}. ")
    page = Sources()
    page.feed(text)
    assert [href for href in page.found if not href.startswith("#")] == []
    assert sorted(page.found) == sorted(f"#{chapter.stem}" for chapter in CHAPTERS)
    assert len(page.ids) == len(set(page.ids))
    assert not re.search(r"url\(|@import|MathJax|require\.js|\$\$", text)
    assert text.count("<details>") == len(CHAPTERS)
    assert text.count('class="tinygrad-bp"') >= 10


def test_without_jupyter_the_extra_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "jupytext", None)
    with pytest.raises(MissingExtraError, match=r"tinygrad_bp\[tutorial\]"):
        build(tmp_path)
