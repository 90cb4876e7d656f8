"""Fusion groups as machine code: one loop that does all steps on an element before it goes on to the next."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from ctypes import c_double, c_void_p
from functools import reduce
from typing import Any, final

import numpy as np

from tinygrad_bp.backends.llvm.jit import NAME, NoCompiler, machine_code
from tinygrad_bp.backends.llvm.values import TYPES, Loop, Value, select
from tinygrad_bp.backends.thresholds import KERNEL_TILE_ELEMENTS
from tinygrad_bp.backends.vector_math import (
    FORMATS,
    Numbers,
    exponential,
    exponential_less_1,
    hyperbolic_tangent,
    logarithm,
    logarithm_of_1_and,
    logarithm_of_sum,
)
from tinygrad_bp.program.fusion import FusionGroup
from tinygrad_bp.program.step import CONSTANT, SCALE, Step, is_total, uniform

CHUNK = 256
"""Elements that are added up as they are, before their sum is added to others in float64."""

_WORDS = {"float": "i32", "double": "i64"}
"""Whole numbers with as many bits."""


class NoForm(Exception):
    """A group with a step that a loop does not do, or not as NumPy does it."""


def _fused(make: Callable[[Numbers], Callable[..., Value]]) -> Callable[..., Value]:
    """A function of `vector_math` that is written for this kind of value, its products and sums in one instruction."""

    def function(*operands: Value) -> Value:
        loop, real = operands[0].loop, operands[0].type
        word = _WORDS[real]
        numbers = Numbers(
            FORMATS[np.dtype(np.float32 if real == "float" else np.float64)],
            bits=lambda v: v.turned("bitcast", word),
            number=lambda v: v.turned("bitcast", real),
            select=lambda condition, a, b: select(condition, loop.constant(a, real), loop.constant(b, real)),
        )
        return Value(loop, real, make(numbers)(*[Value(loop, real, x.name, fused=True) for x in operands]).name)

    return function


def _maximum(a: Value, b: Value) -> Value:
    return select(b != b, b, select(a.compared("ugt", b), a, b))


def _minimum(a: Value, b: Value) -> Value:
    return select(b != b, b, select(a.compared("ult", b), a, b))


def _smaller_number(a: Value, b: Value) -> Value:
    return select(a < b, a, select(b != b, a, b))


def _sign(x: Value) -> Value:
    return select(x > 0, x.like(1), select(x < 0, x.like(-1), x))


def _where(condition: Value, a: Value, b: Value) -> Value:
    return select(condition if condition.type == "i1" else condition != 0, a, b)


def _power(x: Value, exponent: Value) -> Value:
    """A small whole power as a product."""
    if exponent.number not in (-2, -1, 2, 3, 4):
        raise NoForm
    factor = x if exponent.number > 0 else 1 / x
    return reduce(operator.mul, [factor] * abs(int(exponent.number)))


_FORMS: Mapping[Any, Callable[..., Value]] = {
    np.add: operator.add, np.subtract: operator.sub, np.multiply: operator.mul, np.divide: operator.truediv,
    np.negative: operator.neg, np.positive: lambda x: x, np.absolute: abs, np.fabs: abs, np.square: lambda x: x * x,
    np.reciprocal: lambda x: 1 / x, np.sqrt: lambda x: x.called("sqrt"), np.sign: _sign,
    np.exp: _fused(exponential), np.expm1: _fused(exponential_less_1), np.tanh: _fused(hyperbolic_tangent),
    np.log: _fused(logarithm), np.log1p: _fused(logarithm_of_1_and), np.logaddexp: _fused(logarithm_of_sum),
    np.maximum: _maximum, np.minimum: _minimum, np.fmin: _smaller_number,
    np.greater: operator.gt, np.less: operator.lt, np.greater_equal: operator.ge, np.less_equal: operator.le,
    np.equal: operator.eq, np.not_equal: operator.ne, np.isnan: lambda x: x != x,
    np.isfinite: lambda x: abs(x) < np.inf, np.isinf: lambda x: abs(x) == np.inf,
    SCALE: lambda g, d: select(g != 0, g * d, g.like(0)), np.where: _where, np.power: _power,
}  # fmt: skip
"""What a loop does for a step."""

_TRUTHS: Mapping[Any, Callable[..., Value]] = {
    np.logical_and: operator.and_, np.bitwise_and: operator.and_, np.multiply: operator.and_,
    np.logical_or: operator.or_, np.bitwise_or: operator.or_, np.add: operator.or_, np.logical_xor: operator.xor,
    np.bitwise_xor: operator.xor, np.not_equal: operator.xor,
    np.logical_not: lambda x: x ^ True, np.invert: lambda x: x ^ True, np.where: select,
}  # fmt: skip
"""The same for a step on truths alone."""


def kernel(group: FusionGroup, overwritten: Sequence[int | None]) -> Kernel | None:
    """A fusion group as machine code, if a compiler is there and knows all steps."""
    try:
        return Kernel(group, overwritten)
    except (NoForm, NoCompiler):
        return None


@final
class Kernel:
    """A fusion group as machine code. Raises NoForm.

    overwritten: for each result that is an array, the number of the input that it is written over; None if over none.
    """

    tile = KERNEL_TILE_ELEMENTS

    def __init__(self, group: FusionGroup, overwritten: Sequence[int | None]):
        dtypes = {step.dtype for step in (*group.inputs, *group.steps) if step.shape and step.dtype != np.bool_}
        if len(dtypes) != 1 or not dtypes <= FORMATS.keys():
            raise NoForm
        (self.dtype,) = dtypes
        self.large = [bool(step.shape) for step in group.inputs]
        self.overwritten = overwritten
        self.sums = len(group.results) - len(overwritten)
        self.source = _KernelText(self.dtype, group, overwritten).function()
        given = [c_void_p if large else c_double for large in self.large]
        self.run = machine_code(self.source, (*given, *[c_void_p] * (list(overwritten).count(None) + 1)))

    def begun(self, inputs: Sequence[Any], arrays: Sequence[Any]) -> Callable[[int, int], Any]:
        """What computes all elements from one place to another, and returns sums over them; for contiguous arrays."""
        pairs = zip(inputs, self.large, strict=True)
        given = [x.ctypes.data if large else float(x) for x, large in pairs]
        fresh = [y.ctypes.data for y, place in zip(arrays, self.overwritten, strict=True) if place is None]
        sums = np.empty(self.sums)
        given += [*fresh, sums.ctypes.data]

        def compute(start: int, stop: int) -> Any:
            self.run(start, stop, *given)
            return sums

        return compute


@final
class _KernelText:
    """The function of a kernel: a loop over chunks, and in it one over elements, with an instruction or more a step."""

    def __init__(self, dtype: Any, group: FusionGroup, overwritten: Sequence[int | None]):
        self.dtype, self.real, self.group, self.overwritten = dtype, TYPES[dtype.name], group, overwritten
        self.arrays = [step for step in group.results if not is_total(step)]
        self.totals = [step for step in group.results if is_total(step)]
        self.loop = Loop()
        self.values: dict[Step, Value] = {}

    def function(self) -> str:
        """Its text."""
        for i, step in enumerate(self.group.inputs):
            self.values[step] = self._loaded(f"%x{i}", step)
        for step in self.group.steps:
            if not is_total(step):
                self.values[step] = self._computed(step)
        outs = [f"%y{i}" if place is None else f"%x{place}" for i, place in enumerate(self.overwritten)]
        for step, address in zip(self.arrays, outs, strict=True):
            self._store(self.values[step], address)
        addends = [self.values[step.args[0]].name for step in self.totals]
        inputs = enumerate(self.group.inputs)
        given = [f"{'ptr noalias' if step.shape else 'double'} %x{i}" for i, step in inputs]
        fresh = [f"ptr noalias {address}" for address in outs if address.startswith("%y")]
        return _around(self.loop, self.real, [*given, *fresh, "ptr noalias %sums"], addends)

    def _loaded(self, name: str, step: Step) -> Value:
        """An element of an input, or the number that it is."""
        if not step.shape:
            number = Value(self.loop, "double", name)
            if step.dtype == np.bool_:
                return number != 0
            return number if self.real == "double" else number.turned("fptrunc", self.real)
        if step.dtype == np.bool_:
            return self.loop.element(name, "%i", "i8").compared("ne", 0)
        return self.loop.element(name, "%i", self.real)

    def _store(self, value: Value, address: str) -> None:
        self.loop.store(value.turned("zext", "i8") if value.type == "i1" else value, address, "%i")

    def _computed(self, step: Step) -> Value:
        """What a step gives for an element."""
        operands = [self._operand(x, step) for x in step.args]
        if all(x.type == "i1" for x in operands):
            form = _TRUTHS.get(step.function)
        else:
            form = _FORMS.get(step.function)
            start = 1 if step.function is np.where else 0
            operands[start:] = [x.turned("uitofp", self.real) if x.type == "i1" else x for x in operands[start:]]
        if form is None:
            raise NoForm
        return form(*operands)

    def _operand(self, x: Any, user: Step) -> Value:
        """An operand of a step; numbers of other types are taken where NumPy takes them as this type too."""
        if isinstance(x, Step) and x.opcode != CONSTANT:
            if not x.shape and x.dtype not in (self.dtype, np.bool_) and user.dtype != self.dtype:
                raise NoForm
            return self.values[x]
        number: Any = uniform(x)
        if isinstance(number, bool):
            return self.loop.constant(number, "i1")
        if isinstance(x, Step) and user.dtype != self.dtype and float(self.dtype.type(number)) != number:
            raise NoForm
        return self.loop.constant(number, self.real)


def _around(loop: Loop, real: str, parameters: Sequence[str], addends: Sequence[str]) -> str:
    """The whole function around the body of its loops. What is added up within a chunk may be so in any order."""
    each, widened = range(len(addends)), f"{'bitcast' if real == 'double' else 'fpext'} {real}"
    lines = [
        *loop.declared,
        f"define void @{NAME}(i64 %start, i64 %stop, {', '.join(parameters)}) {{",
        "entry:",
        "br label %chunk",
        "chunk:",
        "%from = phi i64 [ %start, %entry ], [ %to, %chunk_done ]",
        *[f"%total{k} = phi double [ 0.0, %entry ], [ %added{k}, %chunk_done ]" for k in each],
        f"%further = add i64 %from, {CHUNK}",
        "%fits = icmp slt i64 %further, %stop",
        "%to = select i1 %fits, i64 %further, i64 %stop",
        "br label %element",
        "element:",
        "%i = phi i64 [ %from, %chunk ], [ %next, %element ]",
        *[f"%sum{k} = phi {real} [ 0.0, %chunk ], [ %more{k}, %element ]" for k in each],
        *loop.lines,
        *[f"%more{k} = fadd reassoc {real} %sum{k}, {addends[k]}" for k in each],
        "%next = add nuw nsw i64 %i, 1",
        "%last = icmp eq i64 %next, %to",
        "br i1 %last, label %chunk_done, label %element",
        "chunk_done:",
        *[f"%wide{k} = {widened} %more{k} to double" for k in each],
        *[f"%added{k} = fadd double %total{k}, %wide{k}" for k in each],
        "%finished = icmp eq i64 %to, %stop",
        "br i1 %finished, label %done, label %chunk",
        "done:",
    ]
    for k in each:
        lines += [f"%place{k} = getelementptr double, ptr %sums, i64 {k}", f"store double %added{k}, ptr %place{k}"]
    return "\n".join([*lines, "ret void", "}", ""])
