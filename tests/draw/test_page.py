"""The step-through page: one valid, closed document, whatever the names in it say."""

import random
import re
import subprocess
import sys
from base64 import b64encode
from hashlib import sha256
from html import unescape
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import settings

import tinygrad_bp as tg
from tinygrad_bp.draw.page import MOST_NODES, step_through
from tinygrad_bp.errors import ArgumentError
from tinygrad_bp.graph import Graph, graph

TAGS = """html head meta title style body header main h1 h2 p span bdi figure div button input output ol ul li nav dl
    dt dd a script math mrow mi mn mo mtext mspace mfrac msqrt msub msup msubsup munder mtable mtr mtd svg desc g path
    polygon polyline ellipse rect text tspan"""


def cost(name="x", scale=2.0):
    x = tg.tensor(3.0, requires_grad=True, name=name)
    h = (x * x).named(f"{name}h")
    return (scale * h + tg.sigmoid(h)).named(f"{name}C")


def parsed(html):
    """The page as XML, without what is in its script and style sheets."""
    bare = re.sub(r"(?s)<(script|style)>.*?</\1>", r"<\1></\1>", html.removeprefix("<!DOCTYPE html>"))
    return ElementTree.fromstring(bare)


def tag(element):
    return element.tag.rpartition("}")[2]


def texts(root, name):
    return ["".join(e.itertext()) for e in root.iter() if tag(e) == name]


def require_harmless(html):
    root = parsed(html)
    assert {tag(e) for e in root.iter()} <= set(TAGS.split())
    assert html.count("<script") == html.count("</script") == 1
    assert html.count("<style") == html.count("</style") == 2
    for element in root.iter():
        for attribute, value in element.attrib.items():
            assert not attribute.lower().startswith("on")
            assert attribute not in ("src", "srcdoc", "action", "formaction", "style")
            assert not attribute.endswith("href") or re.fullmatch(r"#step-\d+", value)
            assert "javascript:" not in value
    assert not set("".join(root.itertext())) & set("\x00\x1b\u202e\u2066\u200b")
    return root


# --- the document -----------------------------------------------------------------------------------------------------


def test_the_page_has_everything_in_it():
    page = step_through(cost())
    root = require_harmless(page.html)
    assert len([e for e in root.iter("li") if "step " in e.get("class", "")]) == len(page.steps)
    assert len(list(root.iter("a"))) == len(page.steps)
    assert [e.get("aria-live") for e in root.iter("p") if e.get("id") == "caption"] == ["polite"]
    ids = [e.get("id") for e in root.iter() if e.get("id")]
    assert len(ids) == len(set(ids))
    for step in root.iter("li"):
        for key in ("at", "reads", "edges", "value", "gradient"):
            assert set(step.get(f"data-{key}", "").split()) <= set(ids)


def test_the_policy_lets_in_only_the_code_of_the_page():
    html = step_through(cost()).html
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', html)[1]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy
    assert "*" not in policy
    inline = re.findall(r"(?s)<(?:script|style)>(.*?)</(?:script|style)>", html)
    assert len(inline) == 3
    for code in inline:
        digest = b64encode(sha256(unescape(code).encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy
    assert "http" not in re.sub(r'xmlns="[^"]*"', "", html).replace("http-equiv", "")


def test_a_step_shows_the_rule_the_numbers_and_the_gradient_so_far():
    root = parsed(step_through(cost()).html)
    shown = {e.get("id"): " ".join(" ".join(e.itertext()).split()) for e in root.iter("li") if e.get("id")}
    forward = next(text for text in shown.values() if text.startswith("Forward xC is computed"))
    assert "multiply" in shown["step-2"]
    assert "19" in forward
    paths = [text for text in shown.values() if text.startswith("Backward xh acts on xC")]
    assert len(paths) == 2
    assert "before – this path adds 2 after 2" in paths[0]
    assert "before 2 this path adds 0.0001234" in paths[1]
    assert any(text.startswith("Sum xC depends on xh along 2 paths") for text in shown.values())


def test_other_processes_write_the_same_bytes():
    program = (
        "from test_page import cost, step_through; import hashlib\n"
        "print(hashlib.sha256(step_through(cost()).html.encode()).hexdigest())"
    )
    here = re.sub(r"test_page\.py$", "", __file__)
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            check=True,
            cwd=here,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join([here, *sys.path])},
        ).stdout
        for seed in ("1", "2")
    }
    assert outputs == {sha256(step_through(cost()).html.encode()).hexdigest() + "\n"}


# --- arrays -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        np.ones((300, 400)),
        np.ones(1000),
        np.ones((2, 3, 4)),
        np.ones((0, 3)),
        np.array([1 + 2j, -1j]),
        np.array(-2.5e-7),
        np.array([np.nan, np.inf, -np.inf]),
    ],
    ids=lambda value: f"{value.dtype}{value.shape}",
)
@pytest.mark.filterwarnings("ignore:.*encountered:RuntimeWarning")
def test_arrays_are_cut(value):
    x = tg.tensor(value, requires_grad=True, name="x")
    html = step_through(tg.sum(x * 2.0).named("C")).html
    require_harmless(html)
    assert len(html) < 80_000


