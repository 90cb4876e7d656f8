"""The page of all derivations, and the command that writes it: closed, complete, and nothing half done."""

import re
from base64 import b64encode
from hashlib import sha256
from html import unescape
from xml.etree import ElementTree

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp.derive.page import derivation_page
from tinygrad_bp.errors import ArgumentError

pytest.importorskip("sympy", reason="formulas are simplified by the extra derive")
pytest.importorskip("typer", reason="the command line needs the extra cli")
from tinygrad_bp import cli


def cost(widths=(7, 2, 1), m=1):
    rng = np.random.default_rng(0)
    network = tg.nn.NeuralNetwork(widths, seed=0)
    return network.cost_graph(rng.normal(size=(widths[0], m)), rng.integers(0, 2, size=(widths[-1], m)))


def parsed(html):
    bare = re.sub(r"(?s)<style>.*?</style>", "<style></style>", html.removeprefix("<!DOCTYPE html>"))
    return ElementTree.fromstring(bare)


def texts(root, tag):
    return ["".join(e.itertext()).strip() for e in root.iter() if e.tag.rpartition("}")[2] == tag]


def test_the_page_has_every_gradient_in_the_article_s_order():
    root = parsed(derivation_page(cost()).html)
    assert texts(root, "h2") == ["Forward", "Every layer", "Each link of the chain", "Backward"]
    articles = ["".join(e.itertext()) for e in root.iter("article")]
    assert [re.match(r"\s*∂C∂([Wb]\d)", text)[1] for text in articles] == ["W2", "b2", "W1", "b1"]
    assert "(a2−y)·a1T" in articles[0]
    assert "here" in articles[0]
    assert sum(1 for e in root.iter() if e.tag.endswith("}svg")) == 1
    footer = texts(root, "footer")[0]
    assert re.search(r"differ by [0-9]e-1[5-9]|do not differ at all", footer)


def test_layers_that_are_alike_are_written_once():
    pages = [
        derivation_page(
            tg.nn.NeuralNetwork([4, *[3] * hidden, 1], seed=0).cost_graph(np.ones((4, 1)), np.ones((1, 1)))
        ).html
        for hidden in (6, 12)
    ]
    short, long = (page.count('<div class="equation">') for page in pages)
    assert long - short == 12  # the two parameters of a layer, with their numbers
    assert "(3, 1)   for l = 2 … 6" in pages[0]


def test_the_page_is_closed():
    html = derivation_page(cost()).html
    root = parsed(html)
    assert "<script" not in html
    for element in root.iter():
        assert not {"src", "href", "style", "onclick"} & {name.rpartition("}")[2] for name in element.attrib}
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', html)[1]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "script-src" not in policy
    for style in re.findall(r"(?s)<style>(.*?)</style>", html):
        assert b64encode(sha256(unescape(style).encode()).digest()).decode() in policy


def test_names_on_the_page_are_data():
    x = tg.tensor([1.0, 2.0], requires_grad=True, name="<script>{{css}}")
    html = derivation_page(tg.sum(x * x).named("C</title>")).html
    assert "<script" not in html
    parsed(html)


def test_one_value_has_no_layers_and_long_results_stay_off_the_page():
    x = tg.tensor(3.0, requires_grad=True, name="x")
    assert "Every layer" not in derivation_page((x * x).named("C")).html
    deep = parsed(derivation_page(cost((3, 3, 3, 3, 3, 1))).html)
    W1 = next(text for text in ("".join(e.itertext()) for e in deep.iter("article")) if "∂C∂W1" in text[:20])
    assert W1.count("=") == 3


def test_the_page_is_saved_whole(tmp_path, monkeypatch):
    page = derivation_page(cost())
    assert page.save(tmp_path / "C.html").read_text(encoding="utf-8") == page.html
    with pytest.raises(ArgumentError, match=r"the suffix of a page is \.html; got 'C\.pdf'"):
        page.save(tmp_path / "C.pdf")
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError("disk")))
    with pytest.raises(OSError, match="disk"):
        page.save(tmp_path / "other.html")
    assert [p.name for p in tmp_path.iterdir()] == ["C.html"]


@pytest.mark.parametrize(("out", "written"), [("a/b.html", "a/b.html"), ("a", "a/derivation.html")])
def test_the_command_writes_the_page(out, written, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["derive", "--out", out]) == 0
    assert capsys.readouterr().out.replace("\\", "/") == f"{written}\n"
    assert [p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*.html")] == [written]
    assert len(texts(parsed((tmp_path / written).read_text(encoding="utf-8")), "article")) == 6


def test_options_reach_the_page(tmp_path):
    options = [
        "--layers",
        "3,4,2",
        "--activation",
        "tanh",
        "--batch",
        "6",
        "--seed",
        "3",
        "--out",
        f"{tmp_path}/p.html",
    ]
    assert cli.main(["derive", *options]) == 0
    html = (tmp_path / "p.html").read_text(encoding="utf-8")
    assert "(4, 6)" in html
    assert "tanh" in html


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--layers", "7,x"], "--layers takes widths"),
        (["--layers", "7"], "two or more layers"),
        (["--activation", "wave"], "activation is a function or one of"),
        (["--batch", "0"], "batch is a whole number from 1 on; got 0"),
        (["--seed", "-1"], "a seed is a whole number from 0 on"),
    ],
)
def test_a_mistake_gets_one_line(arguments, message, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["derive", *arguments]) == 2
    errors = capsys.readouterr().err
    assert message in errors
    assert errors.count("\n") == 1
    assert not list(tmp_path.iterdir())
