"""Tables as text, in terminals and in notebooks."""

import io
import sys

import pytest

import tinygrad_bp as tg
from tinygrad_bp.tables import Table

TABLE = Table(
    ("name", "size [B]"), (("a", "1"), ("  <b>", "1,000"), ("[c]", "–")), "a title", "in all", numbers=("size [B]",)
)


def test_text_is_aligned():
    assert TABLE.text.splitlines() == [
        "a title", "name   size [B]", "a             1", "  <b>     1,000", "[c]           –", "in all"
    ]  # fmt: skip
    assert repr(TABLE) == TABLE.text
    assert repr(Table(("a", "b"), ())) == "a  b"


def test_html_is_escaped_and_complete():
    html = TABLE._repr_html_()
    assert html.startswith("<table><caption>a title</caption><thead><tr><th")
    assert '<td style="text-align:left">&emsp;&lt;b&gt;</td><td style="text-align:right">1,000</td>' in html
    assert '<tfoot><tr><td colspan="2">in all</td></tr></tfoot></table>' in html
    assert html.count("<tr>") == 5
    bare = Table(("a",), (("1",),))._repr_html_()
    assert "caption" not in bare
    assert "tfoot" not in bare


def test_rich_draws_it(monkeypatch):
    console = pytest.importorskip("rich.console")
    out = console.Console(file=io.StringIO(), width=60)
    out.print(TABLE)
    drawn = out.file.getvalue()
    assert all(text in drawn for text in ("a title", "name", "size [B]", "  <b>", "1,000", "[c]", "in all", "┃", "│"))
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert repr(TABLE) != TABLE.text
    assert "1,000" in repr(TABLE)


def test_a_history_is_such_a_table():
    history = tg.nn.History([tg.nn.Epoch(1, 0.5), tg.nn.Epoch(2, 0.25)])
    lines = repr(history).splitlines()
    assert lines[0].split()[:2] == ["epoch", "cost"]
    assert [line.split()[0] for line in lines[1:3]] == ["1", "2"]
    assert history.__rich__().text == repr(history)
    assert history._repr_html_() == history.__rich__()._repr_html_()


def test_it_is_public():
    assert tg.Table is Table
