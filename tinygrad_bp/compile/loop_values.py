"""Numbers of a loop that is being written in LLVM's language: arithmetic on one adds an instruction."""

from __future__ import annotations

import struct
from typing import Any, final

import numpy as np

TYPES = {"float32": "float", "float64": "double", "bool": "i1"}
"""LLVM's names for the numbers of arrays, as a loop computes with them."""


@final
class Loop:
    """The instructions of a loop's body, and the functions of LLVM's that they call."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.declared: dict[str, None] = {}

    def value(self, type: str, instruction: str, fused: bool = False) -> Value:
        """The result of an instruction."""
        name = f"%v{len(self.lines)}"
        self.lines.append(f"{name} = {instruction}")
        return Value(self, type, name, fused)

    def element(self, address: str, place: str, type: str) -> Value:
        """An element of an array."""
        at = self.value("ptr", f"getelementptr {type}, ptr {address}, i64 {place}")
        return self.value(type, f"load {type}, ptr {at.name}")

    def store(self, value: Value, address: str, place: str) -> None:
        """Set an element of an array."""
        at = self.value("ptr", f"getelementptr {value.type}, ptr {address}, i64 {place}")
        self.lines.append(f"store {value.type} {value.name}, ptr {at.name}")

    def literal(self, number: Any, type: str) -> str:
        """A number of a type."""
        if type in ("float", "double"):
            return f"0x{struct.pack('>d', np.float32(number) if type == 'float' else number).hex().upper()}"
        return str(int(number))


def select(condition: Value, a: Any, b: Any) -> Value:
    """a where the condition holds, else b; one of them is a value."""
    like = a if isinstance(a, Value) else b
    text = f"select i1 {condition.name}, {like.type} {like.text(a)}, {like.type} {like.text(b)}"
    return condition.loop.value(like.type, text, like.fused)


@final
class Value:
    """A number in a loop. fused: whether products with it may become one instruction with the sum they go into."""

    __slots__ = ("fused", "loop", "name", "type")
    __array_ufunc__ = None
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, loop: Loop, type: str, name: str, fused: bool = False):
        self.loop, self.type, self.name, self.fused = loop, type, name, fused

    def text(self, other: Any) -> str:
        """An operand of this value's type."""
        return other.name if isinstance(other, Value) else self.loop.literal(other, self.type)

    def _two(self, name: str, a: Any, b: Any) -> Value:
        fused = self.fused or any(isinstance(x, Value) and x.fused for x in (a, b))
        real = self.type in ("float", "double")
        instruction = f"f{name}{' contract' * fused}" if real else name
        return self.loop.value(self.type, f"{instruction} {self.type} {self.text(a)}, {self.text(b)}", fused)

    def __add__(self, other: Any) -> Value:
        return self._two("add", self, other)

    def __radd__(self, other: Any) -> Value:
        return self._two("add", other, self)

    def __sub__(self, other: Any) -> Value:
        return self._two("sub", self, other)

    def __rsub__(self, other: Any) -> Value:
        return self._two("sub", other, self)

    def __mul__(self, other: Any) -> Value:
        return self._two("mul", self, other)

    def __rmul__(self, other: Any) -> Value:
        return self._two("mul", other, self)

    def __truediv__(self, other: Any) -> Value:
        return self._two("div", self, other)

    def __rtruediv__(self, other: Any) -> Value:
        return self._two("div", other, self)

    def __lshift__(self, other: Any) -> Value:
        return self.loop.value(self.type, f"shl {self.type} {self.name}, {self.text(other)}")

    def __and__(self, other: Any) -> Value:
        return self.loop.value(self.type, f"and {self.type} {self.name}, {self.text(other)}")

    def __or__(self, other: Any) -> Value:
        return self.loop.value(self.type, f"or {self.type} {self.name}, {self.text(other)}")

    def __xor__(self, other: Any) -> Value:
        return self.loop.value(self.type, f"xor {self.type} {self.name}, {self.text(other)}")

    def __neg__(self) -> Value:
        return self.loop.value(self.type, f"fneg {self.type} {self.name}", self.fused)

    def __abs__(self) -> Value:
        return self.called("fabs")

    def __lt__(self, other: Any) -> Value:
        return self.compared("olt", other)

    def __le__(self, other: Any) -> Value:
        return self.compared("ole", other)

    def __gt__(self, other: Any) -> Value:
        return self.compared("ogt", other)

    def __ge__(self, other: Any) -> Value:
        return self.compared("oge", other)

    def __eq__(self, other: Any) -> Value:  # type: ignore[override]
        return self.compared("oeq", other)

    def __ne__(self, other: Any) -> Value:  # type: ignore[override]
        return self.compared("une", other)

    def compared(self, how: str, other: Any) -> Value:
        """A truth, by LLVM's name of the comparison."""
        kind = "fcmp" if self.type in ("float", "double") else "icmp"
        return self.loop.value("i1", f"{kind} {how} {self.type} {self.name}, {self.text(other)}")

    def called(self, function: str) -> Value:
        """A function of LLVM's own, such as fabs."""
        function = f"@llvm.{function}.{'f32' if self.type == 'float' else 'f64'}"
        self.loop.declared[f"declare {self.type} {function}({self.type})"] = None
        return self.loop.value(self.type, f"call {self.type} {function}({self.type} {self.name})", self.fused)

    def turned(self, how: str, type: str) -> Value:
        """The same as another type, by LLVM's name for the way there."""
        return self.loop.value(type, f"{how} {self.type} {self.name} to {type}", self.fused)
