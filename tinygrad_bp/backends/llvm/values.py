"""Numbers of a loop that is being written in LLVM's language: arithmetic on one adds an instruction."""

from __future__ import annotations

import struct
from typing import Any, final

import numpy as np

REAL = ("float", "double")
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

    def constant(self, x: Any, type: str) -> Value:
        """A number as a value of a type; values remain what they are."""
        if isinstance(x, Value):
            return x
        if type not in REAL:
            return Value(self, type, str(int(x)))
        number = float(np.float32(x) if type == "float" else x)
        return Value(self, type, f"0x{struct.pack('>d', number).hex().upper()}", number=number)


def select(condition: Value, a: Value, b: Value) -> Value:
    """a where the condition holds, else b."""
    text = f"select i1 {condition.name}, {a.type} {a.name}, {b.type} {b.name}"
    return condition.loop.value(a.type, text, a.fused or b.fused)


@final
class Value:
    """A number in a loop.

    fused: whether products with it may become one instruction with the sum they go into. number: that of a constant.
    """

    __slots__ = ("fused", "loop", "name", "number", "type")
    __array_ufunc__ = None
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, loop: Loop, type: str, name: str, fused: bool = False, number: float | None = None):
        self.loop, self.type, self.name, self.fused, self.number = loop, type, name, fused, number

    def like(self, x: Any) -> Value:
        """A number as a value of this type."""
        return self.loop.constant(x, self.type)

    def _two(self, name: str, a: Any, b: Any) -> Value:
        """The result of arithmetic on two numbers of this type."""
        a, b = self.like(a), self.like(b)
        fused = a.fused or b.fused
        instruction = f"f{name}{' contract' * fused}" if self.type in REAL else name
        return self.loop.value(self.type, f"{instruction} {self.type} {a.name}, {b.name}", fused)

    def _bits(self, name: str, other: Any) -> Value:
        return self.loop.value(self.type, f"{name} {self.type} {self.name}, {self.like(other).name}")

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
        return self._bits("shl", other)

    def __rshift__(self, other: Any) -> Value:
        return self._bits("lshr", other)

    def __and__(self, other: Any) -> Value:
        return self._bits("and", other)

    def __or__(self, other: Any) -> Value:
        return self._bits("or", other)

    def __xor__(self, other: Any) -> Value:
        return self._bits("xor", other)

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
        kind = "fcmp" if self.type in REAL else "icmp"
        return self.loop.value("i1", f"{kind} {how} {self.type} {self.name}, {self.like(other).name}")

    def called(self, function: str) -> Value:
        """A function of LLVM's own, such as fabs."""
        function = f"@llvm.{function}.{'f32' if self.type == 'float' else 'f64'}"
        self.loop.declared[f"declare {self.type} {function}({self.type})"] = None
        return self.loop.value(self.type, f"call {self.type} {function}({self.type} {self.name})", self.fused)

    def turned(self, how: str, type: str) -> Value:
        """The same as another type, by LLVM's name for the way there."""
        return self.loop.value(type, f"{how} {self.type} {self.name} to {type}", self.fused)
