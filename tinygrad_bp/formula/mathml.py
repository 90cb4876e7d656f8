"""LaTeX read out as MathML, which a browser sets as a book does: the form that the step-through page shows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape

_TOKEN = re.compile(r"\\[A-Za-z]+|\\.|‹[^›]*›|\d+(?:\.\d+)?|\s+|.")
_CLOSING = {
    "(": ")", "[": "]", "{": "}", r"\lvert": r"\rvert", r"\lVert": r"\rVert", r"\lfloor": r"\rfloor",
    r"\lceil": r"\rceil",
}  # fmt: skip
_VERBATIM = {r"\operatorname", r"\text", r"\mathrm", r"\mathcal", r"\mathbb", r"\mathbf"}
_OPERATORS = {
    **{c: c for c in "+=<>,"}, "-": "−", "*": "∗", r"\cdot": "·", r"\odot": "⊙", r"\times": "×", r"\circ": "∘",
    r"\ge": "≥", r"\le": "≤", r"\ne": "≠", r"\ldots": "…",
}  # fmt: skip
_CHARACTERS = {
    **_OPERATORS, r"\lvert": "|", r"\rvert": "|", r"\lVert": "‖", r"\rVert": "‖", r"\lfloor": "⌊", r"\rfloor": "⌋",
    r"\lceil": "⌈", r"\rceil": "⌉", r"\partial": "∂", r"\infty": "∞", r"\top": "T", "'": "′", r"\alpha": "α",
    r"\delta": "δ", r"\sigma": "σ", r"\pi": "π", r"\phi": "φ", r"\varphi": "φ", r"\psi": "ψ", r"\Phi": "Φ",
    r"\Gamma": "Γ",
}  # fmt: skip
_SPACING = {r"\,", r"\;", r"\left", r"\right"}
_LARGE = {r"\sum": "∑", r"\prod": "∏"}
_SPACE = '<mspace width="0.17em"/>'


def mathml(latex: str, operands: Mapping[str, str]) -> str:
    r"""What goes inside `<math>` for a formula in LaTeX; `operands` has the MathML that stands for each slot.

    >>> mathml(r"\frac{1}{‹x›}^{2}", {"x": "<mi>x</mi>"})
    '<msup><mfrac><mn>1</mn><mi>x</mi></mfrac><mn>2</mn></msup>'
    """
    return "".join(_Reader(latex, operands).row(""))


def name_mathml(name: str) -> str:
    """A name as MathML; the digits after a letter become its index.

    >>> name_mathml("W1"), name_mathml("<b>")
    ('<msub><mi>W</mi><mn>1</mn></msub>', '<mtext>&lt;b&gt;</mtext>')
    """
    if indexed := re.fullmatch(r"([A-Za-z])(\d+)", name):
        return f"<msub><mi>{indexed[1]}</mi><mn>{indexed[2]}</mn></msub>"
    if re.fullmatch("[A-Za-zα-ωΑ-Ω]", name):
        return f"<mi>{name}</mi>"
    return f"<mtext>{escape(name)}</mtext>"


def _row(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"<mrow>{''.join(parts)}</mrow>"


class _Reader:
    """A formula while it is read."""

    def __init__(self, latex: str, operands: Mapping[str, str]):
        self.tokens: list[str] = _TOKEN.findall(latex)
        self.operands = operands
        self.at = 0

    def row(self, closing: str) -> list[str]:
        """Everything up to the token `closing`, which is read as well, or to the end."""
        parts: list[str] = []
        before = ""
        while (token := self._next()) and token != closing:
            if token in _OPERATORS:
                form = "prefix" if token == "-" and (not before or before in _OPERATORS) else "infix"
                parts.append(f'<mo form="{form}">{escape(_character(token))}</mo>')
            else:
                atom = self._with_scripts(self._atom(token))
                apart = before and before not in _OPERATORS and atom.startswith("<mi>") and atom[5] != "<"
                parts += [_SPACE, atom] if apart else [atom]
            before = token
        return parts

    def _next(self) -> str:
        """The next token that is not a space; empty at the end."""
        while self.at < len(self.tokens):
            self.at += 1
            if not self.tokens[self.at - 1].isspace() and self.tokens[self.at - 1] not in _SPACING:
                return self.tokens[self.at - 1]
        return ""

    def _peek(self) -> str:
        here = self.at
        token = self._next()
        self.at = here
        return token

    def _atom(self, token: str) -> str:
        """One thing, with what it holds inside."""
        if token[0] == "‹":
            return self.operands.get(token[1:-1], "")
        if token in _CLOSING:
            inside = _row(self.row(_CLOSING[token]))
            marks = [f"<mo>{_character(t)}</mo>" for t in (token, _CLOSING[token])]
            return inside if token == "{" else f"<mrow>{marks[0]}{inside}{marks[1]}</mrow>"
        if token == r"\frac":
            return f"<mfrac>{self._argument()}{self._argument()}</mfrac>"
        if token == r"\sqrt":
            return f"<msqrt>{self._argument()}</msqrt>"
        if token == r"\overline":
            return f"<mrow><mi>mean</mi><mrow><mo>(</mo>{self._argument()}<mo>)</mo></mrow></mrow>"
        if token in _VERBATIM:
            return self._verbatim(token)
        if token[0].isdigit():
            return f"<mn>{token}</mn>"
        if token in _LARGE:
            return f"<mo>{_LARGE[token]}</mo>"
        return self._word(_character(token))

    def _word(self, name: str) -> str:
        """A name, and space after it where a function stands before an argument without parentheses."""
        applied = len(name) > 1 and self._peek() not in ("", "(", "^", "_", *_CLOSING.values())
        return f"<mi>{escape(name)}</mi>{_SPACE if applied else ''}"

    def _argument(self) -> str:
        token = self._next()
        if token[:1].isdigit() and len(token) > 1:  # \frac12
            self.at -= 1
            self.tokens[self.at : self.at + 1] = list(token)
            token = self._next()
        return self._atom(token) if token else "<mrow></mrow>"

    def _verbatim(self, token: str) -> str:
        """Words as they are, not as a product of letters."""
        self.at += self.tokens[self.at : self.at + 1] == ["{"]
        end = self.tokens.index("}", self.at) if "}" in self.tokens[self.at :] else len(self.tokens)
        words = "".join([_character(t) for t in self.tokens[self.at : end]])
        self.at = end + 1
        if token == r"\text":
            return f"<mtext>{escape(words).replace(' ', '&#xa0;')}</mtext>"
        if token == r"\mathbf" and words == "1":
            return "<mn>𝟏</mn>"
        return self._word(words)

    def _with_scripts(self, base: str) -> str:
        scripts: dict[str, str] = {}
        while (token := self._peek()) in ("^", "_") and token not in scripts:
            self._next()
            scripts[token] = self._argument()
        if len(scripts) == 2:
            return f"<msubsup>{base}{scripts['_']}{scripts['^']}</msubsup>"
        for token, script in scripts.items():
            tag = "msup" if token == "^" else "msub"
            return f"<{tag}>{base}{script}</{tag}>"
        return base


def _character(token: str) -> str:
    """What a token looks like in print."""
    return _CHARACTERS.get(token, token.lstrip("\\"))
