"""Pages and pictures that ask nothing of a network or a server."""

from __future__ import annotations

import os
import re
from base64 import b64encode
from collections.abc import Iterable, Sequence
from hashlib import sha256
from html import escape, unescape
from pathlib import Path

from tinygrad_bp.draw.palette import CLASS, style
from tinygrad_bp.errors import ArgumentError

_STYLE = re.compile(r"<style[^>]*>(.*?)</style>", re.DOTALL)
_TITLE = re.compile(r"<title[^>]*>([^<]*)</title>")
_MARK = re.compile(r"\{\{(\w+)\}\}")


def filled(template: str, **parts: str) -> str:
    """The template with its parts, in one pass: what a part says is never taken for a mark."""
    return _MARK.sub(lambda mark: parts[mark[1]], template)


HEAD = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8"/>
<meta http-equiv="Content-Security-Policy" content="{{policy}}"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<meta name="color-scheme" content="light dark"/>
<meta name="referrer" content="no-referrer"/>
<title>{{title}}</title>
<style>{{css}}</style>
</head>
"""


def page(template: str, /, title: str, css: str, js: str = "", pictures: Sequence[str] = (), **parts: str) -> str:
    """A whole page: the template, from <body> on, below a head that lets in nothing but what the page brings.

    title: as HTML. pictures: the SVGs among the parts, whose styles are let in.
    """
    styles = [css, *[style for svg in pictures for style in styles_in(svg)]]
    return filled(HEAD + template, policy=policy(styles, [js] if js else []), title=title, css=css, js=js, **parts)


def policy(styles: Sequence[str], scripts: Sequence[str] = ()) -> str:
    """A content security policy that lets exactly these style sheets and scripts in, and nothing from anywhere."""
    allowed = {"script-src": scripts, "style-src": styles}
    rules = [f"{kind} {' '.join(dict.fromkeys(map(_hash, texts)))}" for kind, texts in allowed.items() if texts]
    return "; ".join(["default-src 'none'", *rules, "base-uri 'none'", "form-action 'none'"])


def styles_in(svg: str) -> list[str]:
    """The style sheets that a picture on the page brings along."""
    return [unescape(css) for css in _STYLE.findall(svg)]


def framed(html: str, title: str, height: int) -> str:
    """A page in a frame of its own, so that neither its style nor its ids meet those of the notebook around it."""
    return (
        f'<iframe srcdoc="{escape(html)}" sandbox="allow-scripts" title="{title}" width="100%" '
        f'height="{height}" style="border: 0"></iframe>'
    )


def picture(width: float, height: float, title: str, parts: Iterable[str], about: str = "", rules: str = "") -> str:
    """An SVG that fits its page and its reader's theme. about: its description; rules: further ones of its style."""
    description = f"<desc>{escape(about)}</desc>" if about else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" '
        f'height="{height:g}" class="{CLASS}" style="background: var(--page)" role="img" '
        'font-family="Helvetica,Arial,sans-serif" font-size="13">'
        f"<title>{escape(title)}</title>{description}<style>{style('auto')}{rules}</style>{''.join(parts)}</svg>\n"
    )


def image(svg: str) -> str:
    """A picture as an image for notebooks, no wider than their cell: JupyterLab shows an SVG at its own width."""
    data, title = b64encode(svg.encode()).decode(), _TITLE.search(svg)
    about = title[1] if title else ""
    return f'<img src="data:image/svg+xml;base64,{data}" alt="{about}" style="max-width: 100%; height: auto"/>'


def suited(path: str | os.PathLike[str], what: str, *suffixes: str) -> Path:
    """The path, if its suffix is one of these; else ArgumentError, before any work."""
    path = Path(path)
    if path.suffix not in suffixes:
        raise ArgumentError(f"save: the suffix of {what} is {suffixes[0]}; got {path.name!r}.")
    return path


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
