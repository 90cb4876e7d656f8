"""Widgets of live notebooks: the step-through page without a frame, by anywidget."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tinygrad_bp.errors import missing_extra

VIEW = "application/vnd.jupyter.widget-view+json"


def is_there() -> bool:
    """Whether anywidget is installed."""
    return find_spec("anywidget") is not None


def made(count: int, script: str, css: str, body: str) -> Any:
    """The widget of a page: its script, its style sheet, and what is in its body; it has `count` steps.

    Raises MissingExtraError without anywidget.
    """
    page = f'<style>{css}</style><div class="live"><div class="body" tabindex="-1">{body}</div></div>'
    return _widget(script)(page=page, count=count)


def shown(widget: Any) -> dict[str, Any]:
    """What a notebook shows a widget by; where it cannot, there is the HTML beside it."""
    data, _ = widget._repr_mimebundle_()
    return {VIEW: data[VIEW]}


@cache
def _widget(script: str) -> Any:
    """The class of widgets with a script."""
    try:
        import anywidget
        import traitlets
    except ImportError as error:
        raise missing_extra("anywidget", "notebook") from error
    code = script + Path(__file__).with_name("widget.js").read_text(encoding="utf-8")
    parts = {
        "__doc__": "The steps of a computation. page: its HTML; step: the one that is shown, from 1 to count.",
        "_esm": code,
        "page": traitlets.Unicode().tag(sync=True),
        "count": traitlets.Int(1).tag(sync=True),
        "step": traitlets.Int(1).tag(sync=True),
    }
    return type("Steps", (anywidget.AnyWidget,), parts)
