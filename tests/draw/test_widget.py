"""The step-through page in a live notebook: the same script in a widget, and the frame where there is no anywidget."""

import sys
from pathlib import Path

import pytest

import tinygrad_bp as tg
from tinygrad_bp.draw import widget
from tinygrad_bp.errors import MissingExtraError

from .reader import network

SCRIPT = (Path(widget.__file__).parent / "page.js").read_text(encoding="utf-8")


@pytest.fixture
def page():
    pytest.importorskip("anywidget", reason="widgets are made by the extra notebook")
    return tg.step_through(network()[0])


def test_the_widget_has_the_pages_script_style_and_body(page):
    made = page.widget
    assert made._esm.startswith(SCRIPT)
    assert SCRIPT in page.html
    head, _, rest = made.page.partition("</style>")
    assert head.removeprefix("<style>") in page.html
    body = rest.removeprefix('<div class="live"><div class="body" tabindex="-1">').removesuffix("</div></div>")
    assert body in page.html
    assert "<header>" in body
    assert (made.step, made.count) == (1, len(page.steps))


def test_a_notebook_is_shown_the_widget_and_keeps_the_frame(page):
    view = page._repr_mimebundle_()
    assert view.keys() == {widget.VIEW}
    assert view[widget.VIEW]["model_id"] == page.widget.model_id
    assert page._repr_html_().startswith("<iframe srcdoc=")


def test_without_anywidget_there_is_the_frame(monkeypatch):
    monkeypatch.setitem(sys.modules, "anywidget", None)
    widget._widget.cache_clear()
    page = tg.step_through(network()[0])
    assert page._repr_mimebundle_() == {}
    assert page._repr_html_().startswith("<iframe srcdoc=")
    with pytest.raises(MissingExtraError, match=r"tinygrad_bp\[notebook\]"):
        _ = page.widget