def test_constants_that_are_no_numbers():
    x = tg.tensor(np.ones((2, 2)), requires_grad=True, name="x")
    require_harmless(step_through(tg.sum(x[np.array([0, 1]), :] ** 2).named("C"), "ops").html)


def test_negative_numbers_are_put_in_parentheses():
    x, w = (tg.tensor(v, requires_grad=True, name=n) for v, n in ((-3.0, "x"), (-2e-9, "w")))
    (equation,) = [t for t in texts(parsed(step_through((w * x).named("C")).html), "math") if "=w·x" in t]
    assert "=(−2·10−9)·(−3)" in equation


def test_forward_only_and_without_numbers():
    y = (tg.tensor([1.0, 2.0], requires_grad=True, name="x") * 2.0).named("y")
    assert [step.kind for step in step_through(y).steps] == ["given", "forward"]
    require_harmless(step_through(y).html)
    require_harmless(step_through(Graph.from_json(graph(cost()).to_json())).html)


# --- hostile names ----------------------------------------------------------------------------------------------------

PIECES = [
    "<script>alert(1)</script>", "</script>", "</style>", "<!--", "-->", "]]>", "<img src=x onerror=alert(1)>", '"',
    "'", "`", "&", "&lt;", "&#x6c;", "‹html›", "‹g›", "‹∂n0›", "\\", "\\n", "\\N", "\n", "\r", "\t", "\x00", "\x1b",
    "\u202e", "\u2066", "\u200b", "\ud800", "\ufffe", "javascript:alert(1)", "{{js}}", "{{svg}}", "${x}", "{", "}",
    "|", "שלום", "\\frac{1}{2}", "^", "_", "$", "%", "x" * 300, "𝒳", "é", " ", "a", "W1", "onload=", "style=",
]  # fmt: skip


def hostile_names(seed, count):
    chance = random.Random(seed)
    names = ["".join(chance.choices(PIECES, k=chance.randint(1, 6))) for _ in range(count - 1)]
    return [*names, "".join(chance.choices(PIECES, k=500))[:10_000]]


@pytest.mark.parametrize("seed", range(settings.default.max_examples // 10))
def test_no_name_becomes_markup_link_or_script(seed):
    names = hostile_names(seed, 50)
    value = tg.tensor(0.5, requires_grad=True, name=names[0])
    for i, name in enumerate(names[1:], 1):
        with tg.scope(names[i - 1] if i % 10 == 0 else "s"):
            value = (value * (tg.tensor(1.0, name=name) if i % 2 else 2.0)).named(name)
    page = step_through(value)
    require_harmless(page.html)
    assert len(page.html) < 3_000_000


# --- files, notebooks, limits -----------------------------------------------------------------------------------------


def test_save(tmp_path):
    page = step_through(cost())
    assert page.save(tmp_path / "page.html").read_text(encoding="utf-8") == page.html
    assert [p.name for p in tmp_path.iterdir()] == ["page.html"]
    with pytest.raises(ArgumentError, match=r"suffix of a page is \.html; got 'page.svg'"):
        page.save(tmp_path / "page.svg")


def test_a_failed_save_leaves_what_was_there(tmp_path, monkeypatch):
    path = tmp_path / "page.html"
    path.write_text("before")
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError("disk")))
    with pytest.raises(OSError, match="disk"):
        step_through(cost()).save(path)
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_notebook_gets_a_frame():
    page = step_through(cost())
    found = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attributes: found.append((tag, dict(attributes)))
    parser.feed(page._repr_html_())
    ((tag, attributes),) = found
    assert tag == "iframe"
    assert attributes["srcdoc"] == page.html
    assert attributes["sandbox"] == "allow-scripts"


def test_a_large_graph_is_refused_with_what_to_do():
    value = tg.tensor(1.0, requires_grad=True, name="x")
    for _ in range(MOST_NODES):
        value = value * 2.0
    with pytest.raises(ArgumentError, match=r"at most 300 nodes.*Take detail='named'"):
        step_through(value, "ops")
    for i in range(MOST_NODES):
        value = tg.tanh(value).named(f"v{i}")
    with pytest.raises(ArgumentError, match=r"at most 300 nodes.*Name fewer values"):
        step_through(value)


def test_parts_and_scopes_are_refused():
    whole = graph(cost())
    parts = whole.ancestors("xh"), whole.descendants("xh")
    for given, detail in (*[(part, "named") for part in parts], (whole, "scopes"), (whole.view("scopes"), "named")):
        with pytest.raises(ArgumentError, match="takes all of a graph, with detail='named' or 'ops'"):
            step_through(given, detail)
