"""From text to a tree, by recursive descent: one method for every level, the loosest operator first.

answer     = [gradient "="] comparison
comparison = sum [(">" | "<" | "≥" | "≤") sum]
sum        = hadamard (("+" | "−") hadamard)*
hadamard   = product ("⊙" product)*
product    = chain (("*" | "@" | "·") chain | "/" signed)*
chain      = signed power*                      factors beside each other: 2a(1 − a)
signed     = "−" signed | power
power      = operand [("^" | "**") signed | "²"]
operand    = atom ("ᵀ" | ".T" | ".sum(" … ")")*
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import NoReturn

from tinygrad_bp.errors import AnswerError
from tinygrad_bp.tutor.terms import COMPARISONS, DOT, HADAMARD, IMPLIED, MATRIX, MINUS, Term, symbols, transposed, walk
from tinygrad_bp.tutor.tokens import CALLED, Token, tokens
from tinygrad_bp.tutor.vocabulary import Vocabulary, functions

DEEPEST = 30
"""Parentheses, signs and powers in each other."""

LARGEST_EXPONENT = 100
_BEGINS = frozenset({"value", "gradient", "number", "function", "m", "e", "(", "Σ", "√"})


def read(text: str, known: Vocabulary, asked: str = "", m: int | None = None) -> Term:
    """The tree of an answer to ∂C/∂asked; `m` is the number of examples, if there is one.

    Raises AnswerError for what cannot be read, with its place.
    """
    return _Reader(tokens(text, known), m).answer(asked)


class _Reader:
    def __init__(self, found: Sequence[Token], m: int | None):
        self.found, self.m = found, m
        self.place = self.depth = 0

    # --- tokens ---

    @property
    def next(self) -> Token:
        return self.found[self.place]

    def take(self, *kinds: str) -> Token | None:
        """The next token, if it is one of these."""
        token = self.next
        if token.kind not in kinds:
            return None
        self.place += 1
        return token

    def need(self, kind: str, why: str) -> Token:
        return self.take(kind) or self.refuse(f"expected {kind!r} {why}")

    def refuse(self, expected: str) -> NoReturn:
        token = self.next
        got = repr(token.text) if token.text else "the end"
        raise AnswerError(
            f"{expected}; got {got}, at character {token.start + 1}.", token.start, max(token.end, token.start + 1)
        )

    # --- levels ---

    def answer(self, asked: str) -> Term:
        if self.next.kind == "gradient" and self.found[1].kind == "=":
            if self.next.text != asked:
                self.refuse(f"asked for is ∂C/∂{asked}")
            self.place = 2
        whole = self.choice()
        if self.next.kind != "end":
            self.refuse("expected an operator or the end")
        return whole

    def choice(self) -> Term:
        first = self.comparison()
        if not self.take("if"):
            return first
        condition = self.comparison()
        self.need("else", "and what holds where the condition does not")
        with self.deeper():
            return _joined("if", first, condition, self.choice())

    def comparison(self) -> Term:
        left = self.sum()
        if sign := self.take(*COMPARISONS):
            return _joined(sign.kind, left, self.sum())
        return left

    def sum(self) -> Term:
        total = self.hadamard()
        while sign := self.take("+", "-"):
            total = _joined(sign.kind, total, self.hadamard())
        return total

    def hadamard(self) -> Term:
        product = self.product()
        while self.take("⊙"):
            product = _flat(product, self.product())
        return product

    def product(self) -> Term:
        total = self.chain()
        while sign := self.take("*", "@", "·", "/"):
            if sign.kind == "/":
                total = _joined("/", total, self.signed())
                while self.next.kind in _BEGINS:  # ½(a − y): what follows a fraction is not below it
                    total = _joined(IMPLIED, total, self.power())
            elif sign.kind == "*":
                total = _flat(total, self.chain())
            else:
                total = _joined(MATRIX if sign.kind == "@" else DOT, total, self.chain())
        return total

    def chain(self) -> Term:
        parts = [self.signed()]
        while self.next.kind in _BEGINS:
            parts.append(self.power())
        if len(parts) == 1:
            return parts[0]
        first, sign = parts[0], parts[0].kind == MINUS
        whole = _joined(IMPLIED, first.parts[0] if sign else first, *parts[1:])
        return replace(first, parts=(whole,), end=whole.end) if sign else whole

    def signed(self) -> Term:
        if sign := self.take("-"):
            with self.deeper():
                inner = self.signed()
            return Term(MINUS, (inner,), start=sign.start, end=inner.end)
        if self.take("+"):
            with self.deeper():
                return self.signed()
        return self.power()

    def power(self) -> Term:
        base = self.operand()
        if raised := self.take("raised"):
            exponent = Term("number", label=float(raised.text), start=raised.start, end=raised.end)
            return self.checked(_joined("**", base, exponent))
        if self.take("**"):
            with self.deeper():
                return self.checked(_joined("**", base, self.signed()))
        return base

    def checked(self, power: Term) -> Term:
        """A power whose exponent is not beyond reason."""
        for _, part in walk(power.parts[1]):
            is_tower = part.kind == "**" and not symbols(part)
            if is_tower or (part.kind == "number" and part.label > LARGEST_EXPONENT):
                raise AnswerError(f"exponents are numbers up to {LARGEST_EXPONENT}.", part.start, part.end)
        return power

    def operand(self) -> Term:
        made = self.atom()
        while token := self.take("T", "method"):
            if token.kind == "T":
                made = Term("T", (made,), start=made.start, end=token.end)
            else:
                made = self.method(token, made)
        return made

    def atom(self) -> Term:
        token = self.next
        if token.kind not in {*_BEGINS, "|"}:
            self.refuse("expected a value, a number or '('")
        self.place += 1
        if token.kind in ("value", "gradient"):
            return Term(token.kind, label=token.text, start=token.start, end=token.end)
        if token.kind in ("number", "m", "e"):
            return Term("number", label=self.amount(token), start=token.start, end=token.end)
        if token.kind == "|":
            return self.enclosed(token, "|", "absolute")
        if token.kind == "(":
            with self.deeper():
                inner = self.choice()
            close = self.need(")", f"that closes the one at {token.start + 1}")
            return replace(inner, start=token.start, end=close.end)
        return self.function(token)

    def amount(self, token: Token) -> float:
        if token.kind == "m":
            if self.m is None:
                raise AnswerError("m, the number of examples, is not known in this graph.", token.start, token.end)
            return float(self.m)
        return math.e if token.kind == "e" else float(token.text)

    # --- functions ---

    def function(self, token: Token) -> Term:
        """A function of what stands in parentheses, or as in Σ δ and log x² of the one operand that follows."""
        name = {"Σ": "sum", "√": "sqrt"}.get(token.kind, token.text)
        if self.next.kind != "(":
            if name in CALLED:
                self.refuse(f"expected '(' after {name}")
            with self.deeper():
                inner = self.power() if self.next.kind in _BEGINS else self.atom()
            return _call(name, inner, token, inner.end)
        self.place += 1
        with self.deeper():
            inner = self.comparison()
        if name in CALLED:
            return self.operator(name, inner, token)
        return self.options(_call(name, inner, token, inner.end))

    def operator(self, name: str, first: Term, token: Token) -> Term:
        """dot(a, b), multiply(a, b), transpose(a), where(condition, a, b), outer(a, b)."""
        kind, parts = CALLED[name], [first]
        for _ in range({"T": 0, "if": 2}.get(kind, 1)):
            self.need(",", f"and another operand of {name}")
            with self.deeper():
                parts.append(self.comparison())
        close = self.need(")", f"that closes {name}")
        if kind == "if":
            parts[:2] = parts[1::-1]
        elif kind == "outer":
            kind, parts[1] = MATRIX, transposed(parts[1])
        return Term(kind, tuple(parts), start=token.start, end=close.end)

    def options(self, call: Term, begins: bool = False) -> Term:
        """axis=…, keepdims=… and the parenthesis that closes a call."""
        function = functions()[call.label]
        while begins or self.take(","):
            begins = False
            word = self.take("word") if function.takes_axis else None
            if word is not None:
                self.need("=", f"after {word.text}")
            elif not function.reduces or self.next.kind not in ("number", "-"):
                self.refuse(f"{call.label} takes one operand" + (", axis and keepdims" if function.reduces else ""))
            if word is not None and word.text == "keepdims":
                value = self.take("True", "False", "number") or self.refuse("keepdims is True or False")
                if value.text not in ("True", "False", "1", "0"):
                    raise AnswerError("keepdims is True or False.", value.start, value.end)
                call = replace(call, keepdims=value.text in ("True", "1"))
            else:
                sign = -1 if self.take("-") else 1
                value = self.take("number") or self.refuse("axis is a whole number")
                if value.text not in ("0", "1", "2", "3"):
                    raise AnswerError("axis is a whole number, 0 or 1 or -1.", value.start, value.end)
                call = replace(call, axis=sign * int(value.text), free=False)
        close = self.need(")", f"that closes {call.label}")
        return replace(call, end=close.end)

    def method(self, token: Token, operand: Term) -> Term:
        """a.sum(axis=1), W.dot(x), W.transpose()."""
        name = token.text
        if CALLED.get(name) in ("if", "outer") or not (name in CALLED or name in functions()):
            raise AnswerError(f".{name} is not known here.", token.start, token.end)
        self.need("(", f"after .{name}")
        if name in CALLED and CALLED[name] != "T":
            with self.deeper():
                other = self.comparison()
            close = self.need(")", f"that closes .{name}")
            return Term(CALLED[name], (operand, other), start=operand.start, end=close.end)
        if name in CALLED:
            close = self.need(")", f"that closes .{name}")
            return Term("T", (operand,), start=operand.start, end=close.end)
        call = _call(name, operand, token, token.end)
        return replace(self.options(call, begins=self.next.kind != ")"), start=operand.start)

    def enclosed(self, opening: Token, closing: str, name: str) -> Term:
        with self.deeper():
            inner = self.sum()
        close = self.need(closing, f"that closes the one at {opening.start + 1}")
        return _call(name, inner, opening, close.end)

    def deeper(self) -> _Deeper:
        return _Deeper(self)


class _Deeper:
    """One level further in. Raises AnswerError where nobody could read it any more."""

    def __init__(self, reader: _Reader):
        self.reader = reader

    def __enter__(self) -> None:
        self.reader.depth += 1
        if self.reader.depth > DEEPEST:
            token = self.reader.next
            raise AnswerError(f"nested more than {DEEPEST} levels deep.", token.start, token.end)

    def __exit__(self, *_: object) -> None:
        self.reader.depth -= 1


def _joined(kind: str, *parts: Term) -> Term:
    return Term(kind, parts, start=parts[0].start, end=parts[-1].end)


def _flat(left: Term, right: Term) -> Term:
    """A product element by element; one of three factors is one product, so that any of them can be looked at."""
    parts = (*left.parts, right) if left.kind == HADAMARD else (left, right)
    return Term(HADAMARD, parts, start=left.start, end=right.end)


def _call(name: str, operand: Term, token: Token, end: int) -> Term:
    function = functions()[name]
    return Term("call", (operand,), name, free=function.reduces and not token.numpys, start=token.start, end=end)
