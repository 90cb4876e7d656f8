"""The text of an answer as tokens, each with its place."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import final

from tinygrad_bp.errors import AnswerError
from tinygrad_bp.tutor.vocabulary import Vocabulary, functions

LONGEST = 1000
"""Characters; nobody types a longer answer."""

_NUMBER = re.compile(r"(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?")
_WORD = re.compile(
    r"[A-Za-zα-ωΑ-Ωŷ][A-Za-z0-9_α-ωΑ-Ω₀-₉]*(?:\^?\[\d+\]|\^\(\d+\)|_\{\d+\})?(?:(?<=y)['′])?"
)  # fmt: skip
_RAISED = re.compile(r"[⁻⁺]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+")
_FROM_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
_TRANSPOSED = re.compile(r"ᵀ|\^\s*(?:T|⊤|ᵀ)(?!\w)|\.T(?!\w)|⊤|['′]")
_METHOD = re.compile(r"\.(\w+)(?=\s*\()")
_MODULE = re.compile(r"(?:np|numpy|tg)\.(?=[A-Za-z])")
_SIGNS = {
    "**": "**", "^": "**", "⊙": "⊙", "∘": "⊙", "×": "*", "*": "*", "@": "@", "·": "·", "⋅": "·", "•": "·", "/": "/",
    "÷": "/", "+": "+", "-": "-", "−": "-", "–": "-", "(": "(", ")": ")", "[": "(", "]": ")", ",": ",", ">=": "≥",
    "<=": "≤", "≥": "≥", "≤": "≤", ">": ">", "<": "<", "==": "=", "=": "=", "Σ": "Σ", "∑": "Σ", "√": "√", "|": "|",
}  # fmt: skip
_OPERANDS = frozenset({"value", "gradient", "number", "m", "e", ")", "T"})
"""After them a transposition or a method can stand."""

_LONG_FIRST = sorted(_SIGNS, key=len, reverse=True)


@final
@dataclass(frozen=True, slots=True)
class Token:
    """kind: number, value, gradient, function, word (an option's name), T, method, raised, end, or the sign itself.

    numpys: whether a function was called as NumPy's, `np.sum`, whose rules then hold.
    """

    kind: str
    text: str
    start: int
    end: int
    numpys: bool = False


def tokens(text: str, known: Vocabulary) -> list[Token]:
    """Everything in a text, and its end. Raises AnswerError for what is no part of an answer."""
    if len(text) > LONGEST:
        raise AnswerError(f"an answer has at most {LONGEST} characters; this one has {len(text)}.", LONGEST, len(text))
    reader = _Tokens(text, known)
    found: list[Token] = []
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        token = reader.at(at, found[-1] if found else None)
        found.append(token)
        at = token.end
    return [*found, Token("end", "", len(text), len(text))]


class _Tokens:
    def __init__(self, text: str, known: Vocabulary):
        self.text, self.known = text, known
        self.names = sorted(known.values, key=len, reverse=True)
        self.derivative = re.compile(rf"[∂d]\s*(?:{re.escape(known.root)}|C)\s*/\s*[∂d]\s*(?P<open>\()?")

    def at(self, start: int, before: Token | None) -> Token:
        """The token that begins here."""
        text = self.text
        after_operand = before is not None and before.kind in _OPERANDS
        if after_operand and (match := _TRANSPOSED.match(text, start)):
            return Token("T", match[0], start, match.end())
        if after_operand and (match := _METHOD.match(text, start)):
            return Token("method", match[1], start, match.end(), numpys=True)
        if match := self.derivative.match(text, start):
            return self._gradient(match)
        if (found := self._name(start)) is not None:
            return Token("value", found, start, start + len(found))
        if match := _NUMBER.match(text, start):
            return Token("number", match[0], start, match.end())
        if match := _RAISED.match(text, start):
            return Token("raised", match[0].translate(_FROM_RAISED), start, match.end())
        for sign in _LONG_FIRST:
            if text.startswith(sign, start):
                return Token(_SIGNS[sign], sign, start, start + len(sign))
        return self._word(start)

    def _name(self, start: int) -> str | None:
        """The longest name of a value that stands here; names may have dots and signs in them."""
        for name in self.names:
            end = start + len(name)
            ends = self.text.startswith(name, start) and not re.match(r"[A-Za-z0-9_₀-₉]", self.text[end:])
            if ends and not self._goes_on(name, start):
                return name
        return None

    def _goes_on(self, name: str, start: int) -> bool:
        """Whether a longer word that is a value begins here: a[1] where there is an a."""
        match = _WORD.match(self.text, start)
        return match is not None and match.end() > start + len(name) and self.known.value(match[0]) is not None

    def _gradient(self, match: re.Match[str]) -> Token:
        start, at = match.start(), match.end()
        name = self._name(at)
        end = at + len(name or "")
        if name is None and (word := _WORD.match(self.text, at)):
            name, end = self.known.value(word[0]), word.end()
        if match["open"] is not None and self.text[end : end + 1] == ")":
            end += 1
        shown = self.text[start:end]
        if name is None:
            raise AnswerError(f"{shown}: {self.known.nearest(self.text[at:end])}", start, max(end, start + 1))
        if name not in self.known.gradients:
            raise AnswerError(f"{shown}: no gradient of {name} is worked out here.", start, end)
        return Token("gradient", name, start, end)

    def _word(self, start: int) -> Token:
        """A word: an option, a value under another spelling, a gradient, a function. Else it is unknown."""
        if link := re.match(r"(?:∂\w+|d\w+)\s*/\s*[∂d]\s*\w+", self.text[start:]):
            raise AnswerError(f"{link[0]}: write out what this derivative is.", start, start + link.end())
        module = _MODULE.match(self.text, start)
        match = _WORD.match(self.text, module.end() if module else start)
        if match is None:
            raise AnswerError(f"{self.text[start]!r} is no part of an answer.", start, start + 1)
        word, end = match[0], match.end()
        if self.text[end:].lstrip()[:1] == "=" and word in ("axis", "keepdims"):
            return Token("word", word, start, end)
        if not module:
            for kind, name in (("value", self.known.value(word)), ("gradient", self.known.gradient(word))):
                if name is not None:
                    return Token(kind, name, start, end)
        if word in functions() or word in CALLED:
            return Token("function", word, start, end, numpys=module is not None)
        if word in ("m", "e", "True", "False", "if", "else") and not module:
            return Token(word, word, start, end)
        raise AnswerError(f"{word!r} is no value of this graph: {self.known.nearest(word)}", start, end)


CALLED = {"dot": "@", "matmul": "@", "multiply": "*", "transpose": "T", "where": "if", "outer": "outer"}
"""Functions that are operators under another name."""
