"""Pages that ask nothing of a network or a server."""

from __future__ import annotations

import os
import re
from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from html import escape, unescape
from pathlib import Path

from tinygrad_bp.errors import ArgumentError

_STYLE = re.compile(r"<style[^>]*>(.*?)</style>", re.DOTALL)
_MARK = re.compile(r"\{\{(\w+)\}\}")


def filled(template: str, **parts: str) -> str:
    """The template with its parts, in one pass: what a part says is never taken for a mark."""
    return _MARK.sub(lambda mark: parts[mark[1]], template)


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


def suited(path: str | os.PathLike[str], what: str, *suffixes: str) -> Path:
    """The path, if its suffix is one of these; else ArgumentError, before any work."""
    path = Path(path)
    if path.suffix not in suffixes:
        raise ArgumentError(f"save: the suffix of {what} is {suffixes[0]}; got {path.name!r}.")
    return path


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
