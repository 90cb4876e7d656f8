"""LaTeX read out as plain Unicode text: the form that pictures, terminals and error messages print."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

_TOKEN = re.compile(r"\\[A-Za-z]+|\\.|‹[^›]*›|\s+|.")
_WORDS = {
    r"\odot": "⊙", r"\top": "ᵀ", r"\sum": "Σ ", r"\prod": "Π ", r"\log": "log ", r"\max": "max ", r"\min": "min ",
    r"\ge": "≥", r"\le": "≤", r"\ne": "≠", r"\infty": "∞", r"\sigma": "σ", r"\Phi": "Φ", r"\varphi": "φ",
    r"\phi": "φ", r"\Gamma": "Γ", r"\pi": "π", r"\delta": "δ", r"\alpha": "α", r"\,": " ", r"\;": " ", r"\left": "",
    r"\right": "", r"\circ": "∘", r"\times": "×", r"\ldots": "…", "-": "−",
}  # fmt: skip
_OPENERS = {r"\lvert": "|", r"\lVert": "‖", r"\lfloor": "⌊", r"\lceil": "⌈", r"\partial": "∂", r"\cdot": "·"}
_CLOSERS = {r"\rvert": "|", r"\rVert": "‖", r"\rfloor": "⌋", r"\rceil": "⌉", r"\cdot": "·"}
"""Words with no space after them, or before them."""
_RAISED = str.maketrans("0123456789+−ni", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿⁱ")
_PREFIXES = ("Σ ", "Π ", "log ", "max ", "min ")


@lru_cache(8192)
def plain(latex: str) -> str:
    r"""A LaTeX formula as plain text; slots stay as they are.

    >>> plain(r"\frac{1 - y_{1}}{a} \odot (1 - a)"), plain(r"W^{\top} \cdot \delta")
    ('(1 − y1)/a ⊙ (1 − a)', 'Wᵀ·δ')
    """
    text = re.sub(r"\b(log|max|min) (?=[(|‖])", r"\1", _read(_TOKEN.findall(latex)).strip())
    text = re.sub(r"(^|[(\s=−])([0-9]+(?:\.[0-9]+)?)·(?=[^\W\d]|[(‹√|])", r"\1\2", text)
    return re.sub(r"(^|[(\s])([\d.]*‹[^›]*›|(?:(?!ᵀ)\w)+)(?: ⊙ |·)(?=\()", r"\1\2", text)


def _read(tokens: list[str]) -> str:
    """Text of a list of tokens; braces nest only as deep as a formula that fits on a page."""
    text, i = "", 0
    while i < len(tokens):
        token, i = tokens[i], i + 1
        if token in _CLOSERS or token in _OPENERS:
            text = text.rstrip() + _CLOSERS[token] if token in _CLOSERS else text + _OPENERS[token]
            i += token in _OPENERS and tokens[i : i + 1] == [" "]
        elif token == "{":
            group, i = _group(tokens, i - 1)
            text += _read(group)
        elif token == r"\frac":
            above, i = _group(tokens, i)
            below, i = _group(tokens, i)
            quotient = f"{_enclosed(_read(above), ' ')}/{_enclosed(_read(below), ' /·')}"
            signed = quotient[0] == "−" and text.endswith((" ", "·"))
            after_word = text.endswith(_PREFIXES) and quotient[0] != "∂"  # Σ ∂C/∂z is read as one derivative
            chained = text.endswith("·") and _enclosed(quotient, "·") != quotient  # W·(V·x/2) multiplies V·x first
            loose = signed or chained or after_word or tokens[i : i + 1] == ["^"] or text.endswith("∂")
            text += f"({quotient})" if loose else quotient
        elif token in _GROUPED:
            group, i = _group(tokens, i)
            written = _GROUPED[token]("".join(group) if token in _VERBATIM else _read(group))
            text += written.lstrip() if text.endswith(" ") else written
        elif not token.isspace() or not text.endswith(" "):
            text += _WORDS.get(token, token.lstrip("\\"))
    return text


def _group(tokens: list[str], start: int) -> tuple[list[str], int]:
    """What stands between the braces that open at `start`, or the one token there; and where to read on."""
    start += tokens[start].isspace()
    if tokens[start] != "{":
        return [tokens[start]], start + 1
    depth, i = 1, start
    while depth:
        i += 1
        depth += (tokens[i] == "{") - (tokens[i] == "}")
    return tokens[start + 1 : i], i + 1


def _enclosed(text: str, loose: str) -> str:
    """The text, in parentheses if one of the loose characters stands outside all brackets."""
    depth = 0
    for character in text:
        depth += (character in "([{") - (character in ")]}")
        if depth == 0 and character in loose:
            return f"({text})"
    return text


def _raised(text: str) -> str:
    if text == "ᵀ":
        return text
    raised = text.translate(_RAISED)
    if not set(text) & set(raised):
        return raised
    return f"^{text}" if re.fullmatch(r"\w+|‹[^›]*›|\([^()]*\)", text) else f"^({text})"


_VERBATIM = {r"\operatorname", r"\text", r"\mathrm"}
_GROUPED: dict[str, Callable[[str], str]] = {
    **dict.fromkeys(_VERBATIM, str),
    r"\mathbf": lambda text: text.replace("1", "𝟏"),
    r"\overline": lambda text: f"mean({text})",
    r"\sqrt": lambda text: f"√{_enclosed(text, ' /·')}",
    "^": _raised,
    "_": lambda text: text if text.isdigit() else f"_{text}",
}
